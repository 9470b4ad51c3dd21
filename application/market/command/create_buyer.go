package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/buyer"
)

// CreateBuyer adds a buyer with an account to the actor's seller.
type CreateBuyer struct {
	application.Actor

	Details buyer.Details
	Once    application.Once[marketquery.Buyer]
}

// Needs implements application.Message.
func (CreateBuyer) Needs() application.Scope { return application.Program }

// CreateBuyerHandler handles CreateBuyer.
type CreateBuyerHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: fault.ErrValidation.
func (h CreateBuyerHandler) Handle(ctx context.Context, c CreateBuyer) (application.Done, error) {
	now, id := h.Clock.Now(), h.IDs.New("buyer")
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx market.Tx) (marketquery.Buyer, error) {
		b, err := buyer.New(id, c.Actor.SellerID, c.Details, now)
		if err != nil {
			return marketquery.Buyer{}, err
		}
		if c.Details.Caps != nil {
			s, err := tx.Sellers().Lock(ctx, c.Actor.SellerID) // so that its zone does not change meanwhile
			if err != nil {
				return marketquery.Buyer{}, err
			}
			b.CountIn(s.TimeZone(), now)
		}
		if err := tx.Buyers().Add(ctx, b); err != nil {
			return marketquery.Buyer{}, err
		}
		return marketquery.BuyerOf(b.Snapshot()), nil
	})
}
