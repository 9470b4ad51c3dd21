package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/lead"
)

// RejectReturn refuses an open return: the sale stays as it was.
type RejectReturn struct {
	application.Actor

	ID, Note string
	Once     application.Once[marketquery.Return]
}

// Needs implements application.Message.
func (RejectReturn) Needs() application.Scope { return application.Program }

// RejectReturnHandler handles RejectReturn.
type RejectReturnHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: lead.ErrReturnNotFound, lead.ErrReturnDecided, fault.ErrValidation.
func (h RejectReturnHandler) Handle(ctx context.Context, c RejectReturn) (application.Done, error) {
	now := h.Clock.Now()
	note, err := lead.CheckDecisionNote(c.Note)
	if err != nil {
		return application.Done{}, err
	}
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx market.Tx) (marketquery.Return, error) {
		s, r, err := lockReturn(ctx, tx, c.Actor.SellerID, c.ID)
		if err != nil {
			return marketquery.Return{}, err
		}
		if r, err = s.lead.RejectReturn(r, note, now); err != nil {
			return marketquery.Return{}, err
		}
		if err := tx.Leads().SaveSold(ctx, s.lead); err != nil {
			return marketquery.Return{}, err
		}
		return marketquery.ReturnOf(r), tx.Returns().Decide(ctx, r)
	})
}
