package market

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

// ClaimKind says what a claim is about.
type ClaimKind string

// The kinds of claims. ClaimPhone, ClaimEmail and ClaimAll make a second lead of the same person a duplicate in its
// campaign; the others find an earlier lead and the response to its request.
const (
	ClaimPhone       ClaimKind = "phone"
	ClaimEmail       ClaimKind = "email"
	ClaimAll         ClaimKind = "all"
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
	SellerID  string
	Key       ClaimKey
	LeadID    string
	ExpiresAt time.Time
}

// Ref says where the claim is looked for.
func (c Claim) Ref() ClaimRef { return ClaimRef{c.SellerID, c.Key} }

// ClaimRef names a claim of a seller.
type ClaimRef struct {
	SellerID string
	Key      ClaimKey
}

// RequestContent identifies what was sent: a hash over the API key's id and the merged fields.
type RequestContent [sha256.Size]byte

// Request remembers for DoubleClick that a lead was accepted, so that the same request gets the same response again.
type Request struct {
	SellerID   string
	Content    RequestContent
	LeadID     string
	AcceptedAt time.Time
}

// Ref says where the request is looked for.
func (r Request) Ref() RequestRef { return RequestRef{r.SellerID, r.Content} }

// RequestRef names a request to a seller.
type RequestRef struct {
	SellerID string
	Content  RequestContent
}

// DoubleClick is how long after a request the same request is the same lead.
const DoubleClick = 60 * time.Second

// ClaimRepository stores claims and recent requests. When another transaction took one of them meanwhile, Take, Extend and
// Remember fail in a way that runs the unit of work again.
type ClaimRepository interface {
	// Find returns the claims and the requests that are stored, those whose time is over too, in one statement and without
	// locking.
	Find(ctx context.Context, claims []ClaimRef, requests []RequestRef) (map[ClaimKey]Claim, map[RequestContent]Request, error)
	// Take takes claims: fresh ones by one INSERT sorted by seller and key, and those in expired by one UPDATE that is guarded
	// by their expiry at now.
	Take(ctx context.Context, fresh, expired []Claim, now time.Time) error
	// Extend gives stored claims, those whose time is over too, to later leads until a later time, by one UPDATE that is guarded by
	// their ends: each is before the new one.
	Extend(ctx context.Context, claims []Claim) error
	// Remember stores requests: fresh ones by one INSERT sorted by seller and content, and those in expired by one UPDATE
	// that is guarded by their age: they were accepted at since or before.
	Remember(ctx context.Context, fresh, expired []Request, since time.Time) error
}

// DedupeClaims returns the claims of the campaign's duplicate rule, which make a second lead with the same phone or email a
// duplicate. LeadID and ExpiresAt are left empty. There are none when the rule's fields are empty.
func DedupeClaims(c *campaign.Campaign, fields field.Set) []Claim {
	keys := c.DedupeKeys(fields)
	claims := make([]Claim, 0, len(keys))
	for kind, value := range keys {
		claims = append(claims, Claim{SellerID: c.SellerID(), Key: NewClaimKey(c.ID(), ClaimKind(kind), value)})
	}
	return claims
}

// ClaimKeysOf returns the keys of all claims of its campaign and its supplier that a lead may hold, whatever the campaign's duplicate rule
// was when it took them.
func ClaimKeysOf(l lead.Snapshot) []ClaimKey {
	var keys []ClaimKey
	for _, fields := range [][]string{{field.Phone}, {field.EmailName}, {field.Phone, field.EmailName}} {
		for _, match := range []campaign.Match{campaign.MatchAny, campaign.MatchAll} {
			for kind, value := range (campaign.Dedupe{Fields: fields, Match: match}).Keys(l.Fields) {
				if key := NewClaimKey(l.CampaignID, ClaimKind(kind), value); !slices.Contains(keys, key) {
					keys = append(keys, key)
				}
			}
		}
	}
	if l.ExternalID != "" {
		keys = append(keys, NewClaimKey(l.KeyID, ClaimExternalID, l.ExternalID))
	}
	return keys
}
