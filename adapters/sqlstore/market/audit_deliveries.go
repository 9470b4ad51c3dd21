package market

import (
	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/delivery"
)

// deliveryTables say what must hold for deliveries.
var deliveryTables = []audit.Table{
	{
		Name: "deliveries", Key: []string{"seller_id", "id"}, Size: audit.ManyRows, Aggregate: "delivery",
		Since: &audit.Since{Column: "id", Prefix: "delivery", Groups: "SELECT id FROM sellers", Aggregate: "delivery"},
		References: []audit.Reference{
			{Column: "lead_id", Table: "leads"}, {Column: "contract_id", Table: "contracts", With: "campaign_id"}, {Column: "buyer_id", Table: "buyers"},
		},
		Rules: []audit.Rule{
			deliveryHasSale,
			{
				Invariant: "I4", Name: "delivery_is_of_its_sale", Description: "A delivery has the lead, contract and buyer of its sale.",
				Query: `SELECT t.id AS id, CONCAT(s.lead_id, ' ', s.contract_id, ' ', s.buyer_id) AS want, CONCAT(t.lead_id, ' ', t.contract_id, ' ', t.buyer_id) AS got
					FROM deliveries t JOIN sales s ON s.seller_id = t.seller_id AND s.id = t.sale_id WHERE {range}`,
			},
			{
				Invariant: "I4", Name: "pending_delivery_is_queued", Description: "A delivery is in the queue when it is due, if it is pending.",
				Query: `SELECT t.id AS id, 'queued' AS want, CASE WHEN q.delivery_id IS NULL THEN 'not queued' ELSE 'queued' END AS got FROM deliveries t
					LEFT JOIN delivery_queue q ON q.seller_id = t.seller_id AND q.contract_id = t.contract_id AND q.next_at = t.next_at AND q.delivery_id = t.id
					WHERE {range} AND t.state = 'pending'`,
			},
			{
				Invariant: "I4", Name: "delivery_state_is_whole",
				Description: "A pending delivery is due at a time and has no reason, a failed one has a reason, and no ended one is due.",
				Query: `SELECT t.id AS id, CASE t.state WHEN 'pending' THEN 'due, no reason' WHEN 'delivered' THEN 'not due, no reason' ELSE 'not due, a reason' END AS want,
					CONCAT(CASE WHEN t.next_at > 0 THEN 'due, ' ELSE 'not due, ' END, CASE WHEN t.reason = '' THEN 'no reason' ELSE 'a reason' END) AS got
					FROM deliveries t WHERE {range}`,
			},
			{
				Invariant: "I4", Name: "status_is_told", Description: "An aggregate, and each contract, sale and review in it, has the status that the last event about it tells.",
				Query: "SELECT t.seller_id AS seller, t.id AS aggregate, t.state AS value FROM deliveries t WHERE {range}", Facts: deliveriesTold,
				Told: func(value string, told audit.Told) (want, got string) {
					if value == string(delivery.Pending) { // also one that is delivered again
						return "", ""
					}
					return audit.SaysLast(value, told)
				},
			},
		},
	},
	{
		Name: "delivery_queue", Key: []string{"seller_id", "contract_id", "next_at", "delivery_id"}, Size: audit.ManyRows, ID: "delivery_id",
		Rules: []audit.Rule{{
			Invariant: "I4", Name: "queued_delivery_is_pending", Description: "What is in the queue is a pending delivery of that contract, due at that time.",
			Query: `SELECT t.delivery_id AS id, CONCAT('pending ', t.contract_id, ' ', t.next_at) AS want, CONCAT(d.state, ' ', d.contract_id, ' ', d.next_at) AS got
				FROM delivery_queue t LEFT JOIN deliveries d ON d.seller_id = t.seller_id AND d.id = t.delivery_id WHERE {range}`,
		}},
	},
	{
		Name: "delivery_attempts", Key: []string{"seller_id", "delivery_id", "number"}, Size: audit.ManyRows, ID: "delivery_id",
		Since:      &audit.Since{Column: "delivery_id", Prefix: "delivery", Groups: "SELECT id FROM sellers", Aggregate: "delivery"},
		References: []audit.Reference{{Column: "delivery_id", Table: "deliveries"}, {Column: "lead_id", Table: "leads"}},
		Rules: []audit.Rule{
			{
				Invariant: "I4", Name: "attempt_is_counted", Description: "The number of an attempt is no higher than the count of its delivery's.",
				Query: `SELECT t.delivery_id AS id, d.tries AS want, t.number AS got FROM delivery_attempts t
					JOIN deliveries d ON d.seller_id = t.seller_id AND d.id = t.delivery_id WHERE {range}`, Broken: "got > want",
			},
			{
				Invariant: "I6", Name: "erased_lead_has_no_attempts_kept", Description: "Nothing is kept of what was sent and answered about a lead that was erased.",
				Query: `SELECT t.delivery_id AS id, 'erased' AS want, 'personal data' AS got FROM delivery_attempts t
					JOIN leads l ON l.seller_id = t.seller_id AND l.id = t.lead_id AND l.erased_at > 0 WHERE {range} AND (LENGTH(t.request) > 0 OR LENGTH(t.answer) > 0)`,
			},
		},
	},
}

// deliveredSales leaves out what may have been decided before the contract began to deliver, by a clock that is ahead too, and what an instance
// of a version without deliveries sold, which writes no payout.
var deliveredSales = audit.Rule{
	Invariant: "I4", Name: "sale_has_its_delivery",
	Description: "A sale under a contract that delivers has one delivery, but for what was sold before the contract began to deliver or in the ten minutes behind it.",
	Query: `SELECT t.id AS id, 1 AS want, (SELECT COUNT(*) FROM deliveries d WHERE d.seller_id = t.seller_id AND d.lead_id = t.lead_id AND d.sale_id = t.id) AS got
		FROM sales t JOIN contracts k ON k.seller_id = t.seller_id AND k.campaign_id = t.campaign_id AND k.id = t.contract_id AND k.delivers_since > 0
			AND t.sold_at > k.delivers_since + 600000000 WHERE {range} AND t.payout IS NOT NULL`,
}

// deliveriesTold are told of where deliveries stand.
var deliveriesTold = &audit.Facts{
	Types: []string{eventsv1.SaleDelivered{}.Type(), eventsv1.SaleDeliveryFailed{}.Type()},
	Of: func(e *application.StoredEvent) ([]audit.Fact, error) {
		if e.Type == (eventsv1.SaleDelivered{}).Type() {
			return []audit.Fact{{Value: string(delivery.Delivered)}}, nil
		}
		return []audit.Fact{{Value: string(delivery.Failed)}}, nil
	},
}
