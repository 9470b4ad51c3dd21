package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	"github.com/leadmill/leadmill/domain/webhook"
)

// RotateWebhookSecret gives a webhook a new secret, which is shown once. The one before signs beside it for 24 hours, and the one before that no more.
type RotateWebhookSecret struct {
	application.Actor

	ID   string
	Once application.Once[feedquery.Webhook]
}

// Needs implements application.Message.
func (RotateWebhookSecret) Needs() application.Scope { return application.Program }

// RotateWebhookSecretHandler handles RotateWebhookSecret.
type RotateWebhookSecretHandler struct {
	feed.Deps
	Secrets Secrets
}

// Handle implements bus.Handler. Errors: webhook.ErrNotFound, application.ErrSecretKeyMissing.
func (h RotateWebhookSecretHandler) Handle(ctx context.Context, c RotateWebhookSecret) (application.Done, error) {
	return change(ctx, h.Deps, c.Actor, c.ID, c.Once, func(_ context.Context, _ feed.Tx, w *webhook.Webhook, now time.Time) (string, error) {
		s := w.Snapshot()
		secret := h.Secrets.newSecret(s.Format)
		sealed, err := h.Secrets.Sealer.Seal([]byte(secret), feed.SealWebhookSecret, s.ID)
		if err != nil {
			return "", err
		}
		w.RotateSecret(sealed, now)
		return secret, nil
	})
}
