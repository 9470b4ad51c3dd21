// Package mail is planted.
//
// Stability: unsupported; it may change at any time.
package mail // want wall-clock

import (
	_ "github.com/leadmill/leadmill" // want adapters-imports
	_ "modernc.org/sqlite/lib"       // want vendor-sql
	. "time"                         // a dot hides where Now comes from

	_ "github.com/leadmill/leadmill/application/program"
	_ "github.com/leadmill/leadmill/application/program/command" // want room-insides
)
