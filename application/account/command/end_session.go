package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// EndSession ends one of the actor's own sessions.
type EndSession struct {
	application.Actor

	ID string
}

// Needs implements application.Message.
func (EndSession) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding: everybody has sessions.
func (EndSession) NeedsRole() operator.Role { return operator.Anybody }

// EndSessionHandler handles EndSession.
type EndSessionHandler struct{ account.Deps }

// Handle implements bus.Handler. Errors: operator.ErrSessionNotFound.
func (h EndSessionHandler) Handle(ctx context.Context, c EndSession) (struct{}, error) {
	return struct{}{}, h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		ended, err := tx.PersonSessions().EndByID(ctx, c.PersonID, c.ID)
		if err == nil && !ended {
			err = operator.ErrSessionNotFound
		}
		return err
	})
}
