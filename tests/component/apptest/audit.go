package apptest

import (
	"context"
	"testing"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
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

// Settle waits until every event has its position and every consumer has seen it. A running app does that.
func (d *Database) Settle() {
	d.t.Helper()
	Eventually(d.t, func() error { return inspect.Settled(context.Background(), d.DB) })
}

// Audit settles, and then checks everything that must hold in any database at rest, by statements of its own and by those
// of leadmill doctor.
func (d *Database) Audit() {
	d.t.Helper()
	d.Settle()
	for _, c := range []struct{ rule, query string }{
		{"a balance is the sum of its entries", "SELECT COUNT(*) FROM buyers b WHERE b.balance <> (SELECT COALESCE(SUM(l.amount), 0) FROM ledger_entries l WHERE l.buyer_id = b.id)"},
		{"a balance is within its credit", "SELECT COUNT(*) FROM buyers WHERE balance + credit_limit < 0 OR held <> 0"},
		{"a sold lead has one sale", "SELECT COUNT(*) FROM leads l WHERE l.status = 'sold' AND l.test = 0 AND (SELECT COUNT(*) FROM sales s WHERE s.lead_id = l.id) <> 1"},
		{"a lead that is not sold has none", "SELECT COUNT(*) FROM leads l WHERE (l.status <> 'sold' OR l.test = 1) AND EXISTS (SELECT 1 FROM sales s WHERE s.lead_id = l.id)"},
		{"a sale is of a lead of its seller", "SELECT COUNT(*) FROM sales s WHERE NOT EXISTS (SELECT 1 FROM leads l JOIN buyers b ON b.seller_id = l.seller_id JOIN contracts c ON c.seller_id = l.seller_id AND c.buyer_id = b.id AND c.campaign_id = l.campaign_id WHERE l.id = s.lead_id AND b.id = s.buyer_id AND c.id = s.contract_id AND l.seller_id = s.seller_id)"},
		{"a bucket counts its sales", "SELECT COUNT(*) FROM contract_counters c WHERE c.ends_at > 0 AND (c.used <> (SELECT COUNT(*) FROM sales s WHERE s.contract_id = c.contract_id AND s.sold_at >= c.starts_at AND s.sold_at < c.ends_at) OR c.spent <> (SELECT COALESCE(SUM(s.price), 0) FROM sales s WHERE s.contract_id = c.contract_id AND s.sold_at >= c.starts_at AND s.sold_at < c.ends_at))"},
		{"a total counts its sales", "SELECT COUNT(*) FROM contract_counters c WHERE c.ends_at = 0 AND (c.used <> (SELECT COUNT(*) FROM sales s WHERE s.contract_id = c.contract_id) OR c.spent <> (SELECT COALESCE(SUM(s.price), 0) FROM sales s WHERE s.contract_id = c.contract_id))"},
		{"a lead was submitted once", "SELECT COUNT(*) FROM leads l WHERE (SELECT COUNT(*) FROM events e WHERE e.seller_id = l.seller_id AND e.aggregate_type = 'lead' AND e.aggregate_id = l.id AND e.type = 'lead.submitted.v1') <> 1 - l.test"},
		{"a lead's last event is its status", "SELECT COUNT(*) FROM leads l WHERE l.test = 0 AND l.origin <> 'form' AND COALESCE((SELECT e.type FROM events e WHERE e.seller_id = l.seller_id AND e.aggregate_type = 'lead' AND e.aggregate_id = l.id ORDER BY e.aggregate_version DESC LIMIT 1), '') <> " + d.concat("'lead.'", "l.status", "'.v1'")},
		{"a lead was sold once", "SELECT COUNT(*) FROM leads l WHERE l.test = 0 AND l.status = 'sold' AND (SELECT COUNT(*) FROM events e WHERE e.seller_id = l.seller_id AND e.aggregate_type = 'lead' AND e.aggregate_id = l.id AND e.type = 'lead.sold.v1') <> 1"},
		{"an event is of a lead that is there", "SELECT COUNT(*) FROM events e WHERE e.aggregate_type = 'lead' AND NOT EXISTS (SELECT 1 FROM leads l WHERE l.id = e.aggregate_id)"},
		{"a claim's lead is there", "SELECT COUNT(*) FROM claims c WHERE NOT EXISTS (SELECT 1 FROM leads l WHERE l.id = c.lead_id)"},
		{"every event has one position", "SELECT COUNT(*) FROM events e WHERE (SELECT COUNT(*) FROM event_positions p WHERE p.id = e.id AND p.seller_id = e.seller_id) <> 1"},
		{"nothing is parked", "SELECT COUNT(*) FROM event_parked"},
	} {
		if n := d.Number(c.query); n != 0 {
			d.t.Errorf("%s: not so for %d rows", c.rule, n)
		}
	}
	for _, c := range []struct{ what, a, b string }{
		{"positions", "SELECT COUNT(*) FROM events", "SELECT MAX(position) FROM event_positions"},
		{"charges", "SELECT COUNT(*) FROM sales", "SELECT COUNT(*) FROM ledger_entries WHERE type = 'sale'"},
		{"sales that were charged once with their price", "SELECT COUNT(*) FROM sales", "SELECT COUNT(DISTINCT s.id) FROM ledger_entries l JOIN sales s " +
			"ON s.id = l.sale_id AND s.price = -l.amount AND s.buyer_id = l.buyer_id AND s.seller_id = l.seller_id WHERE l.type = 'sale'"},
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
			d.t.Errorf("%s: %d, want %d", c.what, b, a)
		}
	}
	breaches, _, err := inspect.Doctor(context.Background(), d.DB)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, b := range breaches {
		d.t.Errorf("doctor: %s", b)
	}
}

func (d *Database) concat(parts ...string) string {
	if d.Name() == "sqlite" {
		return parts[0] + " || " + parts[1] + " || " + parts[2]
	}
	return "CONCAT(" + parts[0] + ", " + parts[1] + ", " + parts[2] + ")"
}
