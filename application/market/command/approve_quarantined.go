package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

// ApproveQuarantined lets a quarantined lead go on: it is decided like a new one, sold or pending from now on. One whose person is suppressed by
// now is rejected.
type ApproveQuarantined struct {
	application.Actor

	ID   string
	Once application.Once[marketquery.MarketplaceLead]
}

// Needs implements application.Message.
func (ApproveQuarantined) Needs() application.Scope { return application.Program }

// ApproveQuarantinedHandler handles ApproveQuarantined. Of several who decide a lead at the same time one does.
type ApproveQuarantinedHandler struct {
	market.Deps

	Reader     market.LeadReader
	Strategies distribution.Strategies
	Plans      *Plans
	Facts      application.FactProviders
}

// Handle implements bus.Handler. Errors: lead.ErrNotFound, lead.ErrNotQuarantined; *bus.PanicError, *distribution.RankingError.
func (h ApproveQuarantinedHandler) Handle(ctx context.Context, c ApproveQuarantined) (application.Done, error) {
	there, err := h.Reader.MarketLead(ctx, c.Actor.SellerID, c.ID)
	if err != nil {
		return application.Done{}, err
	}
	var outside map[string]field.Set
	if there.Status() == lead.StatusQuarantined && h.Facts.Any() {
		outside = h.Facts.Ask(ctx, there.Facts())
	}
	var done application.Done
	err = h.Plans.ahead(func(look lookup) (err error) {
		done, err = h.approve(ctx, c, there, outside, look)
		return err
	})
	return done, err
}

func (h ApproveQuarantinedHandler) approve(ctx context.Context, c ApproveQuarantined, there *lead.Lead, outside map[string]field.Set, look lookup) (application.Done, error) {
	now, sales := h.Clock.Now(), newSaleIDs(h.IDs)
	of := application.Ref{SellerID: c.Actor.SellerID, ID: there.CampaignID()}
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx market.Tx) (marketquery.MarketplaceLead, error) {
		var none marketquery.MarketplaceLead
		campaigns, err := tx.Campaigns().LockAll(ctx, []application.Ref{of}, nil)
		if err != nil {
			return none, err
		}
		leads, err := tx.Leads().LockQuarantined(ctx, of, there.ID())
		if err != nil {
			return none, err
		}
		if len(leads) == 0 || campaigns[of.ID] == nil {
			return none, lead.ErrNotQuarantined
		}
		o := offerNow{campaign: campaigns[of.ID], lead: leads[0], outside: outside, saleID: sales.of(leads[0].ID()), ids: h.IDs, strategies: h.Strategies, plans: look}
		if err := o.decide(ctx, tx, now); err != nil {
			return none, err
		}
		return marketquery.MarketplaceLeadOf(leads[0].Snapshot()), nil
	})
}
