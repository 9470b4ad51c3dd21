package market

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
)

// PreviewReader reads, without locking anything, what a lead is decided by.
type PreviewReader interface {
	// Campaign returns a campaign of a seller with its contracts: campaign.ErrNotFound.
	Campaign(ctx context.Context, sellerID, id string) (*campaign.Campaign, error)
	// BuyersOf returns buyers by id. Unknown ones are left out.
	BuyersOf(ctx context.Context, buyers []application.Ref) (map[string]*buyer.Buyer, error)
	// CountersOf returns counters by key; the ids of the refs are the keys. Unknown ones are left out.
	CountersOf(ctx context.Context, counters []application.Ref) (map[string]*distribution.Counter, error)
	// Held returns those of some claims that are held at a time.
	Held(ctx context.Context, claims []ClaimRef, now time.Time) (map[ClaimKey]bool, error)

	PartnerReader
	SuppressionReader
}

// PartnerReader knows which partners there are.
type PartnerReader interface {
	// PartnersAmong returns those of some ids that are of partners of a seller, without any order.
	PartnersAmong(ctx context.Context, sellerID string, ids []string) ([]string, error)
}
