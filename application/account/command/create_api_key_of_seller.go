package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
)

// CreateAPIKeyOfSeller makes a key of any seller, as CreateAPIKey makes one of the actor's.
type CreateAPIKeyOfSeller struct {
	application.Actor

	Code    string // the seller's
	Request APIKeyRequest
	Once    application.Once[APIKeyCreated]
}

// Needs implements application.Message.
func (CreateAPIKeyOfSeller) Needs() application.Scope { return application.Admin }

// CreateAPIKeyOfSellerHandler handles CreateAPIKeyOfSeller.
type CreateAPIKeyOfSellerHandler struct {
	account.Deps
	Secrets application.Secrets
	Scopes  application.Scopes
}

// Handle implements bus.Handler. Errors: seller.ErrNotFound, partner.ErrUnknown, fault.ErrValidation.
func (h CreateAPIKeyOfSellerHandler) Handle(ctx context.Context, c CreateAPIKeyOfSeller) (application.Done, error) {
	k := newKey(h.Deps, h.Secrets, c.Request)
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx account.Tx) (APIKeyCreated, error) {
		s, err := tx.Sellers().LockByCode(ctx, c.Code)
		if err != nil {
			return APIKeyCreated{}, err
		}
		return k.add(ctx, tx, s.ID(), h.Scopes.OfKeys())
	})
}
