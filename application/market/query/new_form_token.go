package query

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
)

// NewFormToken asks for a token with which a web page posts leads by the actor's form key.
type NewFormToken struct{ application.Actor }

// Needs implements application.Message.
func (NewFormToken) Needs() application.Scope { return application.Form }

// FormToken is a token and when it ends.
type FormToken struct {
	Token     string
	ExpiresAt time.Time
}

// NewFormTokenHandler answers NewFormToken.
type NewFormTokenHandler struct {
	Tokens market.FormTokens
	Clock  application.Clock
}

// Handle implements bus.Handler.
func (h NewFormTokenHandler) Handle(_ context.Context, q NewFormToken) (FormToken, error) {
	now := h.Clock.Now()
	return FormToken{Token: h.Tokens.New(q.KeyID, now), ExpiresAt: now.Add(market.FormTokenLife)}, nil
}
