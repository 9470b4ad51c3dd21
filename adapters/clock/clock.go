// Package clock tells the time. It is the only place that asks the machine for it.
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
	now := time.Now().UTC().Truncate(time.Microsecond)
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.last) {
		return c.last
	}
	c.last = now
	return now
}

// Manual is a clock that tests set.
type Manual struct {
	mu  sync.Mutex
	now time.Time
}

// NewManual returns a clock that stands at a time.
func NewManual(now time.Time) *Manual {
	return &Manual{now: now.UTC().Truncate(time.Microsecond)}
}

// Now implements application.Clock.
func (c *Manual) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock forward.
func (c *Manual) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
