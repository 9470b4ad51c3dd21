package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/buyer"
)

// PauseBuyer keeps a buyer from taking leads until it is resumed.
type PauseBuyer struct {
	application.Actor

	ID   string
	Once application.Once[marketquery.Buyer]
}

// Needs implements application.Message.
func (PauseBuyer) Needs() application.Scope { return application.Program }

// PauseBuyerHandler handles PauseBuyer.
type PauseBuyerHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: buyer.ErrNotFound, buyer.ErrAlreadyPaused.
func (h PauseBuyerHandler) Handle(ctx context.Context, c PauseBuyer) (application.Done, error) {
	return changeBuyer(ctx, h.Deps, c.Actor, c.ID, c.Once, func(b *buyer.Buyer, now time.Time) (marketquery.Buyer, error) {
		err := b.Pause(now)
		return marketquery.BuyerOf(b.Snapshot()), err
	})
}
