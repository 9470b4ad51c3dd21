package query

import (
	"github.com/leadmill/leadmill/application"
)

// MarketplaceLeadByID asks for one lead with fields, trace and sales: lead.ErrNotFound.
type MarketplaceLeadByID struct {
	application.Actor

	ID string
}

// Needs implements application.Message.
func (MarketplaceLeadByID) Needs() application.Scope { return application.Program }
