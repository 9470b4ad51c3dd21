package leadmill

import (
	"context"
	"log/slog"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/application"
)

// How often an instance stores what keys were used for, and how long its last time at the end may take.
const (
	usageEvery = time.Minute
	usageLast  = 5 * time.Second
)

// storeUsage stores what keys were used for, once a minute and when ctx ends.
func (k *core) storeUsage(ctx context.Context) error {
	tick := time.NewTicker(usageEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			k.storeUsageOnce(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), usageLast)
			defer cancel()
			k.storeUsageOnce(last)
			return nil
		}
	}
}

// storeUsageOnce logs what it fails with: nothing but the listing of keys needs it, and it is tried again.
func (k *core) storeUsageOnce(ctx context.Context) {
	err := k.Usage.Store(ctx, func(ctx context.Context, used []application.KeyUse) error {
		return k.Store.Do(ctx, func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Keys().Used(ctx, used) })
	})
	if err != nil && ctx.Err() == nil {
		k.Logger.WarnContext(ctx, "what keys were used for is not stored yet", slog.Any("error", err))
	}
}
