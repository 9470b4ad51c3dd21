package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
)

// SignOut ends the session of a browser, if there is one.
type SignOut struct{ Cookie string }

// Needs implements application.Message.
func (SignOut) Needs() application.Scope { return application.Visitor }

// SignOutHandler handles SignOut.
type SignOutHandler struct{ account.Deps }

// Handle implements bus.Handler. Errors: those of UnitOfWork.Do.
func (h SignOutHandler) Handle(ctx context.Context, c SignOut) (struct{}, error) {
	return struct{}{}, h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error { return endFormer(ctx, tx, c.Cookie) })
}
