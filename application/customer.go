package application

import (
	"context"

	"github.com/leadmill/leadmill/domain/customer"
)

// CustomerRepository stores customers. Deleted ones are not found.
type CustomerRepository interface {
	// Add stores a new customer: customer.ErrKeyTaken.
	Add(ctx context.Context, c *customer.Customer) error
	// Lock loads a customer of a seller and locks its row: customer.ErrNotFound.
	Lock(ctx context.Context, sellerID string, h CustomerHandle) (*customer.Customer, error)
	// Save stores changes of a locked customer: customer.ErrKeyTaken.
	Save(ctx context.Context, c *customer.Customer) error
}

// CustomerHandle names a customer by its first member that is not empty. Any is a path's text: a key, else an id, else an
// email. ID is an id, else a key: some clients call the key so. An email that several customers have names the newest of them.
type CustomerHandle struct{ Any, Key, ID, Email string }
