package seller

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"hash/crc32"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
)

// Scope is what an API key may do (docs/marketplace.md).
type Scope string

// The built-in scopes; a team's module may declare more.
const (
	Admin    Scope = "admin"    // the installation: /v1/sellers only
	Program  Scope = "program"  // everything of one seller under /v1
	Supplier Scope = "supplier" // /api for one seller, bound to a partner
	Form     Scope = "form"     // /api/forms for one campaign, from the origins that the key names; its text is public
	Site     Scope = "site"     // what the snippet in a seller's web pages needs, from the origins that the key names; its text is public
)

// RateLimit is how many POSTs a key may send in a fixed window; with a form key, how many a client's address may. The zero value is
// no limit.
type RateLimit struct {
	Requests int64
	Window   time.Duration
}

// DefaultRateLimit holds for a key that says nothing else: 60 requests a minute (docs/supplier-api.md).
var DefaultRateLimit = RateLimit{Requests: 60, Window: time.Minute}

// DefaultPageLimit holds for a form or site key that says nothing else: 10 a minute from an address (docs/marketplace.md). All visitors of a
// page have one key.
var DefaultPageLimit = RateLimit{Requests: 10, Window: time.Minute}

const (
	maxRequests = 1_000_000_000
	maxWindow   = 24 * time.Hour
)

// Check returns fault.ErrValidation with the members at fault, named requests and window_seconds, or nil. The zero value,
// which is no limit, must not be checked.
func (l RateLimit) Check() error {
	var v fault.Violations
	if l.Requests < 1 || l.Requests > maxRequests {
		v.Add("requests", fault.InvalidValue, "must be between 1 and 1000000000")
	}
	if l.Window < time.Second || l.Window > maxWindow {
		v.Add("window_seconds", fault.InvalidValue, "must be between 1 and 86400")
	}
	return v.Err()
}

// ErrKeyNotFound says that the seller has no such API key.
var ErrKeyNotFound = fault.New(fault.NotFound, "api_key_not_found", "API key not found.")

// Key is an API key. Only the hash of its secret is kept.
type Key struct {
	ID, SellerID string
	Scope        Scope
	Name         string
	PartnerID    string
	CampaignID   string   // of a form key
	Origins      []string // of a form or site key: those of the pages that may use it, as browsers write them
	Limit        RateLimit
	Hash         [sha256.Size]byte
	CreatedAt    time.Time
	RevokedAt    time.Time // zero: not revoked
	ExpiresAt    time.Time // zero: never
}

// KeyRequest describes the key that an operator asks for. PartnerID is required for Supplier, may be given for Form, and is empty for
// all others. CampaignID is required for Form, Origins for Form and Site; they are empty for all others.
type KeyRequest struct {
	Scope      Scope
	Scopes     []Scope // those that the key may have; nil: the built-in ones of sellers
	Name       string
	PartnerID  string
	CampaignID string
	Origins    []string
	Limit      *RateLimit // nil: the default; zero: none, which a site key cannot have
	ExpiresAt  time.Time  // zero: never
}

// NewKey makes a key for a seller. token is the key's whole text (see Token), of which only the hash is kept. It returns
// fault.ErrValidation with the members at fault.
func NewKey(id, sellerID, token string, r KeyRequest, now time.Time) (Key, error) {
	var v fault.Violations
	scopes := r.Scopes
	if scopes == nil {
		scopes = []Scope{Program, Supplier, Form, Site}
	}
	known := slices.Contains(scopes, r.Scope)
	if !known {
		v.Add("scope", fault.InvalidValue, "must be "+oneOf(scopes))
	}
	if r.Scope == Supplier && r.PartnerID == "" {
		v.Add("partner", fault.Required, "is required for a supplier key")
	}
	if known && r.Scope != Supplier && r.Scope != Form && r.PartnerID != "" {
		v.Add("partner", fault.InvalidValue, "is for supplier and form keys only")
	}
	if r.Scope == Form && r.CampaignID == "" {
		v.Add("campaign_id", fault.Required, "is required for a form key")
	}
	if known && r.Scope != Form && r.CampaignID != "" {
		v.Add("campaign_id", fault.InvalidValue, "is for form keys only")
	}
	limit := DefaultRateLimit
	var origins []string
	switch {
	case r.Scope == Form || r.Scope == Site:
		limit = DefaultPageLimit
		origins = parseOrigins(r.Origins, &v)
	case known && len(r.Origins) > 0:
		v.Add("origins", fault.InvalidValue, "is for form and site keys only")
	}
	name, err := contact.ParseText(r.Name, 200)
	v.AddErr("name", err)
	if r.Limit != nil {
		limit = *r.Limit
		if limit != (RateLimit{}) || r.Scope == Site {
			v.AddErr("rate_limit", limit.Check())
		}
	}
	checkExpiry(r.ExpiresAt, now, &v)
	if err := v.Err(); err != nil {
		return Key{}, err
	}
	return Key{
		ID: id, SellerID: sellerID, Scope: r.Scope, Name: name, PartnerID: r.PartnerID,
		CampaignID: r.CampaignID, Origins: origins, Limit: limit, Hash: HashToken(token), CreatedAt: now, ExpiresAt: r.ExpiresAt,
	}, nil
}

// checkExpiry adds a violation for a key that would never be in force.
func checkExpiry(at, now time.Time, v *fault.Violations) {
	if !at.IsZero() && !at.After(now) {
		v.Add("expires_at", fault.InvalidValue, "must be in the future")
	}
}

// MaxOverlap bounds how long a key stays in force beside the one that takes its place.
const MaxOverlap = 90 * 24 * time.Hour

// Rotate makes a key that may do what this one may, with a text of its own (see Token), and returns when this one ends: when the overlap is
// over, or as it would have without. It returns fault.ErrValidation with the members at fault, named overlap_seconds and expires_at.
func (k Key) Rotate(id, token string, overlap time.Duration, expiresAt, now time.Time) (next Key, ends time.Time, err error) {
	var v fault.Violations
	if overlap < 0 || overlap > MaxOverlap {
		v.Add("overlap_seconds", fault.InvalidValue, "must be between 0 and 7776000")
	}
	checkExpiry(expiresAt, now, &v)
	if err := v.Err(); err != nil {
		return Key{}, time.Time{}, err
	}
	next = k
	next.ID, next.Hash, next.CreatedAt, next.ExpiresAt = id, HashToken(token), now, expiresAt
	ends = now.Add(overlap)
	if !k.ExpiresAt.IsZero() && k.ExpiresAt.Before(ends) {
		ends = k.ExpiresAt
	}
	return next, ends, nil
}

// InForce reports whether the key is neither revoked nor expired.
func (k Key) InForce(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// oneOf writes scopes as a choice: "program, supplier or reports".
func oneOf(scopes []Scope) string {
	var b strings.Builder
	for i, s := range scopes {
		switch {
		case i > 0 && i == len(scopes)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(string(s))
	}
	return b.String()
}

// Token returns the text of a key: lm_<scope>_<id>_<secret><checksum> (docs/marketplace.md). By its checksum a scanner or a
// client recognises a mistyped key without a request.
func Token(scope Scope, id, secret string) string {
	body := "lm_" + string(scope) + "_" + id + "_" + secret
	return body + checksum(body)
}

// TokenID returns the id inside a key's text, or false when the text does not have the form of Token.
func TokenID(token string) (id string, ok bool) {
	if len(token) > 255 || len(token) < 8 || !strings.HasPrefix(token, "lm_") {
		return "", false
	}
	body, sum := token[:len(token)-8], token[len(token)-8:]
	if checksum(body) != sum {
		return "", false
	}
	parts := strings.SplitN(body, "_", 4)
	if len(parts) != 4 || parts[2] == "" || parts[3] == "" {
		return "", false
	}
	return parts[2], true
}

// HashToken returns what is stored of a key's text. Keys hold 256 random bits, so a plain SHA-256 is enough.
func HashToken(token string) [sha256.Size]byte { return sha256.Sum256([]byte(token)) }

// Matches reports, in constant time, whether token is this key and the key is not revoked. Whether it expired InForce says.
func (k Key) Matches(token string) bool {
	h := HashToken(token)
	return subtle.ConstantTimeCompare(h[:], k.Hash[:]) == 1 && k.RevokedAt.IsZero()
}

func checksum(s string) string {
	sum := crc32.ChecksumIEEE([]byte(s))
	return hex.EncodeToString([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
}
