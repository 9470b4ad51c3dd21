// Package lead holds leads and their sales: a person or company interested in something, sold to buyers or waiting.
//
// Stability: experimental.
package lead

import (
	"maps"
	"slices"
	"time"

	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
)

// Origin says how a lead arrived.
type Origin string

// OriginSupplier is a lead that a supplier posted to be sold.
const OriginSupplier Origin = "supplier"

// Status is where a lead stands in the market (docs/marketplace.md); StatusNotOffered for a lead that is not offered there.
type Status string

// The market statuses. StatusReceived is that of a lead that is being decided; it is never stored.
const (
	StatusReceived  Status = "received"
	StatusPending   Status = "pending"
	StatusSold      Status = "sold"
	StatusDuplicate Status = "duplicate"
	StatusRejected  Status = "rejected"
	StatusUnsold    Status = "unsold"
	StatusReturned  Status = "returned"
	// StatusQuarantined is that of a lead that waits for the seller to approve or reject it.
	StatusQuarantined Status = "quarantined"
)

// Statuses returns the statuses that a stored lead can have.
func Statuses() []Status {
	return []Status{StatusPending, StatusSold, StatusDuplicate, StatusRejected, StatusUnsold, StatusQuarantined, StatusReturned}
}

// SaleStatus is where a sale stands (docs/marketplace.md).
type SaleStatus string

// The statuses of a sale. A captured one is charged, and stays so while a return of it is open; a returned one is paid back.
const (
	SaleCaptured        SaleStatus = "captured"
	SaleReturnRequested SaleStatus = "return_requested"
	SaleReturned        SaleStatus = "returned"
)

// Live reports whether a sale counts: it holds a slot of its lead and uses caps.
func (s SaleStatus) Live() bool { return s == SaleCaptured || s == SaleReturnRequested }

// Errors of leads.
var (
	ErrNotFound    = fault.New(fault.NotFound, "lead_not_found", "Lead not found")
	ErrAlreadySold = fault.New(fault.RuleViolated, "lead_already_sold", "The lead is already sold.")
	ErrDecided     = fault.New(fault.RuleViolated, "lead_already_decided", "The lead is already decided.")
	ErrNotPending  = fault.New(fault.RuleViolated, "lead_not_pending", "The lead is not pending.")
	// ErrDuplicate is what a supplier is told of a duplicate lead (docs/supplier-api.md).
	ErrDuplicate = fault.New(fault.RuleViolated, "duplicate_lead", "Duplicate lead")
	// ErrDuplicateExternalID is what a supplier is told when it sends an external_id again with another payload.
	ErrDuplicateExternalID = fault.New(fault.RuleViolated, "duplicate_external_id", "Duplicate external_id")
	// ErrSuppressed is what a supplier is told of a lead of somebody whom the seller suppresses (docs/supplier-api.md).
	ErrSuppressed = fault.New(fault.RuleViolated, "suppressed", "Suppressed")
)

// Sale is one lead sold under one contract. Price, and Payout, which is what the supplier earns for it, are in micro-units of
// Currency.
type Sale struct {
	ID, ContractID, BuyerID string
	Price, Payout           money.Micros
	Currency                string
	Status                  SaleStatus
	At                      time.Time
	// Delivery is where telling the buyer of the lead stands; empty when nobody is told.
	Delivery string
}

// Consideration is one contract that was looked at for a lead, and why it did or did not take the lead. Price is in
// micro-units of the seller's currency.
type Consideration struct {
	ContractID, BuyerID string
	Reason              string // "sold", or why not
	Of                  string // whose cap or budget it was when not the contract's: "buyer" or "campaign"
	Price               money.Micros
}

// Trace says how a lead was decided: the first 100 considerations in order; More counts the others by reason.
type Trace struct {
	Considered []Consideration
	More       map[string]int
}

// maxConsidered bounds the trace of one lead; see docs/architecture.md, "Batching".
const maxConsidered = 100

// Add records one more consideration.
func (t *Trace) Add(c Consideration) {
	if len(t.Considered) < maxConsidered {
		t.Considered = append(t.Considered, c)
		return
	}
	if t.More == nil {
		t.More = map[string]int{}
	}
	t.More[c.Reason]++
}

// Full reports whether what is added now is only counted.
func (t *Trace) Full() bool { return len(t.Considered) >= maxConsidered }

// Count counts n more considerations with a reason, which are not listed.
func (t *Trace) Count(reason string, n int) {
	if n <= 0 {
		return
	}
	if t.More == nil {
		t.More = map[string]int{}
	}
	t.More[reason] += n
}

// Lead is a person or company interested in something.
type Lead struct {
	event.Recorder

	s     Snapshot
	again bool // whether Redistribute offers it again

	reserved []Reservation // as it was loaded
}

// Submission is what a supplier sends, its fields already normalised by the campaign's rules, and the dimensions that these
// rules make of them.
type Submission struct {
	ID, SellerID, SellerCode, KeyID, PartnerID, CampaignID, Category string
	Fields                                                           field.Set
	Dimensions                                                       []field.Dimension
	ExternalID                                                       string
	Test                                                             bool
	At                                                               time.Time
}

// Submit makes a lead of what a supplier sent. Its caller decides it (Sell, Wait, MarkDuplicate, Reject or Quarantine) before storing
// it.
func Submit(n Submission) *Lead {
	l := &Lead{s: Snapshot{
		ID: n.ID, SellerID: n.SellerID, SellerCode: n.SellerCode, Origin: OriginSupplier, KeyID: n.KeyID,
		PartnerID: n.PartnerID, CampaignID: n.CampaignID, Category: n.Category, Fields: n.Fields, Dimensions: n.Dimensions, ExternalID: n.ExternalID,
		Test: n.Test, Status: StatusReceived, CreatedAt: n.At, UpdatedAt: n.At,
	}}
	l.record(Submitted{Ref: l.ref(), KeyID: n.KeyID})
	return l
}

// Outcome is the terms on which a lead was sold. Payout is what the supplier earns, the sum of what it earns for each sale; Shown is the
// price the supplier is shown, unless ShownHidden is true. Both are in micro-units of the sales' currency.
type Outcome struct {
	Sales       []Sale
	Payout      money.Micros
	Shown       money.Micros
	ShownHidden bool
}

// Sell records that a lead that is new, pending, quarantined or offered again was sold; its reservations that are accepted became sales. Errors:
// ErrAlreadySold; ErrReserved while a buyer is asked; ErrNotPending in any other status.
func (l *Lead) Sell(o Outcome, at time.Time) error {
	switch {
	case l.s.Status == StatusReceived, l.s.Status == StatusPending, l.s.Status == StatusQuarantined, l.again:
	case l.s.Status == StatusSold:
		return ErrAlreadySold
	default:
		return ErrNotPending
	}
	if l.Asked() {
		return ErrReserved
	}
	from := l.s.Status
	l.s.Status, l.s.UpdatedAt, l.s.PendingUntil, l.s.Code, l.s.Reason = StatusSold, at, time.Time{}, "", ""
	l.s.Sales, l.s.AskingPrice = slices.Clone(o.Sales), 0
	l.capture()
	l.s.Payout, l.s.Shown, l.s.ShownHidden = o.Payout, o.Shown, o.ShownHidden
	l.record(Sold{Ref: l.ref(), PreviousStatus: from, Sales: slices.Clone(o.Sales), Payout: o.Payout, At: at})
	return nil
}

// Wait records that no buyer takes a lead yet that is new, quarantined or offered again: it is pending until a time. One that is pending already
// goes on waiting as it did. Errors: ErrDecided in any other status.
func (l *Lead) Wait(until, at time.Time) error {
	switch {
	case l.again && l.s.Status == StatusPending:
		return nil
	case l.s.Status != StatusReceived && l.s.Status != StatusQuarantined && !l.again:
		return ErrDecided
	}
	from := l.s.Status
	l.s.Status, l.s.PendingUntil, l.s.UpdatedAt, l.s.Code, l.s.Reason = StatusPending, until, at, "", ""
	l.record(Pending{Ref: l.ref(), PreviousStatus: from, Until: until, At: at})
	return nil
}

// MarkDuplicate records that a new lead is a duplicate; why is the error of the rule that found it. Errors: ErrDecided when
// it is not new.
func (l *Lead) MarkDuplicate(why *fault.Error, at time.Time) error {
	if l.s.Status != StatusReceived {
		return ErrDecided
	}
	l.s.Status, l.s.UpdatedAt, l.s.Code, l.s.Reason = StatusDuplicate, at, why.Code, why.Message
	l.record(Duplicate{Ref: l.ref(), PreviousStatus: StatusReceived, Code: why.Code, At: at})
	return nil
}

// Reject records that a rule refused a new lead; why is the rule's error. Errors: ErrDecided when it is not new.
func (l *Lead) Reject(why *fault.Error, at time.Time) error {
	if l.s.Status != StatusReceived {
		return ErrDecided
	}
	l.s.Status, l.s.UpdatedAt, l.s.Code, l.s.Reason = StatusRejected, at, why.Code, why.Message
	l.record(Rejected{Ref: l.ref(), PreviousStatus: StatusReceived, Code: why.Code, At: at})
	return nil
}

// Expire records that a pending lead found no buyer in time. Errors: ErrNotPending, ErrReserved.
func (l *Lead) Expire(at time.Time) error {
	switch {
	case l.s.Status != StatusPending:
		return ErrNotPending
	case !l.s.Deadline.IsZero():
		return ErrReserved
	}
	l.s.Status, l.s.UpdatedAt, l.s.PendingUntil = StatusUnsold, at, time.Time{}
	l.record(Unsold{Ref: l.ref(), PreviousStatus: StatusPending, At: at})
	return nil
}

// SetTrace keeps how the lead was decided.
func (l *Lead) SetTrace(t Trace) {
	l.s.Trace = t
	l.retrace()
}

// record records an event, except for a test lead: test leads are never published (docs/supplier-api.md).
func (l *Lead) record(e event.Event) {
	if !l.s.Test {
		l.Record(e)
	}
}

func (l *Lead) ref() Ref {
	return Ref{
		LeadID: l.s.ID, Origin: l.s.Origin, CampaignID: l.s.CampaignID, Category: l.s.Category,
		SellerCode: l.s.SellerCode, PartnerID: l.s.PartnerID, SubmittedAt: l.s.CreatedAt, Dimensions: l.s.Dimensions,
	}
}

// ID returns the lead's id.
func (l *Lead) ID() string { return l.s.ID }

// SellerID returns the id of the lead's seller.
func (l *Lead) SellerID() string { return l.s.SellerID }

// CampaignID returns the id of the lead's campaign.
func (l *Lead) CampaignID() string { return l.s.CampaignID }

// Status says where the lead stands.
func (l *Lead) Status() Status { return l.s.Status }

// Test reports whether the lead is a test: decided, but never billed, capped, claimed, reported or published.
func (l *Lead) Test() bool { return l.s.Test }

// Sales returns the lead's sales.
func (l *Lead) Sales() []Sale { return slices.Clone(l.s.Sales) }

// Shown returns the price the supplier is shown; ok is false when the lead is not sold or the campaign hides the price.
func (l *Lead) Shown() (price money.Micros, ok bool) { return l.s.ShownPrice() }

// ShownPrice is Lead.Shown for a stored lead.
func (s Snapshot) ShownPrice() (price money.Micros, ok bool) {
	return s.Shown, s.Status == StatusSold && !s.ShownHidden
}

// Why returns why a lead is a duplicate, rejected or quarantined, as a code and a message; both are empty for any other lead.
func (l *Lead) Why() (fault.Code, string) { return l.s.Code, l.s.Reason }

// PendingUntil returns until when a pending lead waits for a buyer; zero for any other lead.
func (l *Lead) PendingUntil() time.Time { return l.s.PendingUntil }

// Facts returns what rules and strategies may know of the lead.
func (l *Lead) Facts() Facts {
	return Facts{
		ID: l.s.ID, SellerID: l.s.SellerID, Origin: l.s.Origin, PartnerID: l.s.PartnerID, CampaignID: l.s.CampaignID,
		Category: l.s.Category, Test: l.s.Test, ReceivedAt: l.s.CreatedAt, fields: l.s.Fields,
	}
}

// Facts is what rules and strategies may know of a lead. It is a copy: changing it does not change the lead.
type Facts struct {
	ID, SellerID         string
	Origin               Origin
	PartnerID            string
	CampaignID, Category string
	Test                 bool
	ReceivedAt           time.Time

	fields  field.Set
	outside map[string]field.Set
}

// Field returns one field by name, normalised by the campaign's rules; the zero Value when it was not sent.
func (f Facts) Field(name string) field.Value { return f.fields[name] }

// Fields returns a copy of all fields.
func (f Facts) Fields() field.Set { return maps.Clone(f.fields) }

// Outside returns a copy of what a provider of facts from outside answered about the lead, by the provider's name. ok is
// false when it did not answer in time or failed, and when there is no provider of that name: what that means for the lead is
// for the rule or strategy that asks to decide.
func (f Facts) Outside(provider string) (answer field.Set, ok bool) {
	answer, ok = f.outside[provider]
	return maps.Clone(answer), ok
}

// WithOutside returns the facts with answers from outside, by the names of their providers, in place of those they had.
// Neither the map nor the answers may be changed after it.
func (f Facts) WithOutside(answers map[string]field.Set) Facts {
	f.outside = answers
	return f
}

// Snapshot is a lead as it is stored. Code and Reason say why a lead is a duplicate, rejected or quarantined. Payout and Shown are in
// micro-units. Dimensions are those it was submitted with, so that all its events tell the same. AskingPrice is as Lead.AskingPrice. Deadline is
// as Lead.Deadline; Reservations are loaded only where they are settled.
type Snapshot struct {
	ID, SellerID, SellerCode string
	Origin                   Origin
	KeyID, PartnerID         string
	CampaignID, Category     string
	Fields                   field.Set
	Dimensions               []field.Dimension
	ExternalID               string
	Test                     bool
	Status                   Status
	Code                     fault.Code
	Reason                   string
	Payout, Shown            money.Micros
	ShownHidden              bool
	AskingPrice              money.Micros
	Sales                    []Sale
	Trace                    Trace
	CreatedAt, UpdatedAt     time.Time
	PendingUntil, Deadline   time.Time
	Reservations             []Reservation
	ErasedAt                 time.Time // zero while the personal data is there
	Review                   *Review   // of a form lead
	Version                  int64
}

// Snapshot returns the lead as it is stored. Its fields, dimensions and trace are shared and must not be changed.
func (l *Lead) Snapshot() Snapshot {
	s := l.s
	s.Sales, s.Reservations, s.Review = slices.Clone(s.Sales), slices.Clone(s.Reservations), s.Review.clone()
	s.Version = l.Version()
	return s
}

// FromSnapshot restores a stored lead.
func FromSnapshot(s Snapshot) *Lead {
	s.Sales, s.Reservations, s.Review = slices.Clone(s.Sales), slices.Clone(s.Reservations), s.Review.clone()
	return &Lead{Recorder: event.Restored(s.Version), s: s, reserved: slices.Clone(s.Reservations)}
}
