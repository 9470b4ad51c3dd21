package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// RemovePerson takes somebody, or an invitation, from the seller's people. Who is of no other seller's people is forgotten, with all sessions.
type RemovePerson struct {
	application.Actor

	ID string // the person's
}

// Needs implements application.Message.
func (RemovePerson) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding.
func (RemovePerson) NeedsRole() operator.Role { return operator.Owner }

// RemovePersonHandler handles RemovePerson.
type RemovePersonHandler struct{ account.Deps }

// Handle implements bus.Handler. Errors: operator.ErrNotFound, operator.ErrLastOwner.
func (h RemovePersonHandler) Handle(ctx context.Context, c RemovePerson) (struct{}, error) {
	return struct{}{}, h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		staff, err := tx.Staff().Lock(ctx, c.SellerID)
		if err != nil {
			return err
		}
		if err := staff.Remove(c.ID); err != nil {
			return err
		}
		if _, err := tx.People().Lock(ctx, c.ID); err != nil {
			return err
		}
		if err := tx.Staff().Save(ctx, staff); err != nil {
			return err
		}
		others, err := tx.Staff().SellersOf(ctx, c.ID)
		if err != nil {
			return err
		}
		if len(others) == 0 {
			return tx.People().Remove(ctx, c.ID)
		}
		return tx.PersonLinks().RevokeInvitations(ctx, c.ID, c.SellerID)
	})
}
