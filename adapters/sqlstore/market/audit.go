package market

import (
	"slices"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
)

// AuditRules says what must hold for the tables of this room, by statements alone: none of the code that writes them is used.
func AuditRules() audit.Rules {
	return audit.Rules{
		Tables: slices.Concat([]audit.Table{
			{
				Name: "buyers", Key: []string{"seller_id", "id"}, Size: audit.FewRows, Aggregate: "buyer",
				References: []audit.Reference{{Column: "seller_id", Table: "sellers"}},
				Rules:      slices.Concat(buyerRules, toldBuyers),
			},
			{
				Name: "ledger_entries", Key: []string{"seller_id", "buyer_id", "id"}, Size: audit.ManyRows,
				Since:      &audit.Since{Column: "id", Prefix: "entry", Groups: "SELECT seller_id, id FROM buyers"},
				References: []audit.Reference{{Column: "buyer_id", Table: "buyers"}},
				Rules:      entryRules,
			},
			{
				Name: "buyer_mails", Key: []string{"seller_id", "event_id"}, Size: audit.ManyRows, ID: "event_id",
				References: []audit.Reference{{Column: "buyer_id", Table: "buyers"}},
				Rules:      buyerMailRules,
			},
			{
				Name: "campaigns", Key: []string{"seller_id", "id"}, Size: audit.ManyRows, Aggregate: "campaign",
				References: []audit.Reference{{Column: "seller_id", Table: "sellers"}},
				Rules:      slices.Concat(campaignRules, toldCampaigns),
			},
			{
				Name: "contracts", Key: []string{"seller_id", "campaign_id", "id"}, Size: audit.FewRows,
				References: []audit.Reference{{Column: "campaign_id", Table: "campaigns"}, {Column: "buyer_id", Table: "buyers"}},
				Rules:      contractRules,
			},
			{
				Name: "contract_counters", Key: []string{"seller_id", "counter_key"}, Size: audit.ManyRows, ID: "counter_key",
				Since: &audit.Since{Skip: true},
				Rules: counterRules,
			},
			{
				Name: "leads", Key: []string{"seller_id", "id"}, Size: audit.ManyRows, Aggregate: "lead",
				Since:      &audit.Since{Column: "id", Prefix: "lead", Groups: "SELECT id FROM sellers", Aggregate: "lead"},
				References: []audit.Reference{{Column: "key_id", Table: "api_keys"}, {Column: "campaign_id", Table: "campaigns"}, {Column: "partner_id", Table: "partners"}},
				Rules:      slices.Concat(leadRules, returnLeadRules, toldLeads),
			},
			{
				Name: "sales", Key: []string{"seller_id", "lead_id", "slot"}, Size: audit.ManyRows,
				Since:      &audit.Since{Column: "lead_id", Prefix: "lead", Groups: "SELECT id FROM sellers", Aggregate: "lead"},
				References: []audit.Reference{{Column: "lead_id", Table: "leads"}, {Column: "contract_id", Table: "contracts", With: "campaign_id"}, {Column: "buyer_id", Table: "buyers"}},
				Rules:      slices.Concat(saleRules, returnSaleRules, []audit.Rule{suppressedSales, buyerClaims, deliveredSales}),
			},
			returnsTable,
			reservationsTable,
			{
				Name: "unsold_leads", Key: []string{"seller_id", "lead_id"}, Size: audit.ManyRows, ID: "lead_id",
				Since:      &audit.Since{Column: "lead_id", Prefix: "lead", Groups: "SELECT id FROM sellers", Aggregate: "lead"},
				References: []audit.Reference{{Column: "lead_id", Table: "leads"}},
				Rules:      askedLeads,
			},
			{
				Name: "lead_consents", Key: []string{"seller_id", "lead_id"}, Size: audit.ManyRows, ID: "lead_id",
				Since:      &audit.Since{Column: "lead_id", Prefix: "lead", Groups: "SELECT id FROM sellers", Aggregate: "lead"},
				References: []audit.Reference{{Column: "lead_id", Table: "leads"}},
				Rules:      consentRules,
			},
			{
				Name: "suppressions", Key: []string{"seller_id", "hash"}, Bytes: true, Size: audit.ManyRows,
				Since:      &audit.Since{Skip: true},
				References: []audit.Reference{{Column: "seller_id", Table: "sellers"}}, // the job that brought one is forgotten earlier
				Rules:      suppressionRules,
			},
			{
				Name: "seller_jobs", Key: []string{"seller_id", "id"}, Size: audit.FewRows,
				References: []audit.Reference{{Column: "seller_id", Table: "sellers"}},
				Rules:      jobRules,
			},
			{
				Name: "seller_job_pieces", Key: []string{"seller_id", "job_id", "number"}, Size: audit.FewRows, ID: "job_id",
				References: []audit.Reference{{Column: "job_id", Table: "seller_jobs"}},
				Rules:      pieceRules,
			},
			{
				Name: "seller_job_results", Key: []string{"seller_id", "job_id", "number"}, Size: audit.FewRows, ID: "job_id",
				References: []audit.Reference{{Column: "job_id", Table: "seller_jobs"}},
				Rules:      resultRules,
			},
			// The keys of claims and requests are hashes of what may be personal data, so a breach names the lead.
			{
				Name: "claims", Key: []string{"seller_id", "claim_key"}, Bytes: true, Size: audit.ManyRows, ID: "lead_id",
				Since:      &audit.Since{Skip: true},
				References: []audit.Reference{{Column: "lead_id", Table: "leads"}},
				Rules:      claimRules,
			},
			{
				Name: "recent_requests", Key: []string{"seller_id", "content"}, Bytes: true, Size: audit.ManyRows, ID: "lead_id",
				References: []audit.Reference{{Column: "lead_id", Table: "leads"}},
			},
		}, deliveryTables, []audit.Table{pingTable}),
		Whole: []audit.Rule{
			audit.ReplayRule("report_is_replay", "The campaign report is what a replay of the log up to its own cursor makes, without parked events.", reportReplay),
		},
	}
}

var buyerRules = []audit.Rule{
	audit.Readable("buyers", "id", audit.Column{Name: "rules", Of: "{", Null: true}),
	{
		Invariant: "I1", Name: "balance_is_ledger_sum", Description: "A buyer's balance is the sum of its ledger entries.", Full: true,
		Query: `SELECT t.id AS id, IFNULL((SELECT SUM(e.amount) FROM ledger_entries e WHERE e.seller_id = t.seller_id AND e.buyer_id = t.id), 0) AS want,
				t.balance AS got FROM buyers t WHERE {range}`,
	},
	{
		Invariant: "I1", Name: "held_is_open_holds", Description: "What a buyer's account holds is the sum of the reservations that are held.",
		Query: `SELECT t.id AS id, IFNULL((SELECT SUM(r.price) FROM contracts k JOIN reservations r ON r.seller_id = k.seller_id AND r.contract_id = k.id
				AND r.` + held + ` WHERE k.seller_id = t.seller_id AND k.buyer_id = t.id), 0) AS want, t.held AS got FROM buyers t WHERE {range}`,
	},
	{
		Invariant: "I1", Name: balanceRule, Description: "In a buyer's ledger each entry goes on from the balance of another, the first from zero, up to the buyer's balance.",
		Table: "ledger_entries",
	},
	{
		Invariant: "I1", Name: "sale_has_one_entry", Description: "Every sale has exactly one entry in its buyer's ledger.",
		Table: "sales", Run: salesHaveEntries,
	},
	// An operator may lower a credit limit below what is used of it.
	{
		Invariant: "I2", Name: "buyer_within_credit", Description: "Balance + credit limit - held is not negative, for buyers that were never updated.",
		Query: "SELECT t.seller_id AS seller, t.id AS aggregate, t.balance + t.credit_limit - t.held AS value FROM buyers t WHERE {range}",
		Facts: buyerUpdates, Told: func(left string, told audit.Told) (want, got string) {
			if !strings.HasPrefix(left, "-") || told.Events > 0 || told.Incomplete || told.Earlier {
				return "", ""
			}
			return "0", left
		},
	},
	sellerTotal,
	ownerCounters("buyer", "A buyer's counters are the number and sum of its live sales and of what is held in their spans, and of those returned when a span was over."),
}

// ownerCounters compares the counters of the caps of buyers or campaigns, of which only those have any that have caps, with the sales and the
// reservations that are found by their contracts.
func ownerCounters(owner, description string) audit.Rule {
	return audit.Rule{
		Invariant: "I2", Name: owner + "_counter_is_live_sales", Description: description, Table: "contract_counters",
		Query: `SELECT n.counter_key AS id, (SELECT CONCAT('used ', COUNT(*) + ` + heldIn(owner, "COUNT(*)") + `, ', spent ', IFNULL(SUM(s.price), 0) + ` + heldIn(owner, "IFNULL(SUM(h.price), 0)") + `) FROM contracts k
				JOIN sales s ON s.seller_id = k.seller_id AND s.contract_id = k.id
					AND (n.span_window = 'total' OR s.sold_at >= n.starts_at AND s.sold_at < n.ends_at)
					AND (s.slot > 0 OR n.span_window <> 'total' AND EXISTS (SELECT 1 FROM sale_returns r WHERE r.seller_id = s.seller_id
						AND r.lead_id = s.lead_id AND r.sale_id = s.id AND r.status = 'approved' AND r.decided_at >= n.ends_at))
				WHERE k.seller_id = n.seller_id AND k.` + owner + `_id = n.contract_id) AS want, CONCAT('used ', n.used, ', spent ', n.spent) AS got
			FROM ` + owner + `s t JOIN contract_counters n ON n.seller_id = t.seller_id AND n.contract_id = t.id AND n.owner = '` + owner + `'
				AND ({since} = 0 OR n.ends_at > {since}) WHERE {range}`,
	}
}

// heldIn sums up what is held of an owner in the span of its counter n.
func heldIn(owner, sum string) string {
	return `(SELECT ` + sum + ` FROM contracts hk JOIN reservations h ON h.seller_id = hk.seller_id AND h.contract_id = hk.id AND h.` + held + `
		AND (n.span_window = 'total' OR h.reserved_at >= n.starts_at AND h.reserved_at < n.ends_at) WHERE hk.seller_id = n.seller_id AND hk.` + owner + `_id = n.contract_id)`
}

var entryRules = []audit.Rule{
	{
		Invariant: "I1", Name: "entry_has_sale", Description: "Every sale entry and every return entry of a ledger is for a sale to that buyer.",
		Query: `SELECT t.id AS id, t.buyer_id AS want, s.buyer_id AS got
			FROM ledger_entries t LEFT JOIN sales s ON s.seller_id = t.seller_id AND s.id = t.sale_id WHERE {range} AND t.type IN ('sale', 'return')`,
	},
	{
		Invariant: "I1", Name: "entry_is_price", Description: "The amount of a sale entry is the sale's price, negative, and that of a return entry its price.",
		Query: `SELECT t.id AS id, CASE WHEN t.type = 'sale' THEN -s.price ELSE s.price END AS want, t.amount AS got
			FROM ledger_entries t JOIN sales s ON s.seller_id = t.seller_id AND s.id = t.sale_id WHERE {range} AND t.type IN ('sale', 'return')`,
	},
}

var campaignRules = []audit.Rule{
	audit.Readable("campaigns", "id", audit.Column{Name: "definition", Of: "{"}),
	{
		Invariant: "I3", Name: "active_campaign_has_key", Description: "A campaign holds its category, by which no other can be active in it, if and only if it is active.",
		Run: activeKeys,
	},
	ownerCounters("campaign", "The counters of a campaign's own caps are the number and sum of its live sales and of what is held in their spans, and of those returned when a span was over."),
}

var contractRules = []audit.Rule{
	audit.Readable("contracts", "id", audit.Column{Name: "caps", Of: "["}, audit.Column{Name: "rules", Of: "{", Null: true}, audit.Column{Name: "delivery", Of: "{", Null: true}),
	{
		Invariant: "I2", Name: "counter_is_live_sales", Description: "Every counter of a contract is the number and sum of its live sales and of what is held in the counter's span, and of those returned when the span was over.",
		Table: "contract_counters", Run: countersAreSales,
	},
	{
		Invariant: "I2", Name: "sold_contract_has_total", Description: "Every contract with live sales has one total counter.",
		Query: `SELECT t.id AS id, 1 AS want, (SELECT COUNT(*) FROM contract_counters n WHERE n.seller_id = t.seller_id AND n.contract_id = t.id
				AND n.span_window = 'total') AS got
			FROM contracts t WHERE {range} AND EXISTS (SELECT 1 FROM sales s WHERE s.seller_id = t.seller_id AND s.contract_id = t.id AND s.slot > 0)`,
	},
	{
		Invariant: "I2", Name: "counter_within_caps",
		Description: "No counter is above the caps of its contract, but for what was sold before the contract was changed or in the minute behind it.",
		Table:       "contract_counters", Run: countersWithinCaps,
	},
}

var counterRules = []audit.Rule{
	{
		Invariant: "I2", Name: "counter_has_owner", Description: "Every counter belongs to a contract, a buyer or a campaign.",
		Query: `SELECT c.id AS id, c.contract_id AS want, CASE c.owner WHEN 'contract' THEN k.id WHEN 'buyer' THEN b.id ELSE ca.id END AS got FROM (
				SELECT t.seller_id AS seller_id, t.contract_id AS contract_id, t.owner AS owner, MIN(t.counter_key) AS id FROM contract_counters t
				WHERE {range} GROUP BY t.seller_id, t.contract_id, t.owner) c
			LEFT JOIN contracts k ON k.seller_id = c.seller_id AND k.id = c.contract_id
			LEFT JOIN buyers b ON b.seller_id = c.seller_id AND b.id = c.contract_id
			LEFT JOIN campaigns ca ON ca.seller_id = c.seller_id AND ca.id = c.contract_id`,
	},
}

var leadRules = []audit.Rule{
	{
		Invariant: "I6", Name: "erased_lead_holds_nobody", Description: "Nothing personal is kept of a lead that was erased and not deleted.",
		Query: `SELECT t.id AS id, 'erased' AS want, 'personal data' AS got
			FROM leads t WHERE {range} AND t.erased_at > 0
			AND NOT EXISTS (SELECT 1 FROM lead_reviews r WHERE r.seller_id = t.seller_id AND r.lead_id = t.id AND r.status = 'deleted')
			AND (LENGTH(t.fields) > 2 OR EXISTS (SELECT 1 FROM lead_reviews r WHERE r.seller_id = t.seller_id AND r.lead_id = t.id
				AND (r.name <> '' OR r.email <> '' OR r.answers <> '[]')))`,
	},
	{Invariant: "I5", Name: audit.ReadableName, Description: "What is kept as JSON is JSON of its kind."},
	{
		Invariant: "I3", Name: claimsHeld, Table: "claims",
		Description: "A lead holds the claims that it took, until they expire, unless its personal data was erased.", Run: readLeads,
	},
	{
		Invariant: "I3", Name: "lead_within_max_sales", Run: sharedLeads,
		Description: "A lead has at most one live sale, in a shared campaign at most max_sales, but for what was sold before the campaign was changed or in the minute behind it.",
	},
	{
		Invariant: "I1", Name: "payouts_of_sales_sum_up", Description: "What the supplier earns for the live sales of a lead is together what the lead's payout says.",
		Query: `SELECT t.id AS id, t.payout AS want, SUM(CASE WHEN s.payout IS NULL THEN t.payout ELSE s.payout END) AS got FROM leads t
			JOIN sales s ON s.seller_id = t.seller_id AND s.lead_id = t.id AND s.slot > 0 WHERE {range} GROUP BY t.seller_id, t.id, t.payout`,
	},
	{
		Invariant: "I3", Name: "buyer_once_per_lead", Description: "No buyer has two live sales of a lead.",
		Query: `SELECT t.id AS id, 1 AS want, COUNT(*) AS got FROM leads t JOIN sales s ON s.seller_id = t.seller_id AND s.lead_id = t.id AND s.slot > 0
			WHERE {range} GROUP BY t.seller_id, t.id, s.buyer_id`,
	},
	{
		Invariant: "I3", Name: "sold_lead_has_sale", Description: "A lead that is no test is sold if and only if it has a live sale.",
		Query: `SELECT t.id AS id, CASE WHEN EXISTS (SELECT 1 FROM sales s WHERE s.seller_id = t.seller_id AND s.lead_id = t.id AND s.slot > 0)
				THEN 'sold' ELSE 'not sold' END AS want, CASE WHEN t.status = 'sold' THEN 'sold' ELSE 'not sold' END AS got
			FROM leads t WHERE {range} AND t.test = 0`,
	},
	{
		Invariant: "I3", Name: "test_lead_has_no_sales", Description: "A test lead has no sales.",
		Query: `SELECT t.id AS id, 0 AS want, (SELECT COUNT(*) FROM sales s WHERE s.seller_id = t.seller_id AND s.lead_id = t.id) AS got
			FROM leads t WHERE {range} AND t.test <> 0`,
	},
	{
		Invariant: "I3", Name: "sale_slots_are_dense", Description: "The slots of a lead's live sales are 1, 2, 3 and so on without a gap.",
		Query: `SELECT t.id AS id, COUNT(*) AS want, MAX(s.slot) AS got FROM leads t
			JOIN sales s ON s.seller_id = t.seller_id AND s.lead_id = t.id AND s.slot > 0 WHERE {range} GROUP BY t.seller_id, t.id`,
	},
	{
		Invariant: "I3", Name: "unsold_lead_is_listed",
		Description: "A lead of the market is in unsold_leads, with its campaign, status, test flag and code, if and only if it has no live sale.",
		Query: `SELECT t.id AS id, CASE WHEN t.status = '' OR EXISTS (SELECT 1 FROM sales s WHERE s.seller_id = t.seller_id AND s.lead_id = t.id AND s.slot > 0)
				THEN 'none' ELSE CONCAT(t.campaign_id, ' ', t.status, ' ', t.test, ' ', t.code) END AS want,
				CASE WHEN u.lead_id IS NULL THEN 'none' ELSE CONCAT(u.campaign_id, ' ', u.status, ' ', u.test, ' ', u.reason) END AS got
			FROM leads t LEFT JOIN unsold_leads u ON u.seller_id = t.seller_id AND u.lead_id = t.id WHERE {range}`,
	},
	{
		Invariant: "I3", Name: "test_lead_has_no_events", Description: "A test lead is never published.",
		Query: "SELECT t.seller_id AS seller, t.id AS aggregate FROM leads t WHERE {range} AND t.test <> 0",
		Facts: audit.AllEvents, Told: func(_ string, told audit.Told) (want, got string) { return "0", strconv.Itoa(told.Events) },
	},
}

var saleRules = []audit.Rule{
	// A buyer of another seller is a matter of the references.
	{
		Invariant: "I1", Name: "sale_is_to_contracts_buyer", Description: "A sale is to the buyer of its contract.",
		Query: `SELECT t.id AS id, k.buyer_id AS want, t.buyer_id AS got FROM sales t
			JOIN contracts k ON k.seller_id = t.seller_id AND k.campaign_id = t.campaign_id AND k.id = t.contract_id
			JOIN buyers b ON b.seller_id = t.seller_id AND b.id = t.buyer_id WHERE {range}`,
	},
}

var claimRules = []audit.Rule{
	{Invariant: "I3", Name: "test_lead_has_no_claims", Description: "A test lead claims no phone, email or external id.", Run: testClaims},
}

// sellerTotal adds up the buyers of each seller over all chunks: a sale concerns one buyer, so each is right by itself.
var sellerTotal = audit.Rule{
	Invariant: "I1", Name: "balances_are_money_in_less_sales", Table: "sellers",
	Description: "All balances of a seller's buyers together are deposits - withdrawals - live sales +/- adjustments.", Across: addBalances, Full: true,
}
