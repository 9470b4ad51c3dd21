package query

import (
	"github.com/leadmill/leadmill/application"
)

// FormLeadByNumber asks for one form lead: lead.ErrNotFound.
type FormLeadByNumber struct {
	application.Actor

	Number int64
}

// Needs implements application.Message.
func (FormLeadByNumber) Needs() application.Scope { return application.Program }
