package jobs_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/jobs"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that must happen; it only keeps a test from hanging.
const patience = 3 * time.Minute

// onEngines runs a test on each engine, each with a migrated database.
func onEngines(t *testing.T, test func(t *testing.T, databaseURL string)) {
	t.Helper()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			test(t, migrated.URL(t, e))
		})
	}
}

// start is when the clocks of tests begin.
func start() *clock.Manual { return clock.NewManual(time.Date(2026, 3, 4, 1, 0, 0, 0, time.UTC)) }

// instance is the jobs of one process.
type instance struct {
	*jobs.Runner

	db     *dialect.DB
	faults *sqlstoretest.Faults
	stop   func() // ends Run and waits for it
}

// open makes the jobs of a process that does not run yet.
func open(t testing.TB, databaseURL string, now application.Clock, c jobs.Config, list ...application.Job) *instance {
	t.Helper()
	i := &instance{faults: &sqlstoretest.Faults{}}
	db, err := dialect.Open(databaseURL, dialect.Options{MaxConnections: 8, Wrap: i.faults.Wrap})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	i.db = db
	if c.Look == 0 {
		c.Look = 5 * time.Millisecond
	}
	i.Runner, err = jobs.New(db, now, list, c)
	require.NoError(t, err)
	return i
}

// run makes the jobs of a process that runs until the test ends or it is stopped.
func run(t testing.TB, databaseURL string, now application.Clock, c jobs.Config, list ...application.Job) *instance {
	t.Helper()
	i := open(t, databaseURL, now, c, list...)
	i.run(t)
	return i
}

func (i *instance) run(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- i.Run(ctx) }()
	i.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-time.After(patience):
			t.Error("it does not stop")
		}
	})
	t.Cleanup(i.stop)
}

// status returns how the only job stands.
func (i *instance) status(t testing.TB) jobs.Status {
	t.Helper()
	list, err := i.Status(context.Background())
	require.NoError(t, err)
	require.Len(t, list, 1)
	return list[0]
}

// looked waits until the instance asked the database n more times.
func (i *instance) looked(t testing.TB, n int) {
	t.Helper()
	i.faults.Statements()
	for seen := 0; seen < n; {
		before := seen
		eventually(t, "it looks", func() bool { seen += len(i.faults.Statements()); return seen > before })
	}
}

// known waits until the job has its row.
func (i *instance) known(t testing.TB) jobs.Status {
	t.Helper()
	eventually(t, "the job is known", func() bool { return !i.status(t).Next.IsZero() })
	return i.status(t)
}

func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, patience, 2*time.Millisecond, what)
}

// long is leases that do not end by themselves.
var long = lease.Config{TTL: time.Hour}

// brief is leases that end soon unless they are renewed.
var brief = lease.Config{TTL: 300 * time.Millisecond, Renew: 50 * time.Millisecond}

// tally counts runs, and those that overlap.
type tally struct {
	mu                       sync.Mutex
	begun, running, overlaps int
}

func (n *tally) begin() (end func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.begun++
	if n.running++; n.running > 1 {
		n.overlaps++
	}
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.running--
	}
}

func (n *tally) runs() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.begun
}

// counted is a job that only counts its runs.
func counted(n *tally, s application.Schedule) application.Job {
	return application.Job{Name: "count", Schedule: s, Do: func(context.Context) error {
		n.begin()()
		return nil
	}}
}
