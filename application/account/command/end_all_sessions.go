package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// EndAllSessions ends the actor's own sessions but the one with the id Except; empty for none.
type EndAllSessions struct {
	application.Actor

	Except string
}

// Needs implements application.Message.
func (EndAllSessions) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding: everybody has sessions.
func (EndAllSessions) NeedsRole() operator.Role { return operator.Anybody }

// EndAllSessionsHandler handles EndAllSessions.
type EndAllSessionsHandler struct{ account.Deps }

// Handle implements bus.Handler. Errors: those of UnitOfWork.Do.
func (h EndAllSessionsHandler) Handle(ctx context.Context, c EndAllSessions) (struct{}, error) {
	return struct{}{}, h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		return tx.PersonSessions().EndOf(ctx, c.PersonID, c.Except)
	})
}
