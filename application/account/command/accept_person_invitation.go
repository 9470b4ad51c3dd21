package command

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/seller"
)

// AcceptPersonInvitation has an invited person become one of a seller's people. Whoever never signed in chooses a password and is signed in. So does
// who signs in already, but never showed that the address is theirs, and follows a link that was mailed to it: what was set before, sessions and
// other links end, because somebody who was shown a link may have made them. Everybody else who signs in already accepts in a session of theirs,
// that of Former, which then opens the pages of the seller.
type AcceptPersonInvitation struct {
	Token          string
	Name, Password string // of who chooses a password
	Former         string // what the browser kept of the session that it has; it ends where another one begins
	Browser        Browser
}

// Needs implements application.Message.
func (AcceptPersonInvitation) Needs() application.Scope { return application.Visitor }

// AcceptPersonInvitationHandler handles AcceptPersonInvitation. Cookie of its result is empty where the session stays.
type AcceptPersonInvitationHandler struct{ SigningIn }

// Handle implements bus.Handler. Errors: operator.ErrLink, ErrSignInFirst, fault.ErrValidation of "name" and "password", ErrTooManyTries.
func (h AcceptPersonInvitationHandler) Handle(ctx context.Context, c AcceptPersonInvitation) (SignedIn, error) {
	if err := h.within("link-from", c.Browser.Address, triesOfAddress); err != nil {
		return SignedIn{}, err
	}
	now, hash := h.Clock.Now(), account.PersonTokenHash(c.Token)
	l, known, err := h.linked(ctx, hash, operator.InvitationLink, now)
	if err != nil {
		return SignedIn{}, err
	}
	password := ""
	if l.ChoosesPassword(known) {
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
	token, id, entry := h.Secrets.New(), h.IDs.New("session"), h.IDs.New("audit")
	var signed SignedIn
	err = h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		l, err := tx.PersonLinks().Consume(ctx, hash, operator.InvitationLink, now)
		if err != nil {
			return err
		}
		p, err := h.accept(ctx, tx, l, now)
		if err != nil {
			return err
		}
		if err := record(ctx, tx, application.AuditEntry{ID: entry, At: now, By: p.ID(), Command: "AcceptPersonInvitation", Objects: []string{p.ID()}}, l.SellerID); err != nil {
			return err
		}
		if !l.ChoosesPassword(p.Snapshot()) {
			signed = SignedIn{PersonID: p.ID()}
			return inSession(ctx, tx, p, l.SellerID, c.Former, now)
		}
		if password == "" { // it was somebody who accepts in a session
			return application.ErrConcurrentChange
		}
		if l.Mailed && p.Prove(now) {
			if err := endAll(ctx, tx, p.ID()); err != nil {
				return err
			}
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

// accept has the person of a link become one of its seller's people, and returns the person, locked.
func (AcceptPersonInvitationHandler) accept(ctx context.Context, tx account.Tx, l operator.Link, now time.Time) (*operator.Person, error) {
	staff, err := tx.Staff().Lock(ctx, l.SellerID)
	if err != nil {
		return nil, gone(err)
	}
	p, err := tx.People().Lock(ctx, l.PersonID)
	if err != nil {
		return nil, gone(err)
	}
	if err := staff.Accept(p.ID(), now); err != nil {
		return nil, gone(err)
	}
	if err := tx.Staff().Save(ctx, staff); err != nil {
		return nil, err
	}
	return p, tx.PersonLinks().RevokeInvitations(ctx, p.ID(), l.SellerID)
}

// inSession opens the pages of a seller in a session of a person: ErrSignInFirst where the session is nobody's or somebody else's.
func inSession(ctx context.Context, tx account.Tx, p *operator.Person, sellerID, cookie string, now time.Time) error {
	s, found, err := tx.PersonSessions().Get(ctx, account.PersonTokenHash(cookie))
	if err != nil {
		return err
	}
	if !found || s.Half || s.PersonID != p.ID() || s.Ended(now) {
		return ErrSignInFirst
	}
	ended, err := tx.PersonSessions().Open(ctx, s.Hash, sellerID)
	if err == nil && ended {
		err = ErrSignInFirst
	}
	return err
}

// gone makes operator.ErrLink of a seller or a person that is not there any more.
func gone(err error) error {
	if errors.Is(err, operator.ErrNotFound) || errors.Is(err, seller.ErrNotFound) {
		return operator.ErrLink
	}
	return err
}
