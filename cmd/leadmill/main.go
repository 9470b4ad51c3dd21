// Command leadmill runs Leadmill without extensions.
package main

import (
	// An image from scratch has no certificates; the system's go before these.
	_ "golang.org/x/crypto/x509roots/fallback"

	"github.com/leadmill/leadmill"
)

func main() { leadmill.New().Run() }
