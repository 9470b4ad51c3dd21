// Command cmd is Acme's build of Leadmill.
package main

import (
	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/extension/acme"
)

func main() { leadmill.New(acme.Module).Run() }
