package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/customer"
)

// ArchiveCustomer archives an active customer, which keeps its key and its partner.
type ArchiveCustomer struct {
	application.Actor

	Handle application.CustomerHandle
	Once   application.Once[programquery.Customer]
}

// Needs implements application.Message.
func (ArchiveCustomer) Needs() application.Scope { return application.Program }

// ArchiveCustomerHandler handles ArchiveCustomer.
type ArchiveCustomerHandler struct{ program.Deps }

// Handle implements bus.Handler. Errors: customer.ErrNotFound, customer.ErrAction for a customer that is not active.
func (h ArchiveCustomerHandler) Handle(ctx context.Context, c ArchiveCustomer) (application.Done, error) {
	return changeCustomer(ctx, h.Deps, c.Actor, c.Handle, c.Once, (*customer.Customer).Archive)
}
