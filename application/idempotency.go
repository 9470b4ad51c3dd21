package application

import (
	"context"
	"crypto/sha256"
	"time"
)

// Response is the HTTP status and body of a request. It is stored together with the effect of a command, so that a replay
// sends the same bytes again.
type Response struct {
	Status int
	Body   []byte
}

// StoredResponse is a stored response with the fingerprint of its request.
type StoredResponse struct {
	Fingerprint [sha256.Size]byte
	Response    Response
	Erased      bool // whether the lead that it is stored with was erased
	LeadID      string
	AnswerUntil time.Time // as StoredLead.AnswerUntil
}

// Replay returns what a replay of the request of a seller's lead is answered. As long as the response may be replaced it is waited for, also when its time
// is over: who settles the lead may have read the clock before that.
func (s StoredResponse) Replay(sellerID string) Done {
	d := Done{Response: s.Response, Replayed: true}
	if !s.AnswerUntil.IsZero() {
		d.Awaits = &Awaited{Lead: Ref{SellerID: sellerID, ID: s.LeadID}, Until: s.AnswerUntil}
	}
	return d
}

// IdempotencyRepository stores the responses to management commands under their Idempotency-Key.
type IdempotencyRepository interface {
	// Claim takes an Idempotency-Key of an API key for a request until a time; a key whose time is over can be taken again.
	// When another request holds the key, taken is false and stored is that request's response. sellerID is empty for a key of
	// the whole installation.
	Claim(ctx context.Context, sellerID, keyID, idempotencyKey string, fingerprint [sha256.Size]byte, now, until time.Time) (stored StoredResponse, taken bool, err error)
	// Complete stores the response under a key that Claim took in the same transaction.
	Complete(ctx context.Context, sellerID, keyID, idempotencyKey string, a Response) error
	// CompleteLasting is Complete of a response that holds nothing about anybody: an erasure leaves it, so that the request stays done.
	CompleteLasting(ctx context.Context, sellerID, keyID, idempotencyKey string, a Response) error
}
