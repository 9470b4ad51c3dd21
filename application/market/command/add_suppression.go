package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/suppression"
)

// AddSuppression has a seller take no more leads of a phone, an email or a domain. One that is there already stays as it is.
type AddSuppression struct {
	application.Actor

	Kind, Value string
	Once        application.Once[market.Suppression]
}

// Needs implements application.Message.
func (AddSuppression) Needs() application.Scope { return application.Program }

// Check returns fault.ErrValidation with the members at fault, or nil.
func (c AddSuppression) Check() error {
	_, err := suppression.Parse(c.Kind, c.Value)
	return err
}

// AddSuppressionHandler handles AddSuppression.
type AddSuppressionHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: fault.ErrValidation.
func (h AddSuppressionHandler) Handle(ctx context.Context, c AddSuppression) (application.Done, error) {
	v, err := suppression.Parse(c.Kind, c.Value)
	if err != nil {
		return application.Done{}, err
	}
	s := market.NewSuppression(c.Actor.SellerID, h.IDs.New("suppression"), v, "", h.Clock.Now())
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx market.Tx) (market.Suppression, error) {
		there, err := tx.Suppressions().Add(ctx, []market.Suppression{s})
		return there[s.Key], err
	})
}
