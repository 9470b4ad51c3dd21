// Package application holds the use cases of Leadmill: commands, queries, and projections of events. This package itself
// holds what all rooms share and the interfaces of what they need from outside.
//
// Stability: experimental.
package application

import (
	"time"
)

// Clock tells the time of day, as stored times have it: UTC, whole microseconds. It follows the machine's clock when that is set, also backwards:
// whoever waits, or keeps something for a while, measures by Elapsed.
type Clock interface{ Now() time.Time }

// Stopwatch is a Clock that also measures how much time passes, whatever is made of the time of day meanwhile.
type Stopwatch interface {
	// Elapsed is how long it has been since a moment of its own, and never less than before.
	Elapsed() time.Duration
}

// Elapsed is how long it has been since a moment that is the clock's own: windows and caches inside a process end by it. A Clock that is no
// Stopwatch is asked for the time of day.
func Elapsed(c Clock) time.Duration {
	if s, ok := c.(Stopwatch); ok {
		return s.Elapsed()
	}
	return c.Now().Sub(time.Unix(0, 0))
}

// IDs makes ids that sort by the time they were made: a prefix and a ULID, such as "lead_01J…".
type IDs interface{ New(prefix string) string }

// Secrets makes random texts of A-Z, a-z and 0-9 with at least 256 random bits.
type Secrets interface{ New() string }

// PasswordHasher turns a password into a hash that may be stored.
type PasswordHasher interface {
	Hash(password string) (string, error)
}

// PasswordVerifier is what a PasswordHasher also is when people can sign in with the passwords that it hashed.
type PasswordVerifier interface {
	// Verify reports whether a hash that Hash made is that of a password. An error says that the hash cannot be read, or that it could not be
	// tried.
	Verify(password, hash string) (bool, error)
}

// Wake is notified after a commit that wrote events. Notify never blocks.
type Wake interface{ Notify() }
