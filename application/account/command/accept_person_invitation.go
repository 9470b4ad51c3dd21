package command

import (
	"context"
	"errors"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/seller"
)

// AcceptPersonInvitation has an invited person become one of a seller's people: with a password of their choice, signed in. Who has signed in
// before, for another seller, keeps name and password and is not signed in by the link, because it was sent for one seller only.
type AcceptPersonInvitation struct {
	Token          string
	Name, Password string
	Former         string
	Browser        Browser
}

// Needs implements application.Message.
func (AcceptPersonInvitation) Needs() application.Scope { return application.Visitor }

// AcceptPersonInvitationHandler handles AcceptPersonInvitation.
type AcceptPersonInvitationHandler struct{ SigningIn }

// Handle implements bus.Handler. Errors: operator.ErrLink, fault.ErrValidation of "name" and "password", ErrTooManyTries.
func (h AcceptPersonInvitationHandler) Handle(ctx context.Context, c AcceptPersonInvitation) (SignedIn, error) {
	if err := h.within("link-from", c.Browser.Address, triesOfAddress); err != nil {
		return SignedIn{}, err
	}
	now, hash := h.Clock.Now(), account.PersonTokenHash(c.Token)
	known, err := h.linked(ctx, hash, operator.InvitationLink, now)
	if err != nil {
		return SignedIn{}, err
	}
	password := ""
	if known.Status != operator.StatusActive {
		c.Name = strings.TrimSpace(c.Name)
		var v fault.Violations
		v.AddErr("name", operator.CheckName(c.Name))
		v.AddErr("password", operator.CheckPassword(c.Password, known.Email))
		if err := v.Err(); err != nil {
			return SignedIn{}, err
		}
		if password, err = h.Passwords.hasher.Hash(c.Password); err != nil {
			return SignedIn{}, err
		}
	}
	token, id := h.Secrets.New(), h.IDs.New("session")
	var signed SignedIn
	err = h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		signed = SignedIn{}
		l, err := tx.PersonLinks().Consume(ctx, hash, operator.InvitationLink, now)
		if err != nil {
			return err
		}
		staff, err := tx.Staff().Lock(ctx, l.SellerID)
		if err != nil {
			return gone(err)
		}
		p, err := tx.People().Lock(ctx, l.PersonID)
		if err != nil {
			return gone(err)
		}
		if err := staff.Accept(p.ID(), now); err != nil {
			return gone(err)
		}
		if err := tx.Staff().Save(ctx, staff); err != nil {
			return err
		}
		if err := tx.PersonLinks().RevokeInvitations(ctx, p.ID(), l.SellerID); err != nil {
			return err
		}
		if p.IsActive() || password == "" {
			signed.PersonID = p.ID()
			return nil
		}
		p.Activate(c.Name, password, now)
		if err := tx.People().Save(ctx, p); err != nil {
			return err
		}
		signed, err = h.session(ctx, tx, p, l.SellerID, c.Former, c.Browser, token, id, now)
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	return signed, nil
}

// gone makes operator.ErrLink of a seller or a person that is not there any more.
func gone(err error) error {
	if errors.Is(err, operator.ErrNotFound) || errors.Is(err, seller.ErrNotFound) {
		return operator.ErrLink
	}
	return err
}
