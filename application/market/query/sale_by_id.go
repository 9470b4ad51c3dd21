package query

import (
	"github.com/leadmill/leadmill/application"
)

// SaleByID asks for one sale: lead.ErrSaleNotFound.
type SaleByID struct {
	application.Actor

	ID string
}

// Needs implements application.Message.
func (SaleByID) Needs() application.Scope { return application.Program }
