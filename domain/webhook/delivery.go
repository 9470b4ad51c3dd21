package webhook

import (
	"errors"
	"time"

	"github.com/leadmill/leadmill/domain/attempt"
)

// State is where the delivery of an event stands.
type State string

// The states of a delivery. A pending one is tried until it is delivered or failed.
const (
	Pending   State = "pending"
	Delivered State = "delivered"
	Failed    State = "failed"
)

// States returns all states of a delivery.
func States() []string { return []string{string(Pending), string(Delivered), string(Failed)} }

// ErrStale says that somebody else wrote down the same attempt, or that the delivery ended meanwhile.
var ErrStale = errors.New("the delivery was changed at the same time")

// Delivery is that a webhook is told of an event. Attempts counts those since it became pending, Tries all there ever were. NextAt is when it is tried;
// zero when it is not pending. Reason is why it failed. It has no events of its own.
type Delivery struct {
	SellerID, WebhookID, EventID, Type string
	State                              State
	Attempts, Tries                    int64
	NextAt                             time.Time
	Reason                             attempt.Reason
	HappenedAt, CreatedAt, UpdatedAt   time.Time
}

// Attempted notes an attempt: the delivery is delivered, waits for the next one or has failed. Errors: ErrStale.
func (d *Delivery) Attempted(o attempt.Outcome, at time.Time) error {
	if d.State != Pending || d.Tries != o.Try {
		return ErrStale
	}
	d.Attempts++
	d.Tries++
	d.UpdatedAt = at
	if o.OK {
		d.State, d.NextAt, d.Reason = Delivered, time.Time{}, ""
		return nil
	}
	next, again := attempt.Next(d.Attempts, o, at)
	if again {
		d.NextAt = next
		return nil
	}
	d.State, d.NextAt, d.Reason = Failed, time.Time{}, o.Reason
	return nil
}

// Again makes a delivery due now with all its attempts. It reports whether it was not pending.
func (d *Delivery) Again(at time.Time) bool {
	if d.State == Pending {
		return false
	}
	d.State, d.Attempts, d.NextAt, d.Reason, d.UpdatedAt = Pending, 0, at, "", at
	return true
}
