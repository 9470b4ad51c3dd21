package command

import (
	"context"
	"errors"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// SignIn signs a person in by email and password. Former is what the browser kept of the session it had before, which ends.
type SignIn struct {
	Email, Password string
	Former          string
	Browser         Browser
}

// Needs implements application.Message.
func (SignIn) Needs() application.Scope { return application.Visitor }

// SignInHandler handles SignIn.
type SignInHandler struct{ SigningIn }

// Handle implements bus.Handler. Errors: ErrSignIn, whatever is wrong; ErrTooManyTries; application.ErrUnavailable when too many passwords wait.
func (h SignInHandler) Handle(ctx context.Context, c SignIn) (SignedIn, error) {
	key := emailKey(c.Email)
	if err := errors.Join(h.within("sign-in-from", c.Browser.Address, triesOfAddress), h.within("sign-in-to", key, triesOfAccount)); err != nil {
		return SignedIn{}, ErrTooManyTries
	}
	known, err := h.Reader.PersonByEmail(ctx, key)
	if err != nil && !errors.Is(err, operator.ErrNotFound) {
		return SignedIn{}, err
	}
	if len(c.Password) > maxPassword {
		c.Password, known.PasswordHash = "", ""
	}
	same, err := h.Passwords.verify(c.Password, known.PasswordHash)
	if err != nil {
		return SignedIn{}, err
	}
	if !same {
		return SignedIn{}, ErrSignIn
	}
	now, token, id := h.Clock.Now(), h.Secrets.New(), h.IDs.New("session")
	var signed SignedIn
	err = h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		p, err := tx.People().Lock(ctx, known.ID)
		if errors.Is(err, operator.ErrNotFound) {
			return ErrSignIn
		}
		if err != nil {
			return err
		}
		first, err := opens(ctx, tx, p)
		if err != nil {
			return err
		}
		if first == "" || p.Snapshot().PasswordHash != known.PasswordHash { // it was changed meanwhile
			return ErrSignIn
		}
		signed, err = h.session(ctx, tx, p, first, c.Former, c.Browser, token, id, now)
		return err
	})
	return signed, err
}
