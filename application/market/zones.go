package market

import (
	"context"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/quota"
	"github.com/leadmill/leadmill/domain/seller"
)

// ZonesTx is what Rezone and Recount need of a transaction.
type ZonesTx interface {
	Campaigns() application.CampaignRepository
	Buyers() application.BuyerRepository
	Counters() CounterRepository
}

// Rezone sets the time zones of a buyer's contracts, or of all contracts, buyers and campaigns of the seller when buyerID is empty, after
// the zone of the buyer or the seller changed, and counts the caps of what changed again from the sales. The caller holds the
// lock of the seller, or the locks of the campaigns and the buyer. Errors are those of the repositories.
func Rezone(ctx context.Context, tx ZonesTx, s *seller.Seller, buyerID string, now time.Time) error {
	campaigns, err := tx.Campaigns().LockOfSeller(ctx, s.ID())
	if err != nil {
		return err
	}
	buyers := map[string]string{}
	for _, c := range campaigns {
		for _, k := range c.Contracts() {
			if _, known := buyers[k.BuyerID()]; known {
				continue
			}
			b, err := tx.Buyers().Get(ctx, s.ID(), k.BuyerID())
			if err != nil {
				return err
			}
			buyers[k.BuyerID()] = b.TimeZone()
		}
	}
	zones := func(buyerID string) campaign.Zones {
		return campaign.Zones{Buyer: buyers[buyerID], Seller: s.TimeZone()}
	}
	for _, c := range campaigns {
		spans := c.Spans(now)
		changed := c.Rezone(buyerID, zones, now)
		own := buyerID == "" && c.RezoneCaps(s.TimeZone(), now)
		if len(changed) == 0 && !own {
			continue
		}
		if err := tx.Campaigns().Save(ctx, c); err != nil {
			return err
		}
		for _, id := range changed {
			if err := Recount(ctx, tx, c, id, now); err != nil {
				return err
			}
		}
		if err := RecountCampaign(ctx, tx, c, spans, now); err != nil {
			return err
		}
	}
	if buyerID != "" {
		return nil
	}
	return rezoneBuyers(ctx, tx, s, now)
}

// rezoneBuyers sets the zones in which the caps of a seller's buyers are counted.
func rezoneBuyers(ctx context.Context, tx ZonesTx, s *seller.Seller, now time.Time) error {
	capped, err := tx.Buyers().LockRuled(ctx, s.ID())
	if err != nil {
		return err
	}
	for _, b := range capped {
		spans := b.Spans(now)
		if !b.Rezone(s.TimeZone(), now) {
			continue
		}
		if err := tx.Buyers().Save(ctx, b); err != nil {
			return err
		}
		if err := RecountBuyer(ctx, tx, b, spans, now); err != nil {
			return err
		}
	}
	return nil
}

// RecountBuyer counts the caps of a locked buyer again from its sales, unless they are counted in the same spans as before.
func RecountBuyer(ctx context.Context, tx ZonesTx, b *buyer.Buyer, before []calendar.Span, now time.Time) error {
	if quota.SameSpans(before, b.Spans(now)) {
		return nil
	}
	return tx.Counters().Recount(ctx, distribution.OwnerBuyer, application.Ref{SellerID: b.SellerID(), ID: b.ID()}, spansAround(b.Spans, now))
}

// RecountCampaign counts the own caps of a locked campaign again from its sales, unless they are counted in the same spans as before.
func RecountCampaign(ctx context.Context, tx ZonesTx, c *campaign.Campaign, before []calendar.Span, now time.Time) error {
	if quota.SameSpans(before, c.Spans(now)) {
		return nil
	}
	return tx.Counters().Recount(ctx, distribution.OwnerCampaign, application.Ref{SellerID: c.SellerID(), ID: c.ID()}, spansAround(c.Spans, now))
}

// Recount counts the caps of a contract of a locked campaign again from its sales: campaign.ErrContractNotFound.
func Recount(ctx context.Context, tx ZonesTx, c *campaign.Campaign, contractID string, now time.Time) error {
	k, err := c.Contract(contractID)
	if err != nil {
		return err
	}
	return tx.Counters().Recount(ctx, distribution.OwnerContract, application.Ref{SellerID: c.SellerID(), ID: contractID}, spansAround(k.Spans, now))
}

// recountMargin is how far the times of a recount and of a decision that comes before or behind it may differ the other way round: each
// takes its time before it waits for locks, and the clocks of instances differ.
const recountMargin = 10 * time.Minute

// spansAround returns the spans of all times within recountMargin of now, each once: what a decision beside a recount counts in is
// counted again too.
func spansAround(spans func(time.Time) []calendar.Span, now time.Time) (all []calendar.Span) {
	for _, t := range []time.Time{now, now.Add(-recountMargin), now.Add(recountMargin)} {
		for _, s := range spans(t) {
			if !slices.ContainsFunc(all, func(o calendar.Span) bool { return o.Key == s.Key }) {
				all = append(all, s)
			}
		}
	}
	return all
}
