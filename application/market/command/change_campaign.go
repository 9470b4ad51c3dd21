package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
)

func changeCampaign[R any](ctx context.Context, d market.Deps, actor application.Actor, id string, once application.Once[R],
	change func(context.Context, market.Tx, *campaign.Campaign, time.Time) (R, error),
) (application.Done, error) {
	now := d.Clock.Now()
	return application.DoOnce(ctx, d, actor, once, func(ctx context.Context, tx market.Tx) (R, error) {
		var none R
		c, err := tx.Campaigns().Lock(ctx, actor.SellerID, id)
		if err != nil {
			return none, err
		}
		result, err := change(ctx, tx, c, now)
		if err != nil {
			return none, err
		}
		return result, tx.Campaigns().Save(ctx, c)
	})
}
