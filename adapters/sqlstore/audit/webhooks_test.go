package audit_test

import (
	"context"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/application/feed"
	"github.com/leadmill/leadmill/domain/attempt"
	"github.com/leadmill/leadmill/domain/webhook"
)

// listen makes a webhook with two deliveries, of which one waits and one is done, and something to replay.
func (f *fair) listen() {
	f.t.Helper()
	now := f.clock.Now()
	err := f.store.Do(f.t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
		w, err := webhook.New("webhook_1", "seller_1", "key", webhook.Definition{Name: new("Hook"), URL: new("https://hooks.example.com"), Events: new([]string{"lead.sold.v1"})}, []byte("sealed"), now)
		if err != nil {
			return err
		}
		if err := tx.Webhooks().Add(ctx, w); err != nil {
			return err
		}
		told := func(eventID string) feed.NewDelivery {
			return feed.NewDelivery{Body: []byte("{}"), Delivery: webhook.Delivery{
				SellerID: "seller_1", WebhookID: "webhook_1", EventID: eventID, Type: "lead.sold.v1", State: webhook.Pending, NextAt: now, HappenedAt: now, CreatedAt: now, UpdatedAt: now,
			}}
		}
		if _, err := tx.WebhookDeliveries().Add(ctx, []feed.NewDelivery{told("evt_waits"), told("evt_done")}); err != nil {
			return err
		}
		ref := feed.DeliveryRef{SellerID: "seller_1", WebhookID: "webhook_1", EventID: "evt_done"}
		all, err := tx.WebhookDeliveries().LockAll(ctx, []feed.DeliveryRef{ref})
		if err != nil {
			return err
		}
		if err := all[ref].Attempted(attempt.Outcome{OK: true}, now); err != nil {
			return err
		}
		if err := tx.WebhookDeliveries().SaveAll(ctx, []*webhook.Delivery{all[ref]}); err != nil {
			return err
		}
		if err := tx.WebhookDeliveries().AddAttempts(ctx, []feed.Attempt{{DeliveryRef: ref, Number: 1, At: now, Status: 200}}); err != nil {
			return err
		}
		return tx.WebhookReplays().Add(ctx, feed.Replay{SellerID: "seller_1", WebhookID: "webhook_1", ID: "replay_1", Types: []string{"lead.sold.v1"}, From: now, Until: now, CreatedAt: now})
	})
	require.NoError(f.t, err)
}

// onWebhook plants with one statement on a row of listen.
func onWebhook(rule, table, id, statement string) violation {
	return violation{rule: rule, plant: func(f *fair) (string, string) {
		f.exec(statement)
		return table, id
	}}
}

// ofWebhooks are the violations of the rules about webhooks.
var ofWebhooks = []violation{
	onWebhook("webhook_state_is_whole", "webhooks", "webhook_1", "UPDATE webhooks SET status = 'deleted'"),
	onWebhook("webhook_state_is_whole", "webhooks", "webhook_1", "UPDATE webhooks SET status = 'disabled'"),
	onWebhook("webhook_state_is_whole", "webhooks", "webhook_1", "UPDATE webhooks SET secret = X''"),
	onWebhook("version_counts_events", "webhooks", "webhook_1", "UPDATE webhooks SET version = 2"),
	onWebhook("data_can_be_read", "webhooks", "webhook_1", "UPDATE webhooks SET events = '{'"),
	onWebhook("data_can_be_read", "webhook_replays", "replay_1", "UPDATE webhook_replays SET types = ''"),
	onWebhook("pending_webhook_delivery_is_queued", "webhook_deliveries", "evt_waits", "DELETE FROM webhook_queue"),
	onWebhook("pending_webhook_delivery_is_queued", "webhook_deliveries", "evt_waits", "UPDATE webhook_queue SET next_at = next_at + 1").and("queued_webhook_delivery_is_pending"),
	onWebhook("webhook_delivery_state_is_whole", "webhook_deliveries", "evt_done", "UPDATE webhook_deliveries SET reason = 'gone' WHERE event_id = 'evt_done'"),
	onWebhook("webhook_delivery_state_is_whole", "webhook_deliveries", "evt_done", "UPDATE webhook_deliveries SET ended_at = 0 WHERE event_id = 'evt_done'"),
	onWebhook("queued_webhook_delivery_is_pending", "webhook_queue", "evt_done", "INSERT INTO webhook_queue (seller_id, webhook_id, next_at, event_id) VALUES ('seller_1', 'webhook_1', 0, 'evt_done')"),
	onWebhook("webhook_attempt_is_counted", "webhook_attempts", "evt_done", "UPDATE webhook_attempts SET number = 2"),
	onWebhook("webhook_deliveries.webhook_id", "webhook_deliveries", "evt_done", "UPDATE webhook_deliveries SET webhook_id = 'webhook_none' WHERE event_id = 'evt_done'"),
	onWebhook("webhook_attempts.webhook_id", "webhook_attempts", "evt_done", "UPDATE webhook_attempts SET webhook_id = 'webhook_none'"),
	onWebhook("webhook_replays.webhook_id", "webhook_replays", "replay_1", "UPDATE webhook_replays SET webhook_id = 'webhook_none'"),
	onWebhook("webhooks.seller_id", "webhooks", "webhook_1", "UPDATE webhooks SET seller_id = 'seller_none'").and("version_counts_events", "webhook_deliveries.webhook_id", "webhook_attempts.webhook_id", "webhook_replays.webhook_id", "event_has_aggregate"),
}
