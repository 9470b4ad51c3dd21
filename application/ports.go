// Package application holds what Leadmill can do: commands that change, queries that answer and projections that follow
// the events. This package itself says what the application needs from outside.
package application

import (
	"time"
)

// Clock tells the time: UTC, whole microseconds, never running backwards within a process.
type Clock interface{ Now() time.Time }

// IDs makes ids that sort by the time they were made: a prefix and a ULID, such as "lead_01J…".
type IDs interface{ New(prefix string) string }

// Secrets makes random texts of at least 256 bits of A-Z, a-z and 0-9.
type Secrets interface{ New() string }

// PasswordHasher turns a password into what may be stored of it.
type PasswordHasher interface {
	Hash(password string) (string, error)
}

// Wake is told after a commit that there are new events. It never blocks.
type Wake interface{ Notify() }
