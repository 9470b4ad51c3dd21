package market

import "github.com/leadmill/leadmill/adapters/sqlstore/audit"

// held is what a reservation meets that holds money and counts in caps.
const held = "status IN ('reserved', 'accepted')"

// reservationsTable says what must hold for reservations.
var reservationsTable = audit.Table{
	Name: "reservations", Key: []string{"seller_id", "lead_id", "sale_id"}, Size: audit.ManyRows, ID: "sale_id",
	Since: &audit.Since{Column: "lead_id", Prefix: "lead", Groups: "SELECT id FROM sellers", Aggregate: "lead"},
	References: []audit.Reference{
		{Column: "lead_id", Table: "leads"}, {Column: "contract_id", Table: "contracts", With: "campaign_id"}, {Column: "buyer_id", Table: "buyers"},
	},
	Rules: []audit.Rule{
		{
			Invariant: "I3", Name: "reserved_lead_is_pending", Description: "A lead of which something is held is pending, and buyers are asked about it until the deadline of what is held.",
			Query: `SELECT t.sale_id AS id, CONCAT('pending ', t.deadline_at) AS want, CASE WHEN u.deadline_at IS NULL THEN u.status ELSE CONCAT(u.status, ' ', u.deadline_at) END AS got FROM reservations t
				LEFT JOIN unsold_leads u ON u.seller_id = t.seller_id AND u.lead_id = t.lead_id WHERE {range} AND t.` + held,
		},
		{
			Invariant: "I3", Name: "reservation_is_no_sale", Description: "What is a sale is not reserved, and was not released.",
			Query: `SELECT t.sale_id AS id, 'none' AS want, s.id AS got FROM reservations t
				JOIN sales s ON s.seller_id = t.seller_id AND s.lead_id = t.lead_id AND s.id = t.sale_id WHERE {range}`,
		},
		{
			Invariant: "I3", Name: "reservation_is_not_overdue", Description: "No buyer is asked for longer than ten minutes behind the deadline, as far as anything happened since: nothing is settled while no instance runs.",
			Query:  `SELECT t.sale_id AS id, t.deadline_at + 600000000 AS want, ` + lastEvent + ` AS got FROM reservations t WHERE {range} AND t.status = 'reserved'`,
			Broken: "got > want",
		},
		{
			Invariant: "I4", Name: "asked_buyer_has_delivery", Description: "Whoever is asked about a lead has a pending delivery that asks until the deadline, and nobody else has one.",
			Query: `SELECT t.sale_id AS id, CASE WHEN t.status = 'reserved' THEN CONCAT('asks until ', t.deadline_at) ELSE 'asks nobody' END AS want,
				CASE WHEN d.state = 'pending' AND d.deadline_at > 0 THEN CONCAT('asks until ', d.deadline_at) ELSE 'asks nobody' END AS got FROM reservations t
				LEFT JOIN deliveries d ON d.seller_id = t.seller_id AND d.lead_id = t.lead_id AND d.sale_id = t.sale_id WHERE {range}`,
		},
		{
			Invariant: "I3", Name: "reservation_status_is_whole", Description: "A released reservation has a reason, and one that is held has none.",
			Query: `SELECT t.sale_id AS id, CASE WHEN t.status = 'released' THEN 'a reason' ELSE 'no reason' END AS want, CASE WHEN t.reason = '' THEN 'no reason' ELSE 'a reason' END AS got
				FROM reservations t WHERE {range}`,
		},
	},
}

// askedLeads is about the narrow table.
var askedLeads = []audit.Rule{{
	Invariant: "I3", Name: "asked_lead_is_reserved", Description: "A buyer is asked about a lead if and only if it has a deadline.",
	Query: `SELECT t.lead_id AS id, CASE WHEN t.deadline_at IS NULL THEN 'not asked' ELSE 'asked' END AS want,
		CASE WHEN EXISTS (SELECT 1 FROM reservations r WHERE r.seller_id = t.seller_id AND r.lead_id = t.lead_id AND r.status = 'reserved') THEN 'asked' ELSE 'not asked' END AS got
		FROM unsold_leads t WHERE {range}`,
}}

// deliveryHasSale is in place of a reference: what a delivery asks about may not be a sale yet, or never.
var deliveryHasSale = audit.Rule{
	Invariant: "I6", Name: "deliveries.sale_id", Description: "A delivery is of a sale, of a reservation, or asked about one of a lead that was erased.",
	Query: `SELECT t.id AS id, t.sale_id AS want, CASE WHEN s.id IS NOT NULL THEN s.id ELSE r.sale_id END AS got FROM deliveries t
		LEFT JOIN sales s ON s.seller_id = t.seller_id AND s.id = t.sale_id
		LEFT JOIN reservations r ON r.seller_id = t.seller_id AND r.lead_id = t.lead_id AND r.sale_id = t.sale_id
		WHERE {range} AND NOT (t.confirm = 1 AND t.state = 'failed' AND EXISTS (SELECT 1 FROM leads l WHERE l.seller_id = t.seller_id AND l.id = t.lead_id AND l.erased_at > 0))`,
}
