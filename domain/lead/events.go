package lead

import (
	"time"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

// Ref is what every event of a lead says about it.
type Ref struct {
	LeadID               string
	Origin               Origin
	CampaignID, Category string
	SellerCode           string
	PartnerID            string
	SubmittedAt          time.Time
	PreviousStatus       Status
}

// Submitted becomes lead.submitted.v1. Number is the public id of a form lead, 0 for a supplier's.
type Submitted struct {
	Ref
	Number int64
}

// PendingEvent becomes lead.pending.v1.
type PendingEvent struct {
	Ref
	Until, At time.Time
}

// SoldEvent becomes lead.sold.v1. Payout is in micro-units of the sales' currency.
type SoldEvent struct {
	Ref
	Sales  []Sale
	Payout money.Micros
	At     time.Time
}

// DuplicateEvent becomes lead.duplicate.v1.
type DuplicateEvent struct {
	Ref
	Code fault.Code
	At   time.Time
}

// RejectedEvent becomes lead.rejected.v1.
type RejectedEvent struct {
	Ref
	Code fault.Code
	At   time.Time
}

// ConvertedEvent becomes lead.converted.v1. Amount is in micro-units of Currency; nil when the operator gave none. CustomerKey
// is the customer's id when its key is an email address.
type ConvertedEvent struct {
	Ref
	Number                  int64
	CustomerID, CustomerKey string
	Amount                  *money.Micros
	Currency                string
	At                      time.Time
}

// ErasedEvent is internal: a form lead was deleted.
type ErasedEvent struct {
	Ref
	Number int64
	At     time.Time
}

// UnsoldEvent becomes lead.unsold.v1.
type UnsoldEvent struct {
	Ref
	At time.Time
}

// EventType implements event.Event.
func (Submitted) EventType() string { return "lead.submitted" }

// EventType implements event.Event.
func (PendingEvent) EventType() string { return "lead.pending" }

// EventType implements event.Event.
func (SoldEvent) EventType() string { return "lead.sold" }

// EventType implements event.Event.
func (DuplicateEvent) EventType() string { return "lead.duplicate" }

// EventType implements event.Event.
func (RejectedEvent) EventType() string { return "lead.rejected" }

// EventType implements event.Event.
func (ConvertedEvent) EventType() string { return "lead.converted" }

// EventType implements event.Event.
func (ErasedEvent) EventType() string { return "lead.deleted" }

// EventType implements event.Event.
func (UnsoldEvent) EventType() string { return "lead.unsold" }
