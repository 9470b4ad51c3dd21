package program

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
)

// TokenKind says what a token of a partner opens.
type TokenKind string

// The kinds of tokens.
const (
	InvitationToken TokenKind = "invitation"
	SignInToken     TokenKind = "sign_in"
	SessionToken    TokenKind = "session"
)

// Token is a secret that a partner holds; only its hash is stored.
type Token struct {
	Hash                [sha256.Size]byte
	Kind                TokenKind
	SellerID, PartnerID string
	ExpiresAt           time.Time
}

// TokenHash returns the hash that is stored of a token.
func TokenHash(token string) [sha256.Size]byte {
	return sha256.Sum256([]byte("leadmill token\x00" + token))
}

// ErrTokenUnknown says that a token does not exist, has expired or was used, without telling which.
var ErrTokenUnknown = fault.New(fault.NotFound, "link_not_valid", "This link is not valid any more.")

// TokenRepository stores tokens.
type TokenRepository interface {
	// Add stores a new token.
	Add(ctx context.Context, t Token) error
	// Consume deletes a token that has not expired at now and returns it: ErrTokenUnknown. Only one of several calls at the
	// same time gets it.
	Consume(ctx context.Context, hash [sha256.Size]byte, kind TokenKind, now time.Time) (Token, error)
	// RevokeOfPartner deletes a partner's tokens of the given kinds, or all of them when no kind is given.
	RevokeOfPartner(ctx context.Context, sellerID, partnerID string, kinds ...TokenKind) error
}
