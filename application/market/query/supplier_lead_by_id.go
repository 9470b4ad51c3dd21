package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/money"
)

// SupplierLeadByID asks for a lead that the actor's key sent: lead.ErrNotFound, also for a lead of another key.
type SupplierLeadByID struct {
	application.Actor

	ID string
}

// Needs implements application.Message.
func (SupplierLeadByID) Needs() application.Scope { return application.Supplier }

// SupplierLead is a lead as its supplier may see it. Price is in micro-units of the seller's currency; without HasPrice
// there is none.
type SupplierLead struct {
	ID, Status           string
	Test                 bool
	Price                money.Micros
	HasPrice             bool
	BuyerIDs             []string
	CreatedAt, UpdatedAt time.Time
}
