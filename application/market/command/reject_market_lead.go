package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/lead"
)

// RejectMarketLead takes a lead off the market that waits for a decision or for a buyer. Its claims are given back, so that the same person can
// be submitted again.
type RejectMarketLead struct {
	application.Actor

	ID   string
	Once application.Once[marketquery.MarketplaceLead]
}

// Needs implements application.Message.
func (RejectMarketLead) Needs() application.Scope { return application.Program }

// RejectMarketLeadHandler handles RejectMarketLead.
type RejectMarketLeadHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: lead.ErrNotFound, lead.ErrNotOpen, lead.ErrReserved.
func (h RejectMarketLeadHandler) Handle(ctx context.Context, c RejectMarketLead) (application.Done, error) {
	now := h.Clock.Now()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx market.Tx) (marketquery.MarketplaceLead, error) {
		l, err := tx.Leads().Lock(ctx, c.Actor.SellerID, c.ID)
		if err != nil {
			return marketquery.MarketplaceLead{}, err
		}
		if err := l.RejectByOperator(now); err != nil {
			return marketquery.MarketplaceLead{}, err
		}
		if err := tx.Leads().SaveAll(ctx, []*lead.Lead{l}); err != nil {
			return marketquery.MarketplaceLead{}, err
		}
		return marketquery.MarketplaceLeadOf(l.Snapshot()), giveBackClaims(ctx, tx, c.Actor.SellerID, []*lead.Lead{l})
	})
}
