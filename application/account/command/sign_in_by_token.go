package command

import (
	"context"
	"errors"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// SignInByToken signs a person in by the token of a sign-in link, which works once.
type SignInByToken struct {
	Token   string
	Former  string
	Browser Browser
}

// Needs implements application.Message.
func (SignInByToken) Needs() application.Scope { return application.Visitor }

// SignInByTokenHandler handles SignInByToken.
type SignInByTokenHandler struct{ SigningIn }

// Handle implements bus.Handler. Errors: operator.ErrLink, also when the person may not sign in any more; ErrTooManyTries.
func (h SignInByTokenHandler) Handle(ctx context.Context, c SignInByToken) (SignedIn, error) {
	if err := h.within("link-from", c.Browser.Address, triesOfAddress); err != nil {
		return SignedIn{}, err
	}
	now, token, id := h.Clock.Now(), h.Secrets.New(), h.IDs.New("session")
	var signed SignedIn
	err := h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		l, err := tx.PersonLinks().Consume(ctx, account.PersonTokenHash(c.Token), operator.SignInLink, now)
		if err != nil {
			return err
		}
		p, err := tx.People().Lock(ctx, l.PersonID)
		if errors.Is(err, operator.ErrNotFound) {
			return operator.ErrLink
		}
		if err != nil {
			return err
		}
		first, err := opens(ctx, tx, p)
		if err != nil {
			return err
		}
		if first == "" {
			return operator.ErrLink
		}
		signed, err = h.session(ctx, tx, p, l.SellerID, c.Former, c.Browser, token, id, now)
		return err
	})
	return signed, err
}
