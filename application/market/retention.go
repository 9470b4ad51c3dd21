package market

import (
	"context"
	"time"
)

// Retention is for how long a seller's leads keep what they hold of persons, and how far those that are older were erased.
type Retention struct {
	SellerID string
	Days     int
	Place    string // the id of the last lead that was looked at; empty before the first
}

// RetentionReader finds leads that are to be erased, outside of a transaction.
type RetentionReader interface {
	// Retentions returns those of all sellers that have one.
	Retentions(ctx context.Context) ([]Retention, error)
	// OldLeads returns up to limit ids of a seller's leads above after, ascending, up to the first that was submitted at a time or later.
	OldLeads(ctx context.Context, sellerID, after string, before time.Time, limit int) ([]string, error)
}

// RetentionRepository keeps how far leads were erased.
type RetentionRepository interface {
	// KeepPlace stores the last lead of a seller that was looked at.
	KeepPlace(ctx context.Context, sellerID, leadID string) error
}
