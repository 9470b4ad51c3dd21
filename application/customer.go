package application

import (
	"context"

	"github.com/leadmill/leadmill/domain/customer"
)

// CustomerRepository stores customers. Deleted ones are not found.
type CustomerRepository interface {
	// Add stores a new customer: customer.ErrKeyTaken.
	Add(ctx context.Context, c *customer.Customer) error
	// Lock returns a customer of a seller, its row locked: customer.ErrNotFound.
	Lock(ctx context.Context, sellerID string, h CustomerHandle) (*customer.Customer, error)
	// Save stores changes of a locked customer: customer.ErrKeyTaken.
	Save(ctx context.Context, c *customer.Customer) error
}

// CustomerHandle names a customer: the first member given counts. Any is what stands in a path: a key, else an id, else an
// email. Of several customers with one email the newest is meant.
type CustomerHandle struct{ Any, Key, ID, Email string }
