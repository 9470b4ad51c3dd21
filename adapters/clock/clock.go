// Package clock tells the time. No other package reads the machine's clock.
//
// Stability: unsupported; it may change at any time.
package clock

import (
	"sync"
	"time"
)

// System is the machine's clock: UTC, whole microseconds, never running backwards within the process.
type System struct {
	mu   sync.Mutex
	last time.Time
}

// NewSystem returns the machine's clock.
func NewSystem() *System { return &System{} }

// Now implements application.Clock.
func (c *System) Now() time.Time {
	now := whole(time.Now())
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.last) {
		return c.last
	}
	c.last = now
	return now
}

// Manual is a clock that only its caller moves, for tests. The zero Manual shows the zero time.
type Manual struct {
	mu  sync.Mutex
	now time.Time
}

// NewManual returns a clock that shows now until it is moved.
func NewManual(now time.Time) *Manual { return &Manual{now: whole(now)} }

func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// Now implements application.Clock.
func (c *Manual) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock forward. It panics when d is negative.
func (c *Manual) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.move(c.now.Add(d))
}

// Set moves the clock to a time. It panics when that is earlier than what the clock shows.
func (c *Manual) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.move(t)
}

// move needs the lock.
func (c *Manual) move(t time.Time) {
	if t = whole(t); t.Before(c.now) {
		panic("clock: a clock never runs backwards, and this one shows " + c.now.Format(time.RFC3339Nano))
	}
	c.now = t
}
