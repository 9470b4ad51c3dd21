package acme

import "embed"

// migrations are the tables of Acme, in the folder migrations: numbered SQL, and every name begins with x_acme_.
//
//go:embed migrations
var migrations embed.FS
