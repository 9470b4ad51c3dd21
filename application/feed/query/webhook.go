package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/webhook"
)

// Webhook is a webhook as its seller sees it. Events are named as its format does. Secret is shown when it was just made; in Partnero's format always.
type Webhook struct {
	ID, Key, Name, URL, Secret string
	Events                     []string
	Format, Status             string
	DisabledReason             string
	DisabledAt, FailingSince   time.Time
	CreatedAt, UpdatedAt       time.Time
}

// WebhookOf returns a stored webhook without its secret.
func WebhookOf(s webhook.Snapshot) Webhook {
	w := Webhook{
		ID: s.ID, Key: s.Key, Name: s.Name, URL: s.URL, Events: feed.NamesOf(s.Format, s.Events), Format: string(s.Format), Status: string(s.Status),
		DisabledReason: string(s.DisabledReason), FailingSince: s.FailingSince, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
	}
	if s.Status == webhook.Disabled {
		w.DisabledAt = s.StoppedAt
	}
	return w
}

// withSignature adds the secret of a webhook in Partnero's format, whose clients read it at any time; not for a person who may only look.
func withSignature(sealer application.Sealer, who application.Actor, s webhook.Snapshot) (Webhook, error) {
	w := WebhookOf(s)
	if s.Format != webhook.Partnero || who.PersonID != "" && !who.Role.Includes(operator.Operator) {
		return w, nil
	}
	plain, err := sealer.Open(s.Secret, feed.SealWebhookSecret, s.ID)
	w.Secret = string(plain)
	return w, err
}
