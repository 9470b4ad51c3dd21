package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/buyer"
)

func changeBuyer[R any](ctx context.Context, d market.Deps, actor application.Actor, id string, once application.Once[R], change func(*buyer.Buyer, time.Time) (R, error)) (application.Done, error) {
	now := d.Clock.Now()
	return application.DoOnce(ctx, d, actor, once, func(ctx context.Context, tx market.Tx) (R, error) {
		var none R
		b, err := tx.Buyers().Lock(ctx, actor.SellerID, id)
		if err != nil {
			return none, err
		}
		result, err := change(b, now)
		if err != nil {
			return none, err
		}
		return result, tx.Buyers().Save(ctx, b)
	})
}
