package query

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/webhook"
)

// Webhooks asks for a seller's webhooks, newest first.
type Webhooks struct {
	application.Actor

	Page application.Page
}

// Needs implements application.Message.
func (Webhooks) Needs() application.Scope { return application.Program }

// WebhooksHandler handles Webhooks.
type WebhooksHandler struct {
	Read   func(context.Context, Webhooks) (application.List[webhook.Snapshot], error)
	Sealer application.Sealer
}

// Handle answers Webhooks. Errors: those of application.Sealer when there is one in Partnero's format.
func (h WebhooksHandler) Handle(ctx context.Context, q Webhooks) (application.List[Webhook], error) {
	found, err := h.Read(ctx, q)
	if err != nil {
		return application.List[Webhook]{}, err
	}
	out := application.List[Webhook]{Items: make([]Webhook, len(found.Items)), Next: found.Next}
	for i, s := range found.Items {
		if out.Items[i], err = withSignature(h.Sealer, q.Actor, s); err != nil {
			return application.List[Webhook]{}, err
		}
	}
	return out, nil
}
