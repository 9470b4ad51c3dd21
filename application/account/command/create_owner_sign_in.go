package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// CreateOwnerSignIn makes the token of a link by which an owner of a seller signs in once. Who is not one of the seller's owners becomes one. It is
// for whoever runs the installation. Of somebody who never showed that the address is theirs, whatever was set before goes: password, second factor,
// sessions and links.
type CreateOwnerSignIn struct {
	application.Actor

	Seller      string // its id
	Email, Name string
}

// Needs implements application.Message.
func (CreateOwnerSignIn) Needs() application.Scope { return application.Admin }

// CreateOwnerSignInHandler handles CreateOwnerSignIn.
type CreateOwnerSignInHandler struct{ SigningIn }

// Handle implements bus.Handler. Errors: fault.ErrValidation, seller.ErrNotFound, operator.ErrTooMany.
func (h CreateOwnerSignInHandler) Handle(ctx context.Context, c CreateOwnerSignIn) (PersonInvited, error) {
	now, token := h.Clock.Now(), h.Secrets.New()
	fresh, err := operator.NewPerson(h.IDs.New(operator.IDPrefix), c.Email, c.Name, now)
	if err != nil {
		return PersonInvited{}, err
	}
	var made PersonInvited
	err = h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		staff, err := tx.Staff().Lock(ctx, c.Seller)
		if err != nil {
			return err
		}
		p, err := findOrAdd(ctx, tx, fresh)
		if err != nil {
			return err
		}
		if err := staff.MakeOwner(p.ID(), now); err != nil {
			return err
		}
		if err := tx.Staff().Save(ctx, staff); err != nil {
			return err
		}
		if !p.IsProven() && p.Disown(now) {
			if err := endAll(ctx, tx, p.ID()); err != nil {
				return err
			}
		}
		p.Activate("", "", now)
		if err := tx.People().Save(ctx, p); err != nil {
			return err
		}
		l := operator.NewLink(operator.SignInLink, account.PersonTokenHash(token), p.ID(), c.Seller, now)
		made = PersonInvited{p.ID(), token, l.ExpiresAt}
		return tx.PersonLinks().Add(ctx, l)
	})
	return made, err
}
