package job

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
	"github.com/leadmill/leadmill/application/receiver"
	"github.com/leadmill/leadmill/domain/attempt"
)

// remembered is for how long it is known how a receiver answered.
const remembered = time.Hour

// endpoint is what a Sender knows of a webhook. It is forgotten with the Sender: another one learns it anew.
type endpoint struct {
	receiver.Health

	ref      application.Ref
	queued   bool // it is in the order
	due      bool // there may be more than is read
	ready    []feed.DueDelivery
	read     time.Duration // when, by application.Elapsed, as all times here
	ahead    int           // how many are read at once, which grows as long as they are sent soon
	how      *feed.OpenWebhook
	failing  time.Time       // since when nothing arrives
	inFlight map[string]bool // what was sent, until its result is stored
	asked    int             // how many requests have their places
	used     time.Duration
}

func newEndpoint(ref application.Ref) *endpoint {
	return &endpoint{ref: ref, Health: receiver.NewHealth(), inFlight: map[string]bool{}, ahead: 2 * receiver.FirstWindow}
}

// waits reports whether something of it may be due.
func (e *endpoint) waits() bool { return e.due || len(e.ready) > 0 }

// fresh reports whether something is left of what was read a moment ago; the webhook may be another by now when it was earlier.
func (e *endpoint) fresh(now time.Duration) bool { return len(e.ready) > 0 && now-e.read < time.Second }

// room is how many requests more the receiver may get at a time.
func (e *endpoint) room(now time.Duration, most int) int { return e.Room(now, most) - e.asked }

// rest lets the receiver alone for a while. What was read is read again after it.
func (e *endpoint) rest(now, d time.Duration) {
	if e.Rest(now, d) {
		e.drop()
	}
}

// failed notes a failure.
func (e *endpoint) failed(now time.Duration, probe bool, why attempt.Reason) {
	if e.Failed(now, probe, why) {
		e.drop()
	}
}

// drop forgets what was read and not sent, and has less read the next time.
func (e *endpoint) drop() {
	if len(e.ready) > 0 {
		e.ahead = max(1, e.ahead/4)
	}
	e.ready, e.due = nil, true
}

// forgettable reports whether nothing was sent to the receiver for long, and nothing is due.
func (e *endpoint) forgettable(now time.Duration) bool {
	return !e.queued && len(e.inFlight) == 0 && now-e.used >= remembered
}

// answered reports whether what failed is an answer of a receiver that is well: not one that asks for time (408, 429), or fails itself (5xx).
func answered(p feed.Posted) bool {
	switch p.Reason { //nolint:exhaustive // all others are no answers
	case attempt.Gone:
		return true
	case attempt.Refused:
		return p.Status != 408 && p.Status != 429 && p.Status < 500
	}
	return false
}
