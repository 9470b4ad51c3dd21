package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
)

// CloseSession signs a partner out.
type CloseSession struct{ Token string }

// Needs implements application.Message.
func (CloseSession) Needs() application.Scope { return application.Visitor }

// CloseSessionHandler handles CloseSession.
type CloseSessionHandler struct{ program.Deps }

// Handle implements bus.Handler. Errors: program.ErrTokenUnknown.
func (h CloseSessionHandler) Handle(ctx context.Context, c CloseSession) (struct{}, error) {
	now := h.Clock.Now()
	return struct{}{}, h.Work.Do(ctx, func(ctx context.Context, tx program.Tx) error {
		_, err := tx.Tokens().Consume(ctx, program.TokenHash(c.Token), program.SessionToken, now)
		return err
	})
}
