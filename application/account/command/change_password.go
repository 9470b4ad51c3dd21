package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/operator"
)

// ChangePassword gives the actor another password. All sessions end; the browser gets a new one in place of that of Cookie. Who has no password
// yet needs no current one.
type ChangePassword struct {
	application.Actor

	Cookie            string
	Current, Password string
	Browser           Browser
}

// Needs implements application.Message.
func (ChangePassword) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding: everybody has a password.
func (ChangePassword) NeedsRole() operator.Role { return operator.Anybody }

// ChangePasswordHandler handles ChangePassword.
type ChangePasswordHandler struct{ SigningIn }

// Handle implements bus.Handler. Errors: ErrCurrentPassword, fault.ErrValidation of "password", ErrTooManyTries, account.ErrSignedOut when the
// session has ended.
func (h ChangePasswordHandler) Handle(ctx context.Context, c ChangePassword) (SignedIn, error) {
	if err := h.within("password-of", c.PersonID, triesOfAccount); err != nil {
		return SignedIn{}, err
	}
	known, err := h.Reader.PersonByID(ctx, c.PersonID)
	if err != nil {
		return SignedIn{}, err
	}
	var v fault.Violations
	v.AddErr("password", operator.CheckPassword(c.Password, known.Email))
	if err := v.Err(); err != nil {
		return SignedIn{}, err
	}
	if known.PasswordHash != "" {
		same := false
		if len(c.Current) <= maxPassword {
			if same, err = h.Passwords.verify(c.Current, known.PasswordHash); err != nil {
				return SignedIn{}, err
			}
		}
		if !same {
			return SignedIn{}, ErrCurrentPassword
		}
	}
	password, err := h.Passwords.hasher.Hash(c.Password)
	if err != nil {
		return SignedIn{}, err
	}
	now, token := h.Clock.Now(), h.Secrets.New()
	var signed SignedIn
	err = h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		p, err := tx.People().Lock(ctx, c.PersonID)
		if err != nil {
			return err
		}
		if p.Snapshot().PasswordHash != known.PasswordHash {
			return application.ErrConcurrentChange
		}
		s, found, err := tx.PersonSessions().Get(ctx, account.PersonTokenHash(c.Cookie))
		if err != nil {
			return err
		}
		if !found || s.Half || s.PersonID != p.ID() || s.Ended(now) {
			return account.ErrSignedOut
		}
		if err := setPassword(ctx, tx, p, password, now); err != nil {
			return err
		}
		// Whoever changed the password in this session has shown the second factor for it.
		s.Hash = account.PersonTokenHash(token)
		s = s.Begin(now)
		signed = SignedIn{PersonID: p.ID(), Cookie: token, ExpiresAt: now.Add(operator.SessionLife)}
		return tx.PersonSessions().Add(ctx, s)
	})
	return signed, err
}
