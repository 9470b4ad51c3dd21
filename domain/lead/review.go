package lead

import (
	"slices"
	"time"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
)

// OriginForm is a lead that a partner submitted through the seller's lead form, to be converted into a customer.
const OriginForm Origin = "form"

// StatusNotOffered is the market status of a form lead that is not offered to buyers.
const StatusNotOffered Status = ""

// ReviewStatus is where a form lead stands with the seller (docs/partner-program.md).
type ReviewStatus string

// The review statuses of a form lead.
const (
	ReviewStatusOpen      ReviewStatus = "submitted"
	ReviewStatusConverted ReviewStatus = "converted"
	ReviewStatusRejected  ReviewStatus = "rejected"
	ReviewStatusDeleted   ReviewStatus = "deleted"
)

// CodeReviewRejected is the code that lead.rejected.v1 carries when the seller rejected a form lead.
const CodeReviewRejected fault.Code = "review_rejected"

// Errors of reviews. They say that the seller has decided on the lead already.
var (
	ErrConverted      = fault.New(fault.RuleViolated, "lead_already_converted", "The lead is already converted.")
	ErrReviewRejected = fault.New(fault.RuleViolated, "lead_already_rejected", "The lead is already rejected.")
)

// Review holds what only a form lead has. Number is its public id, counted per seller without gaps.
type Review struct {
	Number      int64
	Status      ReviewStatus
	Name, Email string
	FormVersion int64
	Answers     []Answer
	// CustomerID is the customer that the lead was converted to; empty before. CommissionAmount is what the operator said
	// the lead is worth, in micro-units of the seller's currency; nil when not given.
	CustomerID       string
	CommissionAmount *money.Micros
}

func (r *Review) clone() *Review {
	if r == nil {
		return nil
	}
	c := *r
	c.Answers, c.CommissionAmount = slices.Clone(r.Answers), copied(r.CommissionAmount)
	return &c
}

func copied(amount *money.Micros) *money.Micros {
	if amount == nil {
		return nil
	}
	a := *amount
	return &a
}

// FormSubmission is what a partner submits, its answers already checked by the form. Offer is nil for a lead that is not
// offered to buyers.
type FormSubmission struct {
	ID, SellerID, SellerCode, PartnerID string
	Number                              int64
	Name, Email                         string
	FormVersion                         int64
	Answers                             []Answer
	Offer                               *Offer
	At                                  time.Time
}

// Offer is the campaign a form lead is offered in, with the fields that its rules normalised and the dimensions that they
// make of them.
type Offer struct {
	CampaignID, Category string
	Fields               field.Set
	Dimensions           []field.Dimension
}

// CheckPerson checks the name and the email that every form lead has. It returns fault.ErrValidation with the members at
// fault.
func CheckPerson(name, email string) error {
	var v fault.Violations
	_, err := contact.ParseRequiredText(name, maxLeadName)
	v.AddErr("name", err)
	_, err = contact.ParseEmail(email)
	if email == "" {
		err = fault.New(fault.Invalid, fault.Required, "is required")
	}
	v.AddErr("email", err)
	return v.Err()
}

// SubmitForm makes a form lead. When n has an Offer, the caller decides the lead (Wait, MarkDuplicate, Reject or Quarantine) before
// storing it. It returns fault.ErrValidation with the members at fault.
func SubmitForm(n FormSubmission) (*Lead, error) {
	if err := CheckPerson(n.Name, n.Email); err != nil {
		return nil, err
	}
	email, err := contact.ParseEmail(n.Email) // drops the spaces around the address
	if err != nil {
		return nil, err
	}
	l := &Lead{s: Snapshot{
		ID: n.ID, SellerID: n.SellerID, SellerCode: n.SellerCode, Origin: OriginForm, PartnerID: n.PartnerID,
		Status: StatusNotOffered, CreatedAt: n.At, UpdatedAt: n.At, Review: &Review{
			Number: n.Number, Status: ReviewStatusOpen, Name: n.Name,
			Email: email.String(), FormVersion: n.FormVersion, Answers: slices.Clone(n.Answers),
		},
	}}
	if n.Offer != nil {
		l.s.CampaignID, l.s.Category, l.s.Status = n.Offer.CampaignID, n.Offer.Category, StatusReceived
		l.s.Fields, l.s.Dimensions = n.Offer.Fields, n.Offer.Dimensions
	}
	l.record(Submitted{Ref: l.ref(), Number: n.Number})
	return l, nil
}

// Convert records that the lead became a customer. amount is in micro-units of currency; nil when not given. Errors:
// ErrConverted, ErrReviewRejected; ErrErased when there is nobody left to make a customer of; ErrNotFound for a deleted lead and for
// one that is no form lead.
func (l *Lead) Convert(customerID, publicKey string, amount *money.Micros, currency money.Currency, at time.Time) error {
	if err := l.open(); err != nil {
		return err
	}
	if !l.s.ErasedAt.IsZero() {
		return ErrErased
	}
	r := l.s.Review
	was := r.Status
	r.Status, r.CustomerID, r.CommissionAmount, l.s.UpdatedAt = ReviewStatusConverted, customerID, copied(amount), at
	l.record(Converted{
		Ref: l.ref(), PreviousReview: was, Number: r.Number, CustomerID: customerID, CustomerKey: publicKey, Amount: copied(amount),
		Currency: currency.Code(), At: at,
	})
	return nil
}

// RejectReview records that the seller does not want the lead. A pending lead becomes unsold; sales stay. Its errors are
// those of Convert but ErrErased, and ErrReserved while a buyer is asked.
func (l *Lead) RejectReview(at time.Time) error {
	if err := l.open(); err != nil {
		return err
	}
	if err := l.withdraw(at); err != nil {
		return err
	}
	was := l.s.Review.Status
	l.s.Review.Status, l.s.UpdatedAt = ReviewStatusRejected, at
	l.record(ReviewRejected{Ref: l.ref(), PreviousReview: was, At: at})
	return nil
}

// withdraw takes a pending or quarantined lead off the market.
func (l *Lead) withdraw(at time.Time) error {
	switch l.s.Status {
	case StatusPending:
		return l.Expire(at)
	case StatusQuarantined:
		l.s.Status, l.s.UpdatedAt = StatusUnsold, at
		l.record(Unsold{Ref: l.ref(), PreviousStatus: StatusQuarantined, At: at})
	default:
	}
	return nil
}

func (l *Lead) open() error {
	switch {
	case l.s.Review == nil || l.s.Review.Status == ReviewStatusDeleted:
		return ErrNotFound
	case l.s.Review.Status == ReviewStatusConverted:
		return ErrConverted
	case l.s.Review.Status == ReviewStatusRejected:
		return ErrReviewRejected
	}
	return nil
}

// Delete deletes a form lead: it is in no list and its personal data is erased. A pending lead becomes unsold; sales stay.
// ErrNotFound as for Convert; ErrReserved while a buyer is asked.
func (l *Lead) Delete(at time.Time) error {
	r := l.s.Review
	if r == nil || r.Status == ReviewStatusDeleted {
		return ErrNotFound
	}
	if err := l.withdraw(at); err != nil {
		return err
	}
	l.record(Deleted{Ref: l.ref(), PreviousReview: r.Status, Number: r.Number, At: at})
	r.Status = ReviewStatusDeleted
	l.forget(at)
	l.s.Dimensions = nil
	return nil
}

// Review returns what only a form lead has; nil for a supplier's lead.
func (l *Lead) Review() *Review { return l.s.Review.clone() }

// PartnerID returns the id of the partner that submitted the lead.
func (l *Lead) PartnerID() string { return l.s.PartnerID }

// CreatedAt returns when the lead was submitted.
func (l *Lead) CreatedAt() time.Time { return l.s.CreatedAt }
