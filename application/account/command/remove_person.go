package command

import (
	"context"
	"slices"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// RemovePerson takes somebody, or an invitation, from the seller's people. Who is of no other seller's people is forgotten, with all
// sessions; who is only invited by others has never signed in from then on.
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
	return struct{}{}, remove(ctx, h.Deps, c.SellerID, c.ID, func(staff *operator.Staff) error { return staff.Remove(c.ID) })
}

// remove takes somebody away as from says. Who is nobody's any more is forgotten, and who is only invited begins anew: nobody could sign in as them to
// accept.
func remove(ctx context.Context, d account.Deps, sellerID, personID string, from func(*operator.Staff) error) error {
	now := d.Clock.Now()
	return d.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		staff, err := tx.Staff().Lock(ctx, sellerID)
		if err != nil {
			return err
		}
		if err := from(staff); err != nil {
			return err
		}
		p, err := tx.People().Lock(ctx, personID)
		if err != nil {
			return err
		}
		if err := tx.Staff().Save(ctx, staff); err != nil {
			return err
		}
		others, err := tx.Staff().SellersOf(ctx, personID)
		if err != nil {
			return err
		}
		if len(others) == 0 {
			return tx.People().Remove(ctx, personID)
		}
		if p.IsActive() && !slices.ContainsFunc(others, account.Membership.Accepted) {
			p.Leave(now)
			if err := tx.People().Save(ctx, p); err != nil {
				return err
			}
			if err := tx.PersonSessions().EndOf(ctx, personID, ""); err != nil {
				return err
			}
			if err := tx.PersonLinks().RevokeOf(ctx, personID, operator.SignInLink, operator.ResetLink); err != nil {
				return err
			}
		}
		return tx.PersonLinks().RevokeInvitations(ctx, personID, sellerID)
	})
}
