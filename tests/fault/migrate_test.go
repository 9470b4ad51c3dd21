package fault_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/earlier"
)

// number is one that a larger run sets in the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text, given := os.LookupEnv(name)
	if !given {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s must be a number from 1", name)
	}
	return n
}

// TestAMigrationKilledAgainAndAgainKeepsAll kills "leadmill migrate up" while it moves rows, then has two processes do the rest at
// once. On MySQL a kill comes when some steps are done, so that each goes on where the one before was; each waits for the
// lease of the one that was killed. On SQLite it comes at any moment.
func TestAMigrationKilledAgainAndAgainKeepsAll(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			leads := number(t, "LEADMILL_TEST_LEADS", 10_000)
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

// TestAMigratedDatabaseSells sells on what the earlier release left: consumers go on where they were, and the audit finds nothing,
// before and after.
func TestAMigratedDatabaseSells(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			databaseURL := earlier.Grown(t, e, number(t, "LEADMILL_TEST_LEADS", 3000))
			audit := func(when string) {
				t.Helper()
				if p := apptest.Launch(t, databaseURL, []string{"doctor"}); p.Wait(t) != 0 {
					t.Errorf("the audit %s:\n%s%s", when, p.Output.String(), p.Logs.Tail())
				}
			}
			if p := apptest.Launch(t, databaseURL, []string{"migrate", "up"}); p.Wait(t) != 0 {
				t.Fatal(p.Logs.Tail())
			}
			audit("behind the migration")
			db := apptest.Open(t, databaseURL)
			for _, table := range []string{"event_parked WHERE consumer", "event_consumers WHERE name"} { // nobody is that consumer now
				if _, err := db.Writer.ExecContext(t.Context(), "DELETE FROM "+table+" = 'acme-crm'"); err != nil {
					t.Fatal(err)
				}
			}
			p := apptest.Run(t, databaseURL, []string{"serve"})
			s := apptest.NewShop(t, &p.App, nil, apptest.Rich)
			const clients = 32
			each := max(number(t, "LEADMILL_TEST_SALES", 640)/clients, 1)
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
			audit("behind the sales")
		})
	}
}
