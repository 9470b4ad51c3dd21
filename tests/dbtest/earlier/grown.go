package earlier

import (
	"context"
	"fmt"
	"strings"
)

// grow copies what is there until there are so many leads. n.c is the number of a copy, from 1.
func (f *fixture) grow(leads int) {
	f.t.Helper()
	copies := (leads-1)/f.number("SELECT COUNT(*) FROM leads") + 1
	f.exec("CREATE TABLE fixture_n (c INTEGER NOT NULL PRIMARY KEY)")
	f.insert("fixture_n", copies, func(i int) string { return fmt.Sprintf("(%d)", i+1) })
	lead, sale, entry, event := copyOf("t.id"), copyOf("s.id"), copyOf("t.id"), copyOf("e.event_id")
	leadOfSale := copyOf("t.lead_id")

	f.events(copies, event)
	f.copy("leads", "t", "LENGTH(t.id) < 39", map[string]string{
		"id": lead, "answer_body": f.blob("REPLACE(t.answer_body, t.id, " + lead + ")"),
		"external_id": "CASE WHEN t.external_id = '' THEN '' ELSE CONCAT(t.external_id, '-', n.c) END",
	})
	f.copy("lead_reviews", "t", "LENGTH(t.lead_id) < 39", map[string]string{"lead_id": leadOfSale, "number": fmt.Sprintf("t.number + %d * n.c", f.number("SELECT MAX(number) FROM lead_reviews"))})
	f.exec("UPDATE seller_numbers SET value = (SELECT MAX(number) FROM lead_reviews r WHERE r.seller_id = seller_numbers.seller_id)")
	f.copy("claims", "t", "LENGTH(t.lead_id) < 39", map[string]string{"claim_key": f.hash("t.claim_key"), "lead_id": leadOfSale})
	f.copy("answers", "t", "SUBSTR(HEX(t.key_hash), 49, 6) <> '100000'", map[string]string{"key_hash": f.hash("t.key_hash")})
	f.copy("sales", "s", "LENGTH(s.id) < 39", map[string]string{"id": sale, "lead_id": copyOf("s.lead_id")})
	f.copy("ledger_entries", "t", "LENGTH(t.id) < 39 AND t.type = 'sale'", map[string]string{"id": entry, "sale_id": copyOf("t.sale_id")})

	// Every fiftieth copy has leads whose sale is not live any more, and the first of them two such sales.
	f.exec("CREATE TABLE fixture_dead (id VARCHAR(64) NOT NULL PRIMARY KEY)")
	f.exec("INSERT INTO fixture_dead SELECT s.id FROM sales s WHERE s.slot = 1 AND LENGTH(s.id) = 39 AND SUBSTR(s.id, 38) IN ('10', '50')")
	const of = " FROM sales s JOIN fixture_dead d ON d.id = s.id"
	columns := "seller_id, lead_id, slot, campaign_id, contract_id, buyer_id, price, currency, status, sold_at"
	f.exec("INSERT INTO sales (id, " + columns + ") SELECT CONCAT(s.id, 'b'), s.seller_id, s.lead_id, NULL, s.campaign_id, s.contract_id, s.buyer_id, s.price, s.currency, 'returned', s.sold_at" +
		of + " WHERE s.id LIKE '%10'")
	f.exec("INSERT INTO ledger_entries (id, seller_id, buyer_id, type, amount, balance_after, sale_id, note, created_at) " +
		"SELECT CONCAT('entry_', s.id), s.seller_id, s.buyer_id, 'sale', -s.price, 0, s.id, '', s.sold_at FROM sales s WHERE s.slot IS NULL")
	f.exec("UPDATE leads SET status = 'unsold' WHERE id IN (SELECT s.lead_id" + of + ")")
	f.exec("UPDATE sales SET slot = NULL, status = 'returned' WHERE id IN (SELECT id FROM fixture_dead)")
	f.exec("INSERT INTO ledger_entries (id, seller_id, buyer_id, type, amount, balance_after, sale_id, note, created_at) " +
		"SELECT CONCAT('back_', s.id), s.seller_id, s.buyer_id, 'refund', s.price, 0, '', 'returned', s.sold_at FROM sales s WHERE s.slot IS NULL")

	// The money and the counters are what the rows say. Contracts count as changed, for their caps are exceeded.
	f.exec("UPDATE ledger_entries SET amount = amount + 1000000000000 WHERE type = 'deposit' AND note = 'test'")
	f.exec("UPDATE buyers SET balance = (SELECT SUM(amount) FROM ledger_entries e WHERE e.buyer_id = buyers.id)")
	const sold = " FROM sales s WHERE s.contract_id = contract_counters.contract_id AND s.slot IS NOT NULL AND " +
		"(span_window = 'total' OR s.sold_at >= starts_at AND s.sold_at < ends_at)"
	f.exec("UPDATE contract_counters SET used = (SELECT COUNT(*)" + sold + "), spent = (SELECT COALESCE(SUM(s.price), 0)" + sold + ")")
	f.exec("UPDATE contracts SET updated_at = updated_at + 1")

	// Double clicks of now, and some that are over.
	for key, expires := range map[string]string{"FFFFFFFFFFFFFFFF": f.db.Micros() + " + 3600000000", "EEEEEEEEEEEEEEEE": "1000000000"} {
		f.exec("INSERT INTO claims (claim_key, seller_id, scope, kind, lead_id, expires_at) SELECT UNHEX(CONCAT(SUBSTR(HEX(claim_key), 1, 48), '" + key + "')), " +
			"seller_id, '', 'request', lead_id, " + expires + " FROM claims WHERE kind = 'phone' AND LENGTH(lead_id) < 32")
	}
	f.exec("DROP TABLE fixture_n")
	f.exec("DROP TABLE fixture_dead")
	f.exec("DROP TABLE fixture_e")
}

// events copies the events of leads, a copy behind the other, then adds those of a team, and parks some.
func (f *fixture) events(copies int, event string) {
	f.t.Helper()
	head := f.number("SELECT MAX(id) FROM events")
	each := f.number("SELECT COUNT(*) FROM events WHERE aggregate_type = 'lead'")
	f.exec("CREATE TABLE fixture_e (ordinal INTEGER NOT NULL, id INTEGER NOT NULL PRIMARY KEY)")
	f.exec("INSERT INTO fixture_e SELECT (SELECT COUNT(*) FROM events b WHERE b.aggregate_type = 'lead' AND b.id <= e.id), e.id FROM events e WHERE e.aggregate_type = 'lead'")
	gap := 0
	if !f.sqlite {
		gap = 3
	}
	lead := copyOf("e.aggregate_id")
	payload := "REPLACE(REPLACE(e.payload, e.aggregate_id, " + lead + "), COALESCE(s.id, 'no sale'), COALESCE(" + copyOf("s.id") + ", ''))"
	metadata := "CASE n.c % 5 WHEN 0 THEN '{}' WHEN 1 THEN CONCAT('{\"correlation_id\":\"c', n.c, '\",\"causation_id\":\"', e.event_id, " +
		"'\",\"traceparent\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"}') ELSE e.metadata END"
	f.byCopies("INSERT INTO events (id, event_id, seller_id, aggregate_type, aggregate_id, aggregate_version, type, payload, metadata, occurred_at) "+
		fmt.Sprintf("SELECT %d + (n.c - 1) * %d + o.ordinal, ", head, each+gap)+event+", e.seller_id, e.aggregate_type, "+lead+", e.aggregate_version, e.type, "+
		f.blob(payload)+", "+f.blob(metadata)+", e.occurred_at FROM fixture_n n CROSS JOIN fixture_e o JOIN events e ON e.id = o.id "+
		"LEFT JOIN sales s ON s.lead_id = e.aggregate_id WHERE {copies}", " ORDER BY n.c, o.ordinal")
	last := f.number("SELECT MAX(id) FROM events")
	const cases = 30
	f.insert("events (id, event_id, seller_id, aggregate_type, aggregate_id, aggregate_version, type, payload, metadata, occurred_at)", cases, func(i int) string {
		sellers := []string{"seller_01KJQH7VM865S3B4H81H82T9S9", "seller_01KJQH7VM865S3B4H83P0PJ9F5"}
		return fmt.Sprintf("(%d, 'evt_case_%d', '%s', 'acme_case', 'case_%d', %d, 'acme.case.v1', X'%x', X'7b7d', %d)",
			last+1+i, i, sellers[i%2], i%6, i/6+1, strings.Repeat(`{"fact":1}`, i+1), 1_772_500_000_000_000+i)
	})
	if !f.sqlite {
		f.positions(copies, head, each, gap, cases)
	}
	// Parked: an event of Real, and one of a copy with a later one of its aggregate, for a consumer that is in the middle.
	f.exec("INSERT INTO event_consumers (name, position, owner, fence, lease_until) VALUES ('acme-crm', ?, 'somebody', 7, 0)", head+copies*each/2)
	position := "e.id"
	if !f.sqlite {
		position = "(SELECT p.position FROM event_positions p WHERE p.id = e.id)"
	}
	f.exec("INSERT INTO event_parked (consumer, position, seller_id, aggregate_type, aggregate_id, attempts, error, parked_at) "+
		"SELECT 'acme-crm', "+position+", e.seller_id, e.aggregate_type, e.aggregate_id, 5, 'refused 🙂', 1772500000000000 FROM events e "+
		"WHERE e.aggregate_type = 'lead' AND e.id <= ? AND e.id % 40 = 0", head+each)
}

// positions numbers the copied events: two neighbouring copies each the other way round, as if the later one was committed first,
// and the last twentieth, with the events of the team, not at all.
func (f *fixture) positions(copies, head, each, gap, cases int) {
	f.t.Helper()
	numbered := copies - copies/20
	numbered -= numbered % 2
	f.byCopies(fmt.Sprintf("INSERT INTO event_positions (position, id, seller_id) SELECT %d + (CASE WHEN n.c %% 2 = 0 THEN n.c - 2 ELSE n.c END) * %d + o.ordinal, e.id, e.seller_id "+
		"FROM fixture_n n CROSS JOIN fixture_e o JOIN events e ON e.id = %[1]d + (n.c - 1) * %[3]d + o.ordinal WHERE {copies} AND n.c <= %[4]d", head, each, each+gap, numbered), "")
	f.exec("UPDATE event_sequence SET last_position = ?", head+numbered*each)
	first := func(c int) int { return head + c*(each+gap) + 1 }
	f.insert("event_pending (first_id, events)", 2*(copies-numbered), func(i int) string {
		half := each / 2
		c := numbered + i/2
		if i%2 == 0 {
			return fmt.Sprintf("(%d, %d)", first(c), half)
		}
		return fmt.Sprintf("(%d, %d)", first(c)+half, each-half)
	})
	f.exec("INSERT INTO event_pending (first_id, events) VALUES (?, ?)", first(copies)-gap, cases)
}

// copyOf is the id that a copy has in place of an id.
func copyOf(id string) string { return "CONCAT(" + id + ", '_', 1000000 + n.c)" }

// blob makes bytes of an expression that is a text on SQLite.
func (f *fixture) blob(expression string) string {
	if f.sqlite {
		return "CAST(" + expression + " AS BLOB)"
	}
	return expression
}

// hash is the hash that a copy has in place of a hash.
func (f *fixture) hash(of string) string {
	return "UNHEX(CONCAT(SUBSTR(HEX(" + of + "), 1, 48), 1000000000000000 + n.c))"
}

// copy adds the copies of the rows of a table that meet a condition, which must leave out those that are copies; some columns are
// others.
func (f *fixture) copy(table, alias, original string, other map[string]string) {
	f.t.Helper()
	columns := f.columns(table)
	values := make([]string, len(columns))
	for i, c := range columns {
		if values[i] = alias + "." + c; other[c] != "" {
			values[i] = other[c]
		}
	}
	f.byCopies("INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") SELECT "+strings.Join(values, ", ")+
		" FROM "+table+" "+alias+" CROSS JOIN fixture_n n WHERE {copies} AND "+original, "")
}

// byCopies executes a statement for some hundred copies at a time, so that none takes longer than a connection waits.
func (f *fixture) byCopies(statement, behind string) {
	f.t.Helper()
	const atOnce = 200
	for after, all := 0, f.number("SELECT COUNT(*) FROM fixture_n"); after < all; after += atOnce {
		f.exec(strings.ReplaceAll(statement, "{copies}", fmt.Sprintf("n.c > %d AND n.c <= %d", after, after+atOnce)) + behind)
	}
}

// columns returns the names of a table's columns.
func (f *fixture) columns(table string) []string {
	f.t.Helper()
	found, err := f.conn.QueryContext(context.Background(), "SELECT * FROM "+table+" LIMIT 0")
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = found.Close() }()
	columns, err := found.Columns()
	if err != nil {
		f.t.Fatal(err)
	}
	return columns
}

// insert adds n rows, each as its values are written.
func (f *fixture) insert(into string, n int, row func(i int) string) {
	f.t.Helper()
	const atOnce = 500
	for from := 0; from < n; from += atOnce {
		var all []string
		for i := from; i < min(n, from+atOnce); i++ {
			all = append(all, row(i))
		}
		f.exec("INSERT INTO " + into + " VALUES " + strings.Join(all, ", "))
	}
}
