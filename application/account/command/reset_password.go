package command

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/operator"
)

// ResetPassword gives a person another password by the token of a mail, and ends all sessions. It signs nobody in. The first time that the mail shows
// that the address is the person's, the second factor and all links go too: see operator.Person.Prove.
type ResetPassword struct {
	Token, Password string
	Browser         Browser
}

// Needs implements application.Message.
func (ResetPassword) Needs() application.Scope { return application.Visitor }

// ResetPasswordHandler handles ResetPassword.
type ResetPasswordHandler struct{ SigningIn }

// Handle implements bus.Handler. Errors: operator.ErrLink, fault.ErrValidation of "password", ErrTooManyTries.
func (h ResetPasswordHandler) Handle(ctx context.Context, c ResetPassword) (struct{}, error) {
	if err := h.within("link-from", c.Browser.Address, triesOfAddress); err != nil {
		return struct{}{}, err
	}
	now, hash := h.Clock.Now(), account.PersonTokenHash(c.Token)
	_, known, err := h.linked(ctx, hash, operator.ResetLink, now)
	if err != nil {
		return struct{}{}, err
	}
	var v fault.Violations
	v.AddErr("password", operator.CheckPassword(c.Password, known.Email))
	if err := v.Err(); err != nil {
		return struct{}{}, err
	}
	password, err := h.Passwords.hasher.Hash(c.Password)
	if err != nil {
		return struct{}{}, err
	}
	entry := h.IDs.New("audit")
	return struct{}{}, h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		l, err := tx.PersonLinks().Consume(ctx, hash, operator.ResetLink, now)
		if err != nil {
			return err
		}
		p, err := tx.People().Lock(ctx, l.PersonID)
		if err != nil {
			return gone(err)
		}
		if p.Prove(now) {
			if err := endAll(ctx, tx, p.ID()); err != nil {
				return err
			}
		}
		of, err := acceptedOf(ctx, tx, p.ID())
		if err != nil {
			return err
		}
		if err := record(ctx, tx, application.AuditEntry{ID: entry, At: now, By: p.ID(), Command: "ResetPassword", Objects: []string{p.ID()}}, of...); err != nil {
			return err
		}
		return setPassword(ctx, tx, p, password, now)
	})
}

// setPassword changes a person's password; all sessions and the links that would sign in end.
func setPassword(ctx context.Context, tx account.Tx, p *operator.Person, hash string, now time.Time) error {
	p.SetPassword(hash, now)
	if err := tx.People().Save(ctx, p); err != nil {
		return err
	}
	if err := tx.PersonSessions().EndOf(ctx, p.ID(), ""); err != nil {
		return err
	}
	return tx.PersonLinks().RevokeOf(ctx, p.ID(), operator.ResetLink, operator.SignInLink)
}

// linked returns a link that works and its person, which is checked before a password is hashed, so that nobody without a link can make this
// process do so: operator.ErrLink.
func (s SigningIn) linked(ctx context.Context, hash [sha256.Size]byte, kind operator.LinkKind, now time.Time) (operator.Link, operator.Snapshot, error) {
	l, err := s.Reader.LinkByHash(ctx, hash)
	if err == nil && !l.Works(kind, now) {
		err = operator.ErrLink
	}
	if err != nil {
		return operator.Link{}, operator.Snapshot{}, err
	}
	p, err := s.Reader.PersonByID(ctx, l.PersonID)
	return l, p, gone(err)
}
