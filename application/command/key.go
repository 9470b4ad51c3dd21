package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
)

// CreateAPIKey makes a program or supplier key of the actor's seller. Partner names the supplier's partner.
type CreateAPIKey struct {
	application.Actor

	Scope   string
	Name    string
	Partner application.PartnerHandle
	Limit   *seller.RateLimit // nil: the default; zero: none
	Once    Once[APIKeyCreated]
}

// APIKeyCreated is a new key and its text, which is shown this once.
type APIKeyCreated struct {
	APIKey query.APIKey
	Key    string
}

// CreateAPIKeyHandler handles CreateAPIKey.
type CreateAPIKeyHandler struct {
	Deps
	Secrets application.Secrets
}

// Handle implements bus.Handler. Errors: partner.ErrUnknown, validation.
func (h CreateAPIKeyHandler) Handle(ctx context.Context, c CreateAPIKey) (Done, error) {
	now, id := h.Clock.Now(), plainID(h.IDs)
	token := seller.Token(seller.Scope(c.Scope), id, h.Secrets.New())
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (APIKeyCreated, error) {
		request := seller.KeyRequest{Scope: seller.Scope(c.Scope), Name: c.Name, Limit: c.Limit}
		if c.Partner != (application.PartnerHandle{}) {
			p, err := findPartner(ctx, tx.Partners().Lock, c.Actor.SellerID, c.Partner, partner.ErrUnknown)
			if err != nil {
				return APIKeyCreated{}, err
			}
			request.PartnerID = p.ID()
		}
		key, err := seller.NewKey(id, c.Actor.SellerID, token, request, now)
		if err != nil {
			return APIKeyCreated{}, err
		}
		if err := tx.Keys().Add(ctx, key); err != nil {
			return APIKeyCreated{}, err
		}
		return APIKeyCreated{APIKey: query.APIKeyOf(key), Key: token}, nil
	})
}

// RevokeAPIKey ends a key of the actor's seller.
type RevokeAPIKey struct {
	application.Actor

	ID   string
	Once Once[struct{}]
}

// RevokeAPIKeyHandler handles RevokeAPIKey.
type RevokeAPIKeyHandler struct{ Deps }

// Handle implements bus.Handler. Errors: seller.ErrKeyNotFound.
func (h RevokeAPIKeyHandler) Handle(ctx context.Context, c RevokeAPIKey) (Done, error) {
	now := h.Clock.Now()
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (struct{}, error) {
		return struct{}{}, tx.Keys().Revoke(ctx, c.Actor.SellerID, c.ID, now)
	})
}
