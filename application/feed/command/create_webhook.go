package command

import (
	"context"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/webhook"
)

// CreateWebhook adds a webhook to the actor's seller. Its secret is shown once.
type CreateWebhook struct {
	application.Actor

	Terms WebhookTerms
	Once  application.Once[feedquery.Webhook]
}

// Needs implements application.Message.
func (CreateWebhook) Needs() application.Scope { return application.Program }

// CreateWebhookHandler handles CreateWebhook.
type CreateWebhookHandler struct {
	feed.Deps
	Secrets Secrets
}

// Handle implements bus.Handler. Errors: fault.ErrValidation, webhook.ErrKeyTaken, webhook.ErrTooMany, application.ErrSecretKeyMissing.
func (h CreateWebhookHandler) Handle(ctx context.Context, c CreateWebhook) (application.Done, error) {
	now, id := h.Clock.Now(), h.IDs.New("webhook")
	if c.Terms.Format == nil && c.Terms.Events != nil {
		c.Terms.Format = new(string(feed.FormatOf(*c.Terms.Events)))
	}
	format := webhook.Standard
	if c.Terms.Format != nil {
		format = webhook.Format(*c.Terms.Format)
	}
	var v fault.Violations
	d := h.Secrets.definition(c.Terms, format, &v)
	secret := h.Secrets.newSecret(format)
	if key := c.Terms.Key; key != nil && format == webhook.Partnero {
		d.Key = key
	} else if key != nil {
		secret = strings.TrimSpace(*key)
		if err := h.Secrets.Signer.CheckSecret(secret); err != nil || strings.ContainsAny(secret, " \t\r\n") {
			v.Add("key", fault.InvalidValue, "must be whsec_ with 24 to 64 bytes in base64 behind it")
		}
	}
	sealed, sealErr := h.Secrets.Sealer.Seal([]byte(secret), feed.SealWebhookSecret, id)
	_, err := webhook.New(id, c.SellerID, id[len(id)-keyLength:], d, sealed, now)
	if err := together(&v, err); err != nil {
		return application.Done{}, err
	}
	if sealErr != nil {
		return application.Done{}, sealErr
	}
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx feed.Tx) (feedquery.Webhook, error) {
		n, err := tx.Webhooks().Count(ctx, c.SellerID)
		if err != nil {
			return feedquery.Webhook{}, err
		}
		if n >= webhook.MostOfSeller {
			return feedquery.Webhook{}, webhook.ErrTooMany
		}
		w, err := webhook.New(id, c.SellerID, id[len(id)-keyLength:], d, sealed, now)
		if err != nil {
			return feedquery.Webhook{}, err
		}
		if err := tx.Webhooks().Add(ctx, w); err != nil {
			return feedquery.Webhook{}, err
		}
		out := feedquery.WebhookOf(w.Snapshot())
		out.Secret = secret
		return out, nil
	})
}
