package eventlog_test

import (
	"fmt"
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
		require.Equal(t, int64(1), i.number(t, "SELECT COUNT(*) FROM event_positions p JOIN event_segments s ON s.id = p.segment_id AND s.events = p.events"))
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
				events = append(events, record(fmt.Sprintf("s%d", n%2), "a", int64(100*v+n), "lead.sold.v1"))
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
		require.Equal(t, []int64{8, 10, 14}, steps, "the events of 4 inserts each")
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

// Ids need not be without gaps, as they are not on a cluster: rows of others stand between those of one insert.
func TestIdsMayHaveGaps(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, d database) {
		i := d.open(t)
		i.commit(t, record("a", "a", 1, "lead.sold.v1"), record("b", "b", 1, "lead.sold.v1"), record("c", "c", 1, "lead.sold.v1"))
		for n := range 4 {
			i.commit(t, record("d", "d", int64(n+1), "lead.sold.v1"))
		}
		for _, step := range []string{
			"UPDATE event_segments SET id = id + 1000 WHERE seller_id = 'c'", // behind two others'
			"UPDATE event_segments SET id = id + 100 WHERE seller_id = 'b'",
		} {
			_, err := i.db.Writer.Exec(step)
			require.NoError(t, err)
		}
		var sellers []string
		for _, e := range i.all(t) {
			sellers = append(sellers, e.SellerID)
		}
		require.Equal(t, []string{"a", "b", "c", "d", "d", "d", "d"}, sellers)
	})
}

// An insert with a missing segment stops the numbering, so that no wrong position is given.
func TestMissingSegmentStopsTheSequencer(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, d database) {
		i := d.open(t)
		i.commit(t, record("a", "a", 1, "lead.sold.v1"), record("b", "a", 1, "lead.sold.v1"), record("c", "a", 1, "lead.sold.v1"))
		for _, seller := range []string{"a", "b"} { // the first, which pending names, and another
			_, err := i.db.Writer.Exec("UPDATE event_segments SET tx = tx + 1 WHERE seller_id = '" + seller + "'")
			require.NoError(t, err)
			require.ErrorContains(t, i.sequencer.Drain(t.Context()), "2 of the 3 from")
			require.Zero(t, i.number(t, "SELECT COUNT(*) FROM event_positions"))
			require.Zero(t, i.number(t, "SELECT last_position FROM event_sequence"))
			require.Equal(t, int64(1), i.number(t, "SELECT COUNT(*) FROM event_pending"))
			_, err = i.db.Writer.Exec("UPDATE event_segments SET tx = tx - 1 WHERE seller_id = '" + seller + "'")
			require.NoError(t, err)
		}
		require.Len(t, i.all(t), 3)
	})
}

// Where servers count by more than one, several of them hand out ids, and those of one aggregate could descend.
func TestOtherIncrementsAreRefused(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, d database) {
		i := d.open(t)
		i.db.Writer.SetMaxOpenConns(1)
		_, err := i.db.Writer.Exec("SET SESSION auto_increment_increment = 2")
		require.NoError(t, err)
		require.ErrorIs(t, i.tryCommit(record("s", "a", 1, "lead.sold.v1"), record("s", "a", 2, "lead.sold.v1")), eventlog.ErrIncrement)
		require.Zero(t, i.number(t, "SELECT COUNT(*) FROM event_segments"))
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

// The sequencer lets commits gather, but never while a feed waits for them.
func TestAWaitingFeedEndsTheGathering(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, d database) {
		i := d.open(t)
		i.sequencer = eventlog.NewSequencer(i.db, i.committed, i.head, eventlog.SequencerConfig{Gather: time.Hour})
		background(t, i.head.Run)
		background(t, i.sequencer.Run)
		for v := int64(1); v <= 3; v++ {
			page := make(chan error, 1)
			if v == 2 { // it waits already when the event comes
				go func() { page <- i.reader.Wait(t.Context(), "s", v-1) }()
			}
			i.commit(t, record("s", "a", v, "lead.sold.v1"))
			if v != 2 {
				go func() { page <- i.reader.Wait(t.Context(), "s", v-1) }()
			}
			select {
			case err := <-page:
				require.NoError(t, err)
			case <-time.After(patience):
				t.Fatal("the feed waits for the sequencer")
			}
		}
	})
}
