package delivery

import (
	"time"

	"github.com/leadmill/leadmill/domain/attempt"
	"github.com/leadmill/leadmill/domain/fault"
)

// Reasons for which a sale is not made whose buyer was asked, beside those of attempts.
const (
	BuyerRejected  Reason = "buyer_rejected"  // the buyer does not want the lead
	BuyerDuplicate Reason = "buyer_duplicate" // the buyer has the lead already
	BelowQuote     Reason = "below_quote"     // the buyer takes it, for less than was promised
)

// ErrReleased says that a delivery asked about a sale that was not made.
var ErrReleased = fault.New(fault.Invalid, "sale_released", "The buyer did not confirm the sale: nobody may be told of the lead.")

// confirmPause is how long a delivery that asks waits after its first attempt that was not answered; each further time twice as long.
const confirmPause = time.Second

// Asks reports whether the buyer is asked to confirm the sale: until it answers, or the deadline passes.
func (s Snapshot) Asks() bool { return s.State == Pending && !s.Deadline.IsZero() }

// Unknown reports whether nobody knows if the buyer takes the lead: it was asked and did not answer yet.
func (s Snapshot) Unknown() bool { return s.Asks() && s.Tries > 0 }

// Answered notes an attempt to have a buyer confirm: it ends with what the buyer said. Without an answer it is tried again before the deadline; when
// no try is left, or the outcome is final, nobody is asked any more: the first waits for the deadline, the second has failed. Errors: ErrStale.
func (d *Delivery) Answered(o Outcome, said Answer, at time.Time) error {
	if !d.s.Asks() || d.s.Tries != o.Try {
		return ErrStale
	}
	d.s.Attempts++
	d.s.Tries++
	d.s.UpdatedAt = at
	switch {
	case said.Verdict == Accepted:
		d.s.State, d.s.NextAt, d.s.Reference = Delivered, time.Time{}, said.Reference
		d.Record(SaleDelivered{Ref: d.ref(), Attempts: d.s.Attempts, At: at})
	case said.Verdict == Rejected:
		d.s.Reference = said.Reference
		d.fail(BuyerRejected, at)
	case said.Verdict == Duplicate:
		d.s.Reference = said.Reference
		d.fail(BuyerDuplicate, at)
	case o.Final:
		d.fail(o.Reason, at)
	default:
		pause := confirmPause << min(d.s.Attempts-1, 10)
		next := at.Add(attempt.Wait(pause, o)).Truncate(time.Microsecond)
		if !next.Before(d.s.Deadline) {
			next = d.s.Deadline
		}
		d.s.NextAt = next
	}
	return nil
}

// GiveUp ends a delivery of a sale that will not be made, whatever was tried: one that is pending, and one whose buyer took the lead already. Errors:
// ErrStale.
func (d *Delivery) GiveUp(why Reason, at time.Time) error {
	if d.s.State == Delivered && !d.s.Deadline.IsZero() {
		d.s.UpdatedAt = at
		d.fail(why, at)
		return nil
	}
	return d.End(d.s.Tries, why, at)
}

// Late notes an attempt that came back after the delivery had ended: it is counted, and changes nothing else. Errors: ErrStale.
func (d *Delivery) Late(try int64, at time.Time) error {
	if d.s.State == Pending || d.s.Deadline.IsZero() || d.s.Tries != try {
		return ErrStale
	}
	d.s.Tries++
	d.s.UpdatedAt = at
	return nil
}
