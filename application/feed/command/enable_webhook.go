package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	"github.com/leadmill/leadmill/domain/webhook"
)

// EnableWebhook has a webhook told of events again: of those that wait, and, when it was disabled because it failed, of those that happened since.
type EnableWebhook struct {
	application.Actor

	ID   string
	Once application.Once[feedquery.Webhook]
}

// Needs implements application.Message.
func (EnableWebhook) Needs() application.Scope { return application.Program }

// EnableWebhookHandler handles EnableWebhook.
type EnableWebhookHandler struct {
	feed.Deps
	Sealer application.Sealer
}

// Handle implements bus.Handler. Errors: webhook.ErrNotFound; in Partnero's format those of application.Sealer.
func (h EnableWebhookHandler) Handle(ctx context.Context, c EnableWebhook) (application.Done, error) {
	return change(ctx, h.Deps, c.Actor, c.ID, c.Once, func(ctx context.Context, tx feed.Tx, w *webhook.Webhook, now time.Time) (string, error) {
		if stopped := w.Enable(now); !stopped.IsZero() {
			if err := makeUp(ctx, h.Deps, tx, w.Snapshot(), stopped, now); err != nil {
				return "", err
			}
		}
		return signature(h.Sealer, w)
	})
}
