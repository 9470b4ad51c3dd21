package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/suppression"
)

// DeleteSuppression ends a suppression, which is named by its id or by what it is of.
type DeleteSuppression struct {
	application.Actor

	ID          string
	Kind, Value string // when ID is empty
	Once        application.Once[struct{}]
}

// Needs implements application.Message.
func (DeleteSuppression) Needs() application.Scope { return application.Program }

// Check returns fault.ErrValidation with the members at fault, or nil.
func (c DeleteSuppression) Check() error {
	if c.ID != "" {
		return nil
	}
	_, err := suppression.Parse(c.Kind, c.Value)
	return err
}

// DeleteSuppressionHandler handles DeleteSuppression.
type DeleteSuppressionHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: suppression.ErrNotFound, fault.ErrValidation.
func (h DeleteSuppressionHandler) Handle(ctx context.Context, c DeleteSuppression) (application.Done, error) {
	var key market.SuppressionKey
	if c.ID == "" {
		v, err := suppression.Parse(c.Kind, c.Value)
		if err != nil {
			return application.Done{}, err
		}
		key = market.NewSuppressionKey(c.Actor.SellerID, v)
	}
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx market.Tx) (struct{}, error) {
		return struct{}{}, tx.Suppressions().Delete(ctx, c.Actor.SellerID, c.ID, key)
	})
}
