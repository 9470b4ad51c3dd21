package query

import (
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
)

// LeadImportByID asks how far an import of leads is that was made with the actor's key, and what became of up to Limit lines behind the line
// After: market.ErrJobNotFound.
type LeadImportByID struct {
	application.Actor

	ID    string
	After int64
	Limit int
}

// Needs implements application.Message.
func (LeadImportByID) Needs() application.Scope { return application.Supplier }

// LeadImport is an import of leads with a part of its report. More says that there are further lines behind these already.
type LeadImport struct {
	market.SellerJob

	Lines []market.ToldLine
	More  bool
}
