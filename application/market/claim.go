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

// The kinds of claims. Phone, email and all make a second lead of the same person a duplicate in its campaign; the others
// find the request that was answered before.
const (
	ClaimPhone       ClaimKind = "phone"
	ClaimEmail       ClaimKind = "email"
	ClaimAll         ClaimKind = "all"
	ClaimRequest     ClaimKind = "request"     // the double click
	ClaimIdempotency ClaimKind = "idempotency" // an Idempotency-Key
	ClaimExternalID  ClaimKind = "external_id"
)

// ClaimKey identifies a claim: a hash over its scope, kind and value.
type ClaimKey [sha256.Size]byte

// NewClaimKey hashes a claim's scope (a campaign's or an API key's id), kind and value.
func NewClaimKey(scope string, kind ClaimKind, value string) ClaimKey {
	return sha256.Sum256([]byte(scope + "\x00" + string(kind) + "\x00" + value))
}

// Claim is a unique, expiring mark of a lead.
type Claim struct {
	Key       ClaimKey
	SellerID  string
	Scope     string
	Kind      ClaimKind
	LeadID    string
	ExpiresAt time.Time
}

// ClaimRepository stores claims. Taking a claim that somebody else took meanwhile runs the unit of work again.
type ClaimRepository interface {
	// Find returns the claims that exist under keys, expired ones too, in one statement and without locking.
	Find(ctx context.Context, keys []ClaimKey) (map[ClaimKey]Claim, error)
	// Take takes claims: fresh ones by one INSERT sorted by key, and those in expired by one UPDATE that is guarded by
	// their expiry at now.
	Take(ctx context.Context, fresh, expired []Claim, now time.Time) error
}

// DedupeClaims returns the claims that make a second lead with the same phone or email a duplicate in a campaign, by the
// campaign's dedupe rule and without lead and expiry; none where the rule finds nothing to compare.
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
