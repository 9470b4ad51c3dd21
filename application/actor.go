package application

import (
	"context"

	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/seller"
)

// Actor is who sends a command or asks a query. It comes from the API key alone, never from a request's body.
type Actor struct {
	Scope      seller.Scope
	KeyID      string
	SellerID   string // empty for Admin, as is all that follows
	SellerCode string
	SellerSlug string
	Website    string
	// LinkParameter is the query parameter of the seller's referral links.
	LinkParameter string
	Currency      money.Currency
	PartnerID     string // for Supplier
}

// Who returns the actor. Commands and queries embed their actor and so have this method, which is what authorising asks.
func (a Actor) Who() Actor { return a }

// IsSeller reports whether name, as a supplier wrote it, names the actor's seller: by its code or its slug.
func (a Actor) IsSeller(name string) bool {
	return name != "" && (name == a.SellerCode || name == a.SellerSlug)
}

// Trail ties what a request caused together: it becomes the correlation, causation and trace of its events.
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
