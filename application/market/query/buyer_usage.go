package query

import (
	"github.com/leadmill/leadmill/application"
)

// BuyerUsage asks what a buyer's contracts together used in the windows in which the buyer has caps: buyer.ErrNotFound.
type BuyerUsage struct {
	application.Actor

	ID string
}

// Needs implements application.Message.
func (BuyerUsage) Needs() application.Scope { return application.Program }

// OfBuyer implements application.ForBuyers.
func (q BuyerUsage) OfBuyer() string { return q.ID }
