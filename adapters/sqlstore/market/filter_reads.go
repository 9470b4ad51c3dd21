package market

import (
	"context"

	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/fault"
)

// BrokenFilters returns the contracts of campaigns that are not archived whose filters do not compile, by campaign and contract, of all
// sellers. Such a contract takes no lead.
func (r *Reader) BrokenFilters(ctx context.Context, filters distribution.Filters) (broken []market.BrokenFilter, err error) {
	var of []struct {
		SellerID   string `db:"seller_id"`
		CampaignID string `db:"campaign_id"`
	}
	if err := r.db.All(ctx, &of, "SELECT DISTINCT seller_id, campaign_id FROM contracts WHERE rules IS NOT NULL AND status <> 'deleted' ORDER BY seller_id, campaign_id"); err != nil {
		return nil, err
	}
	for _, ref := range of {
		c, err := r.Campaign(ctx, ref.SellerID, ref.CampaignID)
		if err != nil {
			return nil, err
		}
		if c.Status() == campaign.StatusArchived {
			continue
		}
		compiler := filters.Over(c.Rules())
		for _, k := range c.Contracts() {
			if k.Filter() == "" {
				continue
			}
			if _, err := compiler.Compile(k.Filter()); err != nil {
				b := market.BrokenFilter{CampaignID: c.ID(), ContractID: k.ID(), Why: "it does not compile"}
				if e := fault.As(err); e != nil {
					b.Why = e.Message
				}
				broken = append(broken, b)
			}
		}
	}
	return broken, nil
}
