package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/tests/dbtest"
)

func TestLeaseAndFence(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i, ctx := d.open(t), t.Context()
		old, err := eventlog.TryLease(ctx, i.db, eventlog.LeaseConfig{TTL: time.Millisecond}, "c")
		require.NoError(t, err)
		require.NotNil(t, old)
		require.NoError(t, old.Move(ctx, 5))
		var heir *eventlog.Lease
		eventually(t, "the lease expires", func() bool {
			heir, err = eventlog.TryLease(ctx, i.db, eventlog.LeaseConfig{TTL: 30 * time.Minute}, "c")
			require.NoError(t, err)
			return heir != nil
		})
		require.Equal(t, old.Fence()+1, heir.Fence())
		require.ErrorIs(t, old.Move(ctx, 6), eventlog.ErrLeaseLost, "a late write of the old owner")
		held, err := old.Renew(ctx)
		require.NoError(t, err)
		require.False(t, held)
		old.Release(ctx)
		require.NoError(t, heir.Move(ctx, 7), "the cursor goes on from the stored one")
		require.Equal(t, int64(7), i.status(t, "c").Position)
		third, err := eventlog.TryLease(ctx, i.db, eventlog.LeaseConfig{}, "c")
		require.NoError(t, err)
		require.Nil(t, third, "it is taken, and the old owner's release changed nothing")
		heir.Release(ctx)
		third, err = eventlog.TryLease(ctx, i.db, eventlog.LeaseConfig{}, "c")
		require.NoError(t, err)
		require.NotNil(t, third, "released, it is free at once")
	})
}

func TestLeaseIsKept(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i, ctx := d.open(t), t.Context()
		c := eventlog.LeaseConfig{TTL: 30 * time.Minute, Renew: time.Millisecond}
		l, err := eventlog.TryLease(ctx, i.db, c, "c")
		require.NoError(t, err)
		until := func() (at int64) {
			require.NoError(t, i.db.Writer.Get(&at, "SELECT lease_until FROM event_consumers WHERE name = 'c'"))
			return at
		}
		before := until()
		held, stop := l.Keep(ctx, false)
		defer stop()
		eventually(t, "it is renewed", func() bool { return until() > before })
		require.NoError(t, held.Err())
		_, err = i.db.Writer.Exec("UPDATE event_consumers SET owner = 'x', fence = fence + 1 WHERE name = 'c'")
		require.NoError(t, err)
		<-held.Done()
		require.ErrorIs(t, context.Cause(held), eventlog.ErrLeaseLost)

		strict, err := eventlog.TryLease(ctx, i.db, eventlog.LeaseConfig{TTL: time.Millisecond, Renew: time.Hour}, "strict")
		require.NoError(t, err)
		held, stopStrict := strict.Keep(ctx, true)
		defer stopStrict()
		<-held.Done()
		require.ErrorIs(t, context.Cause(held), eventlog.ErrLeaseLost, "not renewed in time")
	})
}

func TestManyFirstOwners(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		var owners atomic.Int64
		var group sync.WaitGroup
		for range 4 {
			i := d.open(t)
			for range 4 {
				group.Go(func() {
					l, err := eventlog.TryLease(t.Context(), i.db, eventlog.LeaseConfig{TTL: 30 * time.Minute}, "new")
					if err != nil {
						t.Error(err)
					}
					if l != nil {
						owners.Add(1)
					}
				})
			}
		}
		group.Wait()
		require.Equal(t, int64(1), owners.Load())
	})
}

// seed commits rounds of events over five aggregates and returns them.
func seed(t *testing.T, i *instance, from, rounds int64) []application.EventRecord {
	t.Helper()
	var events []application.EventRecord
	for v := from; v < from+rounds; v++ {
		for a := range 5 {
			events = append(events, record("s", fmt.Sprintf("a%d", a), v, "lead.sold.v1"))
		}
	}
	i.commit(t, events...)
	return events
}

func TestPoisonEventIsParkedWithItsAggregate(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"error", "panic"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			onEngines(t, func(t *testing.T, d database) {
				i := d.start(t)
				var healed atomic.Bool
				var tries atomic.Int64
				j := &journal{name: "poison", fail: func(e application.StoredEvent) error {
					if e.AggregateID != "a2" || e.AggregateVersion != 7 || healed.Load() {
						return nil
					}
					if tries.Add(1); kind == "panic" {
						panic("cannot take it")
					}
					return errors.New("cannot take it")
				}}
				fine := &journal{name: "fine"}
				seed(t, i, 1, 20)
				require.NoError(t, i.sequencer.Drain(t.Context()))
				runner := i.runner(t, eventlog.RunnerConfig{Attempts: 3}, j, fine)
				background(t, runner.Run)
				eventually(t, "the cursors are at the head", func() bool {
					lag, err := i.consumers.Lag(t.Context())
					require.NoError(t, err)
					p, ok := lag["poison"]
					f, okFine := lag["fine"]
					return ok && okFine && p == 0 && f == 0
				})
				require.Equal(t, 86, j.count(t, i), "all but the 14 of one aggregate")
				require.Equal(t, 100, fine.count(t, i), "another consumer is not concerned")
				inOrder(t, j.entries(t, i))
				j.mu.Lock()
				require.Equal(t, []int{100, 50, 25, 25, 12, 6, 6, 3, 1, 2, 1, 1, 1}, j.batches[:13], "halved")
				j.mu.Unlock()

				parked := i.parked(t)
				require.Len(t, parked, 14)
				require.Equal(t, 3, parked[0].Attempts)
				require.Contains(t, parked[0].Error, "cannot take it")
				require.Equal(t, clock{}.Now(), parked[0].ParkedAt)
				for k, p := range parked {
					require.Equal(t, "poison", p.Consumer)
					require.Equal(t, "a2", p.AggregateID)
					require.Equal(t, int64(5*(6+k)+3), p.Position)
					if k > 0 {
						require.Zero(t, p.Attempts)
					}
				}
				require.Equal(t, 14, i.status(t, "poison").Parked)

				seed(t, i, 21, 1)
				eventually(t, "a later event is parked at once", func() bool { return len(i.parked(t)) == 15 })

				before := tries.Load()
				n, err := runner.Retry(t.Context(), "poison")
				require.ErrorContains(t, err, "cannot take it")
				require.Zero(t, n)
				require.Greater(t, tries.Load(), before)
				require.Len(t, i.parked(t), 15)
				require.Equal(t, 4, i.parked(t)[0].Attempts)

				healed.Store(true)
				n, err = runner.Retry(t.Context(), "poison")
				require.NoError(t, err)
				require.Equal(t, 15, n)
				require.Empty(t, i.parked(t))
				seed(t, i, 22, 1)
				eventually(t, "it goes on", func() bool { return j.count(t, i) == 110 })
				inOrder(t, j.entries(t, i))
				_, err = runner.Retry(t.Context(), "nobody")
				require.ErrorIs(t, err, eventlog.ErrUnknownProjection)
			})
		})
	}
}

// Retry and new events at the same time: order holds and nothing counts twice.
func TestRetryBesideARunner(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		var healed atomic.Bool
		j := &journal{name: "beside", fail: func(e application.StoredEvent) error {
			if e.AggregateID == "a0" && !healed.Load() {
				return errors.New("not yet")
			}
			return nil
		}}
		runner := i.runner(t, eventlog.RunnerConfig{Attempts: 1, Batch: 10}, j)
		background(t, runner.Run)
		seed(t, i, 1, 30)
		eventually(t, "one aggregate is parked", func() bool { return len(i.parked(t)) == 30 })
		healed.Store(true)
		var group sync.WaitGroup
		group.Go(func() {
			for v := int64(31); v < 61; v++ {
				seed(t, i, v, 1)
			}
		})
		for len(i.parked(t)) > 0 || i.status(t, "beside").Position < 300 {
			_, err := runner.Retry(t.Context(), "beside")
			require.NoError(t, err)
		}
		group.Wait()
		list := j.entries(t, i)
		require.Len(t, list, 300)
		inOrder(t, list)
	})
}

func TestUnavailableNeverParks(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		var failures atomic.Int64
		j := &journal{name: "patient", fail: func(e application.StoredEvent) error {
			if e.Position == 3 && failures.Add(1) <= 20 {
				return fmt.Errorf("somewhere: %w", fault.New(fault.Unavailable, "down", "Down"))
			}
			return nil
		}}
		background(t, i.runner(t, eventlog.RunnerConfig{Attempts: 1}, j).Run)
		seed(t, i, 1, 2)
		eventually(t, "all are applied", func() bool { return j.count(t, i) == 10 })
		require.Empty(t, i.parked(t))
		require.Equal(t, int64(21), failures.Load())
	})
}

func TestReplayBuildsTheSameAgain(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		one, two := d.start(t), d.start(t)
		var poison atomic.Bool
		poison.Store(true)
		j := &journal{name: "again", fail: func(e application.StoredEvent) error {
			if poison.Load() && e.Position == 11 {
				return errors.New("a defect")
			}
			return nil
		}}
		seed(t, one, 1, 40)
		runner := one.runner(t, eventlog.RunnerConfig{Batch: 30, Attempts: 1}, j)
		require.NoError(t, one.sequencer.Drain(t.Context()))
		require.NoError(t, runner.CatchUp(t.Context()))
		require.NotEmpty(t, one.parked(t))
		require.False(t, one.status(t, "again").Owned, "CatchUp gives the lease back")
		poison.Store(false)

		require.NoError(t, runner.Replay(t.Context(), "again"))
		require.Empty(t, one.parked(t))
		require.Zero(t, j.count(t, one))
		require.NoError(t, runner.CatchUp(t.Context()))
		first := j.entries(t, one)
		require.Len(t, first, 200)

		// While an instance works, another one replays.
		background(t, two.runner(t, eventlog.RunnerConfig{Batch: 30}, j).Run)
		for range 5 {
			require.NoError(t, runner.Replay(t.Context(), "again"))
		}
		require.NoError(t, runner.CatchUp(t.Context()))
		require.Equal(t, first, j.entries(t, one))
		require.ErrorIs(t, runner.Replay(t.Context(), "nobody"), eventlog.ErrUnknownProjection)
	})
}

func TestShutdownReleasesTheLease(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		one, two := d.start(t), d.start(t)
		long := eventlog.LeaseConfig{TTL: 30 * time.Minute, Retry: time.Millisecond}
		inside := make(chan struct{}, 1)
		var block atomic.Bool
		j := &blocking{journal: &journal{name: "stop"}, inside: inside, block: &block}
		stop := background(t, one.runner(t, eventlog.RunnerConfig{Lease: long}, j).Run)
		seed(t, one, 1, 2)
		eventually(t, "it works", func() bool { return j.count(t, one) == 10 })
		require.True(t, one.status(t, "stop").Owned)
		block.Store(true)
		seed(t, one, 3, 2)
		<-inside // the batch in work is given up
		block.Store(false)
		stop()
		require.False(t, one.status(t, "stop").Owned)
		require.Equal(t, 10, j.count(t, one))
		background(t, two.runner(t, eventlog.RunnerConfig{Lease: long}, j).Run)
		eventually(t, "the other one goes on", func() bool { return j.count(t, two) == 20 })
		inOrder(t, j.entries(t, two))
	})
}

// blocking is a journal that, while block is set, waits in Apply until its context ends.
type blocking struct {
	*journal
	inside chan struct{}
	block  *atomic.Bool
}

func (b *blocking) Apply(ctx context.Context, tx projection.Tx, events []application.StoredEvent) error {
	if b.block.Load() {
		b.inside <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	return b.journal.Apply(ctx, tx, events)
}

// An owner that lost its lease in the middle of a batch writes nothing.
func TestFencedOwnerWritesNothing(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		one, two := d.start(t), d.start(t)
		j := &journal{name: "fenced"}
		seed(t, one, 1, 40)
		var group sync.WaitGroup
		for _, i := range []*instance{one, two} {
			runner := i.runner(t, eventlog.RunnerConfig{Batch: 7}, j)
			background(t, runner.Run)
		}
		// The lease is taken away again and again, at any moment of the owners' work.
		done := make(chan struct{})
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := one.db.Writer.Exec("UPDATE event_consumers SET owner = 'thief', fence = fence + 1, lease_until = 0 WHERE name = 'fenced'"); err != nil &&
					!strings.Contains(err.Error(), "Lock wait") && !strings.Contains(err.Error(), "locked") {
					t.Error(err)
				}
				if _, err := one.reader.Head(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
		var rounds int64 = 40
		for v := range int64(20) {
			seed(t, two, 41+v, 1)
			rounds++
		}
		eventually(t, "some are applied", func() bool { return j.count(t, one) > 20 })
		close(done)
		group.Wait()
		eventually(t, "all are applied", func() bool { return one.status(t, "fenced").Position == 5*rounds })
		list := j.entries(t, one)
		require.Len(t, list, int(5*rounds))
		require.True(t, slices.IsSortedFunc(list, func(a, b entry) int { return int(a.Position - b.Position) }))
		inOrder(t, list)
	})
}

// Connections break at any moment, also while a commit is under way: still each event counts exactly once for a
// projection, and at least once and in order for a reaction.
func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		if d.engine == dbtest.SQLite {
			broken := d.open(t)
			require.NoError(t, broken.db.Close())
			_, _, err := broken.reader.Read(t.Context(), 0, 1, 1, eventlog.All("all"))
			require.Error(t, err)
			return
		}
		i, admin := d.start(t), d.open(t)
		killer, err := admin.db.Writer.Connx(t.Context())
		require.NoError(t, err)
		defer func() { require.NoError(t, killer.Close()) }()
		for v := int64(1); v <= 60; v++ {
			seed(t, i, v, 1)
		}
		j := &journal{name: "broken"}
		r := &deliveries{}
		stop := background(t, i.runner(t, eventlog.RunnerConfig{Batch: 3}, j).Run)
		stopReaction := react(t, i.subscriber(t, eventlog.SubscriberConfig{Name: "reaction", Lanes: 2, Batch: 5, Window: 10}), r)
		kill := func() {
			var ids []int64
			eventually(t, "the connections are listed", func() bool { // not while one sends bytes that are no text
				ids = nil
				return killer.SelectContext(t.Context(), &ids, "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()") == nil
			})
			for _, id := range ids {
				_, _ = killer.ExecContext(t.Context(), fmt.Sprintf("KILL %d", id)) // it may be gone by now
			}
		}
		count := func() (n int) {
			require.NoError(t, killer.GetContext(t.Context(), &n, "SELECT COUNT(*) FROM "+j.table()))
			return n
		}
		for before, n := -1, 0; n < 300; before = n {
			eventually(t, "it goes on", func() bool { n = count(); return n > before+15 || n == 300 })
			kill()
		}
		eventually(t, "all is done", func() bool {
			var n int
			require.NoError(t, killer.GetContext(t.Context(), &n, "SELECT COUNT(*) FROM event_consumers WHERE position = 300"))
			return n == 2
		})
		stop()
		stopReaction()
		require.Empty(t, i.parked(t), "no connection error counts as an attempt")
		list := j.entries(t, i)
		require.Len(t, list, 300)
		inOrder(t, list)
		require.Len(t, distinct(r.all()), 300)
		inOrder(t, distinct(r.all()))
	})
}

func TestRunnerRefusesBadNames(t *testing.T) {
	t.Parallel()
	i := &instance{}
	i.reader = eventlog.NewReader(nil, eventlog.NewHead(nil, eventlog.NewSignal(), eventlog.HeadConfig{}))
	for _, names := range [][]string{{""}, {"Upper"}, {strings.Repeat("x", 65)}, {"twice", "twice"}} {
		var list []projection.Projection
		for _, n := range names {
			list = append(list, &journal{name: n})
		}
		_, err := eventlog.NewRunner(nil, i.reader, clock{}, list, eventlog.RunnerConfig{})
		require.Error(t, err, "%v", names)
	}
}

// A projection that is built again from the first event while events come is in the end what one is that was never built again.
func TestAProjectionBuiltAgainWhileEventsComeIsTheLiveOne(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i, other := d.start(t), d.start(t)
		live, again := &journal{name: "live"}, &journal{name: "again"}
		works := i.runner(t, eventlog.RunnerConfig{Batch: 20, Gather: time.Millisecond}, live, again)
		background(t, works.Run)
		asks := other.runner(t, eventlog.RunnerConfig{Batch: 20}, again)
		written := make(chan struct{})
		go func() {
			defer close(written)
			for n := range int64(40) {
				for a := range 5 {
					if err := i.tryCommit(record("s", fmt.Sprintf("a%d", a), n+1, "lead.sold.v1")); err != nil {
						t.Error(err)
					}
				}
			}
		}()
		eventually(t, "it began", func() bool { return live.count(t, i) > 0 && again.count(t, i) > 0 })
		for range 3 {
			require.NoError(t, asks.Replay(t.Context(), "again"))
		}
		<-written
		eventually(t, "both have everything", func() bool { return i.status(t, "live").Position == 200 && i.status(t, "again").Position == 200 })
		require.Equal(t, live.entries(t, i), again.entries(t, i))
		require.Len(t, again.entries(t, i), 200)
	})
}
