package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/webhook"
)

// WebhookDeliveries asks for the deliveries of a webhook, the newest events first, each with its last attempt. An empty Status selects all.
type WebhookDeliveries struct {
	application.Actor

	ID, Status string
	Page       application.Page
}

// Needs implements application.Message.
func (WebhookDeliveries) Needs() application.Scope { return application.Program }

// MostWebhookAttempts is how many attempts of a delivery are shown, the newest.
const MostWebhookAttempts = 20

// WebhookDelivery is the delivery of an event to a webhook. NextAt is zero when it is not pending. Attempts are the newest first. Body is what is sent;
// empty in lists.
type WebhookDelivery struct {
	EventID, Type, Status, Reason    string
	Tried                            int64 // since it became pending
	NextAt                           time.Time
	HappenedAt, CreatedAt, UpdatedAt time.Time
	Attempts                         []WebhookAttempt
	Body                             []byte
}

// WebhookAttempt is an attempt to tell a webhook. Status is 0 without an answer; Reason is empty when it succeeded.
type WebhookAttempt struct {
	Number int64
	At     time.Time
	Took   time.Duration
	Status int
	Reason string
	Answer string
}

// WebhookDeliveryStatuses returns the statuses that a delivery can have and be listed by.
func WebhookDeliveryStatuses() []string { return webhook.States() }
