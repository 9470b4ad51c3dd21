package market

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/seller"
)

// ZonesTx is what Rezone and Recount need of a transaction.
type ZonesTx interface {
	Campaigns() application.CampaignRepository
	Buyers() application.BuyerRepository
	Counters() CounterRepository
}

// Rezone sets the time zones of a buyer's contracts, or of all contracts of the seller when buyerID is empty, after the zone
// of the buyer or the seller changed, and counts the caps of changed contracts again from the sales. The caller holds the
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
		changed := c.Rezone(buyerID, zones, now)
		if len(changed) == 0 {
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
	}
	return nil
}

// Recount counts the caps of a contract of a locked campaign again from its sales: campaign.ErrContractNotFound.
func Recount(ctx context.Context, tx ZonesTx, c *campaign.Campaign, contractID string, now time.Time) error {
	k, err := c.Contract(contractID)
	if err != nil {
		return err
	}
	return tx.Counters().Recount(ctx, application.Ref{SellerID: c.SellerID(), ID: contractID}, k.Spans(now))
}
