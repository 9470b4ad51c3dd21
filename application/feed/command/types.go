package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/feed"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/webhook"
)

// WebhookTerms are what a request says of a webhook; nil members say nothing. Events are named as the format does. Key is, in the standard format,
// the secret, and in Partnero's the name in paths.
type WebhookTerms struct {
	Name, URL, Format, Key *string
	Events                 *[]string
	Active                 *bool
}

// Secrets makes and seals the secrets of webhooks, and looks at what they name.
type Secrets struct {
	Outbound  application.Outbound
	Sealer    application.Sealer
	Signer    feed.Signer
	Random    application.Secrets
	Catalogue *eventsv1.Catalogue
}

// errAddress says that requests are not sent to an address. Which rule says so tells nothing of the network.
var errAddress = fault.New(fault.Invalid, fault.InvalidValue, "must be an https address that may be reached, without credentials")

// definition turns terms into a definition for a webhook of a format. What is wrong is added to the violations.
func (s Secrets) definition(t WebhookTerms, format webhook.Format, v *fault.Violations) webhook.Definition {
	d := webhook.Definition{Name: t.Name, URL: t.URL, Active: t.Active}
	if t.Format != nil {
		d.Format = new(webhook.Format(*t.Format))
	}
	if t.Events != nil {
		d.Events = new(feed.TypesOf(s.Catalogue, format, *t.Events, v))
	}
	if t.URL != nil {
		if _, err := contact.ParseURL(*t.URL); err == nil && s.Outbound.Check(*t.URL) != nil { // what is no URL the webhook refuses
			v.AddErr("url", errAddress)
		}
	}
	return d
}

// newSecret makes a secret for a format.
func (s Secrets) newSecret(format webhook.Format) string {
	if format == webhook.Partnero {
		return s.Random.New()
	}
	return s.Signer.NewSecret()
}

// keyLength is how long the key of a webhook is that names none: the end of its id, which is random.
const keyLength = 12

// together returns the violations of two errors as one; an error without violations as it is.
func together(v *fault.Violations, err error) error {
	if err == nil {
		return v.Err()
	}
	more := fault.As(err)
	if more == nil || len(more.Violated()) == 0 {
		return err
	}
	said := map[string]bool{}
	for _, f := range fault.As(v.Err()).Violated() {
		said[f.Field] = true
	}
	for _, f := range more.Violated() {
		if !said[f.Field] {
			v.Add(f.Field, f.Code, f.Message)
		}
	}
	return v.Err()
}

// change locks a webhook, has it changed and stores it.
func change(ctx context.Context, d feed.Deps, a application.Actor, handle string, once application.Once[feedquery.Webhook],
	do func(ctx context.Context, tx feed.Tx, w *webhook.Webhook, now time.Time) (secret string, err error),
) (application.Done, error) {
	now := d.Clock.Now()
	return application.DoOnce(ctx, d, a, once, func(ctx context.Context, tx feed.Tx) (feedquery.Webhook, error) {
		w, err := tx.Webhooks().Lock(ctx, a.SellerID, handle)
		if err != nil {
			return feedquery.Webhook{}, err
		}
		secret, err := do(ctx, tx, w, now)
		if err != nil {
			return feedquery.Webhook{}, err
		}
		if err := tx.Webhooks().Save(ctx, w); err != nil {
			return feedquery.Webhook{}, err
		}
		out := feedquery.WebhookOf(w.Snapshot())
		out.Secret = secret
		return out, nil
	})
}
