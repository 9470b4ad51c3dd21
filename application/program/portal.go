package program

import (
	"context"
	"crypto/sha256"
	"time"
)

// PartnerContact is what is needed for a mail to a partner.
type PartnerContact struct {
	PartnerID, Email, Name, Surname string
	EmailKey                        string // the email as it is compared
	SellerName                      string
	Open                            bool // the partner can still accept an invitation
	Active                          bool // the partner can sign in
	SignedUp                        bool // the partner came by the sign-up page
}

// PortalReader reads what a partner sees of itself.
type PortalReader interface {
	// TokenOf returns a token that has not expired at now, without consuming it: ErrTokenUnknown.
	TokenOf(ctx context.Context, hash [sha256.Size]byte, kind TokenKind, now time.Time) (Token, error)
	// HoldsToken reports whether a partner has a token of a kind that has not expired at now.
	HoldsToken(ctx context.Context, sellerID, partnerID string, kind TokenKind, now time.Time) (bool, error)
	// ContactOf returns the contact of a partner: partner.ErrNotFound.
	ContactOf(ctx context.Context, sellerID, partnerID string) (PartnerContact, error)
}
