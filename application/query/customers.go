package query

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/customer"
)

// Customer is a customer as it is answered (seeds/create-customer.txt).
type Customer struct {
	ID, Key, PartnerID, Name, Surname, Email, Status string
	Tags                                             []string
	CreatedAt, UpdatedAt, DeletedAt                  time.Time
}

// CustomerOf answers a stored customer.
func CustomerOf(s customer.Snapshot) Customer {
	return Customer{ID: s.ID, Key: s.Key, PartnerID: s.Attribution.PartnerID, Name: s.Name, Surname: s.Surname, Email: s.Email,
		Status: string(s.Status), Tags: s.Tags, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, DeletedAt: s.DeletedAt}
}

// CustomerByHandle asks for one customer of the actor's seller: customer.ErrNotFound.
type CustomerByHandle struct {
	application.Actor

	Handle application.CustomerHandle
}

// Customers asks for a seller's customers, newest first, of one partner when its handle is given (nobody of an unknown
// one). Key, ID and Email filter by what they contain.
type Customers struct {
	application.Actor

	Partner        application.PartnerHandle
	Key, ID, Email string
	Page           Page
}

// CustomerReader is the read model of customers.
type CustomerReader interface {
	CustomerByHandle(ctx context.Context, q CustomerByHandle) (Customer, error)
	Customers(ctx context.Context, q Customers) (List[Customer], error)
}
