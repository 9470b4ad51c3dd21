package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/customer"
)

// DeleteCustomer erases the personal data of a customer and frees its key.
type DeleteCustomer struct {
	application.Actor

	Handle application.CustomerHandle
	Once   application.Once[programquery.Customer]
}

// Needs implements application.Message.
func (DeleteCustomer) Needs() application.Scope { return application.Program }

// DeleteCustomerHandler handles DeleteCustomer.
type DeleteCustomerHandler struct{ program.Deps }

// Handle implements bus.Handler. Errors: customer.ErrNotFound.
func (h DeleteCustomerHandler) Handle(ctx context.Context, c DeleteCustomer) (application.Done, error) {
	return changeCustomer(ctx, h.Deps, c.Actor, c.Handle, c.Once, (*customer.Customer).Delete)
}
