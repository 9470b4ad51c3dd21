package apptest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/tests/dbtest/inspect"
)

// Database looks at an app's database from outside of the app.
type Database struct {
	*dialect.DB

	t testing.TB
}

// Open opens an app's database until the test ends.
func Open(t testing.TB, databaseURL string) *Database {
	t.Helper()
	db, err := dialect.Open(databaseURL, dialect.Options{MaxConnections: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &Database{db, t}
}

// Number reads one number; NULL is 0.
func (d *Database) Number(query string, args ...any) int64 {
	d.t.Helper()
	var n *int64
	if err := d.Reader.QueryRowContext(context.Background(), query, args...).Scan(&n); err != nil {
		d.t.Fatalf("%s: %v", query, err)
	}
	if n == nil {
		return 0
	}
	return *n
}

// Events returns the events of these types, or all when none are named, in the order of their positions.
func (d *Database) Events(types ...string) []application.StoredEvent {
	d.t.Helper()
	events, err := inspect.Events(context.Background(), d.DB, types...)
	if err != nil {
		d.t.Fatal(err)
	}
	return events
}

// Settle waits until every event has its position and every consumer has seen it. A running app does that.
func (d *Database) Settle() {
	d.t.Helper()
	Eventually(d.t, func() error { return inspect.Settled(context.Background(), d.DB) })
}

// Audit settles, and then checks everything that must hold in any database at rest, by statements of its own and by those
// of leadmill doctor. What is found while events still come, as of leads that wait and of deliveries, is looked for again.
func (d *Database) Audit() {
	d.t.Helper()
	var wrong []string
	Eventually(d.t, func() error {
		if err := inspect.Settled(context.Background(), d.DB); err != nil {
			return err
		}
		before := d.Number(written)
		wrong = d.breaches()
		if len(wrong) > 0 && d.Number(written) != before {
			return fmt.Errorf("events come during the audit, which found %v", wrong)
		}
		return nil
	})
	for _, w := range wrong {
		d.t.Error(w)
	}
}

// written counts the events of all times.
const written = "SELECT SUM(events) FROM event_segments"

// breaches returns what does not hold.
func (d *Database) breaches() (wrong []string) {
	d.t.Helper()
	note := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for _, c := range []struct{ rule, query string }{
		{"a balance is the sum of its entries", "SELECT COUNT(*) FROM buyers b WHERE b.balance <> (SELECT COALESCE(SUM(l.amount), 0) FROM ledger_entries l WHERE l.seller_id = b.seller_id AND l.buyer_id = b.id)"},
		{"a balance is within its credit", "SELECT COUNT(*) FROM buyers WHERE balance + credit_limit < 0 OR held <> 0"},
		{"a sold lead has sales", "SELECT COUNT(*) FROM leads l WHERE l.status = 'sold' AND l.test = 0 AND NOT EXISTS (SELECT 1 FROM sales s WHERE s.seller_id = l.seller_id AND s.lead_id = l.id AND s.slot > 0)"},
		{"a lead that is not shared has one sale", "SELECT COUNT(*) FROM leads l JOIN campaigns c ON c.seller_id = l.seller_id AND c.id = l.campaign_id WHERE c.definition NOT LIKE '%\"mode\":\"shared\"%' AND (SELECT COUNT(*) FROM sales s WHERE s.seller_id = l.seller_id AND s.lead_id = l.id AND s.slot > 0) > 1"},
		{"no buyer has a lead twice", "SELECT COUNT(*) FROM (SELECT s.lead_id FROM sales s GROUP BY s.seller_id, s.lead_id, s.buyer_id HAVING COUNT(*) > 1) twice"},
		{"sales earn what their lead does", "SELECT COUNT(*) FROM leads l WHERE l.status = 'sold' AND l.test = 0 AND l.payout <> (SELECT SUM(s.payout) FROM sales s WHERE s.seller_id = l.seller_id AND s.lead_id = l.id AND s.slot > 0)"},
		{"a lead that is not sold has none", "SELECT COUNT(*) FROM leads l WHERE (l.status <> 'sold' OR l.test = 1) AND EXISTS (SELECT 1 FROM sales s WHERE s.seller_id = l.seller_id AND s.lead_id = l.id AND s.slot > 0)"},
		{"a sale is of a lead of its seller", "SELECT COUNT(*) FROM sales s WHERE NOT EXISTS (SELECT 1 FROM leads l JOIN buyers b ON b.seller_id = l.seller_id JOIN contracts c ON c.seller_id = l.seller_id AND c.buyer_id = b.id AND c.campaign_id = l.campaign_id WHERE l.seller_id = s.seller_id AND l.id = s.lead_id AND b.id = s.buyer_id AND c.id = s.contract_id)"},
		{"a contract's bucket counts its sales", "SELECT COUNT(*) FROM contract_counters c WHERE c.owner = 'contract' AND (c.used <> (SELECT COUNT(*) FROM sales s LEFT JOIN sale_returns r ON r.seller_id = s.seller_id AND r.sale_id = s.id AND r.status = 'approved' WHERE s.seller_id = c.seller_id AND s.contract_id = c.contract_id AND (c.ends_at = 0 AND s.slot > 0 OR s.sold_at >= c.starts_at AND s.sold_at < c.ends_at AND (s.slot > 0 OR r.decided_at >= c.ends_at))) OR c.spent <> (SELECT COALESCE(SUM(s.price), 0) FROM sales s LEFT JOIN sale_returns r ON r.seller_id = s.seller_id AND r.sale_id = s.id AND r.status = 'approved' WHERE s.seller_id = c.seller_id AND s.contract_id = c.contract_id AND (c.ends_at = 0 AND s.slot > 0 OR s.sold_at >= c.starts_at AND s.sold_at < c.ends_at AND (s.slot > 0 OR r.decided_at >= c.ends_at))))"},
		{"a buyer's bucket counts its sales", "SELECT COUNT(*) FROM contract_counters c WHERE c.owner = 'contract' AND (c.used <> (SELECT COUNT(*) FROM sales s LEFT JOIN sale_returns r ON r.seller_id = s.seller_id AND r.sale_id = s.id AND r.status = 'approved' WHERE s.seller_id = c.seller_id AND s.contract_id = c.contract_id AND (c.ends_at = 0 AND s.slot > 0 OR s.sold_at >= c.starts_at AND s.sold_at < c.ends_at AND (s.slot > 0 OR r.decided_at >= c.ends_at))) OR c.spent <> (SELECT COALESCE(SUM(s.price), 0) FROM sales s LEFT JOIN sale_returns r ON r.seller_id = s.seller_id AND r.sale_id = s.id AND r.status = 'approved' WHERE s.seller_id = c.seller_id AND s.contract_id = c.contract_id AND (c.ends_at = 0 AND s.slot > 0 OR s.sold_at >= c.starts_at AND s.sold_at < c.ends_at AND (s.slot > 0 OR r.decided_at >= c.ends_at))))"},
		{"a campaign's bucket counts its sales", "SELECT COUNT(*) FROM contract_counters c WHERE c.owner = 'campaign' AND (c.used <> (SELECT COUNT(*) FROM sales s LEFT JOIN sale_returns r ON r.seller_id = s.seller_id AND r.sale_id = s.id AND r.status = 'approved' WHERE s.seller_id = c.seller_id AND s.campaign_id = c.contract_id AND (c.ends_at = 0 AND s.slot > 0 OR s.sold_at >= c.starts_at AND s.sold_at < c.ends_at AND (s.slot > 0 OR r.decided_at >= c.ends_at))) OR c.spent <> (SELECT COALESCE(SUM(s.price), 0) FROM sales s LEFT JOIN sale_returns r ON r.seller_id = s.seller_id AND r.sale_id = s.id AND r.status = 'approved' WHERE s.seller_id = c.seller_id AND s.campaign_id = c.contract_id AND (c.ends_at = 0 AND s.slot > 0 OR s.sold_at >= c.starts_at AND s.sold_at < c.ends_at AND (s.slot > 0 OR r.decided_at >= c.ends_at))))"},
		{"a claim's lead is there", "SELECT COUNT(*) FROM claims c WHERE NOT EXISTS (SELECT 1 FROM leads l WHERE l.seller_id = c.seller_id AND l.id = c.lead_id)"},
		{"every segment has one position", "SELECT COUNT(*) FROM event_segments g WHERE (SELECT COUNT(*) FROM event_positions p WHERE p.segment_id = g.id AND p.seller_id = g.seller_id AND p.events = g.events) <> 1"},
		{"nothing is parked", "SELECT COUNT(*) FROM event_parked"},
	} {
		if n := d.Number(c.query); n != 0 {
			note("%s: not so for %d rows", c.rule, n)
		}
	}
	for _, c := range []struct{ what, a, b string }{
		{"positions", written, "SELECT MAX(first_position + events - 1) FROM event_positions"},
		{"charges", "SELECT COUNT(*) FROM sales", "SELECT COUNT(*) FROM ledger_entries WHERE type = 'sale'"},
		{"sales that were charged once with their price", "SELECT COUNT(*) FROM sales", "SELECT COUNT(DISTINCT s.id) FROM ledger_entries l JOIN sales s " +
			"ON s.seller_id = l.seller_id AND s.id = l.sale_id AND s.price = -l.amount AND s.buyer_id = l.buyer_id WHERE l.type = 'sale'"},
		{"credits", "SELECT COUNT(*) FROM sales WHERE slot < 0", "SELECT COUNT(*) FROM ledger_entries WHERE type = 'return'"},
		{"returned sales in the report", "SELECT COUNT(*) FROM sales WHERE slot < 0", "SELECT SUM(sales) FROM report_returns"},
		{"returned revenue in the report", "SELECT SUM(price) FROM sales WHERE slot < 0", "SELECT SUM(revenue) FROM report_returns"},
		{"returned in the report", "SELECT COUNT(*) FROM leads WHERE status = 'returned'", "SELECT SUM(leads) FROM report_returns"},
		{"leads that are not sold", "SELECT COUNT(*) FROM leads WHERE status <> '' AND (status <> 'sold' OR test = 1)", "SELECT COUNT(*) FROM unsold_leads"},
		{"sales in the report", "SELECT COUNT(*) FROM sales", "SELECT SUM(sales) FROM report_sales"},
		{"revenue in the report", "SELECT SUM(price) FROM sales", "SELECT SUM(revenue) FROM report_sales"},
		{"leads in the report", "SELECT COUNT(*) FROM leads WHERE test = 0 AND campaign_id <> ''", "SELECT SUM(submitted) FROM report_leads"},
		{"pending in the report", "SELECT COUNT(*) FROM leads WHERE test = 0 AND status = 'pending'", "SELECT SUM(pending) FROM report_leads"},
		{"sold in the report", "SELECT COUNT(*) FROM leads WHERE test = 0 AND status = 'sold'", "SELECT SUM(sold) FROM report_leads"},
		{"duplicates in the report", "SELECT COUNT(*) FROM leads WHERE test = 0 AND status = 'duplicate'", "SELECT SUM(duplicate) FROM report_leads"},
		{"unsold in the report", "SELECT COUNT(*) FROM leads WHERE test = 0 AND status = 'unsold'", "SELECT SUM(unsold) FROM report_leads"},
		{"rejected in the report", "SELECT COUNT(*) FROM leads WHERE test = 0 AND status = 'rejected'", "SELECT SUM(rejected) FROM report_leads"},
	} {
		if a, b := d.Number(c.a), d.Number(c.b); a != b {
			note("%s: %d, want %d", c.what, b, a)
		}
	}
	d.auditLeads(note)
	breaches, _, err := inspect.Doctor(context.Background(), d.DB)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, b := range breaches {
		note("doctor: %s", b)
	}
	return wrong
}

// auditLeads checks leads by their events.
func (d *Database) auditLeads(note func(format string, args ...any)) {
	d.t.Helper()
	type key struct{ seller, id string }
	events := map[key][]string{}
	for _, e := range d.Events() {
		if e.AggregateType == "lead" {
			k := key{e.SellerID, e.AggregateID}
			events[k] = append(events[k], e.Type)
		}
	}
	rows, err := inspect.Rows(context.Background(), d.DB, "SELECT seller_id, id, status, origin, test FROM leads")
	if err != nil {
		d.t.Fatal(err)
	}
	count := func(types []string, typ string) (n int) {
		for _, t := range types {
			if t == typ {
				n++
			}
		}
		return n
	}
	for _, row := range rows {
		k, status, form, test := key{row[0], row[1]}, row[2], row[3] == "form", row[4] != "0"
		types := slices.DeleteFunc(events[k], func(typ string) bool {
			return strings.HasPrefix(typ, "return.") || typ == "lead.price_changed.v1" || typ == "sale.released.v1"
		})
		delete(events, k)
		if n := len(types); n > 0 && types[n-1] == "lead.erased.v1" { // which says nothing of where it stands
			types = types[:n-1]
		}
		if test {
			if len(types) > 0 {
				note("the test lead %s has the events %v", k.id, types)
			}
			continue
		}
		if count(types, "lead.submitted.v1") != 1 || status == "sold" && count(types, "lead.sold.v1") != 1+count(types, "lead.returned.v1") ||
			!form && types[len(types)-1] != "lead."+status+".v1" {
			note("the lead %s is %s and has the events %v", k.id, status, types)
		}
	}
	for k, types := range events {
		note("the events %v are of a lead %s that is not there", types, k.id)
	}
}
