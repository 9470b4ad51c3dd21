package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/ports/events"
)

// receiver is what a reaction sends events to. refuse says what it answers an event; nil is taken.
type receiver struct {
	mu     sync.Mutex
	refuse func(e application.StoredEvent) error
	taken  []entry
	tries  []string // ids of events, each attempt
}

// React implements application.Reactor.
func (r *receiver) React(_ context.Context, e application.StoredEvent) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries = append(r.tries, e.ID)
	if r.refuse != nil {
		if err := r.refuse(e); err != nil {
			return err
		}
	}
	r.taken = append(r.taken, entry{Position: e.Position, EventID: e.ID, Aggregate: e.SellerID + "/" + e.AggregateID, Version: e.AggregateVersion})
	return nil
}

func (r *receiver) refusing(refuse func(application.StoredEvent) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = refuse
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.taken)
}

// run works on a reaction as leadmill serve does.
func (i *instance) run(t testing.TB, r application.Reaction, logger *slog.Logger) (stop func()) {
	t.Helper()
	config := eventlog.SubscriberConfig{Name: r.Name, Types: r.Types, Lanes: r.AtOnce, FromHead: r.FromHead, Attempts: 3}
	if c, ok := r.Handler.(application.Chooser); ok {
		config.Choose = c.Choose
	}
	s := events.Subscription{Reaction: r, Subscriber: i.subscriber(t, config)}
	require.NoError(t, events.Prepare(t.Context(), []events.Subscription{s}))
	router, err := events.NewRouter([]events.Subscription{s}, eventlog.Middleware, logger)
	require.NoError(t, err)
	return background(t, router.Run)
}

var quiet = slog.New(slog.DiscardHandler)

// While the receiver is away, events are tried again without end; then each comes once, in order, under the id it always had.
func TestReactionThroughAnOutage(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		away := fault.New(fault.Unavailable, "receiver_away", "Away")
		r := &receiver{refuse: func(application.StoredEvent) error { return fmt.Errorf("send: %w", away) }}
		i.run(t, application.Reaction{Name: "outage", Types: []string{"lead.sold.v1"}, AtOnce: 8, Handler: r}, quiet)
		seed(t, i, 1, 6)
		eventually(t, "it was tried far more often than an event that is refused", func() bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			return len(r.tries) > 60
		})
		require.Empty(t, i.parked(t))
		require.Zero(t, r.count())
		r.refusing(nil)
		eventually(t, "all came", func() bool { return r.count() == 30 })
		inOrder(t, r.taken)
		ids := map[string]bool{}
		for _, e := range i.all(t) {
			ids[e.ID] = true
		}
		for _, id := range r.tries {
			require.True(t, ids[id], "an attempt under another id")
		}
		require.Len(t, distinct(r.taken), 30, "each once")
	})
}

// Poison is parked with the later events of its aggregate and delivered again when it is asked for. A projection that is
// replayed meanwhile makes nothing happen twice.
func TestReactionParksRetriesAndIsNotReplayed(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		const personal = "jane@example.com"
		r := &receiver{refuse: func(e application.StoredEvent) error {
			switch {
			case e.AggregateID == "a1" && e.AggregateVersion == 2:
				return errors.New("refused")
			case e.AggregateID == "a2" && e.AggregateVersion == 2:
				panic(personal)
			}
			return nil
		}}
		logs := &strings.Builder{}
		var lock sync.Mutex
		i.run(t, application.Reaction{Name: "poison", Types: []string{"lead.sold.v1"}, Handler: r}, slog.New(slog.NewTextHandler(writer(func(p []byte) {
			lock.Lock()
			defer lock.Unlock()
			logs.Write(p)
		}), nil)))
		j := &journal{name: "beside"}
		runner := i.runner(t, eventlog.RunnerConfig{}, j)
		seed(t, i, 1, 4)
		eventually(t, "it is done with all", func() bool { return i.status(t, "poison").Position == 20 })
		parked := i.parked(t)
		require.Len(t, parked, 6)
		for _, p := range parked {
			require.Contains(t, []string{"a1", "a2"}, p.AggregateID)
			require.NotContains(t, p.Error, personal)
		}
		require.Equal(t, 6, i.status(t, "poison").Parked)
		require.Equal(t, 14, r.count())
		lock.Lock()
		require.Contains(t, logs.String(), "event log: panic")
		require.NotContains(t, logs.String(), personal)
		lock.Unlock()

		background(t, runner.Run)
		eventually(t, "the projection is there", func() bool { return j.count(t, i) == 20 })
		require.NoError(t, runner.Replay(t.Context(), "beside"))
		eventually(t, "it is there again", func() bool { return j.count(t, i) == 20 && i.status(t, "beside").Position == 20 })
		require.ErrorIs(t, runner.Replay(t.Context(), "poison"), eventlog.ErrUnknownProjection)
		require.Equal(t, 14, r.count(), "nothing happened twice")

		r.refusing(nil)
		// Another process asks, and nothing else happens that would wake the one that works.
		n, err := d.open(t).subscriber(t, eventlog.SubscriberConfig{Name: "poison"}).Retry(t.Context())
		require.NoError(t, err)
		require.Equal(t, 6, n)
		eventually(t, "all came", func() bool { return r.count() == 20 })
		eventually(t, "none is parked", func() bool { return len(i.parked(t)) == 0 })
		inOrder(t, r.taken)
		require.Len(t, distinct(r.taken), 20, "each once")
	})
}

// choosy is a receiver that most events do not concern.
type choosy struct {
	*receiver

	choose func([]application.StoredEvent) ([]application.StoredEvent, error)
}

// Choose implements application.Chooser.
func (c choosy) Choose(_ context.Context, events []application.StoredEvent) ([]application.StoredEvent, error) {
	return c.choose(events)
}

// A reaction is told of those that it chooses, and the others are done. While it cannot choose it is told of none, and misses none.
func TestReactionChooses(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		var asked, refused atomic.Int64
		r := choosy{&receiver{}, func(events []application.StoredEvent) (some []application.StoredEvent, err error) {
			if asked.Add(int64(len(events))); refused.Add(1) < 3 {
				return nil, application.ErrUnavailable
			}
			for _, e := range events {
				if e.AggregateID == "a2" {
					some = append(some, e)
				}
			}
			return some, nil
		}}
		i.run(t, application.Reaction{Name: "choosy", Types: []string{"lead.sold.v1"}, Handler: r}, quiet)
		seed(t, i, 1, 6)
		eventually(t, "it is done with all", func() bool { return i.status(t, "choosy").Position == 30 })
		require.Equal(t, 6, r.count())
		inOrder(t, r.taken)
		for _, e := range distinct(r.taken) {
			require.True(t, strings.HasSuffix(e.Aggregate, "/a2"), e.Aggregate)
		}
		require.GreaterOrEqual(t, asked.Load(), int64(30))
		require.Empty(t, i.parked(t))
	})
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// All lanes work at the same time, and each aggregate's events still come one after another.
func TestReactionAtOnce(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		const aggregates, versions = 1000, 3
		for v := int64(1); v <= versions; v++ {
			batch := make([]application.EventRecord, aggregates)
			for a := range batch {
				batch[a] = record("s", fmt.Sprint(a), v, "lead.sold.v1")
			}
			i.commit(t, batch...)
		}
		var mu sync.Mutex
		inWork, most := map[string]bool{}, 0
		full, twice := make(chan struct{}), false
		r := &receiver{}
		handler := application.ReactorFunc(func(ctx context.Context, e application.StoredEvent) error {
			mu.Lock()
			twice = twice || inWork[e.AggregateID]
			inWork[e.AggregateID] = true
			if most = max(most, len(inWork)); most == application.MaxAtOnce && len(inWork) == most {
				select {
				case <-full:
				default:
					close(full)
				}
			}
			mu.Unlock()
			<-full // nobody goes on before all are at work
			mu.Lock()
			delete(inWork, e.AggregateID)
			mu.Unlock()
			return r.React(ctx, e)
		})
		i.run(t, application.Reaction{Name: "many", Types: []string{"lead.sold.v1"}, AtOnce: application.MaxAtOnce, Handler: handler}, quiet)
		eventually(t, "all came", func() bool { return r.count() == aggregates*versions })
		require.Equal(t, application.MaxAtOnce, most)
		require.False(t, twice, "two events of an aggregate at the same time")
		inOrder(t, r.taken)
	})
}

func TestCollector(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		registry := prometheus.NewRegistry()
		require.NoError(t, registry.Register(eventlog.NewCollector(i.consumers, later{})))
		r := &receiver{refuse: func(e application.StoredEvent) error {
			if e.AggregateID == "a0" {
				return errors.New("refused")
			}
			return nil
		}}
		stop := i.run(t, application.Reaction{Name: "watched", Types: []string{"lead.sold.v1"}, Handler: r}, quiet)
		seed(t, i, 1, 2)
		eventually(t, "it is done with all", func() bool { return i.status(t, "watched").Position == 10 })
		stop()
		seed(t, i, 3, 1)
		require.NoError(t, i.sequencer.Drain(t.Context()))
		require.Equal(t, map[string]float64{
			`leadmill_consumer_lag_events watched`: 5, `leadmill_consumer_parked_events watched`: 2,
			`leadmill_consumer_oldest_waiting_seconds watched`: 90,
		}, gauges(t, registry))

		closed := d.open(t)
		require.NoError(t, closed.db.Close())
		away := prometheus.NewRegistry()
		require.NoError(t, away.Register(eventlog.NewCollector(closed.consumers, clock{})))
		require.Empty(t, gauges(t, away), "a database that is away takes no other metric with it")
	})
}

// later is a clock that shows 90 seconds after everything happened.
type later struct{}

func (later) Now() time.Time { return clock{}.Now().Add(90 * time.Second) }

func gauges(t *testing.T, from prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := from.Gather()
	require.NoError(t, err)
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			out[f.GetName()+" "+m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
		}
	}
	return out
}
