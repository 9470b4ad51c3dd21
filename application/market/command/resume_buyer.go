package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/buyer"
)

// ResumeBuyer lets a paused buyer take leads again.
type ResumeBuyer struct {
	application.Actor

	ID   string
	Once application.Once[marketquery.Buyer]
}

// Needs implements application.Message.
func (ResumeBuyer) Needs() application.Scope { return application.Program }

// ResumeBuyerHandler handles ResumeBuyer.
type ResumeBuyerHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: buyer.ErrNotFound, buyer.ErrNotPaused.
func (h ResumeBuyerHandler) Handle(ctx context.Context, c ResumeBuyer) (application.Done, error) {
	return changeBuyer(ctx, h.Deps, c.Actor, c.ID, c.Once, func(b *buyer.Buyer, now time.Time) (marketquery.Buyer, error) {
		err := b.Resume(now)
		return marketquery.BuyerOf(b.Snapshot()), err
	})
}
