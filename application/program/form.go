package program

import (
	"context"

	"github.com/leadmill/leadmill/domain/lead"
)

// FormRepository stores the sellers' lead forms.
type FormRepository interface {
	// Get returns a seller's form, or lead.NewForm when the seller has set none.
	Get(ctx context.Context, sellerID string) (*lead.Form, error)
	// Save stores a changed form. The caller has locked the seller.
	Save(ctx context.Context, f *lead.Form) error
}

// NumberRepository counts per seller without gaps: a number that was not committed is used again.
type NumberRepository interface {
	// Next locks a seller's series and returns its next number, from 1.
	Next(ctx context.Context, sellerID, series string) (int64, error)
}

// FormLeads is the series of the public ids of form leads.
const FormLeads = "form_leads"

// FormLeadRepository stores form leads with their reviews.
type FormLeadRepository interface {
	// Add stores a new form lead with its review.
	Add(ctx context.Context, l *lead.Lead) error
	// LockByNumber loads a form lead with its review and locks its row: lead.ErrNotFound, also for a deleted lead.
	LockByNumber(ctx context.Context, sellerID string, number int64) (*lead.Lead, error)
	// Save stores changes of a form lead that LockByNumber returned, its review and market status.
	Save(ctx context.Context, l *lead.Lead) error
}
