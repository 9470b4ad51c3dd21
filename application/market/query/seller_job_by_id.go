package query

import "github.com/leadmill/leadmill/application"

// SellerJobByID asks how far a job of a seller is: market.ErrJobNotFound.
type SellerJobByID struct {
	application.Actor

	ID string
}

// Needs implements application.Message.
func (SellerJobByID) Needs() application.Scope { return application.Program }
