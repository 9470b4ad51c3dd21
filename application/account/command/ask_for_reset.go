package command

import (
	"context"
	"errors"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// AskForReset sends somebody who forgot the password a mail with a link to choose another. The answer does not tell whether there is such a
// person, and what is done takes as long: a mail to nobody is queued too, and never sent.
type AskForReset struct {
	Email   string
	Browser Browser
}

// Needs implements application.Message.
func (AskForReset) Needs() application.Scope { return application.Visitor }

// AskForResetHandler handles AskForReset.
type AskForResetHandler struct{ SigningIn }

// Handle implements bus.Handler. Errors: ErrTooManyTries.
func (h AskForResetHandler) Handle(ctx context.Context, c AskForReset) (struct{}, error) {
	key := emailKey(c.Email)
	if err := errors.Join(h.within("reset-from", c.Browser.Address, resetsOfAddress), h.within("reset-of", key, resetsOfAccount)); err != nil {
		return struct{}{}, ErrTooManyTries
	}
	known, err := h.Reader.PersonByEmail(ctx, key)
	if err != nil && !errors.Is(err, operator.ErrNotFound) {
		return struct{}{}, err
	}
	mail := account.PersonMail{ID: h.IDs.New("reset"), PersonID: known.ID}
	now := h.Clock.Now()
	return struct{}{}, h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error { return tx.PersonMails().Add(ctx, mail, now) })
}
