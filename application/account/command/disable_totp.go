package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/operator"
)

// DisableTOTP takes the actor's second factor away, by a code of it or a recovery code.
type DisableTOTP struct {
	application.Actor

	Code string
}

// Needs implements application.Message.
func (DisableTOTP) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding: everybody may have a second factor.
func (DisableTOTP) NeedsRole() operator.Role { return operator.Anybody }

// DisableTOTPHandler handles DisableTOTP.
type DisableTOTPHandler struct{ SecondFactors }

// Handle implements bus.Handler. Errors: operator.ErrCode, operator.ErrSecondFactorOff, ErrTooManyTries.
func (h DisableTOTPHandler) Handle(ctx context.Context, c DisableTOTP) (struct{}, error) {
	return struct{}{}, h.show(ctx, c.PersonID, c.Code, func(p *operator.Person, now time.Time) error {
		p.RemoveSecondFactor(now)
		return nil
	})
}
