package query

import (
	"github.com/leadmill/leadmill/application"
)

// CustomerByHandle asks for one customer of the actor's seller: customer.ErrNotFound.
type CustomerByHandle struct {
	application.Actor

	Handle application.CustomerHandle
}

// Needs implements application.Message.
func (CustomerByHandle) Needs() application.Scope { return application.Program }
