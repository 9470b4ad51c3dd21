package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/webhook"
)

// UpdateWebhook changes what a request says of a webhook.
type UpdateWebhook struct {
	application.Actor

	ID    string
	Terms WebhookTerms
	Seen  time.Time // when what was seen had been changed last; zero: it is changed whatever it is
	Once  application.Once[feedquery.Webhook]
}

// Needs implements application.Message.
func (UpdateWebhook) Needs() application.Scope { return application.Program }

// UpdateWebhookHandler handles UpdateWebhook.
type UpdateWebhookHandler struct {
	feed.Deps
	Secrets Secrets
}

// Handle implements bus.Handler. Errors: webhook.ErrNotFound, application.ErrChangedMeanwhile, fault.ErrValidation; in Partnero's format those of application.Sealer.
func (h UpdateWebhookHandler) Handle(ctx context.Context, c UpdateWebhook) (application.Done, error) {
	return change(ctx, h.Deps, c.Actor, c.ID, c.Once, func(ctx context.Context, tx feed.Tx, w *webhook.Webhook, now time.Time) (string, error) {
		before := w.Snapshot()
		if err := application.CheckSeen(c.Seen, before.UpdatedAt); err != nil {
			return "", err
		}
		var v fault.Violations
		d := h.Secrets.definition(c.Terms, before.Format, &v)
		if c.Terms.Key != nil && (before.Format != webhook.Partnero || *c.Terms.Key != before.Key) {
			v.Add("key", fault.InvalidValue, "cannot be changed; rotate-secret makes a new secret")
		}
		if err := together(&v, w.Update(d, now)); err != nil {
			return "", err
		}
		if before.Status == webhook.Disabled && w.Snapshot().Status == webhook.Active {
			if err := makeUp(ctx, h.Deps, tx, w.Snapshot(), before.StoppedAt, now); err != nil {
				return "", err
			}
		}
		return signature(h.Secrets.Sealer, w)
	})
}

// signature is what is shown of a webhook's secret whenever the webhook is.
func signature(sealer application.Sealer, w *webhook.Webhook) (string, error) {
	s := w.Snapshot()
	if s.Format != webhook.Partnero {
		return "", nil
	}
	plain, err := sealer.Open(s.Secret, feed.SealWebhookSecret, s.ID)
	return string(plain), err
}

// makeUp has a webhook told of what happened while it was disabled, and of no event twice. It begins earlier than that: events that happened before become
// deliveries only when the reaction that makes them gets to them, and are left out by it when the webhook is disabled by then.
func makeUp(ctx context.Context, d feed.Deps, tx feed.Tx, w webhook.Snapshot, stopped, now time.Time) error {
	return tx.WebhookReplays().Add(ctx, feed.Replay{
		SellerID: w.SellerID, WebhookID: w.ID, ID: d.IDs.New("replay"), Types: w.Events, From: stopped.Add(-behindAtMost), Until: now.Add(slack), Missing: true, CreatedAt: now,
	})
}

const (
	// behindAtMost is how far the reaction that makes deliveries may be behind when a webhook is disabled.
	behindAtMost = time.Hour
	// slack is how far the clocks of instances may be apart.
	slack = time.Minute
)
