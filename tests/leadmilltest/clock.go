package leadmilltest

import (
	"time"

	"github.com/leadmill/leadmill/adapters/clock"
)

// Clock is an application.Clock and an application.Stopwatch that stands still until the test moves it, for [Options.Clock]. As Leadmill asks
// of every clock, it shows UTC in whole microseconds. It is safe for concurrent use.
//
// It decides what Leadmill takes for now: caps, windows, claims, when a lead expires, when a mail or a job is due. That an instance
// looks whether something is due still takes real time, about a second.
type Clock struct{ hands *clock.Manual }

// NewClock returns a clock that shows a time.
func NewClock(at time.Time) *Clock { return &Clock{clock.NewManual(at)} }

// Now implements application.Clock.
func (c *Clock) Now() time.Time { return c.hands.Now() }

// Elapsed implements application.Stopwatch.
func (c *Clock) Elapsed() time.Duration { return c.hands.Elapsed() }

// Step sets what the clock shows forward or, when d is negative, back, while no time passes: as an operator does, or a time server.
func (c *Clock) Step(d time.Duration) { c.hands.Step(d) }

// Advance lets time pass. It panics when d is negative.
func (c *Clock) Advance(d time.Duration) { c.hands.Advance(d) }

// Set lets time pass until a time. It panics when that is earlier than what the clock shows.
func (c *Clock) Set(at time.Time) { c.hands.Set(at) }
