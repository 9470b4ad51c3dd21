package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/buyer"
)

// UpdateBuyer changes a buyer's details.
type UpdateBuyer struct {
	application.Actor

	ID      string
	Details buyer.Details
	Seen    time.Time // when what was seen had been changed last; zero: it is changed whatever it is
	Once    application.Once[marketquery.Buyer]
}

// Needs implements application.Message.
func (UpdateBuyer) Needs() application.Scope { return application.Program }

// UpdateBuyerHandler handles UpdateBuyer.
type UpdateBuyerHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: buyer.ErrNotFound, application.ErrChangedMeanwhile, fault.ErrValidation.
func (h UpdateBuyerHandler) Handle(ctx context.Context, c UpdateBuyer) (application.Done, error) {
	now := h.Clock.Now()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx market.Tx) (marketquery.Buyer, error) {
		// The seller's zone does not change while caps are counted in it.
		read := tx.Sellers().Get
		if c.Details.Caps != nil || c.Details.TimeZone != nil {
			read = tx.Sellers().Lock
		}
		s, err := read(ctx, c.Actor.SellerID)
		if err != nil {
			return marketquery.Buyer{}, err
		}
		// Campaigns are locked before buyers. A new time zone changes contracts, so their campaigns are locked here first.
		if c.Details.TimeZone != nil {
			if _, err := tx.Campaigns().LockOfSeller(ctx, c.Actor.SellerID); err != nil {
				return marketquery.Buyer{}, err
			}
		}
		b, err := tx.Buyers().Lock(ctx, c.Actor.SellerID, c.ID)
		if err != nil {
			return marketquery.Buyer{}, err
		}
		if err := application.CheckSeen(c.Seen, b.Snapshot().UpdatedAt); err != nil {
			return marketquery.Buyer{}, err
		}
		before := b.Spans(now)
		zoneChanged, err := b.Update(c.Details, now)
		if err != nil {
			return marketquery.Buyer{}, err
		}
		b.CountIn(s.TimeZone(), now)
		if err := tx.Buyers().Save(ctx, b); err != nil {
			return marketquery.Buyer{}, err
		}
		if err := market.RecountBuyer(ctx, tx, b, before, now); err != nil {
			return marketquery.Buyer{}, err
		}
		if zoneChanged {
			if err := market.Rezone(ctx, tx, s, b.ID(), now); err != nil {
				return marketquery.Buyer{}, err
			}
		}
		return marketquery.BuyerOf(b.Snapshot()), nil
	})
}
