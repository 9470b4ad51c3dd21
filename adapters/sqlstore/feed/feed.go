// Package feed stores webhooks: addresses that are told of events, their deliveries, and what they are told again. The log itself is in package eventlog.
//
// Stability: unsupported; it may change at any time.
package feed

import (
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application/feed"
)

// Repositories are the repositories of this room in one transaction.
type Repositories struct{ t *engine.Tx }

// NewRepositories binds the repositories to a transaction.
func NewRepositories(t *engine.Tx) Repositories { return Repositories{t} }

// Webhooks returns the repository of webhooks.
func (r Repositories) Webhooks() feed.WebhookRepository { return webhooks(r) }

// WebhookDeliveries returns the repository of deliveries to webhooks.
func (r Repositories) WebhookDeliveries() feed.DeliveryRepository { return deliveries(r) }

// WebhookReplays returns the repository of what is replayed.
func (r Repositories) WebhookReplays() feed.ReplayRepository { return replays(r) }

// WebhooksDue is what a transaction signals that made deliveries due, or something to replay.
const WebhooksDue = "webhooks"

// keepDeliveries is how long deliveries are kept that ended, and attempts.
const keepDeliveries = 30 * 24 * time.Hour

// Expiring are the tables of this room whose rows are over at some time: attempts before what they are of.
func Expiring() []engine.Expiring {
	return []engine.Expiring{
		{Table: "webhook_attempts", Key: []string{"seller_id", "webhook_id", "event_id", "number"}, Time: "at", Lives: keepDeliveries},
		{Table: "webhook_deliveries", Key: []string{"seller_id", "webhook_id", "event_id"}, Text: true, Time: "ended_at", Lives: keepDeliveries},
	}
}
