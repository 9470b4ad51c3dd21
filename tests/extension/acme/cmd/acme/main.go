// Command acme is Acme's build of Leadmill.
package main

import (
	"github.com/leadmill/leadmill"

	"example.com/acme"
)

func main() { leadmill.New(acme.Module(acme.FromEnvironment())).Run() }
