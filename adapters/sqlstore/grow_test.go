package sqlstore_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/earlier"
)

// grownLeads is how many leads the databases of the earlier release have; more than fit into one transaction of a migration.
func grownLeads(t *testing.T) int {
	t.Helper()
	text, given := os.LookupEnv("LEADMILL_TEST_LEADS")
	if !given {
		return 6000
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "LEADMILL_TEST_LEADS")
	return n
}

// requireMigrated checks that a migrated database holds what it held before, in the tables of this release and no others.
func requireMigrated(t *testing.T, db *dialect.DB, want earlier.Contents) {
	t.Helper()
	require.NoError(t, sqlstore.CheckVersion(t.Context(), db))
	require.Empty(t, earlier.Difference(want, earlier.After(t, db)))
	fresh := open(t, dbtest.URL(t, engineOf(t, db)))
	require.NoError(t, sqlstore.Migrate(t.Context(), fresh))
	require.Equal(t, schema(t, fresh), schema(t, db))
}

// engineOf names the engine of a database; MariaDB tells by its version.
func engineOf(t *testing.T, db *dialect.DB) dbtest.Engine {
	t.Helper()
	if db.Name() == "sqlite" {
		return dbtest.SQLite
	}
	var maria bool
	require.NoError(t, db.Reader.GetContext(t.Context(), &maria, "SELECT VERSION() LIKE '%MariaDB%'"))
	if maria {
		return dbtest.MariaDB
	}
	return dbtest.MySQL
}

// TestGrowReal migrates what the earlier release wrote itself.
func TestGrowReal(t *testing.T) {
	t.Parallel()
	perEngine(t, func(t *testing.T, engine dbtest.Engine) {
		db := open(t, earlier.Real(t, engine))
		want := earlier.Before(t, db)
		require.Len(t, want.Events, 178)
		require.Equal(t, 64, want.Tables["leads"].Count)
		require.NoError(t, sqlstore.Migrate(t.Context(), db))
		requireMigrated(t, db, want)
		report, err := audit.Run(t.Context(), db, audit.Options{Deep: true}, sqlstore.AuditRules()...)
		require.NoError(t, err)
		require.Empty(t, report.Breaches)
	})
}

// TestGrow migrates many leads, and looks at the figures one by one that a wrong comparison would hide.
func TestGrow(t *testing.T) {
	t.Parallel()
	perEngine(t, func(t *testing.T, engine dbtest.Engine) {
		n := grownLeads(t)
		db := open(t, earlier.Grown(t, engine, n))
		want := earlier.Before(t, db)
		require.GreaterOrEqual(t, want.Tables["leads"].Count, n)
		require.Greater(t, len(want.Events), 3*n/2)
		for _, table := range []string{"sales", "unsold_leads", "claims", "recent_requests", "contract_counters", "answers", "ledger_entries", "lead_reviews", "customers", "outgoing_mails"} {
			require.Positive(t, want.Tables[table].Count, table)
		}
		require.Len(t, want.Versions, 6, "of a team's aggregates")
		require.NotEmpty(t, want.Small["event_parked"])
		require.NoError(t, sqlstore.Migrate(t.Context(), db))
		requireMigrated(t, db, want)

		number := func(query string) (n int) {
			require.NoError(t, db.Reader.GetContext(t.Context(), &n, query))
			return n
		}
		require.Less(t, number("SELECT COUNT(*) FROM event_segments"), len(want.Events), "consecutive events of one seller are one segment")
		require.Equal(t, len(want.Events), number("SELECT SUM(events) FROM event_segments"))
		require.Positive(t, number("SELECT COUNT(*) FROM sales WHERE slot = -2"), "the second sale of a lead that is not live")
		require.Zero(t, number("SELECT COUNT(*) FROM sales s JOIN unsold_leads u ON u.seller_id = s.seller_id AND u.lead_id = s.lead_id WHERE s.slot > 0"))
		require.Equal(t, want.Tables["leads"].Count,
			number("SELECT COUNT(*) FROM unsold_leads")+number("SELECT COUNT(*) FROM sales WHERE slot > 0")+number("SELECT COUNT(*) FROM leads WHERE status = ''"))
	})
}

// TestGrowAtOnce migrates by several processes.
func TestGrowAtOnce(t *testing.T) {
	t.Parallel()
	perEngine(t, func(t *testing.T, engine dbtest.Engine) {
		url := earlier.Grown(t, engine, 1000)
		want := earlier.Before(t, open(t, url))
		errs := make([]error, 3)
		var all sync.WaitGroup
		for i := range errs {
			db := open(t, url)
			all.Go(func() { errs[i] = sqlstore.Migrate(t.Context(), db) })
		}
		all.Wait()
		require.NoError(t, errors.Join(errs...))
		requireMigrated(t, open(t, url), want)
	})
}

var errCut = errors.New("the connection is cut")

// TestGrowCut cuts a migration again and again: before a statement, in place of a commit, or behind one whose answer is then lost.
// On SQLite nothing of a cut migration stays, on MySQL the next one goes on where it was.
func TestGrowCut(t *testing.T) {
	t.Parallel()
	perEngine(t, func(t *testing.T, engine dbtest.Engine) {
		url := earlier.Grown(t, engine, 6000)
		looking := open(t, url)
		want := earlier.Before(t, looking)
		var left atomic.Int64 // statements and commits until the next cut
		cut := func() bool { return left.Add(-1) <= 0 }
		faults := &sqlstoretest.Faults{}
		ofLock := func(query string) bool { return strings.Contains(query, "goose_lock") } // which would be waited for
		faults.Before(func(query string) error {
			if !ofLock(query) && cut() {
				return errCut
			}
			return nil
		})
		faults.Commit(func(statements []string, commit, rollback func() error) error {
			switch {
			case slices.ContainsFunc(statements, ofLock) || !cut():
				return commit()
			case rand.N(2) == 0:
				return errors.Join(errCut, rollback())
			default:
				return errors.Join(errCut, commit())
			}
		})
		cuts, patience := 0, 100
		for {
			left.Store(1 + rand.Int64N(int64(patience)))
			db, err := dialect.Open(url, dialect.Options{MaxConnections: 8, Wrap: faults.Wrap})
			require.NoError(t, err)
			err = sqlstore.Migrate(t.Context(), db)
			left.Store(1 << 40)
			require.NoError(t, db.Close())
			if err == nil {
				break
			}
			require.ErrorIs(t, err, errCut)
			cuts++
			if engine == dbtest.SQLite {
				behind := sqlstore.CheckVersion(t.Context(), looking)
				if behind == nil {
					break // only the answer to the last commit was lost
				}
				require.ErrorContains(t, behind, "version 7")
				patience *= 2 // for it begins anew each time
			}
		}
		t.Logf("%d cuts", cuts)
		require.Positive(t, cuts)
		requireMigrated(t, looking, want)
	})
}

// TestGrowBeside meets instances that work on the database that is to be migrated.
func TestGrowBeside(t *testing.T) {
	t.Parallel()
	perEngine(t, func(t *testing.T, engine dbtest.Engine) {
		faults := &sqlstoretest.Faults{}
		url := earlier.Real(t, engine)
		db, err := dialect.Open(url, dialect.Options{MaxConnections: 8, Wrap: faults.Wrap})
		require.NoError(t, err)
		defer func() { require.NoError(t, db.Close()) }()
		other := open(t, url)
		lease := func(d time.Duration) {
			_, err := other.Writer.ExecContext(context.Background(), "UPDATE event_consumers SET lease_until = "+other.Micros()+" + ? WHERE name = 'campaign-report'", d.Microseconds())
			require.NoError(t, err)
		}

		looks := 0
		faults.Before(func(query string) error {
			if query == "SELECT name, lease_until FROM event_consumers WHERE lease_until >= "+other.Micros() {
				if looks++; looks == 2 {
					lease(20 * time.Second) // which is longer than from before
				}
			}
			return nil
		})
		lease(10 * time.Second)
		err = sqlstore.Migrate(t.Context(), db)
		require.ErrorIs(t, err, sqlstore.ErrBeside)
		require.ErrorContains(t, err, "it renewed the lease of campaign-report")
		require.ErrorContains(t, err, "stop all instances of leadmill on this database")
		require.Equal(t, 2, looks)
		require.ErrorContains(t, sqlstore.CheckVersion(t.Context(), db), "version 7")
		require.Contains(t, tables(t, db), "events", "nothing was changed")

		// One that was killed leaves a lease that ends by itself.
		want := earlier.Before(t, db)
		looks = 2
		lease(600 * time.Millisecond)
		require.NoError(t, sqlstore.Migrate(t.Context(), db))
		require.Greater(t, looks, 3, "it waited")
		requireMigrated(t, db, want)
	})
}
