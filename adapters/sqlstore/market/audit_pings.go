package market

import "github.com/leadmill/leadmill/adapters/sqlstore/audit"

// pingTable says what must hold for what suppliers were promised.
var pingTable = audit.Table{
	Name: "pings", Key: []string{"seller_id", "id"}, Size: audit.ManyRows,
	Since:      &audit.Since{Column: "id", Prefix: "ping", Groups: "SELECT id FROM sellers"},
	References: []audit.Reference{{Column: "key_id", Table: "api_keys"}, {Column: "campaign_id", Table: "campaigns"}},
	Rules: []audit.Rule{
		audit.Readable("pings", "id", audit.Column{Name: "quote", Of: "{"}),
		{
			Invariant: "I3", Name: "used_ping_has_its_lead", Description: "The lead that a ping was used by is there, came by the same key in the same campaign, and came with no other ping.",
			Query: `SELECT t.id AS id, 'one lead' AS want, CASE WHEN t.lead_id = '' THEN 'none' ELSE t.lead_id END AS got FROM pings t
				WHERE {range} AND (t.used_at <> 0 OR t.lead_id <> '') AND (t.used_at = 0
				OR NOT EXISTS (SELECT 1 FROM leads l WHERE l.seller_id = t.seller_id AND l.id = t.lead_id AND l.key_id = t.key_id AND l.campaign_id = t.campaign_id)
				OR EXISTS (SELECT 1 FROM pings p WHERE p.seller_id = t.seller_id AND p.lead_id = t.lead_id AND p.id <> t.id))`,
		},
		{
			Invariant: "I2", Name: "quote_is_paid", Description: "A lead that came with a ping, and was sold while its quote held, earns its supplier no less than that.",
			Query: `SELECT t.id AS id, CAST(JSON_EXTRACT(t.quote, '$.payout') AS SIGNED) AS want, SUM(CASE WHEN s.payout IS NULL THEN l.payout ELSE s.payout END) AS got FROM pings t
				JOIN leads l ON l.seller_id = t.seller_id AND l.id = t.lead_id JOIN sales s ON s.seller_id = t.seller_id AND s.lead_id = t.lead_id
				WHERE {range} AND t.lead_id <> '' AND t.test = 0 GROUP BY t.seller_id, t.id, t.quote, t.expires_at
				HAVING MIN(s.sold_at) < t.expires_at AND SUM(CASE WHEN s.payout IS NULL THEN l.payout ELSE s.payout END) < CAST(JSON_EXTRACT(t.quote, '$.payout') AS SIGNED)`,
		},
	},
}
