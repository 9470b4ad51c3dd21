// Package application holds the use cases of Leadmill: commands, queries, and projections of events. This package itself
// holds what all rooms share and the interfaces of what they need from outside.
//
// Stability: experimental.
package application

import (
	"time"
)

// Clock tells the time: UTC, whole microseconds, never running backwards within a process.
type Clock interface{ Now() time.Time }

// IDs makes ids that sort by the time they were made: a prefix and a ULID, such as "lead_01J…".
type IDs interface{ New(prefix string) string }

// Secrets makes random texts of A-Z, a-z and 0-9 with at least 256 random bits.
type Secrets interface{ New() string }

// PasswordHasher turns a password into a hash that may be stored.
type PasswordHasher interface {
	Hash(password string) (string, error)
}

// Wake is notified after a commit that wrote events. Notify never blocks.
type Wake interface{ Notify() }
