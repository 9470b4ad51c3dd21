package job

import (
	"time"

	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/lead"
)

const (
	// openAfter is after how many failures in a row a receiver is only probed.
	openAfter = 5
	// asksOpenAfter is openAfter for one that is asked: some of its answers may come too late without it being dead.
	asksOpenAfter = 20
	// firstProbe and longestProbe bound the pause before a probe, which doubles with each that fails.
	firstProbe   = 5 * time.Second
	longestProbe = 5 * time.Minute
	// firstWindow is how many requests a receiver gets at once before it answered well.
	firstWindow = 2
	// hostRest is how long a receiver is left alone whose host has as many requests as it gets.
	hostRest = time.Second
	// overdue is for how long a delivery waits behind a dead receiver: about as long as one is tried by its schedule.
	overdue = 76 * time.Hour
	// remembered is for how long it is known how a receiver answered.
	remembered = time.Hour
)

// standing says of which share of the requests at once those to a receiver are.
type standing int

const (
	unknown standing = iota // it never answered, nor failed
	failing
	well
	mailed // by mail, however that went
)

// endpoint is what a Sender knows of the receiver of a contract. It is forgotten with the Sender: another one learns it anew.
type endpoint struct {
	queued   bool // it is in the order
	due      bool // there may be more than is read
	ready    []market.DueDelivery
	read     time.Duration // when, by application.Elapsed, as all times here
	ahead    int           // how many are read at once, which grows as long as they are sent soon
	how      *market.OpenDelivery
	mail     bool
	asks     bool // its buyer is asked to confirm
	seen     bool // it is known what it is
	inFlight map[string]bool
	aside    map[string]time.Duration // what cannot be sent, and until when that is not tried

	known        bool // it answered
	failedBefore bool // with another Sender
	window       int  // how many requests it gets at once, which grows with success
	fails        int  // in a row
	reason       delivery.Reason
	pause        time.Duration
	resume       time.Duration // it gets nothing before
	used         time.Duration
}

func newEndpoint() *endpoint {
	return &endpoint{inFlight: map[string]bool{}, aside: map[string]time.Duration{}, window: firstWindow, ahead: 2 * firstWindow}
}

func (e *endpoint) standing() standing {
	switch {
	case e.mail:
		return mailed
	case e.fails > 0 || e.failedBefore:
		return failing
	case e.known:
		return well
	}
	return unknown
}

// waits reports whether something of it may be due.
func (e *endpoint) waits() bool { return e.due || len(e.ready) > 0 }

// open reports whether the receiver is only probed.
func (e *endpoint) open() bool {
	if e.asks {
		return e.fails >= asksOpenAfter
	}
	return e.fails >= openAfter
}

// room is how many requests more the receiver may get at a time.
func (e *endpoint) room(now time.Duration, most int) int {
	switch {
	case now < e.resume:
		return 0
	case e.open():
		return 1 - len(e.inFlight)
	}
	return min(e.window, most) - len(e.inFlight)
}

// ends says why a delivery is not attempted any more; it is empty when it is.
func (e *endpoint) ends(d market.DueDelivery, how *campaign.Delivery, now time.Time) delivery.Reason {
	switch {
	case d.Erased:
		return delivery.Erased
	case d.Sale == string(lead.SaleReturned):
		return delivery.Returned
	case how == nil, !d.Deadline.IsZero() && how.URL == "": // a mail has no answer
		return delivery.NotDelivering
	case !d.Deadline.IsZero():
		return ""
	case e.open() && e.pause >= longestProbe && now.Sub(d.NextAt) > overdue: // dead for minutes at least, which the start of a Sender is not
		return e.reason
	}
	return ""
}

// isAnswer reports whether what failed is an answer of a receiver that is well: not one that asks for time (408, 429), or fails itself (5xx).
func isAnswer(p market.Posted) bool {
	switch p.Reason { //nolint:exhaustive // all others are no answers
	case delivery.Gone, delivery.MailRefused, delivery.Unclear:
		return true
	case delivery.Refused:
		return p.Status != 408 && p.Status != 429 && p.Status < 500
	}
	return false
}

// answered notes an answer that says that the receiver is there.
func (e *endpoint) answered() {
	e.known, e.failedBefore, e.fails, e.pause, e.resume = true, false, 0, 0, 0
}

func (e *endpoint) succeeded(most int) {
	e.answered()
	e.window = min(2*e.window, most)
}

// failed notes a failure. Those that were under way when the receiver was found to be dead do not make the pause longer.
func (e *endpoint) failed(now time.Duration, probe bool, why delivery.Reason) {
	if e.open() && !probe {
		return
	}
	e.fails++
	e.reason = why
	e.narrow()
	if e.open() {
		e.pause = min(max(2*e.pause, firstProbe), longestProbe)
		e.rest(now, e.pause)
	}
}

// narrow gives a receiver that failed fewer requests at once: half as many, but one fewer where it is asked. There some answers are late, and stand
// in the way of those behind them as long as the others do not make up for them.
func (e *endpoint) narrow() {
	if e.asks {
		e.window = max(1, e.window-1)
		return
	}
	e.window = max(1, e.window/2)
}

// rest lets the receiver alone for a while. What was read is read again after it.
func (e *endpoint) rest(now, d time.Duration) {
	if until := now + d; d > 0 && until > e.resume {
		e.resume = until
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
