package query

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/seller"
)

// APIKey is an API key as it is answered, never with its secret. Limit is zero when there is none.
type APIKey struct {
	ID        string
	Scope     string
	Name      string
	PartnerID string
	Limit     seller.RateLimit
	CreatedAt time.Time
}

// APIKeyOf answers a stored key.
func APIKeyOf(k seller.Key) APIKey {
	return APIKey{ID: k.ID, Scope: string(k.Scope), Name: k.Name, PartnerID: k.PartnerID, Limit: k.Limit, CreatedAt: k.CreatedAt}
}

// APIKeys asks for a seller's keys that are in force, newest first.
type APIKeys struct {
	application.Actor

	Page Page
}

// APIKeyReader is the read model of keys.
type APIKeyReader interface {
	APIKeys(ctx context.Context, q APIKeys) (List[APIKey], error)
}
