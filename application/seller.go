package application

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/domain/seller"
)

// SellerRepository stores sellers.
type SellerRepository interface {
	// Add stores a new seller: seller.ErrCodeTaken, seller.ErrSlugTaken.
	Add(ctx context.Context, s *seller.Seller) error
	// Lock loads a seller by id and locks its row: seller.ErrNotFound.
	Lock(ctx context.Context, id string) (*seller.Seller, error)
	// LockByCode is Lock by the seller's code.
	LockByCode(ctx context.Context, code string) (*seller.Seller, error)
	// Get loads a seller by id without locking it: seller.ErrNotFound.
	Get(ctx context.Context, id string) (*seller.Seller, error)
	// Save stores changes of a locked seller: seller.ErrSlugTaken.
	Save(ctx context.Context, s *seller.Seller) error
}

// KeyRepository stores API keys.
type KeyRepository interface {
	// Add stores a new key.
	Add(ctx context.Context, k seller.Key) error
	// Get loads a key of a seller without locking it, whether it is in force or not: seller.ErrKeyNotFound.
	Get(ctx context.Context, sellerID, id string) (seller.Key, error)
	// Expire lets a key of a seller end at a time: seller.ErrKeyNotFound, also when it is revoked.
	Expire(ctx context.Context, sellerID, id string, at time.Time) error
	// Used stores what keys were used for since it was last called.
	Used(ctx context.Context, used []KeyUse) error
	// Revoke ends a key of a seller: seller.ErrKeyNotFound, also when it was not in force any more.
	Revoke(ctx context.Context, sellerID, id string, at time.Time) error
	// RevokeOfPartner ends all keys of a partner. It is no error when there are none.
	RevokeOfPartner(ctx context.Context, sellerID, partnerID string, at time.Time) error
}
