package application

import (
	"context"

	"github.com/leadmill/leadmill/domain/buyer"
)

// BuyerRepository stores buyers and their ledgers.
type BuyerRepository interface {
	// Add stores a new buyer.
	Add(ctx context.Context, b *buyer.Buyer) error
	// Get loads a buyer without locking it: buyer.ErrNotFound.
	Get(ctx context.Context, sellerID, id string) (*buyer.Buyer, error)
	// Lock loads a buyer and locks its row: buyer.ErrNotFound.
	Lock(ctx context.Context, sellerID, id string) (*buyer.Buyer, error)
	// LockAll loads buyers by id, in one statement and locked in the order of their refs. Unknown ones are left out.
	LockAll(ctx context.Context, buyers []Ref) (map[string]*buyer.Buyer, error)
	// LockRuled loads and locks the buyers of a seller that have rules of their own, such as caps, in the order of their ids.
	LockRuled(ctx context.Context, sellerID string) ([]*buyer.Buyer, error)
	// Save stores changes of one locked buyer with its new ledger entries.
	Save(ctx context.Context, b *buyer.Buyer) error
	// SaveSold stores the new ledger entries and balances of locked buyers whose only change is charges: one statement for
	// the entries and one for the balances, which fails rather than overdraw an account. One more statement for each whose
	// balance became low stores that event.
	SaveSold(ctx context.Context, buyers []*buyer.Buyer) error
}
