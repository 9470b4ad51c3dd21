package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// RevokeAPIKey ends a key of the actor's seller.
type RevokeAPIKey struct {
	application.Actor

	ID   string
	Once application.Once[struct{}]
}

// Needs implements application.Message.
func (RevokeAPIKey) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding: keys are an owner's.
func (RevokeAPIKey) NeedsRole() operator.Role { return operator.Owner }

// RevokeAPIKeyHandler handles RevokeAPIKey.
type RevokeAPIKeyHandler struct{ account.Deps }

// Handle implements bus.Handler. Errors: seller.ErrKeyNotFound, also for a key that is revoked or expired already.
func (h RevokeAPIKeyHandler) Handle(ctx context.Context, c RevokeAPIKey) (application.Done, error) {
	now := h.Clock.Now()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx account.Tx) (struct{}, error) {
		return struct{}{}, tx.Keys().Revoke(ctx, c.Actor.SellerID, c.ID, now)
	})
}
