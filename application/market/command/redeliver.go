package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/delivery"
)

// Redeliver has a sale delivered again that is delivered or failed: now, with all attempts, and under the same id.
type Redeliver struct {
	application.Actor

	ID   string
	Once application.Once[marketquery.Delivery]
}

// Needs implements application.Message.
func (Redeliver) Needs() application.Scope { return application.Program }

// RedeliverHandler handles Redeliver.
type RedeliverHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: delivery.ErrNotFound, delivery.ErrStillPending.
func (h RedeliverHandler) Handle(ctx context.Context, c Redeliver) (application.Done, error) {
	now := h.Clock.Now()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx market.Tx) (marketquery.Delivery, error) {
		d, err := tx.Deliveries().Lock(ctx, c.Actor.SellerID, c.ID)
		if err != nil {
			return marketquery.Delivery{}, err
		}
		if err := d.Redeliver(now); err != nil {
			return marketquery.Delivery{}, err
		}
		return marketquery.DeliveryOf(d.Snapshot()), tx.Deliveries().SaveAll(ctx, []*delivery.Delivery{d})
	})
}
