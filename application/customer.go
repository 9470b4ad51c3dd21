package application

import (
	"context"

	"github.com/leadmill/leadmill/domain/customer"
)

// CustomerRepository stores customers. Deleted ones are not found.
type CustomerRepository interface {
	// Add stores a new customer: customer.ErrKeyTaken, customer.ErrEmailTaken when another one holds the email that it holds.
	Add(ctx context.Context, c *customer.Customer) error
	// Lock loads a customer of a seller and locks its row: customer.ErrNotFound.
	Lock(ctx context.Context, sellerID string, h CustomerHandle) (*customer.Customer, error)
	// Save stores changes of a locked customer: customer.ErrKeyTaken, customer.ErrEmailTaken.
	Save(ctx context.Context, c *customer.Customer) error
	// Taken reports whether another customer of the seller has the key, and whether one has the email, held or not. It locks
	// nothing: at the same time somebody else may take either, which Add and Save refuse.
	Taken(ctx context.Context, c *customer.Customer) (key, email bool, err error)
}

// CustomerHandle names a customer by its first member that is not empty. Any is a path's text: a key, else an id, else an
// email. ID is an id, else a key: some clients call the key so. An email that several customers have names the newest of them.
type CustomerHandle struct{ Any, Key, ID, Email string }
