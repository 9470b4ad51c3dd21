package leadmilltest

import (
	"time"

	"github.com/leadmill/leadmill/adapters/clock"
)

// Clock is an application.Clock that stands still until the test moves it, for [Options.Clock]. As Leadmill asks of every
// clock, it shows UTC in whole microseconds and never runs backwards. It is safe for concurrent use.
//
// It decides what Leadmill takes for now: caps, windows, claims, when a lead expires, when a mail or a job is due. That an instance
// looks whether something is due still takes real time, about a second.
type Clock struct{ hands *clock.Manual }

// NewClock returns a clock that shows a time.
func NewClock(at time.Time) *Clock { return &Clock{clock.NewManual(at)} }

// Now implements application.Clock.
func (c *Clock) Now() time.Time { return c.hands.Now() }

// Advance moves the clock forward. It panics when d is negative.
func (c *Clock) Advance(d time.Duration) { c.hands.Advance(d) }

// Set moves the clock to a time. It panics when that is earlier than what the clock shows.
func (c *Clock) Set(at time.Time) { c.hands.Set(at) }
