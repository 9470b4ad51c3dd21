package query

import (
	"github.com/leadmill/leadmill/application"
)

// BuyerByID asks for one buyer: buyer.ErrNotFound.
type BuyerByID struct {
	application.Actor

	ID string
}

// Needs implements application.Message.
func (BuyerByID) Needs() application.Scope { return application.Program }

// OfBuyer implements application.ForBuyers.
func (q BuyerByID) OfBuyer() string { return q.ID }
