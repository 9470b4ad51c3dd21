package application

import (
	"context"

	"github.com/leadmill/leadmill/domain/partner"
)

// PartnerRepository stores partners. Deleted partners are not found, nor is any partner by a retired key.
type PartnerRepository interface {
	// Add stores a new partner: partner.Taken("email"), ("id") or ("key").
	Add(ctx context.Context, p *partner.Partner) error
	// Find loads a partner of a seller without locking it: partner.ErrNotFound.
	Find(ctx context.Context, sellerID string, h PartnerHandle) (*partner.Partner, error)
	// Lock is Find, and locks the partner's row.
	Lock(ctx context.Context, sellerID string, h PartnerHandle) (*partner.Partner, error)
	// Chain returns the id of a partner and the ids of the partners that referred it, directly or through others, the
	// nearest first. It ends before a partner that is in it already. Changes of referring partners lock the seller, so that
	// no circle can arise.
	Chain(ctx context.Context, sellerID, id string) ([]string, error)
	// Save stores changes of a locked partner: partner.Taken("email") or ("key").
	Save(ctx context.Context, p *partner.Partner) error
}

// PartnerHandle names a partner by its first member that is not empty: its id, any of its referral keys, or its email
// (docs/partner-program.md). Any, which comes first, is a path's text: an id, else a referral key.
type PartnerHandle struct{ ID, Key, Email, Any string }
