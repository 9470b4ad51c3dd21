package query

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
)

// WebhookByID asks for a webhook of a seller by its id or key.
type WebhookByID struct {
	application.Actor

	ID string
}

// Needs implements application.Message.
func (WebhookByID) Needs() application.Scope { return application.Program }

// WebhookByIDHandler handles WebhookByID.
type WebhookByIDHandler struct {
	Reader feed.Reader
	Sealer application.Sealer
}

// Handle answers WebhookByID: webhook.ErrNotFound, and those of application.Sealer for one in Partnero's format.
func (h WebhookByIDHandler) Handle(ctx context.Context, q WebhookByID) (Webhook, error) {
	s, err := h.Reader.WebhookOf(ctx, q.SellerID, q.ID)
	if err != nil {
		return Webhook{}, err
	}
	return withSignature(h.Sealer, q.Actor, s)
}
