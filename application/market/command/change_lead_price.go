package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

// ChangeLeadPrice lets a lead that is not sold be offered at a price of its own, in place of those of the contracts. A pending one is offered
// again by its event.
type ChangeLeadPrice struct {
	application.Actor

	ID string
	// Price is the new price and Was the one that the caller saw, in micro-units of the seller's currency; nil: none.
	Price, Was *money.Micros
	Once       application.Once[marketquery.MarketplaceLead]
}

// Needs implements application.Message.
func (ChangeLeadPrice) Needs() application.Scope { return application.Program }

// ChangeLeadPriceHandler handles ChangeLeadPrice. Of several who change a price at the same time one does.
type ChangeLeadPriceHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: fault.ErrValidation, lead.ErrNotFound, lead.ErrLive, lead.ErrErased, lead.ErrNotRepriceable,
// lead.ErrReserved, lead.ErrChanged.
func (h ChangeLeadPriceHandler) Handle(ctx context.Context, c ChangeLeadPrice) (application.Done, error) {
	var v fault.Violations
	price, was := leadPrice("price", c.Price, &v), leadPrice("was", c.Was, &v)
	if err := v.Err(); err != nil {
		return application.Done{}, err
	}
	now := h.Clock.Now()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx market.Tx) (none marketquery.MarketplaceLead, err error) {
		l, err := tx.Leads().Lock(ctx, c.Actor.SellerID, c.ID)
		if err != nil {
			return none, err
		}
		seller, err := tx.Sellers().Get(ctx, c.Actor.SellerID)
		if err != nil {
			return none, err
		}
		if err := l.ChangePrice(price, was, seller.Currency().Code(), now); err != nil {
			return none, err
		}
		return marketquery.MarketplaceLeadOf(l.Snapshot()), tx.LeadPrices().SavePrice(ctx, l)
	})
}

// leadPrice returns a lead's own price, 0 for none.
func leadPrice(member string, price *money.Micros, v *fault.Violations) money.Micros {
	if price == nil {
		return 0
	}
	if *price <= 0 || *price > campaign.MostPrice {
		v.Add(member, fault.InvalidValue, "must be above 0 and at most 1000000")
	}
	return *price
}
