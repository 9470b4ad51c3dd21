package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

// offerNow offers one lead, which is locked with its campaign, because an operator says so.
type offerNow struct {
	campaign   *campaign.Campaign
	lead       *lead.Lead
	outside    map[string]field.Set
	saleID     drawSale
	ids        application.IDs
	strategies distribution.Strategies
	plans      lookup
}

// decide sells the lead, lets it wait, or rejects it when its person is suppressed by now, and stores what became of it. Buyers that gave it
// back, or were asked about it, or bought its person lately, are not offered it. Errors: *uncompiledError, *bus.PanicError, *distribution.RankingError.
func (o *offerNow) decide(ctx context.Context, tx market.Tx, now time.Time) error {
	c, leads := o.campaign, []*lead.Lead{o.lead}
	suppressed, err := suppressedPending(ctx, tx, c, leads)
	if err != nil {
		return err
	}
	if suppressed[o.lead.ID()] {
		if err := o.lead.Suppress(now); err != nil {
			return err
		}
		if err := tx.Leads().SaveAll(ctx, leads); err != nil {
			return err
		}
		return giveBackClaims(ctx, tx, c.SellerID(), leads)
	}
	seller, err := tx.Sellers().Get(ctx, c.SellerID())
	if err != nil {
		return err
	}
	offers, err := o.plans.offered(map[string]*campaign.Campaign{c.ID(): c}, false, factsOf(leads))
	if err != nil {
		return err
	}
	m, err := openMarketplace(ctx, locked(tx), offers, o.strategies, now)
	if err != nil {
		return err
	}
	if err := m.promise(ctx, tx, c.SellerID(), leads, seller.Currency(), now); err != nil {
		return err
	}
	refuse, err := notAgain(ctx, tx, nil, c, leads, now)
	if err != nil {
		return err
	}
	d, err := m.decide(ctx, c, o.lead, distribution.Ask{Facts: o.lead.Facts().WithOutside(o.outside), Refuse: refuse(o.lead)})
	if err != nil {
		return err
	}
	if len(d.Takers) == 0 {
		o.lead.SetTrace(d.Trace)
		err = o.lead.Wait(now.Add(c.PendingTTL()), now)
	} else {
		err = m.sell(o.lead, c, d, seller.Currency(), o.saleID, now)
	}
	if err != nil {
		return err
	}
	if !o.lead.Test() {
		if err := m.take(o.lead, d.Takers, o.ids, o.saleID, now); err != nil {
			return err
		}
		m.bought.take(o.lead, d.Takers)
	}
	if err := tx.Leads().SaveAll(ctx, leads); err != nil {
		return err
	}
	if err := m.write(ctx, tx); err != nil {
		return err
	}
	return m.bought.write(ctx, tx)
}
