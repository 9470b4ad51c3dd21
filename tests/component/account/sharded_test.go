package account_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/openapitest"
)

// apart are the tables with a seller_id that are not spread over machines by it: they are read to find the seller, or hold the log of
// all sellers together.
var apart = []string{"api_keys", "short_links", "partner_tokens", "memberships", "person_sessions", "person_links", "event_positions", "event_parked"}

// unowned are beginnings of the statements on tables that are spread by seller which do not name one. None is of a request: the
// sequencer asks which segments of any seller wait, the tail of the log reads those of all sellers at once, and mails are due whoever
// sends them.
var unowned = []string{
	"SELECT last_position, EXISTS (SELECT 1 FROM event_pending)",
	"SELECT first_id, tx, segments FROM event_pending ORDER BY first_id",
	"DELETE w FROM event_positions p STRAIGHT_JOIN event_pending w",
	"SELECT 0, seller_id, id, events, at, types FROM event_segments WHERE id IN (",
	"SELECT id, body FROM event_segments WHERE id IN (",
	"SELECT event_id, seller_id, partner_id AS recipient, attempts FROM outgoing_mails",
	"SELECT event_id, seller_id, buyer_id AS recipient, attempts FROM buyer_mails",
	"SELECT event_id, seller_id, person_id AS recipient, attempts FROM person_mails",
	"SELECT seller_id, id FROM seller_jobs WHERE state ",                                                          // jobs go on and end whoever runs them
	"SELECT DISTINCT seller_id FROM open_erasures",                                                                // which has a row for each erasure that runs
	"SELECT seller_id, contract_id, MIN(next_at) AS earliest FROM delivery_queue GROUP BY seller_id, contract_id", // deliveries are due whoever sends them
	"WITH RECURSIVE s (seller_id) AS (SELECT MIN(q.seller_id) FROM delivery_queue q",                              // likewise
	"SELECT COUNT(*) FROM (SELECT 1 AS one FROM delivery_queue",                                                   // the metrics of what waits
	"SELECT o.seller_id, o.lead_id, o.sale_id, o.deadline_at, d.tries",                                            // and buyers have not answered in time
	"SELECT MIN(f.next_at) FROM (SELECT MIN(next_at) AS next_at FROM delivery_queue GROUP BY",
	"SELECT f.seller_id, f.webhook_id, f.earliest FROM (SELECT seller_id, webhook_id, MIN(next_at)", // the same of webhooks
	"WITH RECURSIVE s (seller_id) AS (SELECT MIN(q.seller_id) FROM webhook_queue q",
	"SELECT COUNT(*) FROM (SELECT 1 AS one FROM webhook_queue q JOIN",
	"SELECT MIN(q.next_at) FROM (SELECT seller_id, webhook_id, MIN(next_at) AS next_at FROM webhook_queue GROUP BY",
	"SELECT r.seller_id, r.webhook_id, r.id, r.types", // replays go on whoever runs them
	"SELECT w.seller_id, w.id FROM webhooks w WHERE w.status = 'deleted'",
}

var (
	named  = regexp.MustCompile(`(?i)\b(?:FROM|JOIN|STRAIGHT_JOIN|UPDATE|INTO)\s+([a-z_]+)(?:\s+(?:AS\s+)?([a-z]+))?`)
	given  = regexp.MustCompile(`[ (](?:[a-z_]+\.)?seller_id(?:,[^)]*\))? (?:= \?|IN \()`)
	locked = regexp.MustCompile(`(?:UPDATE|FROM) ([a-z_]+)`)
	// walks begin a look through all rows of all sellers, a piece at a time, for what is over.
	walks   = regexp.MustCompile(`^SELECT seller_id(?:, [a-z_]+)* FROM [a-z_]+ ORDER BY seller_id(?:, [a-z_]+)* LIMIT \?$`)
	clauses = []string{"where", "on", "set", "order", "group", "limit", "left", "join", "inner", "for", "force", "values", "select", "union", "having"}
)

// ownerless returns the tables of owned that a statement uses without naming their seller: by a condition on the seller's id, or by one
// that joins them by it to a table that has such a condition.
func ownerless(query string, owned map[string]bool) (found []string) {
	for part := range strings.SplitSeq(query, " UNION ") {
		all := named.FindAllStringSubmatchIndex(part, -1)
		for _, at := range all {
			table, rest := part[at[2]:at[3]], part[at[3]:]
			if !owned[table] {
				continue
			}
			if strings.HasPrefix(part, "INSERT INTO "+table) {
				if columns, _, _ := strings.Cut(rest, ")"); !strings.Contains(columns, "seller_id") {
					found = append(found, table)
				}
				continue
			}
			of := `(?:` + table + `\.)?`
			if at[4] >= 0 && !slices.Contains(clauses, strings.ToLower(part[at[4]:at[5]])) {
				of = part[at[4]:at[5]] + `\.`
			}
			joined := regexp.MustCompile(`[ (]` + of + `seller_id(?:,[^)]*\))? (?:= |IN \()|= ` + of + `seller_id\b`).MatchString(afterSet(rest))
			if !given.MatchString(part) || !joined {
				found = append(found, table)
			}
		}
	}
	return found
}

// afterSet leaves out what an UPDATE sets.
func afterSet(rest string) string {
	if set, where, is := strings.Cut(rest, " WHERE "); is && strings.Contains(set, " SET ") {
		return " " + where
	}
	return rest
}

func TestWhatNamesNoSellerIsFound(t *testing.T) {
	t.Parallel()
	owned := map[string]bool{"leads": true, "sales": true}
	for query, want := range map[string][]string{
		"SELECT id FROM leads WHERE seller_id = ? AND id IN (?, ?)":                                               nil,
		"SELECT id FROM leads WHERE (seller_id, id) IN ((?, ?))":                                                  nil,
		"SELECT id FROM leads WHERE id = ?":                                                                       {"leads"},
		"SELECT seller_id, id FROM leads WHERE id = ? ORDER BY seller_id":                                         {"leads"},
		"SELECT l.id FROM leads l JOIN sales s ON s.seller_id = l.seller_id AND s.id = ? WHERE l.seller_id = ?":   nil,
		"SELECT l.id FROM leads l JOIN sales s ON s.id = l.id WHERE l.seller_id = ?":                              {"sales"},
		"SELECT l.id FROM leads l JOIN sales s ON s.seller_id = l.seller_id WHERE l.id = ?":                       {"leads", "sales"},
		"SELECT leads.id FROM leads LEFT JOIN sales s ON s.seller_id = leads.seller_id WHERE leads.seller_id = ?": nil,
		"SELECT leads.id FROM leads LEFT JOIN sales s ON s.id = leads.id WHERE leads.seller_id = ?":               {"sales"},
		"INSERT INTO leads (seller_id, id) VALUES (?, ?)":                                                         nil,
		"INSERT INTO leads (id) VALUES (?)":                                                                       {"leads"},
		"UPDATE leads SET seller_id = ? WHERE id = ?":                                                             {"leads"},
		"DELETE FROM leads WHERE seller_id = ? AND id = ?":                                                        nil,
		"SELECT id FROM sellers WHERE id = ?":                                                                     nil,
	} {
		if got := ownerless(query, owned); !slices.Equal(got, want) {
			t.Errorf("%s: found %v, want %v", query, got, want)
		}
	}
}

// readModels are the tables of projections, and what the sequencer writes: each is written in one place, for all sellers.
var readModels = []string{"report_sellers", "report_leads", "report_sales", "report_returns", "partner_activity", "program_days", "link_days", "event_positions", "event_parked"}

// holdAll holds all rows of a seller, in every table that has some, until the test ends.
func holdAll(t *testing.T, db *apptest.Database, code string, tables map[string]bool) {
	t.Helper()
	tx, err := db.Writer.BeginTxx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	var id string
	if err := tx.Get(&id, "SELECT id FROM sellers WHERE code = ? FOR UPDATE", code); err != nil {
		t.Fatal(err)
	}
	held := 0
	for table := range tables {
		var rows []int
		if err := tx.Select(&rows, "SELECT 1 FROM "+table+" WHERE seller_id = ? FOR UPDATE", id); err != nil {
			t.Fatalf("hold %s: %v", table, err)
		}
		held += min(len(rows), 1)
	}
	if held < 10 {
		t.Fatalf("rows of only %d tables are held", held)
	}
}

// Every statement that a running Leadmill sends to a table that is spread over machines by seller names the seller, but for those that
// are listed above; and none waits for rows of another seller that somebody holds.
func TestStatementsNameTheirSeller(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		d := &sqlstoretest.Faults{}
		app := apptest.StartConfig(t, databaseURL, func(c *leadmill.Config) { c.Sharded, c.SecretKey = "seller", strings.Repeat("k", 40) }, leadmill.StartOptions{Driver: d.Wrap})
		db := apptest.Open(t, databaseURL)
		tables := "SELECT table_name FROM information_schema.columns WHERE table_schema = DATABASE() AND column_name = 'seller_id'"
		if db.Name() == "sqlite" {
			tables = "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'seller_id'"
		}
		owned := map[string]bool{}
		for _, row := range app.Query(t, tables) {
			owned[row[0]] = !slices.Contains(apart, row[0])
		}
		if len(owned) < 25 {
			t.Fatalf("only %d tables have a seller", len(owned))
		}
		var unique map[string]map[string][]string
		if db.Name() != "sqlite" {
			other := apptest.NewShop(t, app, nil, apptest.Rich, apptest.Buyer{Contract: apptest.Object{"price": 99.00}})
			other.Sell(t, other.Form(), "Idempotency-Key", "one")
			other.Program.Must(t, "POST", "/v1/partners", apptest.Object{"id": "someone", "key": "other-someone", "email": "someone@other.example"})
			other.Program.Must(t, "POST", "/v1/customers", apptest.Object{"key": "bought", "partner": apptest.Object{"id": "someone"}})
			other.Program.Must(t, "POST", "/v1/leads", apptest.Object{"name": "A Lead", "email": "lead@other.example", "partner": apptest.Object{"id": "someone"}})
			db.Settle()
			holdAll(t, db, other.Code, owned)
			unique = sqlstoretest.UniqueKeys(t, db.Reader)
		}
		d.Failures()
		var mu sync.Mutex
		seen := map[string]bool{}
		d.Told(func(s sqlstoretest.Statement) {
			mu.Lock()
			defer mu.Unlock()
			seen[s.Query] = true
		})

		s := apptest.NewShop(t, app, apptest.Object{"fields": []apptest.Object{{"name": "age", "type": "number"}}}, apptest.Buyer{Contract: apptest.Object{"price": 10.00}})
		pending := s.Sell(t, s.Form())
		s.Deposit(t, s.BuyerIDs[0], 1000)
		apptest.Eventually(t, func() error {
			if status := s.Lead(t, pending.ID)["status"]; status != "sold" {
				return fmt.Errorf("the lead that waited is %v", status)
			}
			return nil
		})
		deliver(t, s)
		form := s.Form().With("external_id", "x-1")
		lead := s.Sell(t, form, "Idempotency-Key", "one")
		s.Sell(t, form, "Idempotency-Key", "one")
		s.Sell(t, form)
		s.Sell(t, form.With("external_id", "x-2"))
		s.Sell(t, s.Form().With("test", "1"))
		_, key := s.NewSupplier(t)
		s.Program.Must(t, "POST", "/v1/partners", apptest.Object{"id": "someone", "key": "ref-someone", "email": "someone@shop.example"})
		s.Program.Must(t, "POST", "/v1/customers", apptest.Object{"key": "bought", "partner": apptest.Object{"id": "someone"}})
		s.Program.Must(t, "POST", "/v1/leads", apptest.Object{"name": "A Lead", "email": "lead@shop.example", "partner": apptest.Object{"id": "someone"}})
		existing := map[string]string{
			"api-keys": key, "partners": "someone", "buyers": s.BuyerIDs[0], "campaigns": s.CampaignID,
			"contract_id": s.ContractIDs[0], "lead_id": lead.ID, "partner_referral_links": "ref-someone", "customers": "bought", "leads": "1",
		}
		maps.Copy(existing, marketThings(t, s.Program, lead.ID))
		operations := apptest.Spec(t).Operations()
		// What ends something comes last.
		slices.SortStableFunc(operations, func(a, b openapitest.Operation) int { return ending(a) - ending(b) })
		for _, op := range operations {
			client := s.Program
			if slices.Contains(op.Scopes, "supplier") {
				client = s.Supplier
			}
			if len(op.Scopes) == 0 || slices.Contains(op.Scopes, "admin") {
				continue
			}
			id := existing[strings.Split(op.Path, "/")[2]]
			path := apptest.Fill(op.Path, map[string]string{"id": id, "key": id, "contract_id": existing["contract_id"], "lead_id": existing["lead_id"]}) + queries[op.ID]
			if a := client.Do(op.Method, path, bodies(s.BuyerIDs[0])[op.ID]); a.Status >= 500 {
				t.Errorf("%s %s is answered %v", op.Method, path, a)
			}
		}
		for _, path := range []string{
			"/v1/marketplace/leads?status=sold", "/v1/marketplace/leads?status=pending", "/v1/marketplace/leads?limit=1", "/v1/buyers?limit=1", "/v1/partners?limit=1",
			"/v1/customers?limit=1", "/v1/leads?limit=1", "/v1/events?limit=2&types=lead.sold.v1", "/v1/reports/campaigns?group_by=supplier",
			"/v1/customers?partner%5Bid%5D=someone", "/v1/partners:search?email=someone", "/v1/customers:search?key=bought",
		} {
			if a := s.Program.Do("GET", path, nil); a.Status >= 500 {
				t.Errorf("%s is answered %v", path, a)
			}
		}
		db.Audit()
		for _, err := range d.Failures() {
			if dialect.Held(err) {
				t.Errorf("a statement met %v while rows of another seller were held", err)
			}
		}

		mu.Lock()
		defer mu.Unlock()
		if len(seen) < 100 {
			t.Errorf("only %d statements were seen", len(seen))
		}
		for query := range seen {
			table := locked.FindStringSubmatch(query)
			if !sqlstoretest.LocksByKey(query, unique) && !slices.Contains(readModels, table[1]) {
				t.Errorf("a statement that locks rows leaves it to the server by which key, or whether by any: %.400s", query)
			}
			for _, table := range ownerless(query, owned) {
				if !walks.MatchString(query) && !slices.ContainsFunc(unowned, func(beginning string) bool { return strings.HasPrefix(query, beginning) }) {
					t.Errorf("%s without its seller: %.400s", table, query)
				}
			}
		}
	})
}

// ending says when a route is tried: what is read first, what ends something last.
func ending(op openapitest.Operation) int {
	switch {
	case op.Method == http.MethodGet:
		return 0
	case op.Method == http.MethodDelete, strings.Contains(op.Path, "archive"), strings.Contains(op.Path, "pause"):
		return 2
	default:
		return 1
	}
}
