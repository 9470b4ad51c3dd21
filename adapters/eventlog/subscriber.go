package eventlog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	"github.com/leadmill/leadmill/application"
)

// SubscriberConfig says which events a reaction gets, and how.
type SubscriberConfig struct {
	Name     string        // of the consumer, unique; at most 64 of a-z, 0-9, dot and hyphen
	Types    []string      // the types of events it gets; all when empty
	All      bool          // it gets those of all teams too, and leaves the log to another instance at a type that this build does not know
	FromHead bool          // a consumer that is new begins at the log's head instead of at the first event
	FromKept bool          // one that is new begins with the first event that is still there, when others were archived
	Lanes    int           // messages handled at the same time; events of one aggregate share a lane; 4 when zero
	Batch    int           // about how many events are read at once; 500 when zero
	Window   int           // how far reading may be ahead of the lowest unfinished position; 10,000 when zero
	Attempts int           // how often a message is tried before it is parked; 5 when zero
	Backoff  Backoff       // between attempts; 200 ms to 30 s when zero
	Gather   time.Duration // from the first event to its delivery; 25 ms when zero
	Save     time.Duration // least time between two writes of the cursor; 200 ms when zero
	Idle     time.Duration // the same while it only passes by events of other types; 2 s when zero
	Quiet    time.Duration // the same when no events come any more; 100 ms when zero
	Grace    time.Duration // how long messages in work may take at shutdown; 10 s when zero
	Lease    LeaseConfig
	Logger   *slog.Logger
	// Choose returns those of some events that were read together that are delivered, in their order; the others are done. All when nil.
	Choose func(ctx context.Context, events []application.StoredEvent) ([]application.StoredEvent, error)
	// TellsOutages says that the handler tells the log of outages by itself: a try that failed for one is not logged.
	TellsOutages bool
}

// Subscriber brings events to a reaction through a watermill router, at least once, each aggregate's in order. Only one
// instance at a time owns the consumer. A nacked message comes again after a pause; after Attempts it is parked, together
// with the later events of its aggregate. The router needs Middleware, which says whether an error counts as an attempt.
//
// A message's UUID is the event's id, its payload the event's; its metadata are those of application.StoredEvent.
type Subscriber struct {
	db     *dialect.DB
	reader *Reader
	clock  application.Clock
	config SubscriberConfig
	wanted Wanted
	retry  Signal

	mu     sync.Mutex
	closed bool
	cancel context.CancelFunc // of the active subscription
	done   chan struct{}
}

// NewSubscriber returns the Subscriber of one reaction. It fails when the name is malformed.
func NewSubscriber(db *dialect.DB, reader *Reader, clock application.Clock, c SubscriberConfig) (*Subscriber, error) {
	if err := lease.CheckName("consumer", c.Name); err != nil {
		return nil, err
	}
	for _, n := range []struct {
		value *int
		zero  int
	}{{&c.Lanes, 4}, {&c.Batch, 500}, {&c.Window, 10_000}, {&c.Attempts, 5}} {
		if *n.value <= 0 {
			*n.value = n.zero
		}
	}
	c.Batch = min(c.Batch, c.Window)
	c.Backoff = c.Backoff.or(200*time.Millisecond, 30*time.Second)
	if c.Save <= 0 {
		c.Save = 200 * time.Millisecond
	}
	if c.Grace <= 0 {
		c.Grace = 10 * time.Second
	}
	c.Lease = c.Lease.WithDefaults()
	c.Logger = loggerOr(c.Logger).With(slog.String("consumer", c.Name))
	c.Gather, c.Idle, c.Quiet = cmp.Or(c.Gather, gather), cmp.Or(c.Idle, idle), cmp.Or(c.Quiet, quiet)
	s := &Subscriber{db: db, reader: reader, clock: clock, config: c, wanted: NewWanted(c.Name, c.Types)}
	if c.All {
		s.wanted = NewWantedEverything(c.Name, c.Types)
	}
	return s, nil
}

// Errors of Subscribe.
var (
	ErrUnknownTopic     = errors.New("the log has one topic: " + Topic)
	ErrSubscribed       = errors.New("this consumer has a subscription already")
	ErrSubscriberClosed = errors.New("subscriber is closed")
)

// Subscribe implements message.Subscriber. The topic is Topic, and there is one subscription at a time. When ctx ends, no
// further message comes, messages in work get the time Grace, the cursor is saved and the channel is closed. Errors:
// ErrUnknownTopic, ErrSubscribed, ErrSubscriberClosed.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	if topic != Topic {
		return nil, fmt.Errorf("%w, not %q", ErrUnknownTopic, topic)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrSubscriberClosed
	}
	if s.done != nil {
		select {
		case <-s.done:
		default:
			return nil, ErrSubscribed
		}
	}
	ctx, s.cancel = context.WithCancel(ctx)
	done, out := make(chan struct{}), make(chan *message.Message)
	s.done = done
	go func() {
		defer close(done)
		defer close(out)
		s.run(ctx, out)
	}()
	return out, nil
}

// Close implements message.Subscriber: it ends the subscription and waits until it has ended.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	s.closed = true
	cancel, done := s.cancel, s.done
	s.mu.Unlock()
	if done != nil {
		cancel()
		<-done
	}
	return nil
}

// Prepare adds the consumer's row unless it exists: at the log's head for a consumer that begins there, otherwise before
// the first event. What happens after Prepare has returned is delivered. It fails with application.ErrUnavailable, or an *ArchivedError
// when the first events are no longer in the log.
func (s *Subscriber) Prepare(ctx context.Context) error {
	return describeOrNil(s.db, "prepare "+s.config.Name, s.ensure(ctx))
}

// Retry asks that the parked events be delivered again, each aggregate's in order, by the instance that owns the consumer,
// and returns how many there are. Those that fail again stay parked. It fails with application.ErrUnavailable.
func (s *Subscriber) Retry(ctx context.Context) (asked int, err error) {
	// A parked_at of zero asks for a retry. The owner sees it in the database, in whatever process it runs.
	res, err := s.db.Writer.ExecContext(ctx, "UPDATE event_parked SET parked_at = 0 WHERE consumer = ?", s.config.Name)
	if err != nil {
		return 0, describe(s.db, "retry "+s.config.Name, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, describe(s.db, "retry "+s.config.Name, err)
	}
	s.retry.Notify()
	return int(n), nil
}

type outcomeKey struct{}

// outcome carries a handler's error to the Subscriber, because watermill's Nack carries none.
type outcome struct{ err error }

// Middleware is a watermill middleware that tells the Subscriber why a handler failed: errors of kind fault.Unavailable do
// not count as attempts, and a parked event shows its error. Add it to the router first.
func Middleware(next message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		o, _ := m.Context().Value(outcomeKey{}).(*outcome)
		produced, err := next(m)
		if o != nil {
			o.err = err
		}
		return produced, err
	}
}

var errNacked = errors.New("the handler failed")

// run tries to get the lease and works with it, again and again until ctx ends.
func (s *Subscriber) run(ctx context.Context, out chan<- *message.Message) {
	for failures := 0; ctx.Err() == nil; {
		l, err := s.take(ctx)
		if l != nil {
			err = s.hold(ctx, l, out)
		}
		switch {
		case ctx.Err() != nil:
		case errors.Is(err, errLeaseLost):
			s.config.Logger.InfoContext(ctx, "event log: consumer goes on elsewhere or anew")
			failures = 0
		case err != nil:
			failures++
			s.config.Logger.WarnContext(ctx, "event log: consumer waits", slog.Any("error", err), slog.Int("failures", failures))
			pause := s.config.Backoff.delay(failures)
			if unknown := (*UnknownTypeError)(nil); errors.As(err, &unknown) { // others have time to take the lease
				pause = max(pause, 3*s.config.Lease.Retry)
			}
			_ = lease.Pause(ctx, pause)
		default:
			failures = 0
			_ = s.reader.leases.Wait(ctx, s.config.Name, s.config.Lease)
		}
	}
}

func (s *Subscriber) take(ctx context.Context) (*cursor, error) {
	if err := s.ensure(ctx); err != nil {
		return nil, err
	}
	return tryLease(ctx, s.db, s.reader.leases, s.config.Lease, s.config.Logger, s.config.Name)
}

func (s *Subscriber) ensure(ctx context.Context) error {
	start := int64(0)
	if s.config.FromKept {
		first, err := s.reader.kept(ctx)
		if err != nil {
			return err
		}
		start = max(first-1, 0)
	}
	if s.config.FromHead {
		head, err := s.reader.Head(ctx)
		if err != nil {
			return err
		}
		start = head
	}
	return ensureConsumer(ctx, s.db, s.config.Name, start)
}
