package eventlog_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/tests/dbtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that must happen; it only keeps a test from hanging.
const patience = 3 * time.Minute

// database is an empty log that several instances can open.
type database struct {
	engine dbtest.Engine
	url    string
}

// instance is the part of the log that one process has.
type instance struct {
	db        *dialect.DB
	committed *eventlog.Signal
	head      *eventlog.Head
	sequencer *eventlog.Sequencer
	reader    *eventlog.Reader
	consumers *eventlog.Consumers
}

// onEngines runs a test on each engine.
func onEngines(t *testing.T, test func(t *testing.T, d database)) {
	t.Helper()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			test(t, database{engine: e, url: schema.URL(t, e)})
		})
	}
}

// schema is the one that a program of this version migrates to.
var schema = dbtest.NewTemplate(func(ctx context.Context, databaseURL string) (err error) {
	db, err := dialect.Open(databaseURL, dialect.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return sqlstore.Migrate(ctx, db)
})

// open opens the database as another instance would, without running anything.
func (d database) open(t testing.TB) *instance {
	t.Helper()
	db, err := dialect.Open(d.url, dialect.Options{MaxConnections: 32})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	i := &instance{db: db, committed: eventlog.NewSignal()}
	i.head = eventlog.NewHead(db, i.committed, eventlog.HeadConfig{Busy: 20 * time.Millisecond, Idle: 50 * time.Millisecond})
	i.sequencer = eventlog.NewSequencer(db, i.committed, i.head, eventlog.SequencerConfig{})
	i.reader = eventlog.NewReader(db, i.head)
	i.consumers = eventlog.NewConsumers(db, i.head)
	return i
}

// start is open with the head and the sequencer running until the test ends.
func (d database) start(t testing.TB) *instance {
	t.Helper()
	i := d.open(t)
	background(t, i.head.Run)
	background(t, i.sequencer.Run)
	return i
}

// background runs something until the test ends, or until the returned function is called, which waits for it.
func background(t testing.TB, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-time.After(patience):
			t.Error("it does not stop")
		}
	})
	t.Cleanup(stop)
	return stop
}

// eventually polls a condition of the database until it holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, patience, 5*time.Millisecond, what)
}

// clock is fixed: nothing in the log depends on this process's time.
type clock struct{}

func (clock) Now() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC) }

// record makes an event. Its version is the aggregate's.
func record(seller, aggregate string, version int64, eventType string) application.EventRecord {
	return application.EventRecord{
		ID: "evt_" + rand.Text(), SellerID: seller, AggregateType: "lead", AggregateID: aggregate, AggregateVersion: version,
		Type: eventType, Payload: fmt.Appendf(nil, `{"lead_id":%q}`, aggregate), OccurredAt: clock{}.Now(),
		Trail: application.Trail{CorrelationID: "req_1"},
	}
}

// commit appends events in one transaction.
func (i *instance) commit(t testing.TB, events ...application.EventRecord) {
	t.Helper()
	require.NoError(t, i.tryCommit(events...))
}

func (i *instance) tryCommit(events ...application.EventRecord) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tx, err := i.db.Writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := eventlog.NewWriter(i.db).Append(ctx, tx, events); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	i.committed.Notify()
	return nil
}

// all reads the whole log and checks that its positions are dense.
func (i *instance) all(t testing.TB) []application.StoredEvent {
	t.Helper()
	require.NoError(t, i.sequencer.Drain(t.Context()))
	var list []application.StoredEvent
	for {
		events, next, err := i.reader.Read(t.Context(), int64(len(list)), math.MaxInt64, 700, eventlog.All("all"))
		require.NoError(t, err)
		if next == int64(len(list)) {
			head, err := i.reader.Head(t.Context())
			require.NoError(t, err)
			require.Equal(t, head, int64(len(list)))
			return list
		}
		for _, e := range events {
			require.Equal(t, int64(len(list)+1), e.Position, "positions are dense")
			list = append(list, e)
		}
	}
}

// journal is a projection that writes down each event it applies, in a table without any unique key, so that an event
// applied twice shows.
type journal struct {
	name  string
	types []string                            // that it wants; all when empty
	fail  func(application.StoredEvent) error // may panic

	mu      sync.Mutex
	batches []int
}

func (j *journal) table() string { return "journal_" + j.name }
func (j *journal) Name() string  { return j.name }

func (j *journal) Types() []string                     { return j.types }
func (j *journal) Wants(*application.StoredEvent) bool { return true }

// isSQLite calls a function that only SQLite has. It closes the rows at once, because there is only one connection.
func isSQLite(ctx context.Context, db projection.Tx) bool {
	rows, err := db.QueryContext(ctx, "SELECT sqlite_version()")
	if err != nil {
		return false
	}
	defer func() { _ = rows.Close() }()
	return rows.Next() && rows.Err() == nil
}

// create makes the projection's table.
func (j *journal) create(ctx context.Context, db projection.Tx) error {
	key := "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY"
	if isSQLite(ctx, db) {
		key = "INTEGER PRIMARY KEY AUTOINCREMENT"
	}
	_, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+j.table()+" (n "+key+", position BIGINT, event_id VARCHAR(64), aggregate VARCHAR(64), version BIGINT)")
	return err
}

func (j *journal) Apply(ctx context.Context, tx projection.Tx, events []application.StoredEvent) error {
	j.mu.Lock()
	j.batches = append(j.batches, len(events))
	j.mu.Unlock()
	var args []any
	for _, e := range events {
		if j.fail != nil {
			if err := j.fail(e); err != nil {
				return err
			}
		}
		args = append(args, e.Position, e.ID, e.SellerID+"/"+e.AggregateID, e.AggregateVersion)
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO "+j.table()+" (position, event_id, aggregate, version) VALUES "+
		strings.TrimSuffix(strings.Repeat("(?,?,?,?),", len(events)), ","), args...)
	return err
}

func (j *journal) Reset(ctx context.Context, tx projection.Tx) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM "+j.table())
	return err
}

type entry struct {
	Position  int64  `db:"position"`
	EventID   string `db:"event_id"`
	Aggregate string `db:"aggregate"`
	Version   int64  `db:"version"`
}

// entries are what the projection wrote down, in the order in which it did.
func (j *journal) entries(t testing.TB, i *instance) []entry {
	t.Helper()
	var list []entry
	require.NoError(t, i.db.Writer.Select(&list, "SELECT position, event_id, aggregate, version FROM "+j.table()+" ORDER BY n"))
	return list
}

func (j *journal) count(t testing.TB, i *instance) (n int) {
	t.Helper()
	require.NoError(t, i.db.Writer.Get(&n, "SELECT COUNT(*) FROM "+j.table()))
	return n
}

var quick = eventlog.Backoff{Base: time.Millisecond, Max: 5 * time.Millisecond}

func (i *instance) runner(t testing.TB, c eventlog.RunnerConfig, list ...projection.Projection) *eventlog.Runner {
	t.Helper()
	if c.Backoff == (eventlog.Backoff{}) {
		c.Backoff = quick
	}
	if c.Lease.Retry == 0 {
		c.Lease.Retry = 10 * time.Millisecond
	}
	for _, p := range list {
		if p, ok := p.(interface {
			create(ctx context.Context, db projection.Tx) error
		}); ok {
			require.NoError(t, p.create(t.Context(), i.db.Writer))
		}
	}
	r, err := eventlog.NewRunner(i.db, i.reader, clock{}, list, c)
	require.NoError(t, err)
	return r
}

func (i *instance) status(t testing.TB, consumer string) eventlog.Status {
	t.Helper()
	list, err := i.consumers.Status(t.Context())
	require.NoError(t, err)
	for _, s := range list {
		if s.Consumer == consumer {
			return s
		}
	}
	t.Fatalf("no consumer %s", consumer)
	return eventlog.Status{}
}

func (i *instance) parked(t testing.TB) []eventlog.Parked {
	t.Helper()
	list, err := i.consumers.Parked(t.Context())
	require.NoError(t, err)
	return list
}

// begin opens a transaction that the test ends itself.
func (i *instance) begin(t testing.TB) *sql.Tx {
	t.Helper()
	tx, err := i.db.Writer.Begin()
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

// number reads one number.
func (i *instance) number(t testing.TB, query string) (n int64) {
	t.Helper()
	require.NoError(t, i.db.Writer.Get(&n, query))
	return n
}

// inOrder checks that each aggregate's versions ascend one by one from 1.
func inOrder(t testing.TB, list []entry) {
	t.Helper()
	last := map[string]int64{}
	for _, e := range list {
		require.Equal(t, last[e.Aggregate]+1, e.Version, "event of %s", e.Aggregate)
		last[e.Aggregate] = e.Version
	}
}
