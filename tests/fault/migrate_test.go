package fault_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
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
			databaseURL := earlier.Grown(t, e, 10_000)
			db, err := dialect.Open(databaseURL, dialect.Options{MaxConnections: 4})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			want := earlier.Before(t, db)
			killed := 0
			for round := range 3 {
				p := apptest.Launch(t, databaseURL, []string{"migrate", "up"})
				if e == dbtest.SQLite {
					life := time.NewTimer(time.Duration(20+rand.IntN(400)) * time.Millisecond)
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
			databaseURL := earlier.Grown(t, e, 3000)
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
			for range 200 {
				s.Sell(t, s.Form())
			}
			db.Settle()
			if a, b := db.Number("SELECT SUM(submitted) FROM report_leads"), db.Number("SELECT COUNT(*) FROM leads WHERE test = 0 AND status <> ''"); a != b {
				t.Errorf("the report has %d leads, there are %d", a, b)
			}
			p.Stop(t)
			audit("behind the sales")
		})
	}
}
