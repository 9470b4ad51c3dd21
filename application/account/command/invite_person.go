package command

import (
	"context"
	"errors"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/operator"
)

// InvitePerson invites somebody to become one of the actor's seller's people, by mail or, with Link, by a link that the actor hands over. Who
// was invited and did not accept yet is invited again; former links then work no more.
type InvitePerson struct {
	application.Actor

	Email, Name string
	Role        string
	Link        bool
}

// Needs implements application.Message.
func (InvitePerson) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding.
func (InvitePerson) NeedsRole() operator.Role { return operator.Owner }

// PersonInvited is an invitation, with the token of its link where one was asked for.
type PersonInvited struct {
	PersonID  string
	Token     string
	ExpiresAt time.Time
}

// InvitePersonHandler handles InvitePerson.
type InvitePersonHandler struct{ SigningIn }

// Handle implements bus.Handler. Errors: fault.ErrValidation, operator.ErrExists, operator.ErrTooMany, ErrTooManyTries.
func (h InvitePersonHandler) Handle(ctx context.Context, c InvitePerson) (PersonInvited, error) {
	now, token, mail := h.Clock.Now(), h.Secrets.New(), h.IDs.New("invitation")
	fresh, err := operator.NewPerson(h.IDs.New(operator.IDPrefix), c.Email, c.Name, now)
	var v fault.Violations
	v.AddErr("", err)
	if !operator.IsRole(operator.Role(c.Role)) {
		v.Add("role", fault.InvalidValue, "must be owner, operator or viewer")
	}
	if err := v.Err(); err != nil {
		return PersonInvited{}, err
	}
	if err := h.within("invite", c.SellerID, invitations); err != nil {
		return PersonInvited{}, err
	}
	var invited PersonInvited
	err = h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		staff, err := tx.Staff().Lock(ctx, c.SellerID)
		if err != nil {
			return err
		}
		p, err := findOrAdd(ctx, tx, fresh)
		if err != nil {
			return err
		}
		if err := staff.Invite(p.ID(), operator.Role(c.Role), now); err != nil {
			return err
		}
		if err := tx.Staff().Save(ctx, staff); err != nil {
			return err
		}
		if err := tx.PersonLinks().RevokeInvitations(ctx, p.ID(), c.SellerID); err != nil {
			return err
		}
		invited = PersonInvited{PersonID: p.ID()}
		if !c.Link {
			return tx.PersonMails().Add(ctx, account.PersonMail{ID: mail, SellerID: c.SellerID, PersonID: p.ID()}, now)
		}
		l := operator.NewLink(operator.InvitationLink, account.PersonTokenHash(token), p.ID(), c.SellerID, now)
		invited.Token, invited.ExpiresAt = token, l.ExpiresAt
		return tx.PersonLinks().Add(ctx, l)
	})
	if err != nil {
		return PersonInvited{}, err
	}
	return invited, nil
}

// findOrAdd returns the person with the email of a fresh one, locked, or stores the fresh one.
func findOrAdd(ctx context.Context, tx account.Tx, fresh *operator.Person) (*operator.Person, error) {
	p, err := tx.People().LockByEmail(ctx, fresh.Snapshot().EmailKey)
	if !errors.Is(err, operator.ErrNotFound) {
		return p, err
	}
	p = operator.FromSnapshot(fresh.Snapshot())
	return p, tx.People().Add(ctx, p)
}
