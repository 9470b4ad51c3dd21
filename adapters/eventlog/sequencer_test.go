package eventlog_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/tests/dbtest"
)

// onServers is onEngines for what only the engines with a sequencer have.
func onServers(t *testing.T, test func(t *testing.T, d database)) {
	t.Helper()
	onEngines(t, func(t *testing.T, d database) {
		if d.engine != dbtest.SQLite {
			test(t, d)
			return
		}
		i := d.open(t)
		i.commit(t, record("s", "a", 1, "lead.sold.v1"), record("s", "a", 2, "lead.sold.v1"))
		require.Len(t, i.all(t), 2)
		require.Zero(t, i.number(t, "SELECT COUNT(*) FROM event_positions WHERE position <> id"))
		_, err := i.db.Writer.Exec("SELECT COUNT(*) FROM event_pending")
		require.ErrorContains(t, err, "no such table")
	})
}

// A process that ended may leave committed events without positions, also those of several statements.
func TestRestartNumbersWhatWasLeft(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, d database) {
		ended := d.open(t)
		ended.commit(t, record("s", "a", 1, "lead.sold.v1"))
		require.NoError(t, ended.sequencer.Drain(t.Context()))
		want := int64(1)
		for v := int64(2); v < 30; v++ {
			events := []application.EventRecord{record("s", "a", v, "lead.sold.v1")}
			for n := range v % 4 {
				events = append(events, record("s", "b", v*10+n, "lead.sold.v1"))
			}
			ended.commit(t, events...)
			want += int64(len(events))
		}
		require.Equal(t, int64(28), ended.number(t, "SELECT COUNT(*) FROM event_pending"))

		i := d.start(t)
		head, err := i.head.Wait(t.Context(), want-1)
		require.NoError(t, err)
		require.Equal(t, want, head)
		log := i.all(t)
		require.Len(t, log, int(want))
		version := int64(0)
		for _, e := range log {
			if e.AggregateID == "a" {
				version++
				require.Equal(t, version, e.AggregateVersion)
			}
		}
		require.Zero(t, i.number(t, "SELECT COUNT(*) FROM event_pending"))
	})
}

// Transactions under way hold locks on their rows, before, between and behind those of committed ones.
func TestSequencerWaitsForNobody(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, d database) {
		i := d.open(t)
		version := int64(0)
		var open []interface{ Commit() error }
		for round := range 3 {
			for _, committed := range []int{0, 1, 2, 40, 300} {
				tx := i.begin(t)
				require.NoError(t, eventlog.NewWriter(i.db).Append(t.Context(), tx, []application.EventRecord{
					record("s", "late", int64(2*len(open)+1), "lead.sold.v1"), record("s", "late", int64(2*len(open)+2), "lead.sold.v1"),
				}))
				open = append(open, tx)
				for range committed {
					version++
					i.commit(t, record("s", "a", version, "lead.sold.v1"))
				}
				if round > 0 { // a lock that is waited for fails the step after 3 s
					require.Len(t, i.all(t), int(version))
				}
			}
		}
		for _, tx := range open {
			require.NoError(t, tx.Commit())
		}
		require.Len(t, i.all(t), int(version)+2*len(open))
	})
}

func TestStepTakesWholeInserts(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, d database) {
		i := d.open(t)
		total := 0
		for v, size := range []int{1, 1, 1, 5, 2, 1, 3, 4, 4, 1, 2, 7} {
			var events []application.EventRecord
			for n := range size {
				events = append(events, record("s", "a", int64(100*v+n), "lead.sold.v1"))
			}
			i.commit(t, events...)
			total += size
		}
		s := eventlog.NewSequencer(i.db, i.committed, i.head, eventlog.SequencerConfig{Step: 4})
		var steps []int64
		for more := true; more; {
			var n int64
			var err error
			n, more, err = eventlog.Step(t.Context(), s)
			require.NoError(t, err)
			steps = append(steps, n)
			require.Equal(t, n, i.head.Current()-sum(steps[:len(steps)-1]), "the head moves with each step")
		}
		require.Equal(t, []int64{3, 5, 3, 3, 4, 4, 3, 7}, steps, "4 at most, but for one larger insert")
		require.Len(t, i.all(t), total)
		n, more, err := eventlog.Step(t.Context(), s)
		require.NoError(t, err)
		require.Zero(t, n)
		require.False(t, more)
	})
}

func sum(list []int64) (n int64) {
	for _, v := range list {
		n += v
	}
	return n
}

// An insert with missing events stops the numbering, so that no wrong position is given.
func TestMissingEventStopsTheSequencer(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, d database) {
		i := d.open(t)
		i.commit(t, record("s", "a", 1, "lead.sold.v1"), record("s", "a", 2, "lead.sold.v1"), record("s", "a", 3, "lead.sold.v1"))
		_, err := i.db.Writer.Exec("UPDATE events SET id = id + 1000 WHERE aggregate_version = 2")
		require.NoError(t, err)
		require.ErrorContains(t, i.sequencer.Drain(t.Context()), "2 of 3 rows")
		require.Zero(t, i.number(t, "SELECT COUNT(*) FROM event_positions"))
		require.Zero(t, i.number(t, "SELECT last_position FROM event_sequence"))
		require.Equal(t, int64(1), i.number(t, "SELECT COUNT(*) FROM event_pending"))
		_, err = i.db.Writer.Exec("UPDATE events SET id = id - 1000 WHERE aggregate_version = 2")
		require.NoError(t, err)
		require.Len(t, i.all(t), 3)

		_, err = i.db.Writer.Exec("INSERT INTO event_pending (first_id, events) SELECT MAX(id), 1 FROM events")
		require.NoError(t, err)
		err = i.sequencer.Drain(t.Context())
		require.Error(t, err, "a second position")
		require.Equal(t, "event_positions_event", i.db.DuplicateKey(err, "event_positions"))
		require.Equal(t, int64(3), i.number(t, "SELECT last_position FROM event_sequence"))
	})
}

// A server that counts by more than one, as some clusters do, would leave holes between the ids of one insert.
func TestOtherIncrementsAreRefused(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, d database) {
		i := d.open(t)
		i.db.Writer.SetMaxOpenConns(1)
		_, err := i.db.Writer.Exec("SET SESSION auto_increment_increment = 2")
		require.NoError(t, err)
		require.ErrorIs(t, i.tryCommit(record("s", "a", 1, "lead.sold.v1"), record("s", "a", 2, "lead.sold.v1")), eventlog.ErrIncrement)
		require.Zero(t, i.number(t, "SELECT COUNT(*) FROM events"))
		done := make(chan error, 1)
		go func() { done <- i.sequencer.Run(t.Context()) }()
		select {
		case err := <-done:
			require.ErrorIs(t, err, eventlog.ErrIncrement)
			require.ErrorContains(t, err, "it is 2")
		case <-time.After(patience):
			t.Fatal("it runs")
		}
	})
}
