package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/customer"
)

// UnarchiveCustomer makes an archived customer active again.
type UnarchiveCustomer struct {
	application.Actor

	Handle application.CustomerHandle
	Once   application.Once[programquery.Customer]
}

// Needs implements application.Message.
func (UnarchiveCustomer) Needs() application.Scope { return application.Program }

// UnarchiveCustomerHandler handles UnarchiveCustomer.
type UnarchiveCustomerHandler struct{ program.Deps }

// Handle implements bus.Handler. Errors: customer.ErrNotFound, customer.ErrAction for a customer that is not archived.
func (h UnarchiveCustomerHandler) Handle(ctx context.Context, c UnarchiveCustomer) (application.Done, error) {
	return changeCustomer(ctx, h.Deps, c.Actor, c.Handle, c.Once, (*customer.Customer).Unarchive)
}
