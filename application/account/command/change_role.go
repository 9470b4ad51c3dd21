package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// ChangeRole gives one of the seller's people another role.
type ChangeRole struct {
	application.Actor

	ID   string // the person's
	Role string
}

// Needs implements application.Message.
func (ChangeRole) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding.
func (ChangeRole) NeedsRole() operator.Role { return operator.Owner }

// ChangeRoleHandler handles ChangeRole.
type ChangeRoleHandler struct{ account.Deps }

// Handle implements bus.Handler. Errors: fault.ErrValidation of "role", operator.ErrNotFound, operator.ErrLastOwner.
func (h ChangeRoleHandler) Handle(ctx context.Context, c ChangeRole) (struct{}, error) {
	return struct{}{}, h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		staff, err := tx.Staff().Lock(ctx, c.SellerID)
		if err != nil {
			return err
		}
		if err := staff.ChangeRole(c.ID, operator.Role(c.Role)); err != nil {
			return err
		}
		return tx.Staff().Save(ctx, staff)
	})
}
