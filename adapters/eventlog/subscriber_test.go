package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

// deliveries are the events that a reaction got and acknowledged.
type deliveries struct {
	mu   sync.Mutex
	list []entry
	fail func(entry) error
}

func (d *deliveries) handle(m *message.Message) error {
	position, err := strconv.ParseInt(m.Metadata.Get(application.MetaPosition), 10, 64)
	if err != nil {
		return err
	}
	version, err := strconv.ParseInt(m.Metadata.Get(application.MetaAggregateVersion), 10, 64)
	if err != nil {
		return err
	}
	e := entry{Position: position, EventID: m.UUID, Aggregate: m.Metadata.Get(application.MetaSellerID) + "/" + m.Metadata.Get(application.MetaAggregateID), Version: version}
	if d.fail != nil {
		if err := d.fail(e); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, e)
	return nil
}

func (d *deliveries) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.list)
}

func (d *deliveries) all() []entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.list)
}

func (i *instance) subscriber(t testing.TB, c eventlog.SubscriberConfig) *eventlog.Subscriber {
	t.Helper()
	if c.Backoff == (eventlog.Backoff{}) {
		c.Backoff = quick
	}
	if c.Lease.Retry == 0 {
		c.Lease.Retry = 5 * time.Millisecond
	}
	c.Save = time.Millisecond
	s, err := eventlog.NewSubscriber(i.db, i.reader, clock{}, c)
	require.NoError(t, err)
	return s
}

// react runs a router with one reaction, as ports/events does.
func react(t testing.TB, s *eventlog.Subscriber, d *deliveries) (stop func()) {
	t.Helper()
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: patience}, watermill.NopLogger{})
	require.NoError(t, err)
	router.AddMiddleware(eventlog.Middleware)
	router.AddConsumerHandler("reaction", eventlog.Topic, s, d.handle)
	return background(t, router.Run)
}

func TestSubscriberThroughARouter(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		var nacks atomic.Int64
		seen := sync.Map{}
		r := &deliveries{fail: func(e entry) error {
			if _, again := seen.LoadOrStore(e.EventID, nil); !again && e.Position%3 == 0 { // each third fails once, some by a panic
				if nacks.Add(1); e.Position%2 == 0 {
					panic("once")
				}
				return errors.New("once")
			}
			return nil
		}}
		stop := react(t, i.subscriber(t, eventlog.SubscriberConfig{Name: "reaction", Lanes: 3, Batch: 16, Window: 40}), r)
		want := seed(t, i, 1, 40)
		eventually(t, "all came", func() bool { return r.count() == 200 })
		inOrder(t, r.all())
		require.Equal(t, int64(66), nacks.Load())
		require.Empty(t, i.parked(t))
		stop()
		s := i.status(t, "reaction")
		require.Equal(t, int64(200), s.Position, "the cursor is saved at the end")
		require.False(t, s.Owned)

		again := &deliveries{}
		react(t, i.subscriber(t, eventlog.SubscriberConfig{Name: "reaction", FromHead: true}), again)
		want = append(want, seed(t, i, 41, 1)...)
		eventually(t, "the new ones came", func() bool { return again.count() == 5 })
		ids := map[string]bool{}
		for _, e := range append(r.all(), again.all()...) {
			require.False(t, ids[e.EventID], "twice without a reason")
			ids[e.EventID] = true
		}
		require.Len(t, ids, len(want))
	})
}

func TestMessageHoldsTheEvent(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		e := record("s", "a", 1, "lead.sold.v1")
		e.Trail = application.Trail{CorrelationID: "c", Traceparent: "t"}
		i.commit(t, e)
		s := i.subscriber(t, eventlog.SubscriberConfig{Name: "one"})
		_, err := s.Subscribe(t.Context(), "other")
		require.ErrorIs(t, err, eventlog.ErrUnknownTopic)
		out, err := s.Subscribe(t.Context(), eventlog.Topic)
		require.NoError(t, err)
		_, err = s.Subscribe(t.Context(), eventlog.Topic)
		require.ErrorIs(t, err, eventlog.ErrSubscribed)
		m := <-out
		require.Equal(t, e.ID, m.UUID)
		require.Equal(t, e.Payload, []byte(m.Payload))
		require.Equal(t, message.Metadata{
			"type": "lead.sold.v1", "seller_id": "s", "aggregate_type": "lead", "aggregate_id": "a", "aggregate_version": "1",
			"position": "1", "occurred_at": "2026-03-04T05:06:07.000008Z", "correlation_id": "c", "traceparent": "t",
		}, m.Metadata)
		require.True(t, m.Ack())
		require.NoError(t, s.Close())
		_, open := <-out
		require.False(t, open)
		_, err = s.Subscribe(t.Context(), eventlog.Topic)
		require.ErrorIs(t, err, eventlog.ErrSubscriberClosed)
		require.Equal(t, int64(1), i.status(t, "one").Position)
	})
}

func TestSubscriberSkipsOtherTypes(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		var events []application.EventRecord
		for v := int64(1); v <= 100; v++ {
			eventType := "lead.duplicate.v1"
			if v%10 == 0 {
				eventType = "lead.sold.v1"
			}
			events = append(events, record("s", "a", v, eventType))
		}
		events = append(events, record("s", "b", 1, "lead.never_heard_of.v9"))
		i.commit(t, events...)
		r := &deliveries{}
		react(t, i.subscriber(t, eventlog.SubscriberConfig{Name: "sold", Types: []string{"lead.sold.v1"}, Batch: 7, Window: 20}), r)
		eventually(t, "the cursor passes the others", func() bool { return hasStatus(t, i, "sold") && i.status(t, "sold").Position == 101 })
		require.Equal(t, 10, r.count())
		for _, e := range r.all() {
			require.Zero(t, e.Version%10)
		}
	})
}

func hasStatus(t *testing.T, i *instance, name string) bool {
	list, err := i.consumers.Status(t.Context())
	require.NoError(t, err)
	return slices.ContainsFunc(list, func(s eventlog.Status) bool { return s.Consumer == name })
}

func TestNewReactionFromHead(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		seed(t, i, 1, 4)
		require.NoError(t, i.sequencer.Drain(t.Context()))
		r := &deliveries{}
		react(t, i.subscriber(t, eventlog.SubscriberConfig{Name: "late", FromHead: true}), r)
		eventually(t, "it is there", func() bool { return hasStatus(t, i, "late") })
		seed(t, i, 5, 1)
		eventually(t, "the new ones came", func() bool { return r.count() == 5 })
		for _, e := range r.all() {
			require.Equal(t, int64(5), e.Version)
		}
	})
}

// What happens after Prepare is delivered, however late the subscription begins; what was before is not.
func TestPreparedReactionFromHead(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		seed(t, i, 1, 4)
		require.NoError(t, i.sequencer.Drain(t.Context()))
		c := eventlog.SubscriberConfig{Name: "prepared", FromHead: true}
		require.NoError(t, i.subscriber(t, c).Prepare(t.Context()))
		require.True(t, hasStatus(t, i, "prepared"))
		seed(t, i, 5, 1)
		require.NoError(t, i.sequencer.Drain(t.Context()))
		s := i.subscriber(t, c)
		require.NoError(t, s.Prepare(t.Context()), "a consumer that is there stays where it is")
		r := &deliveries{}
		react(t, s, r)
		eventually(t, "what came after Prepare is there", func() bool { return r.count() == 5 })
		for _, e := range r.all() {
			require.Equal(t, int64(5), e.Version)
		}
		require.NoError(t, i.subscriber(t, eventlog.SubscriberConfig{Name: "early"}).Prepare(t.Context()))
		require.Zero(t, i.status(t, "early").Position)
	})
}

func TestReactionParksAndRetries(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i, elsewhere := d.start(t), d.open(t)
		var healed atomic.Bool
		var unavailable, tries atomic.Int64
		r := &deliveries{fail: func(e entry) error {
			switch {
			case e.Aggregate == "s/a1" && unavailable.Add(1) <= 10:
				return fault.New(fault.Unavailable, "down", "Down")
			case e.Aggregate == "s/a3" && e.Version >= 4 && !healed.Load():
				tries.Add(1)
				return errors.New("refused")
			}
			return nil
		}}
		c := eventlog.SubscriberConfig{Name: "parking", Attempts: 3}
		stop := react(t, i.subscriber(t, c), r)
		seed(t, i, 1, 10)
		eventually(t, "it is done with all", func() bool { return hasStatus(t, i, "parking") && i.status(t, "parking").Position == 50 })
		require.Equal(t, 43, r.count())
		parked := i.parked(t)
		require.Len(t, parked, 7)
		require.Equal(t, 3, parked[0].Attempts)
		require.Equal(t, "refused", parked[0].Error)
		require.Equal(t, int64(3), tries.Load(), "later events of the aggregate were not tried")
		for _, p := range parked[1:] {
			require.Zero(t, p.Attempts)
			require.Equal(t, "a3", p.AggregateID)
		}
		stop()

		// After a restart the aggregate is still parked.
		react(t, i.subscriber(t, c), r)
		seed(t, i, 11, 1)
		eventually(t, "the new one is parked too", func() bool { return len(i.parked(t)) == 8 })
		asking := elsewhere.subscriber(t, c) // another process, which does not own the consumer
		n, err := asking.Retry(t.Context())
		require.NoError(t, err)
		require.Equal(t, 8, n)
		eventually(t, "it is refused again", func() bool { return i.parked(t)[0].Attempts == 6 })
		healed.Store(true)
		_, err = asking.Retry(t.Context())
		require.NoError(t, err)
		seed(t, i, 12, 1)
		eventually(t, "all came", func() bool { return r.count() == 60 })
		eventually(t, "none is parked", func() bool { return len(i.parked(t)) == 0 })
		inOrder(t, r.all())
		require.Greater(t, unavailable.Load(), int64(10))
	})
}

func TestNackWithoutMiddlewareCounts(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		s := i.subscriber(t, eventlog.SubscriberConfig{Name: "plain", Attempts: 2})
		out, err := s.Subscribe(t.Context(), eventlog.Topic)
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		i.commit(t, record("s", "a", 1, "lead.sold.v1"))
		for range 2 {
			require.True(t, (<-out).Nack())
		}
		eventually(t, "it is parked", func() bool { return len(i.parked(t)) == 1 })
		require.Equal(t, 2, i.parked(t)[0].Attempts)
	})
}

// An owner that does not renew its lease loses it; its late acks have no effect.
func TestSubscriberTakeover(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		one, two := d.start(t), d.start(t)
		seed(t, one, 1, 1)
		var frozen *eventlog.Subscriber
		var m *message.Message
		for ttl := 50 * time.Millisecond; m == nil; ttl *= 2 { // until the machine is quick enough to give an event within a lease
			frozen = one.subscriber(t, eventlog.SubscriberConfig{
				Name: "over", Lanes: 1,
				Lease: eventlog.LeaseConfig{TTL: ttl, Renew: time.Hour, Retry: time.Hour},
			})
			out, err := frozen.Subscribe(t.Context(), eventlog.Topic)
			require.NoError(t, err)
			select {
			case m = <-out:
			case <-time.After(10 * ttl):
			}
			if m == nil {
				require.NoError(t, frozen.Close())
			}
		}
		heir := two.subscriber(t, eventlog.SubscriberConfig{Name: "over", Lanes: 1, Lease: eventlog.LeaseConfig{TTL: 30 * time.Minute, Retry: time.Millisecond}})
		next, err := heir.Subscribe(t.Context(), eventlog.Topic)
		require.NoError(t, err)
		again := <-next
		require.Equal(t, m.UUID, again.UUID, "what was not done comes again")
		<-m.Context().Done() // the old owner is told to stop
		require.True(t, m.Ack())
		require.NoError(t, frozen.Close())
		require.Zero(t, two.status(t, "over").Position)
		require.True(t, two.status(t, "over").Owned, "the old owner's release changes nothing")
		require.True(t, again.Ack())
		for range 4 {
			require.True(t, (<-next).Ack())
		}
		require.NoError(t, heir.Close())
		require.Equal(t, int64(5), two.status(t, "over").Position)
	})
}

// At shutdown messages in work get their time, no new one begins, and unfinished ones are delivered again.
func TestSubscriberShutdown(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		seed(t, i, 1, 2)
		ctx, cancel := context.WithCancel(t.Context())
		c := eventlog.SubscriberConfig{Name: "bye", Lanes: 1, Lease: eventlog.LeaseConfig{TTL: 30 * time.Minute}}
		out, err := i.subscriber(t, c).Subscribe(ctx, eventlog.Topic)
		require.NoError(t, err)
		require.True(t, (<-out).Ack())
		second := <-out
		cancel()
		require.NoError(t, second.Context().Err(), "it may still finish")
		require.True(t, second.Ack())
		_, open := <-out
		require.False(t, open)
		s := i.status(t, "bye")
		require.Equal(t, int64(2), s.Position)
		require.False(t, s.Owned)

		c.Grace = time.Millisecond
		late := i.subscriber(t, c)
		out, err = late.Subscribe(t.Context(), eventlog.Topic)
		require.NoError(t, err)
		m := <-out
		require.Equal(t, "3", m.Metadata.Get(application.MetaPosition))
		require.NoError(t, late.Close(), "a handler that does not end does not stop the shutdown")
		require.Error(t, m.Context().Err())
		require.Equal(t, int64(2), i.status(t, "bye").Position)
	})
}

// distinct leaves out what came again.
func distinct(list []entry) (first []entry) {
	seen := map[string]bool{}
	for _, e := range list {
		if !seen[e.EventID] {
			seen[e.EventID] = true
			first = append(first, e)
		}
	}
	return first
}

// Two instances subscribe, stop and start while writers write: no event is lost and each aggregate's order holds.
func TestSubscribersComeAndGo(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		one, two := d.start(t), d.start(t)
		r := &deliveries{}
		c := eventlog.SubscriberConfig{Name: "go", Lanes: 4, Batch: 10, Window: 50}
		var group sync.WaitGroup
		group.Go(func() {
			for w := range int64(30) {
				var events []application.EventRecord
				for a := range 10 {
					events = append(events, record("s", fmt.Sprint(a), w+1, "lead.sold.v1"))
				}
				if err := one.tryCommit(events...); err != nil {
					t.Error(err)
				}
			}
		})
		for k := range 6 {
			i := []*instance{one, two}[k%2]
			target := 50 * (k + 1)
			stop := react(t, i.subscriber(t, c), r)
			eventually(t, "it goes on", func() bool { return len(distinct(r.all())) >= target })
			stop()
		}
		group.Wait()
		eventually(t, "nothing is lost", func() bool { return len(distinct(r.all())) == 300 })
		inOrder(t, distinct(r.all()))
	})
}

// During an upgrade an older instance meets types that it does not know. Whoever is to get everything is not moved past them: it is left to the newer
// instance, and an operator who goes back to the older release may skip them.
func TestTypesOfANewerReleaseAreNotPassedBy(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		future := "lead.teleported.v1"
		i.commit(t, record("s", "a", 1, "lead.submitted.v1"), record("s", "a", 2, "x.acme.scored.v1"), record("s", "a", 3, future), record("s", "a", 4, "lead.sold.v1"))
		i.commit(t, record("s", "b", 1, "seller.updated.v1"), record("s", "b", 2, "lead.sold.v1"))
		require.Len(t, i.all(t), 6)
		// The newer release gave the type a number.
		_, err := i.db.Writer.Exec("UPDATE event_positions SET types = types + ? WHERE first_position = 1", int64(1)<<62)
		require.NoError(t, err)
		all, some := &deliveries{}, &deliveries{}
		types := []string{"lead.submitted.v1", "lead.sold.v1"}
		react(t, i.subscriber(t, eventlog.SubscriberConfig{Name: "everything", Types: types, All: true}), all)
		react(t, i.subscriber(t, eventlog.SubscriberConfig{Name: "some", Types: types}), some)
		eventually(t, "who wants some passes by the others", func() bool { return some.count() == 3 && i.status(t, "some").Position == 6 })
		eventually(t, "what is before it comes, with the events of a team that this build lacks", func() bool { return all.count() >= 2 })
		free := false
		eventually(t, "the lease is given up", func() bool {
			s := i.status(t, "everything")
			require.LessOrEqual(t, s.Position, int64(2))
			free = free || !s.Owned
			return free && s.Position == 2
		})
		for _, e := range all.all() {
			require.LessOrEqual(t, e.Position, int64(2))
		}
		segment := i.number(t, "SELECT segment_id FROM event_positions WHERE first_position = 1")
		_, _, err = i.consumers.Skip(t.Context(), "everything", i.number(t, "SELECT segment_id FROM event_positions WHERE first_position = 5"), "", clock{}.Now())
		require.ErrorIs(t, err, eventlog.ErrReadable)
		_, _, err = i.consumers.Skip(t.Context(), "everything", segment, "we went back to the release before", clock{}.Now())
		require.NoError(t, err)
		eventually(t, "it goes on behind it", func() bool { return i.status(t, "everything").Position == 6 })
		came := map[int64]bool{}
		for _, e := range all.all() {
			came[e.Position] = true
		}
		require.Equal(t, map[int64]bool{1: true, 2: true, 4: true, 6: true}, came)
	})
}

// A broker that is away while events come gets all of them when it is back, each aggregate's in order, and nothing is parked. Five minutes of tries, of which the
// pauses grow to five seconds, are tries of which they grow to 25 ms here.
func TestABrokerThatIsAwayForLongGetsEverythingInOrder(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		var away atomic.Bool
		var tries atomic.Int64
		r := &deliveries{fail: func(entry) error {
			if away.Load() {
				tries.Add(1)
				return fault.New(fault.Unavailable, "broker_away", "The broker is away.")
			}
			return nil
		}}
		react(t, i.subscriber(t, eventlog.SubscriberConfig{Name: "sink", All: true, Lanes: 8, Window: 100, Backoff: eventlog.Backoff{Base: time.Millisecond, Max: 25 * time.Millisecond}}), r)
		seed(t, i, 1, 2)
		eventually(t, "it sends", func() bool { return r.count() == 10 })
		away.Store(true)
		for n := range int64(60) {
			seed(t, i, 3+n, 1)
		}
		eventually(t, "it is tried again and again", func() bool { return tries.Load() > 300 })
		require.Equal(t, 10, r.count())
		require.Empty(t, i.parked(t))
		away.Store(false)
		eventually(t, "all came", func() bool { return r.count() >= 10+5*60 })
		require.Equal(t, 10+5*60, r.count(), "nothing comes twice")
		inOrder(t, r.all())
		require.Empty(t, i.parked(t))
	})
}
