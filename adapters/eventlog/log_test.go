package eventlog_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/eventlog/segment"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/tests/dbtest"
)

func TestAppendKeepsEverything(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.open(t)
		want := []application.EventRecord{
			record("s1", "a", 1, "lead.submitted.v1"), record("s1", "a", 2, "lead.sold.v1"), record("s2", "b", 1, "lead.submitted.v1"),
			record("s2", "b", 2, "lead.sold.v1"),
		}
		want[1].Payload = []byte("{\"b\": 1,  \"a\":\"\u00fc'\\\\\x00\xff\"}") // bytes, kept as they are
		want[1].Trail = application.Trail{CorrelationID: `q"\ü`, CausationID: "evt_0", Traceparent: "00-1-2-01"}
		want[2].Trail = application.Trail{}
		want[3].OccurredAt = time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
		i.commit(t, want...)
		got := i.all(t)
		require.Len(t, got, len(want))
		for k := range want {
			require.Equal(t, want[k], got[k].EventRecord)
		}
		require.NoError(t, eventlog.NewWriter(i.db).Append(t.Context(), nil, nil), "no events need no transaction")
	})
}

func TestAppendCutsLongBatches(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.open(t)
		var want []application.EventRecord
		for v := range 2*segment.MaxEvents + 5 {
			want = append(want, record("s", "a", int64(v+1), "lead.sold.v1"))
		}
		i.commit(t, want...)
		require.Equal(t, int64(3), i.number(t, "SELECT COUNT(*) FROM event_segments"))
		if i.db.Sequenced() {
			require.Equal(t, int64(1), i.number(t, "SELECT COUNT(*) FROM event_pending"), "a row for each statement")
			require.Equal(t, int64(3), i.number(t, "SELECT SUM(segments) FROM event_pending"))
			require.Equal(t, i.number(t, "SELECT MIN(id) FROM event_segments"), i.number(t, "SELECT MIN(first_id) FROM event_pending"))
		}
		got := i.all(t)
		require.Len(t, got, len(want))
		for k := range want {
			require.Equal(t, want[k].ID, got[k].ID)
		}
		if i.db.Sequenced() {
			require.Zero(t, i.number(t, "SELECT COUNT(*) FROM event_pending"))
		}
	})
}

// A batch of leads of many sellers is one statement, and each seller has its own segment.
func TestSellersAreApart(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.open(t)
		var events []application.EventRecord
		for v := range 3 {
			for s := range 700 {
				events = append(events, record(fmt.Sprintf("s%03d", s), "a", int64(v+1), "lead.sold.v1"))
			}
		}
		require.Greater(t, len(eventlog.NewWriter(dialect.SQLite{}).Statements(events)), 1, "several statements too")
		require.Equal(t, []int{700}, eventlog.NewWriter(dialect.MySQL{}).Statements(events))
		i.commit(t, events...)
		require.Equal(t, int64(700), i.number(t, "SELECT COUNT(*) FROM event_segments"))
		last := map[string]int64{}
		for _, e := range i.all(t) {
			require.Equal(t, last[e.SellerID]+1, e.AggregateVersion)
			last[e.SellerID]++
		}
		require.Len(t, last, 700)
	})
}

func TestLargeEventsHaveStatementsOfTheirOwn(t *testing.T) {
	t.Parallel()
	sized := func(n int) application.EventRecord { return application.EventRecord{Payload: make([]byte, n)} }
	require.Equal(t, []int{1, 3, 1}, eventlog.NewWriter(dialect.MySQL{}).Statements([]application.EventRecord{
		sized(9 << 20), sized(2 << 20), sized(1 << 20), sized(900 << 10), sized(900 << 10),
	}))
}

func TestShorten(t *testing.T) {
	t.Parallel()
	require.Equal(t, "short", eventlog.Shorten("short"))
	long := eventlog.Shorten(strings.Repeat("a", 999) + strings.Repeat("€", 10))
	require.True(t, utf8.ValidString(long))
	require.Equal(t, strings.Repeat("a", 999), long)
	require.True(t, utf8.ValidString(eventlog.Shorten("bad \xff")))
}

func TestRollbackLeavesNoGap(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.open(t)
		version := int64(0)
		for k := range 20 {
			tx := i.begin(t)
			require.NoError(t, eventlog.NewWriter(i.db).Append(t.Context(), tx, []application.EventRecord{
				record("s", "gone", 1, "lead.sold.v1"), record("s", "gone", 2, "lead.sold.v1"),
			}))
			require.NoError(t, tx.Rollback())
			if k == 0 && i.db.Sequenced() {
				require.Zero(t, i.number(t, "SELECT COUNT(*) FROM event_pending"), "it is gone with its transaction")
			}
			version++
			i.commit(t, record("s", "a", version, "lead.sold.v1"))
			if k%3 == 0 {
				require.NoError(t, i.sequencer.Drain(t.Context()))
			}
		}
		require.Len(t, i.all(t), 20) // all checks that positions are dense
	})
}

// The reason for the sequencer: a lower id is committed after a higher one was read.
func TestLateCommitIsNotSkipped(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		if d.engine == dbtest.SQLite { // a second writer cannot begin, so ids are committed in their order
			i.begin(t)
			other, ctx := d.open(t), t.Context()
			_, err := other.db.Writer.ExecContext(ctx, "PRAGMA busy_timeout = 20")
			require.NoError(t, err)
			_, err = other.db.Writer.BeginTx(ctx, nil)
			require.Error(t, err)
			return
		}
		j := &journal{name: "late"}
		background(t, i.runner(t, eventlog.RunnerConfig{}, j).Run)
		late := i.begin(t)
		require.NoError(t, eventlog.NewWriter(i.db).Append(t.Context(), late, []application.EventRecord{record("s", "late", 1, "lead.sold.v1")}))
		i.commit(t, record("s", "early", 1, "lead.sold.v1"))
		eventually(t, "the higher id is read", func() bool { return j.count(t, i) == 1 })
		page, next, err := i.reader.Page(t.Context(), 0, 10, eventlog.Filter{SellerID: "s"})
		require.NoError(t, err)
		require.Len(t, page, 1)
		require.Equal(t, int64(1), next)

		require.NoError(t, late.Commit())
		i.committed.Notify()
		eventually(t, "the lower id is read too", func() bool { return j.count(t, i) == 2 })
		page, next, err = i.reader.Page(t.Context(), next, 10, eventlog.Filter{SellerID: "s"})
		require.NoError(t, err)
		require.Len(t, page, 1)
		require.Equal(t, "late", page[0].AggregateID)
		require.Equal(t, int64(2), next)
		var ids []int64
		require.NoError(t, i.db.Writer.Select(&ids, "SELECT segment_id FROM event_positions ORDER BY first_position"))
		require.Greater(t, ids[0], ids[1], "the test made the case")
	})
}

func TestUnnumberedEventsOfOthersAreFound(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i, crashed := d.start(t), d.open(t)
		crashed.commit(t, record("s", "a", 1, "lead.sold.v1")) // its signal is of another process and wakes nobody here
		_, err := i.head.Wait(t.Context(), 0)
		require.NoError(t, err)
	})
}

// Two complete instances and sixteen writers: no event is lost, doubled or out of order.
func TestManyWritersTwoInstances(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		const writers, each = 16, 60
		one, two := d.start(t), d.start(t)
		j := &journal{name: "many"}
		for _, i := range []*instance{one, two} {
			background(t, i.runner(t, eventlog.RunnerConfig{Batch: 50}, j).Run)
		}
		var group sync.WaitGroup
		var committed atomic.Int64
		for w := range writers {
			group.Go(func() {
				i := []*instance{one, two}[w%2]
				random := rand.New(rand.NewPCG(uint64(w), 1))
				versions := map[string]int64{}
				for range each {
					var events []application.EventRecord
					next := map[string]int64{}
					for range 1 + random.IntN(5) {
						a := fmt.Sprintf("%d-%d", w, random.IntN(3))
						if next[a] == 0 {
							next[a] = versions[a]
						}
						next[a]++
						events = append(events, record("s", a, next[a], "lead.sold.v1"))
					}
					if random.IntN(4) == 0 {
						tx, err := i.db.Writer.Begin()
						if err != nil {
							t.Error(err)
							return
						}
						if err := eventlog.NewWriter(i.db).Append(context.Background(), tx, events); err != nil {
							t.Error(err)
						}
						_ = tx.Rollback()
						continue
					}
					if err := i.tryCommit(events...); err != nil {
						t.Error(err)
						return
					}
					maps.Copy(versions, next)
					committed.Add(int64(len(events)))
				}
			})
		}
		group.Wait()
		want := int(committed.Load())
		eventually(t, "all are applied", func() bool { return one.status(t, "many").Position == int64(want) })
		require.Len(t, one.all(t), want)
		list := j.entries(t, one)
		require.Len(t, list, want)
		ids := map[string]bool{}
		for k, e := range list {
			require.Equal(t, int64(k+1), e.Position)
			require.False(t, ids[e.EventID], "twice")
			ids[e.EventID] = true
		}
		inOrder(t, list)
	})
}

func TestPages(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.open(t)
		random := rand.New(rand.NewPCG(7, 7))
		types := []string{"lead.submitted.v1", "lead.sold.v1", "lead.duplicate.v1"}
		var events []application.EventRecord
		for v := range 400 {
			k := random.IntN(10)
			eventType := types[min(k, 2)] // mostly duplicates
			events = append(events, record(fmt.Sprintf("s%d", random.IntN(3)), "a", int64(v+1), eventType))
		}
		i.commit(t, events...)
		log := i.all(t)
		for range 40 {
			scan, limit := 1+random.IntN(60), 1+random.IntN(20)
			f := eventlog.Filter{SellerID: fmt.Sprintf("s%d", random.IntN(4))} // s3 has none
			if random.IntN(3) > 0 {
				f.Types = types[:1+random.IntN(2)]
			}
			reader := eventlog.Scanning(i.reader, scan)
			var got, want []application.StoredEvent
			var own []int64
			for _, e := range log {
				if e.SellerID == f.SellerID {
					own = append(own, e.Position)
					if len(f.Types) == 0 || slices.Contains(f.Types, e.Type) {
						want = append(want, e)
					}
				}
			}
			for after := int64(0); ; {
				page, next, err := reader.Page(t.Context(), after, limit, f)
				require.NoError(t, err)
				require.LessOrEqual(t, len(page), limit)
				got = append(got, page...)
				if next == after {
					require.Empty(t, page)
					break
				}
				require.Greater(t, next, after)
				if len(f.Types) > 0 {
					scanned := 0
					for _, p := range own {
						if p > after && p <= next {
							scanned++
						}
					}
					require.LessOrEqual(t, scanned, scan)
				}
				require.Contains(t, own, next, "the last position scanned is the seller's")
				after = next
			}
			require.Equal(t, want, got)
		}
		page, next, err := i.reader.Page(t.Context(), 10_000, 5, eventlog.Filter{SellerID: "s0"})
		require.NoError(t, err)
		require.Empty(t, page)
		require.Equal(t, int64(10_000), next, "beyond the head")
	})
}

func TestOnlyFeedsOfSellersWithEventsWake(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		i.commit(t, record("s1", "a", 1, "lead.sold.v1"), record("s2", "a", 1, "lead.sold.v1"))
		_, err := i.head.Wait(t.Context(), 1)
		require.NoError(t, err)
		require.NoError(t, i.reader.Wait(t.Context(), "s1", 0), "there is one already")

		quiet, cancel := context.WithCancelCause(t.Context())
		quietDone := make(chan error, 1)
		go func() { quietDone <- i.reader.Wait(quiet, "s2", 2) }()
		var waiters sync.WaitGroup
		woken := make(chan error, 10)
		for range 10 {
			waiters.Go(func() { woken <- i.reader.Wait(t.Context(), "s1", 1) })
		}
		for v := int64(2); v < 12; v++ {
			i.commit(t, record("s1", "a", v, "lead.sold.v1"))
		}
		waiters.Wait()
		for range 10 {
			require.NoError(t, <-woken)
		}
		select {
		case err := <-quietDone:
			t.Fatalf("the other seller's feed woke: %v", err)
		default:
		}
		cancel(context.Canceled)
		require.ErrorIs(t, <-quietDone, context.Canceled)
	})
}

func TestSignal(t *testing.T) {
	t.Parallel()
	s := eventlog.NewSignal()
	before := s.Version()
	var wake application.Wake = s
	wake.Notify()
	n, err := s.Wait(t.Context(), before)
	require.NoError(t, err, "what happened before waiting counts")
	require.Equal(t, before+1, n)
	var group sync.WaitGroup
	for range 8 {
		c := s.After(n)
		group.Go(func() { <-c })
	}
	s.Notify()
	group.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Wait(ctx, s.Version())
	require.ErrorIs(t, err, context.Canceled)
}

func BenchmarkAppend(b *testing.B) {
	for _, e := range dbtest.Engines() {
		b.Run(string(e), func(b *testing.B) {
			d := database{engine: e, url: schema.URL(b, e)}
			i := d.open(b)
			const batch = 512
			events := make([]application.EventRecord, batch)
			version := int64(0)
			payload := []byte(`{"lead_id":"lead_01J0000000000000000000000","campaign_id":"cmp_01J0000000000000000000000","sales":[]}` + strings.Repeat(" ", 300))
			b.ReportAllocs()
			for b.Loop() {
				version++
				for k := range events {
					events[k] = application.EventRecord{
						ID: fmt.Sprintf("evt_%026d", version*batch+int64(k)), SellerID: "sel_01J0000000000000000000000",
						AggregateType: "lead", AggregateID: fmt.Sprintf("lead_%026d", version*batch+int64(k)), AggregateVersion: 1, Type: "lead.sold.v1",
						Payload: payload, OccurredAt: clock{}.Now(), Trail: application.Trail{CorrelationID: fmt.Sprintf("req_%d", k)},
					}
				}
				tx, err := i.db.Writer.Begin()
				if err != nil {
					b.Fatal(err)
				}
				if err := eventlog.NewWriter(i.db).Append(b.Context(), tx, events); err != nil {
					b.Fatal(err)
				}
				if err := tx.Commit(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
