package program

import (
	"context"
	"crypto/sha256"
	"time"
)

// PartnerContact is what a mail to a partner needs.
type PartnerContact struct {
	PartnerID, Email, Name, Surname string
	SellerName                      string
	Open                            bool // an invitation can still be accepted
}

// PortalReader reads what a partner sees of itself.
type PortalReader interface {
	// TokenOf returns a token that is not over at now without consuming it: ErrTokenUnknown.
	TokenOf(ctx context.Context, hash [sha256.Size]byte, kind TokenKind, now time.Time) (Token, error)
	// ContactOf returns how a partner is reached: partner.ErrNotFound.
	ContactOf(ctx context.Context, sellerID, partnerID string) (PartnerContact, error)
}
