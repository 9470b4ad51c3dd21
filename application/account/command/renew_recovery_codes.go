package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/operator"
)

// RenewRecoveryCodes puts other recovery codes in place of those that the actor has left, by a code of the app or one of them.
type RenewRecoveryCodes struct {
	application.Actor

	Code string
}

// Needs implements application.Message.
func (RenewRecoveryCodes) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding: everybody may have a second factor.
func (RenewRecoveryCodes) NeedsRole() operator.Role { return operator.Anybody }

// RenewRecoveryCodesHandler handles RenewRecoveryCodes.
type RenewRecoveryCodesHandler struct{ SecondFactors }

// Handle implements bus.Handler. Errors: operator.ErrCode, operator.ErrSecondFactorOff, ErrTooManyTries.
func (h RenewRecoveryCodesHandler) Handle(ctx context.Context, c RenewRecoveryCodes) (RecoveryCodes, error) {
	codes, hashes := h.newRecovery(c.PersonID)
	err := h.show(ctx, c.PersonID, c.Code, func(p *operator.Person, now time.Time) error { return p.RenewRecovery(hashes, now) })
	if err != nil {
		return RecoveryCodes{}, err
	}
	return codes, nil
}
