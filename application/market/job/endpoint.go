package job

import (
	"time"

	"github.com/leadmill/leadmill/application/market"
)

const (
	// openAfter is after how many failures in a row a receiver is only probed.
	openAfter = 5
	// firstProbe and longestProbe bound the pause before a probe, which doubles with each that fails.
	firstProbe   = 5 * time.Second
	longestProbe = 5 * time.Minute
	// firstWindow is how many requests a receiver gets at once before it answered well.
	firstWindow = 2
)

// endpoint is what a Sender knows of the receiver of a contract. It is forgotten with the Sender: another one learns it anew.
type endpoint struct {
	due      bool // there may be more than is read
	ready    []market.DueDelivery
	read     time.Duration // when, by application.Elapsed
	how      *market.OpenDelivery
	inFlight map[string]bool

	window int // how many requests it gets at once, which grows with success
	fails  int // in a row
	pause  time.Duration
	resume time.Time // it gets nothing before
}

func newEndpoint() *endpoint { return &endpoint{inFlight: map[string]bool{}, window: firstWindow} }

// open reports whether the receiver is only probed.
func (e *endpoint) open() bool { return e.fails >= openAfter }

// room is how many requests more the receiver may get at a time.
func (e *endpoint) room(now time.Time, most int) int {
	switch {
	case now.Before(e.resume):
		return 0
	case e.open():
		return 1 - len(e.inFlight)
	}
	return min(e.window, most) - len(e.inFlight)
}

func (e *endpoint) succeeded(most int) {
	e.fails, e.pause, e.resume = 0, 0, time.Time{}
	e.window = min(2*e.window, most)
}

// probed notes an end that says nothing of the receiver: a probe of it is followed by the next at once.
func (e *endpoint) probed(probe bool) {
	if probe {
		e.ready, e.due = nil, true
	}
}

// failed notes a failure. Those that were under way when the receiver was found to be dead do not make the pause longer.
func (e *endpoint) failed(now time.Time, probe bool) {
	if e.open() && !probe {
		return
	}
	e.fails++
	e.window = max(1, e.window/2)
	if e.open() {
		e.pause = min(max(2*e.pause, firstProbe), longestProbe)
		e.rest(now, e.pause)
	}
}

// rest lets the receiver alone for a while. What was read is read again after it.
func (e *endpoint) rest(now time.Time, d time.Duration) {
	if until := now.Add(d); d > 0 && until.After(e.resume) {
		e.resume = until
		e.ready, e.due = nil, true
	}
}

// forgettable reports whether nothing is known of the receiver that a new one would not be.
func (e *endpoint) forgettable() bool {
	return !e.due && len(e.ready) == 0 && len(e.inFlight) == 0 && e.fails == 0
}
