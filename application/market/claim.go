package market

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/field"
)

// ClaimKind says what a claim is about.
type ClaimKind string

// The kinds of claims. ClaimPhone, ClaimEmail and ClaimAll make a second lead of the same person a duplicate in its
// campaign; the others find an earlier request and its response.
const (
	ClaimPhone       ClaimKind = "phone"
	ClaimEmail       ClaimKind = "email"
	ClaimAll         ClaimKind = "all"
	ClaimRequest     ClaimKind = "request"     // the same fields within 60 seconds: a double click
	ClaimIdempotency ClaimKind = "idempotency" // an Idempotency-Key
	ClaimExternalID  ClaimKind = "external_id"
)

// ClaimKey identifies a claim: a hash over its scope, kind and value.
type ClaimKey [sha256.Size]byte

// NewClaimKey hashes a claim's scope (a campaign's or an API key's id), kind and value.
func NewClaimKey(scope string, kind ClaimKind, value string) ClaimKey {
	return sha256.Sum256([]byte(scope + "\x00" + string(kind) + "\x00" + value))
}

// Claim is a unique mark of a lead that expires. No two leads hold the same claim at a time.
type Claim struct {
	Key       ClaimKey
	SellerID  string
	Scope     string
	Kind      ClaimKind
	LeadID    string
	ExpiresAt time.Time
}

// ClaimRepository stores claims. When another transaction took a claim meanwhile, Take fails in a way that runs the unit of
// work again.
type ClaimRepository interface {
	// Find returns the claims that exist under keys, expired ones too, in one statement and without locking.
	Find(ctx context.Context, keys []ClaimKey) (map[ClaimKey]Claim, error)
	// Take takes claims: fresh ones by one INSERT sorted by key, and those in expired by one UPDATE that is guarded by
	// their expiry at now.
	Take(ctx context.Context, fresh, expired []Claim, now time.Time) error
}

// DedupeClaims returns the claims of the campaign's duplicate rule, which make a second lead with the same phone or email a
// duplicate. LeadID and ExpiresAt are left empty. There are none when the rule's fields are empty.
func DedupeClaims(c *campaign.Campaign, fields field.Set) []Claim {
	keys := c.DedupeKeys(fields)
	claims := make([]Claim, 0, len(keys))
	for kind, value := range keys {
		claims = append(claims, Claim{
			Key:      NewClaimKey(c.ID(), ClaimKind(kind), value),
			SellerID: c.SellerID(), Scope: c.ID(), Kind: ClaimKind(kind),
		})
	}
	return claims
}
