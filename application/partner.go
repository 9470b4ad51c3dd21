package application

import (
	"context"

	"github.com/leadmill/leadmill/domain/partner"
)

// PartnerRepository stores partners. Deleted ones are not found; retired keys lead to nobody.
type PartnerRepository interface {
	// Add stores a new partner: partner.Taken("email"), ("id") or ("key").
	Add(ctx context.Context, p *partner.Partner) error
	// Find returns a partner of a seller by id, else any of its referral keys, else email (the first given): partner.ErrNotFound.
	Find(ctx context.Context, sellerID string, h PartnerHandle) (*partner.Partner, error)
	// Lock is Find that locks the partner's row.
	Lock(ctx context.Context, sellerID string, h PartnerHandle) (*partner.Partner, error)
	// Chain returns the id of a partner and of those that referred it, the nearest first, to any depth. It also ends at a
	// partner it met before. Changes of referring partners lock the seller, so that no circle can come to be.
	Chain(ctx context.Context, sellerID, id string) ([]string, error)
	// Save stores changes of a locked partner: partner.Taken("email") or ("key").
	Save(ctx context.Context, p *partner.Partner) error
}

// PartnerHandle names a partner: the first member given counts (docs/partner-program.md).
type PartnerHandle struct{ ID, Key, Email string }
