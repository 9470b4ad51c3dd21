package audit

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/application"
)

// Rows of a table in one snapshot. Buyers, contracts and sellers have many entries, sales and form leads each.
const (
	manyRows = 2000
	fewRows  = 100
)

// scans are the tables that are walked and what must hold for their rows.
func scans() []scan {
	id := []string{"id"}
	all := []scan{
		{table: "sellers", key: id, size: fewRows, rules: numbers},
		{table: "api_keys", key: id, size: manyRows},
		{table: "partners", key: []string{"seller_id", "id"}, size: manyRows, rules: partners},
		{table: "partner_keys", key: []string{"seller_id", "referral_key"}, size: manyRows},
		{table: "customers", key: id, size: manyRows, rules: customers},
		{table: "lead_forms", key: []string{"seller_id"}, size: manyRows},
		{table: "seller_numbers", key: []string{"seller_id", "series"}, size: manyRows},
		{table: "buyers", key: id, size: fewRows, rules: append(accounts(), sellerTotal())},
		{table: "ledger_entries", key: id, size: manyRows, rules: entries},
		{table: "campaigns", key: id, size: manyRows},
		{table: "contracts", key: id, size: fewRows, rules: contracts},
		{table: "contract_counters", key: []string{"counter_key"}, size: manyRows, rules: counters},
		{table: "leads", key: id, size: manyRows, rules: leads},
		{table: "lead_reviews", key: []string{"lead_id"}, size: manyRows, rules: reviews},
		{table: "sales", key: id, size: manyRows, rules: sales},
		{table: "claims", key: []string{"claim_key"}, size: manyRows, rules: claims},
		{table: "events", key: id, size: manyRows, rules: events},
		{table: "event_positions", key: []string{"position"}, size: manyRows, rules: positions},
		{table: "event_pending", key: []string{"first_id"}, size: fewRows, rules: pending},
	}
	for i := range all {
		s := &all[i]
		s.rules = append(slices.Clone(s.rules), append(versions(s.table), references(s.table)...)...)
	}
	return all
}

func accounts() []rule {
	return []rule{
		{invariant: "I1", name: "balance_is_ledger_sum", description: "A buyer's balance is the sum of its ledger entries.",
			query: `SELECT t.id AS id, COALESCE((SELECT SUM(e.amount) FROM ledger_entries e WHERE e.buyer_id = t.id), 0) AS want,
				t.balance AS got FROM buyers t WHERE {range}`},
		{invariant: "I1", name: "held_is_open_holds", description: "What a buyer's account holds is the sum of its open holds, of which there are none yet.",
			query: `SELECT t.id AS id, 0 AS want, t.held AS got FROM buyers t WHERE {range}`},
		{invariant: "I1", name: "sale_has_one_entry", description: "Every sale has exactly one entry in its buyer's ledger.",
			table: "sales", run: salesHaveEntries},
		// An operator may lower a credit limit below what is used of it.
		{invariant: "I2", name: "buyer_within_credit", description: "Balance + credit limit - held is not negative, for buyers that were never updated.",
			query: `SELECT t.id AS id, 0 AS want, t.balance + t.credit_limit - t.held AS got FROM buyers t WHERE {range}
				AND NOT EXISTS (SELECT 1 FROM events e WHERE e.seller_id = t.seller_id AND e.aggregate_type = 'buyer'
					AND e.aggregate_id = t.id AND e.type = 'buyer.updated.v1')`,
			broken: "got < want"},
	}
}

// sellerTotal adds up the buyers of each seller over all chunks: a sale concerns one buyer, so each is right by itself.
func sellerTotal() rule {
	type total struct{ balances, want *big.Int }
	totals := map[string]total{}
	return rule{invariant: "I1", name: "balances_are_money_in_less_sales", table: "sellers",
		description: "All balances of a seller's buyers together are deposits - withdrawals - live sales +/- adjustments.",
		run: func(ctx context.Context, c *chunk) error {
			return c.rows(ctx, `SELECT seller_id, SUM(balance), SUM(moved), SUM(sold) FROM (
				SELECT t.seller_id AS seller_id, t.balance AS balance,
					COALESCE((SELECT SUM(e.amount) FROM ledger_entries e WHERE e.buyer_id = t.id
						AND e.type IN ('deposit', 'withdrawal', 'adjustment')), 0) AS moved,
					COALESCE((SELECT SUM(s.price) FROM contracts k JOIN sales s ON s.contract_id = k.id AND s.slot IS NOT NULL
						WHERE k.buyer_id = t.id), 0) AS sold
				FROM buyers t WHERE {range}) accounts GROUP BY seller_id`, func(rows *sqlx.Rows) error {
				var seller string
				var texts [3]string
				if err := rows.Scan(&seller, &texts[0], &texts[1], &texts[2]); err != nil {
					return err
				}
				var sums [3]*big.Int
				for i, text := range texts {
					n, ok := new(big.Int).SetString(text, 10)
					if !ok {
						return fmt.Errorf("%q is no sum", text)
					}
					sums[i] = n
				}
				t, known := totals[seller]
				if !known {
					t = total{new(big.Int), new(big.Int)}
					totals[seller] = t
				}
				t.balances.Add(t.balances, sums[0])
				t.want.Sub(t.want.Add(t.want, sums[1]), sums[2])
				return nil
			})
		},
		done: func(c *chunk) {
			for _, seller := range slices.Sorted(maps.Keys(totals)) {
				if t := totals[seller]; t.balances.Cmp(t.want) != 0 {
					c.breach(seller, t.want.String(), t.balances.String())
				}
			}
		},
	}
}

var entries = []rule{
	{invariant: "I1", name: "entry_has_sale", description: "Every sale entry of a ledger is for a sale to that buyer.",
		query: `SELECT t.id AS id, t.buyer_id AS want, COALESCE(s.buyer_id, 'none') AS got
			FROM ledger_entries t LEFT JOIN sales s ON s.id = t.sale_id WHERE {range} AND t.type = 'sale'`},
	{invariant: "I1", name: "entry_is_price", description: "The amount of a sale entry is the sale's price, negative.",
		query: `SELECT t.id AS id, -s.price AS want, t.amount AS got
			FROM ledger_entries t JOIN sales s ON s.id = t.sale_id WHERE {range} AND t.type = 'sale'`},
}

var sales = []rule{
	// A buyer of another seller is a matter of the references.
	{invariant: "I1", name: "sale_is_to_contracts_buyer", description: "A sale is to the buyer of its contract.",
		query: `SELECT t.id AS id, k.buyer_id AS want, t.buyer_id AS got FROM sales t JOIN contracts k ON k.id = t.contract_id
			JOIN buyers b ON b.id = t.buyer_id AND b.seller_id = t.seller_id WHERE {range}`},
}

var contracts = []rule{
	{invariant: "I2", name: "counter_is_live_sales", description: "Every counter of a contract is the number and sum of its live sales in the counter's span.",
		table: "contract_counters", run: countersAreSales},
	{invariant: "I2", name: "sold_contract_has_total", description: "Every contract with live sales has one total counter.",
		query: `SELECT t.id AS id, 1 AS want, (SELECT COUNT(*) FROM contract_counters n WHERE n.contract_id = t.id AND n.span_window = 'total') AS got
			FROM contracts t WHERE {range} AND EXISTS (SELECT 1 FROM sales s WHERE s.contract_id = t.id AND s.slot IS NOT NULL)`},
	{invariant: "I2", name: "counter_within_caps", description: "No counter is above the caps of its contract, for contracts that were never changed.",
		table: "contract_counters", run: countersWithinCaps},
}

var counters = []rule{
	{invariant: "I2", name: "counter_has_contract", description: "Every counter belongs to a contract.",
		query: `SELECT t.counter_key AS id, t.contract_id AS want, COALESCE(k.id, 'none') AS got
			FROM contract_counters t LEFT JOIN contracts k ON k.id = t.contract_id WHERE {range}`},
}

var leads = []rule{
	{invariant: "I3", name: "exclusive_lead_sold_once", description: "A lead of an exclusive campaign has at most one live sale.", run: exclusiveLeads},
	{invariant: "I3", name: "buyer_once_per_lead", description: "No buyer has two live sales of a lead.",
		query: `SELECT t.id AS id, 1 AS want, COUNT(*) AS got FROM leads t JOIN sales s ON s.lead_id = t.id AND s.slot IS NOT NULL
			WHERE {range} GROUP BY t.id, s.buyer_id`},
	{invariant: "I3", name: "sold_lead_has_sale", description: "A lead that is no test is sold if and only if it has a live sale.",
		query: `SELECT t.id AS id, CASE WHEN EXISTS (SELECT 1 FROM sales s WHERE s.lead_id = t.id AND s.slot IS NOT NULL)
				THEN 'sold' ELSE 'not sold' END AS want, CASE WHEN t.status = 'sold' THEN 'sold' ELSE 'not sold' END AS got
			FROM leads t WHERE {range} AND t.test = 0`},
	{invariant: "I3", name: "test_lead_has_no_sales", description: "A test lead has no sales.",
		query: `SELECT t.id AS id, 0 AS want, (SELECT COUNT(*) FROM sales s WHERE s.lead_id = t.id) AS got
			FROM leads t WHERE {range} AND t.test <> 0`},
	{invariant: "I3", name: "test_lead_has_no_events", description: "A test lead is never published.",
		query: `SELECT t.id AS id, 0 AS want, (SELECT COUNT(*) FROM events e WHERE e.seller_id = t.seller_id
				AND e.aggregate_type = 'lead' AND e.aggregate_id = t.id) AS got
			FROM leads t WHERE {range} AND t.test <> 0`},
	{invariant: "I6", name: "form_lead_has_review", description: "A lead has a review if and only if it came through the form.",
		query: `SELECT t.id AS id, CASE WHEN t.origin = 'form' THEN 'a review' ELSE 'none' END AS want,
				CASE WHEN EXISTS (SELECT 1 FROM lead_reviews r WHERE r.lead_id = t.id) THEN 'a review' ELSE 'none' END AS got
			FROM leads t WHERE {range}`},
	{invariant: "I4", name: "sale_is_in_one_event", description: "Every live sale is in exactly one lead.sold.v1 event of its lead.",
		table: "sales", run: salesAreInEvents},
	{invariant: "I4", name: "event_sale_exists", description: "Every sale in a lead.sold.v1 event is a sale of that lead.",
		table: "events", run: eventSalesExist},
}

// A number that is not committed is given again, so the numbers of a seller have no gap. Deleted leads keep theirs.
var numbers = []rule{
	{invariant: "I4", name: "form_lead_numbers_are_dense", description: "The numbers of a seller's form leads are 1, 2, 3 and so on without a gap.",
		query: `SELECT t.id AS id, COALESCE((SELECT CASE WHEN MIN(r.number) < 1 THEN -1 ELSE MAX(r.number) END FROM lead_reviews r
				WHERE r.seller_id = t.id), 0) AS want, (SELECT COUNT(*) FROM lead_reviews r WHERE r.seller_id = t.id) AS got
			FROM sellers t WHERE {range}`},
	{invariant: "I4", name: "form_lead_number_was_given", description: "No form lead has a number above the last that its seller gave.",
		query: `SELECT t.id AS id, COALESCE((SELECT n.value FROM seller_numbers n WHERE n.seller_id = t.id AND n.series = '` +
			application.FormLeads + `'), 0) AS want, COALESCE((SELECT MAX(r.number) FROM lead_reviews r WHERE r.seller_id = t.id), 0) AS got
			FROM sellers t WHERE {range}`,
		broken: "got > want"},
}

// partners: what is left of a deleted one, and nothing of what is personal.
var partners = []rule{
	{invariant: "I6", name: "deleted_partner_is_erased", description: "Nothing personal is kept of a deleted partner.",
		query: `SELECT t.id AS id, 'erased' AS want, 'personal data' AS got FROM partners t WHERE {range} AND t.status = 'deleted'
			AND (t.email <> '' OR INSTR(t.email_key, '@') > 0 OR t.name <> '' OR t.surname <> '' OR t.password_hash <> ''
				OR t.tags <> '[]' OR COALESCE(t.custom_fields, '[]') <> '[]')`},
}

var customers = []rule{
	{invariant: "I4", name: "customer_is_attributed", description: "Every customer is the one's that its last customer.attributed.v1 event says.",
		run: customersAreAttributed},
	{invariant: "I6", name: "deleted_customer_is_erased", description: "Nothing personal is kept of a deleted customer.",
		query: `SELECT t.id AS id, 'erased' AS want, 'personal data' AS got FROM customers t WHERE {range} AND t.status = 'deleted'
			AND (t.customer_key <> '' OR t.key_hash IS NOT NULL OR t.email <> '' OR t.email_key <> '' OR t.name <> ''
				OR t.surname <> '' OR t.tags <> '[]')`},
}

var reviews = []rule{
	{invariant: "I6", name: "converted_lead_has_customer", description: "A form lead names a customer if and only if it is converted, or was before it was deleted.",
		query: `SELECT t.lead_id AS id, CASE WHEN t.status = 'converted' THEN 'a customer' ELSE 'none' END AS want,
				CASE WHEN t.customer_id <> '' THEN 'a customer' ELSE 'none' END AS got
			FROM lead_reviews t WHERE {range} AND t.status <> 'deleted'`},
	{invariant: "I6", name: "deleted_lead_is_erased", description: "Nothing personal is kept of a deleted form lead.",
		query: `SELECT t.lead_id AS id, 'erased' AS want, 'personal data' AS got
			FROM lead_reviews t LEFT JOIN leads l ON l.id = t.lead_id WHERE {range} AND t.status = 'deleted'
			AND (t.name <> '' OR t.email <> '' OR t.answers <> '[]' OR LENGTH(l.fields) > 2)`}, // {}
}

// The key of a claim is a hash of what may be personal data, so a breach names the lead and the kind.
var claims = []rule{
	{invariant: "I3", name: "test_lead_has_no_claims", description: "A test lead claims no phone, email or external id.", run: testClaims},
}

var events = []rule{
	{invariant: "I4", name: "event_has_aggregate", description: "The aggregate of every event exists.", table: "events",
		query: "SELECT t.event_id AS id, t.aggregate_id AS want, COALESCE(sl.id, pa.id, cu.id, bu.id, ca.id, le.id, 'none') AS got" + eventAggregates},
	{invariant: "I4", name: "aggregate_order_is_position_order", table: "events",
		description: "An event's position is behind that of the event before it in its aggregate.",
		query: `SELECT t.event_id AS id, COALESCE(bp.position, 9223372036854775807) AS want, tp.position AS got
			FROM events t JOIN event_positions tp ON tp.id = t.id
			JOIN events b ON b.seller_id = t.seller_id AND b.aggregate_type = t.aggregate_type
				AND b.aggregate_id = t.aggregate_id AND b.aggregate_version = t.aggregate_version - 1
			LEFT JOIN event_positions bp ON bp.id = b.id WHERE {range}`,
		broken: "got <= want"},
	{invariant: "I4", name: "event_gets_position", sequenced: true,
		description: "While an instance runs, an event has its position 60 seconds after it occurred.",
		query: `SELECT t.event_id AS id, 'a position' AS want, 'none' AS got
			FROM events t LEFT JOIN event_positions p ON p.id = t.id
			WHERE {range} AND p.id IS NULL AND t.occurred_at < {now} - 60000000
				AND EXISTS (SELECT 1 FROM event_consumers c WHERE c.lease_until > {now})`},
	{invariant: "I4", name: "event_waits_for_position", sequenced: true,
		description: "An event without a position is known to the sequencer.",
		query: `SELECT t.event_id AS id, 'known' AS want, 'unknown' AS got
			FROM events t LEFT JOIN event_positions p ON p.id = t.id
			WHERE {range} AND p.id IS NULL
				AND NOT EXISTS (SELECT 1 FROM event_pending q WHERE q.first_id <= t.id AND q.first_id + q.events > t.id)`},
	{invariant: "I6", name: "events.aggregate_id", description: "An event belongs to the seller of its aggregate.", table: "events",
		query: "SELECT t.event_id AS id, t.seller_id AS want, COALESCE(sl.id, pa.seller_id, cu.seller_id, bu.seller_id, ca.seller_id, le.seller_id, t.seller_id) AS got" + eventAggregates},
}

// positions and pending are the tables of the sequencer; on the other engines an event's position is its id.
var positions = []rule{
	{invariant: "I4", name: "position_has_event", description: "Every position is that of an event of the same seller.", sequenced: true,
		query: `SELECT t.position AS id, t.seller_id AS want, COALESCE(e.seller_id, 'none') AS got
			FROM event_positions t LEFT JOIN events e ON e.id = t.id WHERE {range}`},
}

var pending = []rule{
	{invariant: "I4", name: "waiting_events_exist", description: "The events that the sequencer knows of exist and have no positions.", sequenced: true,
		query: `SELECT t.first_id AS id, t.events AS want, (SELECT COUNT(*) FROM events e WHERE e.id >= t.first_id AND e.id < t.first_id + t.events
				AND NOT EXISTS (SELECT 1 FROM event_positions p WHERE p.id = e.id)) AS got
			FROM event_pending t WHERE {range}`},
}

// eventAggregates joins events with what they are about. A partner's id is only unique within its seller; a click is kept
// nowhere but in its event.
const eventAggregates = ` FROM events t
	LEFT JOIN sellers sl ON t.aggregate_type = 'seller' AND sl.id = t.aggregate_id
	LEFT JOIN partners pa ON t.aggregate_type = 'partner' AND pa.seller_id = t.seller_id AND pa.id = t.aggregate_id
	LEFT JOIN customers cu ON t.aggregate_type = 'customer' AND cu.id = t.aggregate_id
	LEFT JOIN buyers bu ON t.aggregate_type = 'buyer' AND bu.id = t.aggregate_id
	LEFT JOIN campaigns ca ON t.aggregate_type = 'campaign' AND ca.id = t.aggregate_id
	LEFT JOIN leads le ON t.aggregate_type = 'lead' AND le.id = t.aggregate_id
	WHERE {range} AND t.aggregate_type <> 'click'`

// aggregates are the tables of aggregates with the type that their events carry and the column with their seller's id.
var aggregates = map[string]struct{ kind, seller string }{
	"sellers": {"seller", "id"}, "partners": {"partner", "seller_id"}, "buyers": {"buyer", "seller_id"},
	"campaigns": {"campaign", "seller_id"}, "leads": {"lead", "seller_id"}, "customers": {"customer", "seller_id"},
}

// versions are the rules of a table of aggregates about the number of their events.
func versions(table string) []rule {
	a, ok := aggregates[table]
	if !ok {
		return nil
	}
	ofAggregate := fmt.Sprintf("e.seller_id = t.%s AND e.aggregate_type = '%s' AND e.aggregate_id = t.id", a.seller, a.kind)
	return []rule{
		{invariant: "I4", name: "version_counts_events", description: "The version of an aggregate is the number of its events.",
			query: "SELECT t.id AS id, t.version AS want, (SELECT COUNT(*) FROM events e WHERE " + ofAggregate + ") AS got FROM " +
				table + " t WHERE {range}"},
		{invariant: "I4", name: "event_versions_are_dense", description: "The events of an aggregate are numbered from 1 without a gap.",
			query: "SELECT t.id AS id, COUNT(*) AS want, CASE WHEN MIN(e.aggregate_version) = 1 THEN MAX(e.aggregate_version) ELSE -1 END AS got FROM " +
				table + " t JOIN events e ON " + ofAggregate + " WHERE {range} GROUP BY t.id, t." + a.seller},
	}
}

// referenced are the columns that refer to another table; both rows must be of one seller. Empty ones refer to nothing.
var referenced = []struct{ table, column, parent string }{
	{"api_keys", "seller_id", "sellers"},
	{"api_keys", "partner_id", "partners"},
	{"partners", "seller_id", "sellers"},
	{"partners", "referring_partner_id", "partners"},
	{"partner_keys", "partner_id", "partners"},
	{"customers", "seller_id", "sellers"},
	{"customers", "partner_id", "partners"},
	{"lead_forms", "seller_id", "sellers"},
	{"seller_numbers", "seller_id", "sellers"},
	{"buyers", "seller_id", "sellers"},
	{"ledger_entries", "buyer_id", "buyers"},
	{"campaigns", "seller_id", "sellers"},
	{"contracts", "campaign_id", "campaigns"},
	{"contracts", "buyer_id", "buyers"},
	{"leads", "key_id", "api_keys"},
	{"leads", "campaign_id", "campaigns"},
	{"leads", "partner_id", "partners"},
	{"lead_reviews", "lead_id", "leads"},
	{"lead_reviews", "customer_id", "customers"},
	{"sales", "lead_id", "leads"},
	{"sales", "contract_id", "contracts"},
	{"sales", "buyer_id", "buyers"},
	{"sales", "campaign_id", "campaigns"},
	{"claims", "lead_id", "leads"},
}

// references are the rules about the columns of a table that refer to others.
func references(table string) []rule {
	var rules []rule
	for _, r := range referenced {
		if r.table != table {
			continue
		}
		id, on, seller := "t.id", "p.id = t."+r.column, "p.seller_id"
		switch r.table {
		case "partner_keys":
			id = "t.referral_key"
		case "claims", "lead_reviews":
			id = "t.lead_id"
		case "lead_forms", "seller_numbers":
			id = "t.seller_id"
		}
		switch r.parent {
		case "sellers":
			seller = "p.id"
		case "partners": // ids are only unique within a seller, so a partner of another seller is none
			on += " AND p.seller_id = t.seller_id"
		}
		rules = append(rules, rule{invariant: "I6", name: r.table + "." + r.column,
			description: fmt.Sprintf("%s of %s refers to a row of %s of the same seller.", r.column, r.table, r.parent),
			query: fmt.Sprintf("SELECT %s AS id, t.seller_id AS want, COALESCE(%s, 'none') AS got FROM %s t LEFT JOIN %s p ON %s WHERE {range} AND t.%s <> ''",
				id, seller, r.table, r.parent, on, r.column)})
	}
	return rules
}
