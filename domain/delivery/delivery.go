// Package delivery holds the delivery of a sale: that its buyer is told of the lead, and what became of that.
//
// Stability: experimental.
package delivery

import (
	"errors"
	"strings"
	"time"

	"github.com/leadmill/leadmill/domain/attempt"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
)

// State is where a delivery stands.
type State string

// The states of a delivery. A pending one is tried until it is delivered or failed.
const (
	Pending   State = "pending"
	Delivered State = "delivered"
	Failed    State = "failed"
)

// States returns all states of a delivery.
func States() []State { return []State{Pending, Delivered, Failed} }

// Reason says why an attempt, or the whole delivery, did not succeed. Reasons are part of the public API.
type Reason = attempt.Reason

// The reasons of what failed.
const (
	Refused       = attempt.Refused
	Gone          = attempt.Gone
	Timeout       = attempt.Timeout
	Unreachable   = attempt.Unreachable
	BadAddress    = attempt.BadAddress
	TooLarge      = attempt.TooLarge
	MailRefused   = Reason("mail_refused")   // the mail server refused the mail for good
	Erased        = Reason("lead_erased")    // the person's data is gone
	Returned      = Reason("sale_returned")  // the sale was given back
	NotDelivering = Reason("not_configured") // the contract delivers no more
)

// Errors of deliveries.
var (
	ErrNotFound     = fault.New(fault.NotFound, "delivery_not_found", "Delivery not found.")
	ErrStillPending = fault.New(fault.Invalid, "delivery_still_pending", "The delivery is pending; it is tried by itself.")
	// ErrStale says that somebody else wrote down the same attempt, or that the delivery ended meanwhile.
	ErrStale = errors.New("the delivery was changed at the same time")
)

// MostAttempts is how often a delivery is tried.
const MostAttempts = attempt.Most

// MostShake is the largest Outcome.Shake.
const MostShake = attempt.MostShake

// Snapshot is a delivery as it is stored. Attempts counts those since it became pending, Tries all there ever were. NextAt is when it is
// tried; zero when it is not pending. Reason is why it failed. Confirm: the buyer was asked before the sale was made. Deadline is until when it is
// asked; zero once it is only told. Reference is what the buyer called the lead.
type Snapshot struct {
	ID, SellerID, SaleID, LeadID, CampaignID, ContractID, BuyerID string
	State                                                         State
	Attempts, Tries                                               int64
	NextAt                                                        time.Time
	Reason                                                        Reason
	Confirm                                                       bool
	Deadline                                                      time.Time
	Reference                                                     string
	CreatedAt, UpdatedAt                                          time.Time
	Version                                                       int64
}

// Delivery is that the buyer of a sale is told of its lead.
type Delivery struct {
	event.Recorder

	s Snapshot
}

// IDOf returns the id of the delivery of a sale: each sale has one at most.
func IDOf(saleID string) string { return "delivery_" + strings.TrimPrefix(saleID, "sale_") }

// FromSnapshot restores a delivery.
func FromSnapshot(s Snapshot) *Delivery { return &Delivery{Recorder: event.Restored(s.Version), s: s} }

// Snapshot returns the delivery as it is stored.
func (d *Delivery) Snapshot() Snapshot {
	s := d.s
	s.Version = d.Version()
	return s
}

// Outcome is what became of an attempt. Its Try is Snapshot.Tries before it.
type Outcome = attempt.Outcome

// Attempted notes an attempt to tell a buyer: the delivery is delivered, waits for the next one or has failed. Errors: ErrStale, also when the buyer
// is asked.
func (d *Delivery) Attempted(o Outcome, at time.Time) error {
	if d.s.State != Pending || d.s.Asks() || d.s.Tries != o.Try {
		return ErrStale
	}
	d.s.Attempts++
	d.s.Tries++
	d.s.UpdatedAt = at
	if o.OK {
		d.s.State, d.s.NextAt = Delivered, time.Time{}
		d.Record(SaleDelivered{Ref: d.ref(), Attempts: d.s.Attempts, At: at})
		return nil
	}
	next, again := attempt.Next(d.s.Attempts, o, at)
	if !again {
		d.fail(o.Reason, at)
		return nil
	}
	d.s.NextAt = next
	return nil
}

// End ends a pending delivery that is not attempted any more. Errors: ErrStale.
func (d *Delivery) End(try int64, why Reason, at time.Time) error {
	if d.s.State != Pending || d.s.Tries != try {
		return ErrStale
	}
	d.s.UpdatedAt = at
	d.fail(why, at)
	return nil
}

func (d *Delivery) fail(why Reason, at time.Time) {
	d.s.State, d.s.NextAt, d.s.Reason = Failed, time.Time{}, why
	d.Record(SaleDeliveryFailed{Ref: d.ref(), Attempts: d.s.Attempts, Reason: why, At: at})
}

// Redeliver makes a delivery pending that is not, due now and with all its attempts. A buyer that confirmed is told only. Errors: ErrStillPending;
// ErrReleased when the buyer did not confirm.
func (d *Delivery) Redeliver(at time.Time) error {
	switch {
	case d.s.State == Pending:
		return ErrStillPending
	case d.s.State == Failed && !d.s.Deadline.IsZero():
		return ErrReleased
	}
	d.s.Deadline = time.Time{}
	d.s.State, d.s.Attempts, d.s.NextAt, d.s.Reason, d.s.UpdatedAt = Pending, 0, at, "", at
	return nil
}

// Ref holds the members that all events of a delivery share.
type Ref struct{ DeliveryID, SaleID, LeadID, CampaignID, ContractID, BuyerID string }

func (d *Delivery) ref() Ref {
	return Ref{d.s.ID, d.s.SaleID, d.s.LeadID, d.s.CampaignID, d.s.ContractID, d.s.BuyerID}
}

// SaleDelivered becomes sale.delivered.v1.
type SaleDelivered struct {
	Ref
	Attempts int64
	At       time.Time
}

// SaleDeliveryFailed becomes sale.delivery_failed.v1.
type SaleDeliveryFailed struct {
	Ref
	Attempts int64
	Reason   Reason
	At       time.Time
}

// EventType implements event.Event.
func (SaleDelivered) EventType() string { return "sale.delivered" }

// EventType implements event.Event.
func (SaleDeliveryFailed) EventType() string { return "sale.delivery_failed" }
