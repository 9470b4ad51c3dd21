package program

import (
	"context"

	"github.com/leadmill/leadmill/domain/lead"
)

// FormRepository stores the sellers' lead forms.
type FormRepository interface {
	// Get returns a seller's form, lead.NewForm when it has set none.
	Get(ctx context.Context, sellerID string) (*lead.Form, error)
	// Save stores a changed form; the seller is locked.
	Save(ctx context.Context, f *lead.Form) error
}

// NumberRepository counts per seller without gaps: a number that is not committed is given again.
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
	// LockByNumber returns a form lead with its review, its row locked: lead.ErrNotFound, also for a deleted one.
	LockByNumber(ctx context.Context, sellerID string, number int64) (*lead.Lead, error)
	// Save stores changes of a form lead that LockByNumber returned, its review and market status.
	Save(ctx context.Context, l *lead.Lead) error
}
