package fault_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/earlier"
)

// TestAMigrationKilledAgainAndAgainKeepsAll kills "leadmill migrate up" while it moves rows, then has two processes do the rest at
// once. On MySQL a kill comes when some steps are done, so that each goes on where the one before was; each waits for the
// lease of the one that was killed. On SQLite it comes at any moment.
func TestAMigrationKilledAgainAndAgainKeepsAll(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			leads := apptest.Setting(t, "LEADMILL_TEST_LEADS", 10_000)
			databaseURL := earlier.Grown(t, e, leads)
			db, err := dialect.Open(databaseURL, dialect.Options{MaxConnections: 4})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			want := earlier.Before(t, db)
			killed, began := 0, time.Now()
			for round := range 3 {
				p := apptest.Launch(t, databaseURL, []string{"migrate", "up"})
				if e == dbtest.SQLite {
					life := time.NewTimer(time.Duration(20+rand.IntN(leads/25)) * time.Millisecond)
					<-life.C
				} else {
					moved := 3 + 10*round + rand.IntN(8)
					apptest.Eventually(t, func() error {
						var n int
						if err := db.Reader.GetContext(t.Context(), &n, "SELECT COUNT(*) FROM migration_steps"); err != nil {
							return err
						}
						if n < moved {
							return fmt.Errorf("%d steps were begun, want %d", n, moved)
						}
						return nil
					})
				}
				p.Kill()
				if !strings.Contains(p.Output.String(), "The schema is current.") {
					killed++
				}
			}
			if killed == 0 {
				t.Error("no migration was killed in the middle")
			}
			one, two := apptest.Launch(t, databaseURL, []string{"migrate", "up"}), apptest.Launch(t, databaseURL, []string{"migrate", "up"})
			for _, p := range []*apptest.Process{one, two} {
				if code := p.Wait(t); code != 0 {
					t.Fatalf("migrate up ended with %d:\n%s", code, p.Logs.Tail())
				}
			}
			t.Logf("%d leads were migrated over %d kills in %v", leads, killed, time.Since(began).Round(time.Millisecond))
			if what := earlier.Difference(want, earlier.After(t, db)); what != "" {
				t.Error(errors.New(what))
			}
		})
	}
}

// breaches says how many rows doctor finds at fault, by rule.
func breaches(t *testing.T, databaseURL string) map[string]int {
	t.Helper()
	p := apptest.Launch(t, databaseURL, []string{"doctor"})
	p.Wait(t)
	found, rules := map[string]int{}, 0
	for line := range strings.Lines(p.Output.String()) {
		if f := strings.Fields(line); len(f) == 4 && strings.HasPrefix(f[0], "I") && f[0] != "INVARIANT" {
			n, err := strconv.Atoi(f[3])
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if rules++; n > 0 {
				found[f[1]] = n
			}
		}
	}
	if rules < 30 {
		t.Fatalf("doctor tells of %d rules:\n%s%s", rules, p.Output.String(), p.Logs.Tail())
	}
	return found
}

// TestAMigratedDatabaseSells sells on what the earlier release left: consumers go on where they were, and the audit finds nothing,
// before and after. Where there are copies, which share accounts and caps with their originals, it finds no more after than before.
func TestAMigratedDatabaseSells(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		for what, leads := range map[string]int{"": 0, " with copies": apptest.Setting(t, "LEADMILL_TEST_LEADS", 3000)} {
			t.Run(string(e)+what, func(t *testing.T) {
				t.Parallel()
				sellMigrated(t, e, leads)
			})
		}
	}
}

func sellMigrated(t *testing.T, e dbtest.Engine, leads int) {
	t.Helper()
	databaseURL := earlier.Grown(t, e, leads)
	if p := apptest.Launch(t, databaseURL, []string{"migrate", "up"}); p.Wait(t) != 0 {
		t.Fatal(p.Logs.Tail())
	}
	before := breaches(t, databaseURL)
	if leads == 0 && len(before) > 0 {
		t.Errorf("behind the migration doctor finds %v", before)
	}
	db := apptest.Open(t, databaseURL)
	for _, table := range []string{"event_parked WHERE consumer", "event_consumers WHERE name", "known_consumers WHERE name"} { // nobody is that consumer now
		if _, err := db.Writer.ExecContext(t.Context(), "DELETE FROM "+table+" = 'acme-crm'"); err != nil {
			t.Fatal(err)
		}
	}
	p := apptest.Run(t, databaseURL, []string{"serve"})
	s := apptest.NewShop(t, &p.App, nil, apptest.Rich)
	const clients = 32
	each := max(apptest.Setting(t, "LEADMILL_TEST_SALES", 640)/clients, 1)
	began, supplier := time.Now(), s.Supplier.Unchecked()
	apptest.Parallel(clients, func(int) {
		for range each {
			if a := supplier.Do("POST", "/api/leads", s.Form()); a.Status != 200 || a.Lead().Status != "sold" {
				t.Errorf("answered %v, want sold", a)
				return
			}
		}
	})
	t.Logf("%d leads were sold in %v", clients*each, time.Since(began).Round(time.Millisecond))
	db.Settle()
	if n := db.Number("SELECT COUNT(*) FROM sales WHERE seller_id = (SELECT id FROM sellers WHERE code = ?)", s.Code); n != int64(clients*each) {
		t.Errorf("%d sales are stored, want %d", n, clients*each)
	}
	if a, b := db.Number("SELECT SUM(submitted) FROM report_leads"), db.Number("SELECT COUNT(*) FROM leads WHERE test = 0 AND status <> ''"); a != b {
		t.Errorf("the report has %d leads, there are %d", a, b)
	}
	p.Stop(t)
	for rule, after := range breaches(t, databaseURL) { // the purge takes some of the copies' counters away
		if after > before[rule] {
			t.Errorf("doctor found %d breaches of %s behind the migration, and finds %d behind the sales", before[rule], rule, after)
		}
	}
}
