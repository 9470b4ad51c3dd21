package command

import (
	"context"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/seller"
)

// rezone settles the zones of contracts after the zone of a buyer (or of the seller, when buyerID is empty) changed, and
// counts their caps again from the sales (distribution.md, "Caps and time").
func rezone(ctx context.Context, tx application.Tx, s *seller.Seller, buyerID string, now time.Time) error {
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
			if err := recount(ctx, tx, c, id, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// recount counts a contract's caps again from its sales.
func recount(ctx context.Context, tx application.Tx, c *campaign.Campaign, contractID string, now time.Time) error {
	k, err := c.Contract(contractID)
	if err != nil {
		return err
	}
	return tx.Counters().Recount(ctx, contractID, k.Spans(now))
}

// plainID makes an id without a prefix, for where a prefix is put by others: API keys.
func plainID(ids application.IDs) string {
	_, id, _ := strings.Cut(ids.New("k"), "_")
	return strings.ToLower(id)
}
