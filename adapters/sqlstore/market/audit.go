package market

import "github.com/leadmill/leadmill/adapters/sqlstore/audit"

// AuditRules says what must hold for the tables of this room, by statements alone: none of the code that writes them is used.
func AuditRules() audit.Rules {
	return audit.Rules{
		Tables: []audit.Table{
			{
				Name: "buyers", Key: []string{"id"}, Size: audit.FewRows, Aggregate: "buyer",
				References: []audit.Reference{{Column: "seller_id", Table: "sellers"}},
				Rules:      buyerRules,
			},
			{
				Name: "ledger_entries", Key: []string{"id"}, Size: audit.ManyRows,
				References: []audit.Reference{{Column: "buyer_id", Table: "buyers"}},
				Rules:      entryRules,
			},
			{
				Name: "campaigns", Key: []string{"id"}, Size: audit.ManyRows, Aggregate: "campaign",
				References: []audit.Reference{{Column: "seller_id", Table: "sellers"}},
			},
			{
				Name: "contracts", Key: []string{"id"}, Size: audit.FewRows,
				References: []audit.Reference{{Column: "campaign_id", Table: "campaigns"}, {Column: "buyer_id", Table: "buyers"}},
				Rules:      contractRules,
			},
			{
				Name: "contract_counters", Key: []string{"counter_key"}, Size: audit.ManyRows, ID: "counter_key",
				Rules: counterRules,
			},
			{
				Name: "leads", Key: []string{"id"}, Size: audit.ManyRows, Aggregate: "lead",
				References: []audit.Reference{{Column: "key_id", Table: "api_keys"}, {Column: "campaign_id", Table: "campaigns"}, {Column: "partner_id", Table: "partners"}},
				Rules:      leadRules,
			},
			{
				Name: "sales", Key: []string{"id"}, Size: audit.ManyRows,
				References: []audit.Reference{{Column: "lead_id", Table: "leads"}, {Column: "contract_id", Table: "contracts"}, {Column: "buyer_id", Table: "buyers"}, {Column: "campaign_id", Table: "campaigns"}},
				Rules:      saleRules,
			},
			// The key of a claim is a hash of what may be personal data, so a breach names the lead and the kind.
			{
				Name: "claims", Key: []string{"claim_key"}, Bytes: true, Size: audit.ManyRows, ID: "lead_id",
				References: []audit.Reference{{Column: "lead_id", Table: "leads"}},
				Rules:      claimRules,
			},
		},
		Whole: []audit.Rule{
			audit.ReplayRule("report_is_replay", "The campaign report is what a replay of the log up to its own cursor makes, without parked events.", reportReplay),
		},
	}
}

var buyerRules = []audit.Rule{
	{
		Invariant: "I1", Name: "balance_is_ledger_sum", Description: "A buyer's balance is the sum of its ledger entries.",
		Query: `SELECT t.id AS id, COALESCE((SELECT SUM(e.amount) FROM ledger_entries e WHERE e.buyer_id = t.id), 0) AS want,
				t.balance AS got FROM buyers t WHERE {range}`,
	},
	{
		Invariant: "I1", Name: "held_is_open_holds", Description: "What a buyer's account holds is the sum of its open holds, of which there are none yet.",
		Query: `SELECT t.id AS id, 0 AS want, t.held AS got FROM buyers t WHERE {range}`,
	},
	{
		Invariant: "I1", Name: "sale_has_one_entry", Description: "Every sale has exactly one entry in its buyer's ledger.",
		Table: "sales", Run: salesHaveEntries,
	},
	// An operator may lower a credit limit below what is used of it.
	{
		Invariant: "I2", Name: "buyer_within_credit", Description: "Balance + credit limit - held is not negative, for buyers that were never updated.",
		Query: `SELECT t.id AS id, 0 AS want, t.balance + t.credit_limit - t.held AS got FROM buyers t WHERE {range}
				AND NOT EXISTS (SELECT 1 FROM events e WHERE e.seller_id = t.seller_id AND e.aggregate_type = 'buyer'
					AND e.aggregate_id = t.id AND e.type = 'buyer.updated.v1')`,
		Broken: "got < want",
	},
	sellerTotal,
}

var entryRules = []audit.Rule{
	{
		Invariant: "I1", Name: "entry_has_sale", Description: "Every sale entry of a ledger is for a sale to that buyer.",
		Query: `SELECT t.id AS id, t.buyer_id AS want, COALESCE(s.buyer_id, 'none') AS got
			FROM ledger_entries t LEFT JOIN sales s ON s.id = t.sale_id WHERE {range} AND t.type = 'sale'`,
	},
	{
		Invariant: "I1", Name: "entry_is_price", Description: "The amount of a sale entry is the sale's price, negative.",
		Query: `SELECT t.id AS id, -s.price AS want, t.amount AS got
			FROM ledger_entries t JOIN sales s ON s.id = t.sale_id WHERE {range} AND t.type = 'sale'`,
	},
}

var contractRules = []audit.Rule{
	{
		Invariant: "I2", Name: "counter_is_live_sales", Description: "Every counter of a contract is the number and sum of its live sales in the counter's span.",
		Table: "contract_counters", Run: countersAreSales,
	},
	{
		Invariant: "I2", Name: "sold_contract_has_total", Description: "Every contract with live sales has one total counter.",
		Query: `SELECT t.id AS id, 1 AS want, (SELECT COUNT(*) FROM contract_counters n WHERE n.contract_id = t.id AND n.span_window = 'total') AS got
			FROM contracts t WHERE {range} AND EXISTS (SELECT 1 FROM sales s WHERE s.contract_id = t.id AND s.slot IS NOT NULL)`,
	},
	{
		Invariant: "I2", Name: "counter_within_caps", Description: "No counter is above the caps of its contract, for contracts that were never changed.",
		Table: "contract_counters", Run: countersWithinCaps,
	},
}

var counterRules = []audit.Rule{
	{
		Invariant: "I2", Name: "counter_has_contract", Description: "Every counter belongs to a contract.",
		Query: `SELECT t.counter_key AS id, t.contract_id AS want, COALESCE(k.id, 'none') AS got
			FROM contract_counters t LEFT JOIN contracts k ON k.id = t.contract_id WHERE {range}`,
	},
}

var leadRules = []audit.Rule{
	{Invariant: "I3", Name: "exclusive_lead_sold_once", Description: "A lead of an exclusive campaign has at most one live sale.", Run: exclusiveLeads},
	{
		Invariant: "I3", Name: "buyer_once_per_lead", Description: "No buyer has two live sales of a lead.",
		Query: `SELECT t.id AS id, 1 AS want, COUNT(*) AS got FROM leads t JOIN sales s ON s.lead_id = t.id AND s.slot IS NOT NULL
			WHERE {range} GROUP BY t.id, s.buyer_id`,
	},
	{
		Invariant: "I3", Name: "sold_lead_has_sale", Description: "A lead that is no test is sold if and only if it has a live sale.",
		Query: `SELECT t.id AS id, CASE WHEN EXISTS (SELECT 1 FROM sales s WHERE s.lead_id = t.id AND s.slot IS NOT NULL)
				THEN 'sold' ELSE 'not sold' END AS want, CASE WHEN t.status = 'sold' THEN 'sold' ELSE 'not sold' END AS got
			FROM leads t WHERE {range} AND t.test = 0`,
	},
	{
		Invariant: "I3", Name: "test_lead_has_no_sales", Description: "A test lead has no sales.",
		Query: `SELECT t.id AS id, 0 AS want, (SELECT COUNT(*) FROM sales s WHERE s.lead_id = t.id) AS got
			FROM leads t WHERE {range} AND t.test <> 0`,
	},
	{
		Invariant: "I3", Name: "test_lead_has_no_events", Description: "A test lead is never published.",
		Query: `SELECT t.id AS id, 0 AS want, (SELECT COUNT(*) FROM events e WHERE e.seller_id = t.seller_id
				AND e.aggregate_type = 'lead' AND e.aggregate_id = t.id) AS got
			FROM leads t WHERE {range} AND t.test <> 0`,
	},
	{
		Invariant: "I4", Name: "sale_is_in_one_event", Description: "Every live sale is in exactly one lead.sold.v1 event of its lead.",
		Table: "sales", Run: salesAreInEvents,
	},
	{
		Invariant: "I4", Name: "event_sale_exists", Description: "Every sale in a lead.sold.v1 event is a sale of that lead.",
		Table: "events", Run: eventSalesExist,
	},
}

var saleRules = []audit.Rule{
	// A buyer of another seller is a matter of the references.
	{
		Invariant: "I1", Name: "sale_is_to_contracts_buyer", Description: "A sale is to the buyer of its contract.",
		Query: `SELECT t.id AS id, k.buyer_id AS want, t.buyer_id AS got FROM sales t JOIN contracts k ON k.id = t.contract_id
			JOIN buyers b ON b.id = t.buyer_id AND b.seller_id = t.seller_id WHERE {range}`,
	},
}

var claimRules = []audit.Rule{
	{Invariant: "I3", Name: "test_lead_has_no_claims", Description: "A test lead claims no phone, email or external id.", Run: testClaims},
}

// sellerTotal adds up the buyers of each seller over all chunks: a sale concerns one buyer, so each is right by itself.
var sellerTotal = audit.Rule{
	Invariant: "I1", Name: "balances_are_money_in_less_sales", Table: "sellers",
	Description: "All balances of a seller's buyers together are deposits - withdrawals - live sales +/- adjustments.", Across: addBalances,
}
