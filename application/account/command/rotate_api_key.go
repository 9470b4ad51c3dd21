package command

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
)

// RotateAPIKey makes a key that may do what another of the actor's seller may. That one ends when the overlap is over, unless it expires
// before, so that whoever has it has time to take the new one.
type RotateAPIKey struct {
	application.Actor

	ID        string
	Overlap   time.Duration
	ExpiresAt time.Time // of the new key; zero: never
	Once      application.Once[APIKeyCreated]
}

// Needs implements application.Message.
func (RotateAPIKey) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding: keys are an owner's.
func (RotateAPIKey) NeedsRole() operator.Role { return operator.Owner }

// RotateAPIKeyHandler handles RotateAPIKey.
type RotateAPIKeyHandler struct {
	account.Deps
	Secrets application.Secrets
	Scopes  application.Scopes
}

// Handle implements bus.Handler. Errors: seller.ErrKeyNotFound, also for a key that is revoked or expired; application.ErrForbidden for a key
// with a scope that the actor cannot make keys of; fault.ErrValidation.
func (h RotateAPIKeyHandler) Handle(ctx context.Context, c RotateAPIKey) (application.Done, error) {
	now, id, secret := h.Clock.Now(), plainID(h.IDs), h.Secrets.New()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx account.Tx) (APIKeyCreated, error) {
		old, err := tx.Keys().Get(ctx, c.Actor.SellerID, c.ID)
		if err == nil && !old.InForce(now) {
			err = seller.ErrKeyNotFound
		}
		if err != nil {
			return APIKeyCreated{}, err
		}
		if !slices.Contains(h.Scopes.GrantedBy(c.Actor), old.Scope) {
			return APIKeyCreated{}, application.ErrForbidden
		}
		if old.PartnerID != "" { // who deletes the partner revokes its keys
			if _, err := tx.Partners().Lock(ctx, old.SellerID, application.PartnerHandle{ID: old.PartnerID}); err != nil && !errors.Is(err, partner.ErrNotFound) {
				return APIKeyCreated{}, err
			}
		}
		token := seller.Token(old.Scope, id, secret)
		next, ends, err := old.Rotate(id, token, c.Overlap, c.ExpiresAt, now)
		if err != nil {
			return APIKeyCreated{}, err
		}
		if err := tx.Keys().Expire(ctx, old.SellerID, old.ID, ends); err != nil { // it was revoked meanwhile
			return APIKeyCreated{}, err
		}
		if err := tx.Keys().Add(ctx, next); err != nil {
			return APIKeyCreated{}, err
		}
		return APIKeyCreated{APIKey: accountquery.APIKeyOf(next), Key: token, Replaces: old.ID, ReplacedUntil: ends}, nil
	})
}
