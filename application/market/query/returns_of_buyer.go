package query

import "github.com/leadmill/leadmill/application"

// ReturnsOfBuyer asks for the returns of sales to a buyer: first those that are not decided yet, then those that were decided last, at most
// MostOfBuyer of either: buyer.ErrNotFound.
type ReturnsOfBuyer struct {
	application.Actor

	BuyerID string
}

// Needs implements application.Message.
func (ReturnsOfBuyer) Needs() application.Scope { return application.Program }

// OfBuyer implements application.ForBuyers.
func (q ReturnsOfBuyer) OfBuyer() string { return q.BuyerID }
