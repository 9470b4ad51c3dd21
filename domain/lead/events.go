package lead

import (
	"time"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
)

// Ref holds the members that all events of a lead share. Dimensions are by name; they must not be changed.
type Ref struct {
	LeadID               string
	Origin               Origin
	CampaignID, Category string
	SellerCode           string
	PartnerID            string
	SubmittedAt          time.Time
	Dimensions           []field.Dimension
}

// Submitted becomes lead.submitted.v1. Number is the public id of a form lead, 0 for a supplier's lead. KeyID is that of the API key with
// which a supplier's lead came; nobody outside is told of it.
type Submitted struct {
	Ref
	Number int64
	KeyID  string
}

// Pending becomes lead.pending.v1.
type Pending struct {
	Ref
	PreviousStatus Status
	Until, At      time.Time
}

// Sold becomes lead.sold.v1. Payout is in micro-units of the sales' currency.
type Sold struct {
	Ref
	PreviousStatus Status
	Sales          []Sale
	Payout         money.Micros
	At             time.Time
}

// Duplicate becomes lead.duplicate.v1.
type Duplicate struct {
	Ref
	PreviousStatus Status
	Code           fault.Code
	At             time.Time
}

// Rejected becomes lead.rejected.v1.
type Rejected struct {
	Ref
	PreviousStatus Status
	Code           fault.Code
	At             time.Time
}

// ReviewRejected becomes lead.rejected.v1 with CodeReviewRejected: the seller rejected a form lead.
type ReviewRejected struct {
	Ref
	PreviousReview ReviewStatus
	At             time.Time
}

// Converted becomes lead.converted.v1. Amount is in micro-units of Currency; nil when the operator gave none. CustomerKey is
// the customer's key, or its id when the key is an email address.
type Converted struct {
	Ref
	PreviousReview          ReviewStatus
	Number                  int64
	CustomerID, CustomerKey string
	Amount                  *money.Micros
	Currency                string
	At                      time.Time
}

// Deleted says that a form lead was deleted. It is in the log but not public.
type Deleted struct {
	Ref
	PreviousReview ReviewStatus
	Number         int64
	At             time.Time
}

// Erased becomes lead.erased.v1: what the lead held of a person is gone. Status is where the lead stands.
type Erased struct {
	Ref
	Status Status
	At     time.Time
}

// Quarantined becomes lead.quarantined.v1.
type Quarantined struct {
	Ref
	PreviousStatus Status
	Code           fault.Code
	At             time.Time
}

// EventType implements event.Event.
func (Quarantined) EventType() string { return "lead.quarantined" }

// Unsold becomes lead.unsold.v1.
type Unsold struct {
	Ref
	PreviousStatus Status
	At             time.Time
}

// EventType implements event.Event.
func (Submitted) EventType() string { return "lead.submitted" }

// EventType implements event.Event.
func (Pending) EventType() string { return "lead.pending" }

// EventType implements event.Event.
func (Sold) EventType() string { return "lead.sold" }

// EventType implements event.Event.
func (Duplicate) EventType() string { return "lead.duplicate" }

// EventType implements event.Event.
func (Rejected) EventType() string { return "lead.rejected" }

// EventType implements event.Event.
func (ReviewRejected) EventType() string { return "lead.rejected" }

// EventType implements event.Event.
func (Converted) EventType() string { return "lead.converted" }

// EventType implements event.Event.
func (Deleted) EventType() string { return "lead.deleted" }

// EventType implements event.Event.
func (Erased) EventType() string { return "lead.erased" }

// EventType implements event.Event.
func (Unsold) EventType() string { return "lead.unsold" }
