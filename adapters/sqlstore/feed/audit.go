package feed

import (
	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
)

// AuditRules says what must hold for the tables of this room, by statements alone: none of the code that writes them is used.
func AuditRules() audit.Rules {
	return audit.Rules{Tables: []audit.Table{
		{
			Name: "webhooks", Key: []string{"seller_id", "id"}, Size: audit.FewRows, Aggregate: "webhook",
			References: []audit.Reference{{Column: "seller_id", Table: "sellers"}},
			Rules: []audit.Rule{
				audit.Readable("webhooks", "id", audit.Column{Name: "events", Of: "["}),
				{
					Invariant: "I6", Name: "webhook_state_is_whole",
					Description: "A deleted webhook has no address and no secret, every other one has both, and a disabled one says why and since when.",
					Query: `SELECT t.id AS id, CASE t.status WHEN 'deleted' THEN 'nothing' WHEN 'disabled' THEN 'address, secret, reason' ELSE 'address, secret' END AS want,
						CASE WHEN LENGTH(t.url) = 0 AND LENGTH(t.secret) = 0 AND LENGTH(t.old_secret) = 0 AND t.disabled_reason = '' THEN 'nothing'
							WHEN LENGTH(t.url) > 0 AND LENGTH(t.secret) > 0 AND t.disabled_reason <> '' AND t.stopped_at > 0 THEN 'address, secret, reason'
							WHEN LENGTH(t.url) > 0 AND LENGTH(t.secret) > 0 AND t.disabled_reason = '' THEN 'address, secret' ELSE 'something' END AS got
						FROM webhooks t WHERE {range}`,
				},
			},
		},
		{
			Name: "webhook_deliveries", Key: []string{"seller_id", "webhook_id", "event_id"}, Size: audit.ManyRows, ID: "event_id",
			References: []audit.Reference{{Column: "webhook_id", Table: "webhooks"}},
			Rules: []audit.Rule{
				{
					Invariant: "I4", Name: "pending_webhook_delivery_is_queued", Description: "A delivery to a webhook is in the queue when it is due, if it is pending.",
					Query: `SELECT t.event_id AS id, 'queued' AS want, CASE WHEN q.event_id IS NULL THEN 'not queued' ELSE 'queued' END AS got FROM webhook_deliveries t
						LEFT JOIN webhook_queue q ON q.seller_id = t.seller_id AND q.webhook_id = t.webhook_id AND q.next_at = t.next_at AND q.event_id = t.event_id
						WHERE {range} AND t.state = 'pending'`,
				},
				{
					Invariant: "I4", Name: "webhook_delivery_state_is_whole",
					Description: "A pending delivery to a webhook is due at a time, one that is over ended at a time, and a failed one alone has a reason.",
					Query: `SELECT t.event_id AS id, CASE t.state WHEN 'pending' THEN 'due, no reason' WHEN 'delivered' THEN 'ended, no reason' ELSE 'ended, a reason' END AS want,
						CONCAT(CASE WHEN t.next_at > 0 AND t.ended_at = 0 THEN 'due, ' WHEN t.next_at = 0 AND t.ended_at > 0 THEN 'ended, ' ELSE 'neither, ' END,
							CASE WHEN t.reason = '' THEN 'no reason' ELSE 'a reason' END) AS got
						FROM webhook_deliveries t WHERE {range}`,
				},
			},
		},
		{
			Name: "webhook_queue", Key: []string{"seller_id", "webhook_id", "next_at", "event_id"}, Size: audit.ManyRows, ID: "event_id",
			Rules: []audit.Rule{{
				Invariant: "I4", Name: "queued_webhook_delivery_is_pending", Description: "What is in the queue is a pending delivery to that webhook, due at that time.",
				Query: `SELECT t.event_id AS id, CONCAT('pending ', t.next_at) AS want, CONCAT(d.state, ' ', d.next_at) AS got
					FROM webhook_queue t LEFT JOIN webhook_deliveries d ON d.seller_id = t.seller_id AND d.webhook_id = t.webhook_id AND d.event_id = t.event_id WHERE {range}`,
			}},
		},
		{
			Name: "webhook_attempts", Key: []string{"seller_id", "webhook_id", "event_id", "number"}, Size: audit.ManyRows, ID: "event_id",
			References: []audit.Reference{{Column: "webhook_id", Table: "webhooks"}},
			Rules: []audit.Rule{{
				Invariant: "I4", Name: "webhook_attempt_is_counted", Description: "The number of an attempt is no higher than the count of its delivery's, while that is kept.",
				Query: `SELECT t.event_id AS id, d.tries AS want, t.number AS got FROM webhook_attempts t
					JOIN webhook_deliveries d ON d.seller_id = t.seller_id AND d.webhook_id = t.webhook_id AND d.event_id = t.event_id WHERE {range}`, Broken: "got > want",
			}},
		},
		{
			Name: "webhook_replays", Key: []string{"seller_id", "webhook_id", "id"}, Size: audit.FewRows,
			References: []audit.Reference{{Column: "webhook_id", Table: "webhooks"}},
			Rules:      []audit.Rule{audit.Readable("webhook_replays", "id", audit.Column{Name: "types", Of: "["})},
		},
	}}
}
