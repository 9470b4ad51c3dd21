package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// InvitePersonOfBuyer invites somebody to become one of the people of a buyer of the actor's seller, by mail or, with Link, by a link that the
// actor hands over. Who was invited and did not accept yet is invited again; former links then work no more.
type InvitePersonOfBuyer struct {
	application.Actor

	Buyer       string // its id
	Email, Name string
	Link        bool
}

// Needs implements application.Message.
func (InvitePersonOfBuyer) Needs() application.Scope { return application.Program }

// AuditObject implements application.Audited.
func (c InvitePersonOfBuyer) AuditObject() string { return c.Buyer }

// InvitePersonOfBuyerHandler handles InvitePersonOfBuyer.
type InvitePersonOfBuyerHandler struct{ SigningIn }

// Handle implements bus.Handler. Errors: fault.ErrValidation, buyer.ErrNotFound, operator.ErrExists, operator.ErrTooManyOfBuyer, ErrTooManyTries.
func (h InvitePersonOfBuyerHandler) Handle(ctx context.Context, c InvitePersonOfBuyer) (PersonInvited, error) {
	now := h.Clock.Now()
	fresh, err := operator.NewPerson(h.IDs.New(operator.IDPrefix), c.Email, c.Name, now)
	if err != nil {
		return PersonInvited{}, err
	}
	return h.invite(ctx, c.SellerID, fresh, c.Link, now, func(ctx context.Context, tx account.Tx, staff *operator.Staff, personID string) error {
		if err := tx.Staff().FindBuyer(ctx, c.SellerID, c.Buyer); err != nil {
			return err
		}
		return staff.InviteOfBuyer(personID, c.Buyer, now)
	})
}
