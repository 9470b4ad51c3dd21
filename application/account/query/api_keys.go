package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/seller"
)

// APIKeys asks for a seller's keys that are in force, newest first.
type APIKeys struct {
	application.Actor

	Page application.Page
}

// Needs implements application.Message.
func (APIKeys) Needs() application.Scope { return application.Program }

// APIKey is an API key as queries return it, without its secret. A zero Limit is no limit; that of a site key
// counts the sign-ups of each visitor's address by itself.
type APIKey struct {
	ID         string
	Scope      string
	Name       string
	PartnerID  string
	CampaignID string
	Origins    []string
	Limit      seller.RateLimit
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: never
	LastUsedAt time.Time // zero: never; at most a minute behind
	Leads      int64     // that came with it, without test leads; at most a minute behind
}

// APIKeyOf returns the APIKey of a stored key.
func APIKeyOf(k seller.Key) APIKey {
	return APIKey{
		ID: k.ID, Scope: string(k.Scope), Name: k.Name, PartnerID: k.PartnerID, CampaignID: k.CampaignID, Origins: k.Origins,
		Limit: k.Limit, CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt,
	}
}
