package query

import (
	"github.com/leadmill/leadmill/application"
)

// ReturnByID asks for one return: lead.ErrReturnNotFound.
type ReturnByID struct {
	application.Actor

	ID string
}

// Needs implements application.Message.
func (ReturnByID) Needs() application.Scope { return application.Program }
