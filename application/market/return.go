package market

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/domain/lead"
)

// SoldLead names a sale and all that it concerns.
type SoldLead struct{ SaleID, LeadID, CampaignID, ContractID, BuyerID string }

// ReturnRepository stores the returns of sales. Who adds or decides one holds the lock of its lead.
type ReturnRepository interface {
	// Sale says whose a sale is, without locking: lead.ErrSaleNotFound.
	Sale(ctx context.Context, sellerID, saleID string) (SoldLead, error)
	// Get loads a return without locking it: lead.ErrReturnNotFound.
	Get(ctx context.Context, sellerID, id string) (lead.Return, error)
	// Add stores a new return, decided or not.
	Add(ctx context.Context, r lead.Return) error
	// Decide stores that an open return was approved or rejected.
	Decide(ctx context.Context, r lead.Return) error
	// Returned returns how many returns of a buyer were approved since a time, whenever their sales were made.
	Returned(ctx context.Context, sellerID, buyerID string, since time.Time) (int64, error)
	// Sold returns how many sales to a buyer were made since a time, returned ones too, and counts no more than limit.
	Sold(ctx context.Context, sellerID, buyerID string, since time.Time, limit int64) (int64, error)
	// GivenBack returns, for those of some leads that were given back, the buyers that did.
	GivenBack(ctx context.Context, sellerID string, leads []string) (map[string][]string, error)
}
