package grow

import "strings"

// lean gives every table that belongs to a seller a key that begins with the seller, and takes out of claims and leads what has
// a table of its own now.
func lean(r *run) ([]step, error) {
	tables, indexes, err := r.schema("0009_lean.sql")
	if err != nil {
		return nil, err
	}
	var names []string
	var rows []step
	for _, c := range leanTables {
		names = append(names, c.table)
		rows = append(rows, c.step())
		if !c.keep {
			rows = append(rows, drop(c.table))
		}
		for _, kept := range c.frees {
			rows = append(rows, drop(kept))
		}
	}
	// What is over is found by walking the key.
	return append(append([]step{setAside(names...), tables}, rows...), indexes, dropIndex("partner_tokens", "partner_tokens_expires")), nil
}

// same copies the columns of a table as they are.
func same(table, key, columns string) leanTable {
	return leanTable{copying: copying{
		table: table, key: []column{{name: key}},
		inserts: []insert{{text: "INSERT INTO " + table + " (" + columns + ") SELECT " + columns + " FROM " + old(table) + " o WHERE {range}", every: true}},
	}}
}

// leanTable is a table that is copied, and when its old rows go: at once, unless it is kept until another one frees it.
type leanTable struct {
	copying

	keep  bool
	frees []string
}

const leadColumns = "seller_id, id, seller_code, origin, key_id, partner_id, campaign_id, category, fields, dimensions, external_id, test, " +
	"status, code, reason, payout, shown, shown_hidden, trace, pending_until, request_fingerprint, answer_status, answer_body, " +
	"created_at, updated_at, version"

var leanTables = []leanTable{
	same("buyers", "id", "seller_id, id, name, email, status, time_zone, balance, held, credit_limit, created_at, updated_at, version"),
	same("ledger_entries", "id", "seller_id, buyer_id, id, type, amount, balance_after, sale_id, note, created_at"),
	same("campaigns", "id", "seller_id, id, name, category, active_key, status, definition, created_at, updated_at, version"),
	same("contracts", "id", "seller_id, campaign_id, id, buyer_id, status, price, priority, time_zone, effective_zone, caps, created_at, updated_at").
		kept(),
	{
		copying: copying{table: "contract_counters", key: []column{{name: "counter_key"}}, inserts: []insert{{
			text: "INSERT INTO contract_counters (seller_id, counter_key, contract_id, span_window, span_key, starts_at, ends_at, used, spent, last_won) " +
				"SELECT COALESCE(k.seller_id, ''), o.counter_key, o.contract_id, o.span_window, o.span_key, o.starts_at, o.ends_at, o.used, o.spent, o.last_won " +
				"FROM old_contract_counters o LEFT JOIN old_contracts k ON k.id = o.contract_id WHERE {range}",
			every: true,
		}}},
		frees: []string{"contracts"},
	},
	// The sales of a lead that are not live get its negative slots in the order of their ids.
	{copying: copying{table: "sales", key: []column{{name: "id"}}, inserts: []insert{{
		text: "INSERT INTO sales (seller_id, lead_id, slot, id, campaign_id, contract_id, buyer_id, price, currency, status, sold_at) " +
			"SELECT o.seller_id, o.lead_id, COALESCE(o.slot, -(SELECT COUNT(*) FROM old_sales d WHERE d.lead_id = o.lead_id AND d.slot IS NULL AND d.id <= o.id)), " +
			"o.id, o.campaign_id, o.contract_id, o.buyer_id, o.price, o.currency, o.status, o.sold_at FROM old_sales o WHERE {range}",
		every: true,
	}}}},
	// Behind the sales, by which it is known which leads have a live one. A lead without a status was never in the market.
	same("leads", "id", leadColumns).and("INSERT INTO unsold_leads (seller_id, lead_id, campaign_id, status, test, reason, contract_id) " +
		"SELECT o.seller_id, o.id, o.campaign_id, o.status, o.test, o.code, '' FROM old_leads o WHERE {range} AND o.status <> '' " +
		"AND NOT EXISTS (SELECT 1 FROM sales s WHERE s.seller_id = o.seller_id AND s.lead_id = o.id AND s.slot > 0)"),
	// What was claimed for a double click lasts a minute from when the request came.
	{copying: copying{table: "claims", key: []column{{name: "claim_key", bytes: true}}, inserts: []insert{
		{text: "INSERT INTO claims (seller_id, claim_key, lead_id, expires_at) SELECT seller_id, claim_key, lead_id, expires_at " +
			"FROM old_claims o WHERE {range} AND o.kind <> 'request'"},
		{text: "INSERT INTO recent_requests (seller_id, content, lead_id, accepted_at) SELECT seller_id, claim_key, lead_id, expires_at - 60000000 " +
			"FROM old_claims o WHERE {range} AND o.kind = 'request' AND o.expires_at > {now}"},
	}}},
	// The key of the installation's operator belongs to no seller.
	{copying: copying{table: "answers", key: []column{{name: "key_id"}, {name: "key_hash", bytes: true}}, inserts: []insert{{
		text: "INSERT INTO answers (seller_id, key_id, key_hash, fingerprint, status, body, expires_at) " +
			"SELECT COALESCE(k.seller_id, ''), o.key_id, o.key_hash, o.fingerprint, o.status, o.body, o.expires_at " +
			"FROM old_answers o LEFT JOIN api_keys k ON k.id = o.key_id WHERE {range}",
		every: true,
	}}}},
	same("customers", "id", "seller_id, id, customer_key, key_hash, email, email_key, name, surname, tags, status, partner_id, referral_key, policy, "+
		"attributed_at, touched_at, created_at, updated_at, deleted_at, version"),
	same("lead_reviews", "lead_id", "seller_id, lead_id, number, status, name, email, form_version, answers, customer_id, commission_amount"),
	same("outgoing_mails", "event_id", "seller_id, event_id, partner_id, attempts, next_at"),
}

func (t leanTable) kept() leanTable {
	t.keep = true
	return t
}

func (t leanTable) and(text string) leanTable {
	t.inserts = append(t.inserts, insert{text: strings.TrimSpace(text)})
	return t
}
