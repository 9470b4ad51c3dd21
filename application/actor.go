package application

import (
	"context"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/seller"
)

// Actor is who sends a command or asks a query. It comes from the API key or the session alone, never from a request's body.
type Actor struct {
	Scope      seller.Scope // a built-in one or that of a team
	KeyID      string
	SellerID   string // empty for Admin, as are all members below
	SellerCode string
	SellerSlug string
	Website    string
	// LinkParameter is the query parameter of the seller's referral links.
	LinkParameter string
	CookieDays    int // how long the seller's program keeps a referral in browsers
	Currency      money.Currency
	PartnerID     string // for Supplier, and for Form where the key has one
	CampaignID    string // for Form
	// PersonID and Role are of who signed in to the pages; empty for a key. What a role may not do is refused (see Authorise).
	PersonID string
	Role     operator.Role
	// BuyerID is of whom somebody is who signed in with the role of buyers; empty for all others.
	BuyerID string
	// Origins are those of the pages that may use the key, for Form and Site: one text with spaces between, so that actors compare.
	Origins string
}

// Who returns the actor. Messages embed their Actor and so have this method, which Authorise calls.
func (a Actor) Who() Actor { return a }

// AllowsOrigin reports whether pages of an origin, as a browser names it, may use the actor's key.
func (a Actor) AllowsOrigin(origin string) bool {
	return origin != "" && slices.Contains(strings.Fields(a.Origins), origin)
}

// IsSeller reports whether name, as a supplier wrote it, is the code or the slug of the actor's seller.
func (a Actor) IsSeller(name string) bool {
	return name != "" && (name == a.SellerCode || name == a.SellerSlug)
}

// Trail connects all that one request causes: its members become the correlation, causation and trace of the events.
type Trail struct{ CorrelationID, CausationID, Traceparent string }

type trailKey struct{}

// WithTrail returns a context that carries a trail.
func WithTrail(ctx context.Context, t Trail) context.Context {
	return context.WithValue(ctx, trailKey{}, t)
}

// TrailOf returns the trail a context carries, or the zero Trail.
func TrailOf(ctx context.Context) Trail {
	t, _ := ctx.Value(trailKey{}).(Trail)
	return t
}
