package feed

import (
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/webhook"
)

// WebhookChangedType is the type of the internal event that tells what was done to a webhook. It is in the log; integrators never see it, and no webhook
// is told.
const WebhookChangedType = "webhook.changed.v1"

// WebhookChanged is the payload of webhook.changed.v1. Change is created, updated, secret_rotated, enabled, disabled or deleted; Reason is why it was
// disabled.
type WebhookChanged struct {
	WebhookID string        `json:"webhook_id"`
	Change    string        `json:"change"`
	Reason    string        `json:"reason,omitempty"`
	At        eventsv1.Time `json:"at"`
}

// InternalTypes returns the types of this room's events that are in the log but not in the public contract.
func InternalTypes() []string { return []string{WebhookChangedType} }

// Publish implements application.Translation for webhooks.
func Publish(e event.Event) (p application.Published, ok bool, err error) {
	c, is := e.(webhook.Changed)
	if !is {
		return application.Published{}, false, nil
	}
	p, err = application.PublishInternal(WebhookChangedType, WebhookChanged{c.WebhookID, string(c.Change), string(c.Reason), eventsv1.UTC(c.At)}, c.At)
	return p, true, err
}
