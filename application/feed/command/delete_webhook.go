package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
)

// DeleteWebhook ends a webhook: nothing is sent to it any more, and its deliveries are deleted soon after.
type DeleteWebhook struct {
	application.Actor

	ID   string
	Once application.Once[struct{}]
}

// Needs implements application.Message.
func (DeleteWebhook) Needs() application.Scope { return application.Program }

// DeleteWebhookHandler handles DeleteWebhook.
type DeleteWebhookHandler struct{ feed.Deps }

// Handle implements bus.Handler. Errors: webhook.ErrNotFound.
func (h DeleteWebhookHandler) Handle(ctx context.Context, c DeleteWebhook) (application.Done, error) {
	now := h.Clock.Now()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx feed.Tx) (struct{}, error) {
		w, err := tx.Webhooks().Lock(ctx, c.SellerID, c.ID)
		if err != nil {
			return struct{}{}, err
		}
		w.Delete(now)
		if err := tx.WebhookReplays().Delete(ctx, c.SellerID, w.Snapshot().ID, ""); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, tx.Webhooks().Save(ctx, w)
	})
}
