package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// RemovePersonOfBuyer takes somebody, or an invitation, from the people of a buyer. Who is nobody's any more is forgotten, with all sessions.
type RemovePersonOfBuyer struct {
	application.Actor

	Buyer string // its id
	ID    string // the person's
}

// Needs implements application.Message.
func (RemovePersonOfBuyer) Needs() application.Scope { return application.Program }

// AuditObject implements application.Audited.
func (c RemovePersonOfBuyer) AuditObject() string { return c.Buyer }

// RemovePersonOfBuyerHandler handles RemovePersonOfBuyer.
type RemovePersonOfBuyerHandler struct{ account.Deps }

// Handle implements bus.Handler. Errors: operator.ErrNotFound.
func (h RemovePersonOfBuyerHandler) Handle(ctx context.Context, c RemovePersonOfBuyer) (struct{}, error) {
	if c.Buyer == "" {
		return struct{}{}, operator.ErrNotFound
	}
	return struct{}{}, remove(ctx, h.Deps, c.SellerID, c.ID, func(staff *operator.Staff) error { return staff.RemoveOfBuyer(c.ID, c.Buyer) })
}
