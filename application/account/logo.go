package account

import (
	"context"

	"github.com/leadmill/leadmill/domain/seller"
)

// LogoRepository stores the pictures of sellers.
type LogoRepository interface {
	// Put stores the logo of a seller in place of the one that it has.
	Put(ctx context.Context, sellerID string, l seller.Logo) error
	// Remove deletes the logo of a seller. It is no error when there is none.
	Remove(ctx context.Context, sellerID string) error
}
