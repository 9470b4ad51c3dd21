package receiver

import (
	"sync"
	"time"

	"github.com/leadmill/leadmill/application"
)

// Signal tells that something happened, and how often it did.
type Signal interface {
	// Version counts how often.
	Version() uint64
	// After returns a channel that is closed when Version is above since.
	After(since uint64) <-chan struct{}
}

// QuietAfter is after how long without anything to send, and without an event in the log, a sender looks less often for what others made due.
const QuietAfter = 10 * time.Second

// The bounds of RestAfter.
const (
	soonestLook = 25 * time.Millisecond
	lookShare   = 4
	longestRest = 10 * time.Second
)

// RestAfter returns for how long a sender does not look again at what is due after a look that took so long, so that looks leave most of the database to
// others: 25 ms to 10 s. One that took long because the database did not answer, or the machine stood still, holds up nothing for longer.
func RestAfter(took time.Duration) time.Duration {
	return min(max(soonestLook, lookShare*took), longestRest)
}

// Pace says how often a sender looks for what is due: often while something happens, and else seldom, because who makes something due writes
// events, and the log is looked at anyway. It is safe for concurrent use.
type Pace struct {
	clock       application.Clock
	log         Signal
	busy, quiet time.Duration

	mu      sync.Mutex
	seen    uint64
	stirred time.Duration
}

// NewPace returns the Pace of a sender that looks as often as busy says while something happens, and as quiet says when nothing does. log tells
// of events, of whatever instance.
func NewPace(clock application.Clock, log Signal, busy, quiet time.Duration) *Pace {
	return &Pace{clock: clock, log: log, busy: busy, quiet: quiet, seen: log.Version(), stirred: application.Elapsed(clock) - QuietAfter}
}

// Stir notes that something is due.
func (p *Pace) Stir() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stirred = application.Elapsed(p.clock)
}

// Next returns when to look again at the latest. While nothing happens, moved is closed when there is an event, which is when to look too; else
// it is nil.
func (p *Pace) Next() (d time.Duration, moved <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := application.Elapsed(p.clock)
	if v := p.log.Version(); v != p.seen {
		p.seen, p.stirred = v, now
	}
	if now-p.stirred < QuietAfter {
		return p.busy, nil
	}
	return p.quiet, p.log.After(p.seen)
}
