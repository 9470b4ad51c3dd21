package query

import (
	"github.com/leadmill/leadmill/application"
)

// SellerByCode asks for one seller: seller.ErrNotFound.
type SellerByCode struct {
	application.Actor

	Code string
}

// Needs implements application.Message.
func (SellerByCode) Needs() application.Scope { return application.Admin }
