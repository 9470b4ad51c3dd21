package command

import (
	"context"
	"errors"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// ConfirmSignIn shows the second factor, a code of an app or a recovery code, for the session of Cookie, in whose place a whole one comes.
type ConfirmSignIn struct {
	Cookie, Code string
	Browser      Browser
}

// Needs implements application.Message.
func (ConfirmSignIn) Needs() application.Scope { return application.Visitor }

// ConfirmSignInHandler handles ConfirmSignIn.
type ConfirmSignInHandler struct{ SecondFactors }

// Handle implements bus.Handler. Errors: account.ErrSignedOut, operator.ErrCode, ErrTooManyTries.
func (h ConfirmSignInHandler) Handle(ctx context.Context, c ConfirmSignIn) (SignedIn, error) {
	hash, now := account.PersonTokenHash(c.Cookie), h.Clock.Now()
	half, err := h.Reader.SessionByHash(ctx, hash)
	if errors.Is(err, operator.ErrNotFound) || err == nil && (!half.Half || half.Ended(now)) {
		err = account.ErrSignedOut
	}
	if err != nil {
		return SignedIn{}, err
	}
	shown, err := h.shown(half.PersonID, half.Person.SecondFactor.Secret, c.Code)
	if err != nil {
		return SignedIn{}, err
	}
	token, id := h.Secrets.New(), h.IDs.New("session")
	var signed SignedIn
	err = h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		p, err := lockWithSecret(ctx, tx, half.Person)
		if err != nil {
			return err
		}
		if err := p.ShowSecondFactor(shown, now); err != nil {
			return err
		}
		ended, err := tx.PersonSessions().End(ctx, hash)
		if err != nil {
			return err
		}
		if !ended {
			return account.ErrSignedOut
		}
		if err := tx.People().Save(ctx, p); err != nil {
			return err
		}
		signed = SignedIn{PersonID: p.ID(), Cookie: token, ExpiresAt: now.Add(operator.SessionLife)}
		return tx.PersonSessions().Add(ctx, operator.Session{
			ID: id, Hash: account.PersonTokenHash(token), PersonID: p.ID(), SellerID: half.SellerID, Address: c.Browser.Address, Agent: c.Browser.Agent,
		}.Begin(now))
	})
	if err != nil {
		return SignedIn{}, err
	}
	return signed, nil
}
