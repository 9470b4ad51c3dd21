package command

import (
	"bytes"
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// ConfirmTOTP has the secret that BeginTOTP made count, by a code of it. From then on a code is asked for at each sign-in. The actor's other sessions
// than the one with the id Except end.
type ConfirmTOTP struct {
	application.Actor

	Code   string
	Except string
}

// Needs implements application.Message.
func (ConfirmTOTP) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding: everybody may have a second factor.
func (ConfirmTOTP) NeedsRole() operator.Role { return operator.Anybody }

// ConfirmTOTPHandler handles ConfirmTOTP.
type ConfirmTOTPHandler struct{ SecondFactors }

// Handle implements bus.Handler. Errors: operator.ErrCode, operator.ErrSecondFactorOn, operator.ErrSecondFactorOff, ErrTooManyTries.
func (h ConfirmTOTPHandler) Handle(ctx context.Context, c ConfirmTOTP) (RecoveryCodes, error) {
	known, err := h.Reader.PersonByID(ctx, c.PersonID)
	if err != nil {
		return RecoveryCodes{}, err
	}
	pending := known.SecondFactor.Pending
	if len(pending) == 0 {
		return RecoveryCodes{}, operator.ErrSecondFactorOff
	}
	shown, err := h.shown(known.ID, pending, c.Code)
	if err != nil {
		return RecoveryCodes{}, err
	}
	if shown.Step == 0 {
		return RecoveryCodes{}, operator.ErrCode
	}
	codes, hashes := h.newRecovery(known.ID)
	now := h.Clock.Now()
	err = h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		p, err := tx.People().Lock(ctx, known.ID)
		if err != nil {
			return err
		}
		if now := p.Snapshot().SecondFactor.Pending; len(now) > 0 && !bytes.Equal(now, pending) {
			return operator.ErrCode
		}
		if err := p.ConfirmSecondFactor(shown.Step, hashes, now); err != nil {
			return err
		}
		if err := tx.People().Save(ctx, p); err != nil {
			return err
		}
		return tx.PersonSessions().EndOf(ctx, p.ID(), c.Except)
	})
	if err != nil {
		return RecoveryCodes{}, err
	}
	return codes, nil
}
