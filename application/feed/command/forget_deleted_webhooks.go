package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
)

// ForgetDeletedWebhooks deletes what is left of webhooks that were deleted: their deliveries, pending ones too, and attempts. It goes in small steps
// with rests between them.
type ForgetDeletedWebhooks struct{}

// Needs implements application.Message.
func (ForgetDeletedWebhooks) Needs() application.Scope { return application.Internal }

// DeletedWebhooksForgotten says how many deliveries were deleted.
type DeletedWebhooksForgotten struct{ Deliveries int }

// ForgetDeletedWebhooksHandler handles ForgetDeletedWebhooks.
type ForgetDeletedWebhooksHandler struct {
	feed.Deps
	Reader feed.Reader
}

const (
	// forgottenAtOnce is how many webhooks are gone through in turns, and forgetStep how many deliveries of each are deleted at once.
	forgottenAtOnce = 16
	forgetStep      = 100
	// forgetRestAtMost bounds the rest behind a step, which is as long as it took.
	forgetRestAtMost = time.Second
)

// Handle implements bus.Handler. Errors: application.ErrUnavailable.
func (h ForgetDeletedWebhooksHandler) Handle(ctx context.Context, _ ForgetDeletedWebhooks) (done DeletedWebhooksForgotten, err error) {
	for {
		deleted, err := h.Reader.DeletedWebhooks(ctx, forgottenAtOnce)
		if err != nil || len(deleted) == 0 {
			return done, err
		}
		for _, ref := range deleted {
			began, n := application.Elapsed(h.Clock), 0
			if err := h.Work.Do(ctx, func(ctx context.Context, tx feed.Tx) (err error) {
				n, err = tx.WebhookDeliveries().Forget(ctx, ref.SellerID, ref.ID, forgetStep)
				return err
			}); err != nil {
				return done, err
			}
			done.Deliveries += n
			rest := time.NewTimer(min(application.Elapsed(h.Clock)-began, forgetRestAtMost))
			select {
			case <-rest.C:
			case <-ctx.Done():
				rest.Stop()
				return done, context.Cause(ctx)
			}
		}
	}
}
