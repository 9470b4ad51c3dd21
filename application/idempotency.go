package application

import (
	"context"
	"crypto/sha256"
	"time"
)

// Response is what a request was answered: the HTTP status and body that are stored with the effect of a command, so that a
// replay sends them again, byte for byte.
type Response struct {
	Status int
	Body   []byte
}

// StoredResponse is what is kept of a lead's request.
type StoredResponse struct {
	Fingerprint [sha256.Size]byte
	Response    Response
}

// IdempotencyRepository stores the responses to management commands under their Idempotency-Key.
type IdempotencyRepository interface {
	// Claim takes an Idempotency-Key of an API key for a request until a time. When it is taken already, it returns what
	// is stored under it; a key whose time is over is taken again.
	Claim(ctx context.Context, keyID, idempotencyKey string, fingerprint [sha256.Size]byte, now, until time.Time) (stored StoredResponse, taken bool, err error)
	// Complete stores the answer under a key that Claim took in the same transaction.
	Complete(ctx context.Context, keyID, idempotencyKey string, a Response) error
}
