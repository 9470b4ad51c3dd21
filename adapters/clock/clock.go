// Package clock tells the time. No other package reads the machine's clock.
//
// Stability: unsupported; it may change at any time.
package clock

import (
	"sync"
	"time"
)

// System is the machine's clock: UTC, whole microseconds. It is not held back when the machine's clock is set back.
type System struct{ began time.Time }

// NewSystem returns the machine's clock.
func NewSystem() *System { return &System{time.Now()} }

// Now implements application.Clock.
func (*System) Now() time.Time { return whole(time.Now()) }

// Elapsed implements application.Stopwatch, by the machine's monotonic clock.
func (c *System) Elapsed() time.Duration { return time.Since(c.began) }

// Manual is a clock that only its caller moves, for tests. The zero Manual shows the zero time.
type Manual struct {
	mu      sync.Mutex
	now     time.Time
	elapsed time.Duration
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

// Elapsed implements application.Stopwatch.
func (c *Manual) Elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.elapsed
}

// Step sets what the clock shows forward or, when d is negative, back, while no time passes: as an operator does, or a time server.
func (c *Manual) Step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = whole(c.now.Add(d))
}

// Advance lets time pass. It panics when d is negative.
func (c *Manual) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.move(c.now.Add(d))
}

// Set lets time pass until a time. It panics when that is earlier than what the clock shows.
func (c *Manual) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.move(t)
}

// move needs the lock.
func (c *Manual) move(t time.Time) {
	if t = whole(t); t.Before(c.now) {
		panic("clock: time does not pass backwards, and this clock shows " + c.now.Format(time.RFC3339Nano) + "; use Step to set it back")
	}
	c.elapsed += t.Sub(c.now)
	c.now = t
}
