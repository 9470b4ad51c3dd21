package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/operator"
)

// ResetSecondFactor takes the second factor away from somebody who has neither the app nor a recovery code any more, and ends all sessions. It is for
// whoever runs the installation, because the person may work for several sellers.
type ResetSecondFactor struct {
	application.Actor

	Email string
}

// Needs implements application.Message.
func (ResetSecondFactor) Needs() application.Scope { return application.Admin }

// Unaudited implements application.Unaudited: the handler writes an entry for each of the person's sellers.
func (ResetSecondFactor) Unaudited() {}

// ResetSecondFactorHandler handles ResetSecondFactor.
type ResetSecondFactorHandler struct{ account.Deps }

// Handle implements bus.Handler. Errors: fault.ErrValidation of "email", operator.ErrNotFound, operator.ErrSecondFactorOff.
func (h ResetSecondFactorHandler) Handle(ctx context.Context, c ResetSecondFactor) (struct{}, error) {
	address, err := contact.ParseEmail(c.Email)
	var v fault.Violations
	v.AddErr("email", err)
	if err := v.Err(); err != nil {
		return struct{}{}, err
	}
	now, entry := h.Clock.Now(), h.IDs.New("audit")
	return struct{}{}, h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		p, err := tx.People().LockByEmail(ctx, address.Key())
		if err != nil {
			return err
		}
		if !p.HasSecondFactor() {
			return operator.ErrSecondFactorOff
		}
		p.RemoveSecondFactor(now)
		if err := tx.People().Save(ctx, p); err != nil {
			return err
		}
		if err := tx.PersonSessions().EndOf(ctx, p.ID(), ""); err != nil {
			return err
		}
		of, err := acceptedOf(ctx, tx, p.ID())
		if err != nil {
			return err
		}
		return record(ctx, tx, application.AuditEntry{ID: entry, At: now, By: c.KeyID, Command: "ResetSecondFactor", Objects: []string{p.ID()}}, of...)
	})
}
