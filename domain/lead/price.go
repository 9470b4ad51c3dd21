package lead

import (
	"time"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

// Errors of a lead's own price.
var (
	ErrNotRepriceable = fault.New(fault.Invalid, "lead_not_repriceable", "Only a pending, unsold or returned lead that is no test can have a price of its own.")
	ErrChanged        = fault.New(fault.Conflict, "lead_changed", "Somebody else changed the price of the lead.")
)

// ChangePrice lets a pending, unsold or returned lead be offered at a price of its own from now on, in place of those of the contracts: until
// it is sold, or with 0 no longer. was is the price that whoever changes it saw. Both are in micro-units of currency, the seller's. Errors:
// ErrLive, ErrErased, ErrNotRepriceable in any other status and for a test lead, ErrReserved, ErrChanged when it has neither that price yet nor the
// price was.
func (l *Lead) ChangePrice(price, was money.Micros, currency string, at time.Time) error {
	switch {
	case l.s.Status == StatusSold:
		return ErrLive
	case !l.s.ErasedAt.IsZero():
		return ErrErased
	case l.s.Test, l.s.Status != StatusPending && l.s.Status != StatusUnsold && l.s.Status != StatusReturned:
		return ErrNotRepriceable
	case !l.s.Deadline.IsZero():
		return ErrReserved
	case l.s.AskingPrice == price:
		return nil // also for who sends the same change once more
	case l.s.AskingPrice != was:
		return ErrChanged
	}
	l.s.AskingPrice, l.s.UpdatedAt = price, at
	l.record(PriceChanged{Ref: l.ref(), Status: l.s.Status, Price: price, Previous: was, Currency: currency, At: at})
	return nil
}

// AskingPrice returns the price at which the lead is offered in place of the contracts' prices, in micro-units of the seller's currency; 0
// when it has none.
func (l *Lead) AskingPrice() money.Micros { return l.s.AskingPrice }

// PriceChanged becomes lead.price_changed.v1. Price and Previous are in micro-units of Currency; 0: the contracts' prices.
type PriceChanged struct {
	Ref
	Status          Status
	Price, Previous money.Micros
	Currency        string
	At              time.Time
}

// EventType implements event.Event.
func (PriceChanged) EventType() string { return "lead.price_changed" }
