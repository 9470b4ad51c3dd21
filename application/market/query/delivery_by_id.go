package query

import "github.com/leadmill/leadmill/application"

// DeliveryByID asks for one delivery: delivery.ErrNotFound.
type DeliveryByID struct {
	application.Actor

	ID string
}

// Needs implements application.Message.
func (DeliveryByID) Needs() application.Scope { return application.Program }
