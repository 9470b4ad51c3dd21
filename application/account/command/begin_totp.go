package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// BeginTOTP makes the secret of an authenticator app for the actor, which counts when ConfirmTOTP shows a code of it. Password is the actor's own, where
// there is one.
type BeginTOTP struct {
	application.Actor

	Password string
}

// Needs implements application.Message.
func (BeginTOTP) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding: everybody may have a second factor.
func (BeginTOTP) NeedsRole() operator.Role { return operator.Anybody }

// TOTPBegun is a secret to type into an app, and the address that says the same as a picture.
type TOTPBegun struct{ Secret, URL string }

// BeginTOTPHandler handles BeginTOTP.
type BeginTOTPHandler struct{ SecondFactors }

// Handle implements bus.Handler. Errors: ErrCurrentPassword, operator.ErrSecondFactorOn, ErrTooManyTries, application.ErrSecretKeyMissing.
func (h BeginTOTPHandler) Handle(ctx context.Context, c BeginTOTP) (TOTPBegun, error) {
	if err := h.within("password-of", c.PersonID, triesOfAccount); err != nil {
		return TOTPBegun{}, err
	}
	known, err := h.Reader.PersonByID(ctx, c.PersonID)
	if err != nil {
		return TOTPBegun{}, err
	}
	if known.PasswordHash != "" {
		if len(c.Password) > maxPassword {
			return TOTPBegun{}, ErrCurrentPassword
		}
		same, err := h.Passwords.verify(c.Password, known.PasswordHash)
		if err != nil {
			return TOTPBegun{}, err
		}
		if !same {
			return TOTPBegun{}, ErrCurrentPassword
		}
	}
	secret, url, err := h.Codes.New(known.Email)
	if err != nil {
		return TOTPBegun{}, err
	}
	sealed, err := h.Sealer.Seal([]byte(secret), account.SealSecondFactor, known.ID)
	if err != nil {
		return TOTPBegun{}, err
	}
	now := h.Clock.Now()
	err = h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		p, err := tx.People().Lock(ctx, known.ID)
		if err != nil {
			return err
		}
		if err := p.BeginSecondFactor(sealed, now); err != nil {
			return err
		}
		return tx.People().Save(ctx, p)
	})
	if err != nil {
		return TOTPBegun{}, err
	}
	return TOTPBegun{secret, url}, nil
}
