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

// RedistributeLead offers a pending, unsold or returned lead again, at once: it is sold or waits for a buyer. Buyers that gave it back are
// not offered it.
type RedistributeLead struct {
	application.Actor

	ID   string
	Once application.Once[marketquery.MarketplaceLead]
}

// Needs implements application.Message.
func (RedistributeLead) Needs() application.Scope { return application.Program }

// RedistributeLeadHandler handles RedistributeLead.
type RedistributeLeadHandler struct {
	market.Deps

	Strategies distribution.Strategies
	Plans      *Plans
	Facts      application.FactProviders
}

// Handle implements bus.Handler. A lead whose person is suppressed by now is rejected. Errors: lead.ErrNotFound, lead.ErrLive, lead.ErrNotOfferable, lead.ErrErased,
// lead.ErrReserved; *bus.PanicError,
// *distribution.RankingError.
func (h RedistributeLeadHandler) Handle(ctx context.Context, c RedistributeLead) (application.Done, error) {
	outside, err := h.ask(ctx, c)
	if err != nil {
		return application.Done{}, err
	}
	var done application.Done
	err = h.Plans.ahead(func(look lookup) (err error) {
		done, err = h.redistribute(ctx, c, outside, look)
		return err
	})
	return done, err
}

func (h RedistributeLeadHandler) redistribute(ctx context.Context, c RedistributeLead, outside map[string]field.Set, look lookup) (application.Done, error) {
	now, sales := h.Clock.Now(), newSaleIDs(h.IDs)
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx market.Tx) (marketquery.MarketplaceLead, error) {
		campaignID, err := tx.Leads().CampaignOf(ctx, c.Actor.SellerID, c.ID)
		if err != nil {
			return marketquery.MarketplaceLead{}, err
		}
		n, err := tx.Campaigns().Lock(ctx, c.Actor.SellerID, campaignID)
		if err != nil {
			return marketquery.MarketplaceLead{}, err
		}
		l, err := tx.Leads().Lock(ctx, c.Actor.SellerID, c.ID)
		if err != nil {
			return marketquery.MarketplaceLead{}, err
		}
		if err := l.Redistribute(); err != nil {
			return marketquery.MarketplaceLead{}, err
		}
		o := offerNow{campaign: n, lead: l, outside: outside, saleID: sales.of(l.ID()), ids: h.IDs, strategies: h.Strategies, plans: look}
		if err := o.decide(ctx, tx, now); err != nil {
			return marketquery.MarketplaceLead{}, err
		}
		return marketquery.MarketplaceLeadOf(l.Snapshot()), nil
	})
}

// ask asks the providers of facts from outside, if there are any, about a lead that may be offered again.
func (h RedistributeLeadHandler) ask(ctx context.Context, c RedistributeLead) (map[string]field.Set, error) {
	if !h.Facts.Any() {
		return nil, nil
	}
	var facts lead.Facts
	err := h.Work.Do(ctx, func(ctx context.Context, tx market.Tx) error {
		l, err := tx.Leads().Lock(ctx, c.Actor.SellerID, c.ID)
		if err != nil {
			return err
		}
		facts = l.Facts()
		return nil
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, factPatience)
	defer cancel()
	return h.Facts.AskAll(ctx, []lead.Facts{facts})[0], nil
}
