package job

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/application/receiver"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/lead"
)

const (
	// asksOpenAfter is after how many failures in a row a receiver is only probed that is asked: some of its answers may come too late without it
	// being dead.
	asksOpenAfter = 20
	firstProbe    = receiver.FirstProbe
	longestProbe  = receiver.LongestProbe
	firstWindow   = receiver.FirstWindow
	hostRest      = receiver.HostRest
	// overdue is for how long a delivery waits behind a dead receiver: about as long as one is tried by its schedule.
	overdue = 76 * time.Hour
	// remembered is for how long it is known how a receiver answered.
	remembered = time.Hour
)

// standing says of which share of the requests at once those to a receiver are.
type standing = receiver.Standing

const (
	unknown = receiver.Unknown
	failing = receiver.Failing
	well    = receiver.Well
	mailed  = receiver.Well + 1 // by mail, however that went
)

// endpoint is what a Sender knows of the receiver of a contract. It is forgotten with the Sender: another one learns it anew.
type endpoint struct {
	ref      application.Ref
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

	receiver.Health

	used time.Duration

	line  *line // in which it waits for its turn
	rests bool  // it waits for until
	until time.Duration
	turn  uint64 // those with lower ones come first; 0 when it waits for nothing
	at    int    // where it is in its line, or among those that rest
}

func newEndpoint(ref application.Ref) *endpoint {
	return &endpoint{ref: ref, inFlight: map[string]bool{}, aside: map[string]time.Duration{}, ahead: 2 * firstWindow, Health: receiver.NewHealth()}
}

func (e *endpoint) standing() standing {
	if e.mail {
		return mailed
	}
	return e.Standing()
}

// place is what a request to the receiver takes; that of no seller as long as nothing was read of it.
func (e *endpoint) place() place {
	if !e.seen {
		return place{}
	}
	return place{e.ref.SellerID, e.standing(), e.asks}
}

// waits reports whether something of it may be due.
func (e *endpoint) waits() bool { return e.due || len(e.ready) > 0 }

// open reports whether the receiver is only probed.
func (e *endpoint) open() bool { return e.Open() }

// knows notes what the endpoint is. Of one that is asked some answers are late, which stand in the way of those behind them as long as the others do
// not make up for them.
func (e *endpoint) knows(mail, asks bool) {
	e.seen, e.mail, e.asks = true, mail, asks
	e.OpenAfter, e.Gently = receiver.OpenAfter, asks
	if asks {
		e.OpenAfter = asksOpenAfter
	}
}

// room is how many requests more the receiver may get at a time.
func (e *endpoint) room(now time.Duration, most int) int { return e.Room(now, most) - len(e.inFlight) }

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
	case e.open() && e.Pause() >= longestProbe && now.Sub(d.NextAt) > overdue: // dead for minutes at least, which the start of a Sender is not
		return e.Reason()
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

// rest lets the receiver alone for a while. What was read is read again after it.
func (e *endpoint) rest(now, d time.Duration) {
	if e.Rest(now, d) {
		e.drop()
	}
}

// failed notes a failure.
func (e *endpoint) failed(now time.Duration, probe bool, why delivery.Reason) {
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
	return e.line == nil && !e.rests && len(e.inFlight) == 0 && now-e.used >= remembered
}
