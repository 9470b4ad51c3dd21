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

// InvitePerson invites somebody to become one of the actor's seller's people, by mail or, with Link, by a link that the actor hands over,
// which shows nobody that the address is the person's. Who was invited and did not accept yet is invited again; former links then work no more.
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
	now := h.Clock.Now()
	fresh, err := operator.NewPerson(h.IDs.New(operator.IDPrefix), c.Email, c.Name, now)
	var v fault.Violations
	v.AddErr("", err)
	if !operator.IsRole(operator.Role(c.Role)) {
		v.Add("role", fault.InvalidValue, "must be owner, operator or viewer")
	}
	if err := v.Err(); err != nil {
		return PersonInvited{}, err
	}
	return h.invite(ctx, c.SellerID, fresh, c.Link, now, func(_ context.Context, _ account.Tx, staff *operator.Staff, personID string) error {
		return staff.Invite(personID, operator.Role(c.Role), now)
	})
}

// invite invites somebody by mail or, with link, by a link that is handed over, as add says what they become.
func (s SigningIn) invite(ctx context.Context, sellerID string, fresh *operator.Person, link bool, now time.Time,
	add func(ctx context.Context, tx account.Tx, staff *operator.Staff, personID string) error,
) (PersonInvited, error) {
	token, mail := s.Secrets.New(), s.IDs.New("invitation")
	if err := s.within("invite", sellerID, invitations); err != nil {
		return PersonInvited{}, err
	}
	var invited PersonInvited
	err := s.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		staff, err := tx.Staff().Lock(ctx, sellerID)
		if err != nil {
			return err
		}
		p, err := findOrAdd(ctx, tx, fresh)
		if err != nil {
			return err
		}
		if err := add(ctx, tx, staff, p.ID()); err != nil {
			return err
		}
		if err := tx.Staff().Save(ctx, staff); err != nil {
			return err
		}
		if err := tx.PersonLinks().RevokeInvitations(ctx, p.ID(), sellerID); err != nil {
			return err
		}
		invited = PersonInvited{PersonID: p.ID()}
		if !link {
			return tx.PersonMails().Add(ctx, account.PersonMail{ID: mail, SellerID: sellerID, PersonID: p.ID()}, now)
		}
		l := operator.NewLink(operator.InvitationLink, account.PersonTokenHash(token), p.ID(), sellerID, now)
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
