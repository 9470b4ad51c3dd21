package command

import (
	"context"
	"errors"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// SignOut ends the session of a browser, if there is one.
type SignOut struct{ Cookie string }

// Needs implements application.Message.
func (SignOut) Needs() application.Scope { return application.Visitor }

// SignOutHandler handles SignOut. Nothing is written for who has no session, which anybody may send. Forget is called when one ended.
type SignOutHandler struct {
	account.Deps
	Reader account.PersonReader
	Forget func()
}

// Handle implements bus.Handler. Errors: those of UnitOfWork.Do.
func (h SignOutHandler) Handle(ctx context.Context, c SignOut) (struct{}, error) {
	if c.Cookie == "" {
		return struct{}{}, nil
	}
	_, err := h.Reader.SessionByHash(ctx, account.PersonTokenHash(c.Cookie))
	if errors.Is(err, operator.ErrNotFound) {
		return struct{}{}, nil
	}
	if err != nil {
		return struct{}{}, err
	}
	err = h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error { return endFormer(ctx, tx, c.Cookie) })
	if err == nil {
		h.Forget()
	}
	return struct{}{}, err
}
