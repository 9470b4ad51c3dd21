package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/lead"
)

// AnswerSupplier returns what a supplier is answered about a lead once the time is up that it waits for buyers, and settles that: what is decided
// later does not change it.
type AnswerSupplier struct{ Lead application.Ref }

// Needs implements application.Message.
func (AnswerSupplier) Needs() application.Scope { return application.Internal }

// AnswerSupplierHandler handles AnswerSupplier. It waits for who settles the lead meanwhile.
type AnswerSupplierHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: lead.ErrNotFound.
func (h AnswerSupplierHandler) Handle(ctx context.Context, c AnswerSupplier) (done application.Done, err error) {
	err = h.Work.Do(ctx, func(ctx context.Context, tx market.Tx) error {
		leads := []application.Ref{c.Lead}
		if _, err := tx.Deliveries().LockErased(ctx, leads); err != nil {
			return err
		}
		stored, err := tx.Leads().Responses(ctx, leads)
		if err != nil {
			return err
		}
		a, there := stored[c.Lead.ID]
		if !there {
			return lead.ErrNotFound
		}
		done = application.Done{Response: a.Response}
		return tx.Reservations().Answer(ctx, c.Lead.SellerID, map[string]application.Response{c.Lead.ID: {}})
	})
	return done, err
}
