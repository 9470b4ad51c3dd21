package market

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/ping"
)

// PingRepository stores what suppliers were promised.
type PingRepository interface {
	// Add stores a new ping.
	Add(ctx context.Context, p *ping.Ping) error
	// Find returns pings by id, in one statement and without locking. Unknown ones are left out.
	Find(ctx context.Context, pings []application.Ref) (map[string]*ping.Ping, error)
	// OfLeads returns the pings that leads of a seller came with, by the leads' ids, as long as pings are kept.
	OfLeads(ctx context.Context, sellerID string, leads []string) (map[string]*ping.Ping, error)
	// Use stores which leads pings are used by. A ping that another transaction used meanwhile runs the unit of work again.
	Use(ctx context.Context, pings []*ping.Ping) error
}
