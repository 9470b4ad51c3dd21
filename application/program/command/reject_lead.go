package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
)

// RejectLead rejects a form lead.
type RejectLead struct {
	application.Actor

	Number int64
	Once   application.Once[programquery.FormLead]
}

// Needs implements application.Message.
func (RejectLead) Needs() application.Scope { return application.Program }

// RejectLeadHandler handles RejectLead.
type RejectLeadHandler struct{ program.Deps }

// Handle implements bus.Handler. Errors: lead.ErrNotFound, lead.ErrConverted, lead.ErrReviewRejected, lead.ErrReserved.
func (h RejectLeadHandler) Handle(ctx context.Context, c RejectLead) (application.Done, error) {
	now := h.Clock.Now()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (programquery.FormLead, error) {
		l, err := tx.FormLeads().LockByNumber(ctx, c.Actor.SellerID, c.Number)
		if err != nil {
			return programquery.FormLead{}, err
		}
		if err := l.RejectReview(now); err != nil {
			return programquery.FormLead{}, err
		}
		by, err := submitter(ctx, tx, l)
		if err != nil {
			return programquery.FormLead{}, err
		}
		return formLeadOf(l, snapshotOf(by), nil), tx.FormLeads().Save(ctx, l)
	})
}
