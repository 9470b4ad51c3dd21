package query

import "github.com/leadmill/leadmill/application"

// WebhookDeliveryByEvent asks for the delivery of an event to a webhook, with its attempts and what is sent.
type WebhookDeliveryByEvent struct {
	application.Actor

	ID, EventID string
}

// Needs implements application.Message.
func (WebhookDeliveryByEvent) Needs() application.Scope { return application.Program }
