package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/lead"
)

// UpdateLeadForm changes what the actor's seller asks about leads. A lead keeps the questions as they were when it was
// submitted.
type UpdateLeadForm struct {
	application.Actor

	Change lead.FormChange
	Seen   *int64 // the version that was seen; nil: the form is changed whatever it is
	Once   application.Once[programquery.LeadForm]
}

// Needs implements application.Message.
func (UpdateLeadForm) Needs() application.Scope { return application.Program }

// UpdateLeadFormHandler handles UpdateLeadForm.
type UpdateLeadFormHandler struct{ program.Deps }

// Handle implements bus.Handler. Errors: application.ErrChangedMeanwhile, fault.ErrValidation.
func (h UpdateLeadFormHandler) Handle(ctx context.Context, c UpdateLeadForm) (application.Done, error) {
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (programquery.LeadForm, error) {
		if _, err := tx.Sellers().Lock(ctx, c.Actor.SellerID); err != nil {
			return programquery.LeadForm{}, err
		}
		f, err := tx.Forms().Get(ctx, c.Actor.SellerID)
		if err != nil {
			return programquery.LeadForm{}, err
		}
		before := f.Snapshot().Version
		if c.Seen != nil && *c.Seen != before {
			return programquery.LeadForm{}, application.ErrChangedMeanwhile
		}
		if err := f.Update(c.Change); err != nil {
			return programquery.LeadForm{}, err
		}
		if f.Snapshot().Version != before {
			if err := tx.Forms().Save(ctx, f); err != nil {
				return programquery.LeadForm{}, err
			}
		}
		return programquery.LeadForm{FormSnapshot: f.Snapshot()}, nil
	})
}
