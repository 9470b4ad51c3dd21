package job_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/feed"
	feedcommand "github.com/leadmill/leadmill/application/feed/command"
	feedjob "github.com/leadmill/leadmill/application/feed/job"
	"github.com/leadmill/leadmill/domain/webhook"
)

// receiver is what a webhook does with a request.
type receiver func(ctx context.Context, r application.OutboundRequest) (application.OutboundAnswer, error)

func answers(status int, after time.Duration) receiver {
	return func(context.Context, application.OutboundRequest) (application.OutboundAnswer, error) {
		time.Sleep(after)
		return application.OutboundAnswer{Status: status}, nil
	}
}

func hangs(ctx context.Context, r application.OutboundRequest) (application.OutboundAnswer, error) {
	select {
	case <-time.After(r.Timeout):
		return application.OutboundAnswer{}, application.ErrOutboundTimeout
	case <-ctx.Done():
		return application.OutboundAnswer{}, application.ErrOutboundFailed.Because(ctx.Err())
	}
}

type stored struct {
	delivery webhook.Delivery
	since    time.Time
	took     time.Duration // until that it arrived was stored
}

// world is all that a Sender has to do with: a database, receivers and a clock. What it does not have fails the test.
type world struct {
	log     *eventlog.Signal
	storing time.Duration // how long that takes

	feed.Reader

	mu        sync.Mutex
	hooks     []application.Ref
	receivers map[string]receiver
	all       map[string][]*stored
	requests  map[string]int
	inactive  map[string]bool
	unread    error
	refuses   map[string]bool // webhooks of which no result can be stored
	stores    int
	looks     int
	counted   int64 // up to how many it was counted what waits
	replays   int   // steps of replays, each of which took a time and said that there is more if that is above 0
	replaying time.Duration
	signal    chan struct{}
}

func newWorld() *world {
	return &world{receivers: map[string]receiver{}, all: map[string][]*stored{}, requests: map[string]int{}, inactive: map[string]bool{}, refuses: map[string]bool{}, signal: make(chan struct{}), log: eventlog.NewSignal()}
}

func (w *world) locked(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
}

func (w *world) hook(seller, id string, r receiver) {
	w.locked(func() {
		w.hooks = append(w.hooks, application.Ref{SellerID: seller, ID: id})
		w.receivers[id] = r
	})
}

// tell makes n deliveries that are due.
func (w *world) tell(id string, n int) {
	w.locked(func() {
		for range n {
			s := &stored{since: time.Now()}
			s.delivery = webhook.Delivery{WebhookID: id, EventID: fmt.Sprintf("evt_%s_%06d", id, len(w.all[id])), State: webhook.Pending, NextAt: time.Now()}
			w.all[id] = append(w.all[id], s)
		}
	})
}

func (w *world) count(id string, state webhook.State) (n int) {
	w.locked(func() {
		for _, s := range w.all[id] {
			if s.delivery.State == state {
				n++
			}
		}
	})
	return n
}

func (w *world) sent(id string) (n int) {
	w.locked(func() { n = w.requests[id] })
	return n
}

func (w *world) Now() time.Time                             { return time.Now() }
func (w *world) Elapsed() time.Duration                     { return time.Since(time.Unix(0, 0)) }
func (w *world) Version() uint64                            { return 0 }
func (w *world) After(uint64) <-chan struct{}               { return w.signal }
func (w *world) Attempted(string)                           {}
func (w *world) Waiting(int64, time.Duration)               {}
func (w *world) Disabled()                                  {}
func (w *world) Check(string) error                         { return nil }
func (w *world) NewSecret() string                          { return "" }
func (w *world) CheckSecret(string) error                   { return nil }
func (w *world) Seal(p []byte, _, _ string) ([]byte, error) { return p, nil }
func (w *world) Open(p []byte, _, _ string) ([]byte, error) { return p, nil }
func (w *world) Sign(string, string, time.Time, []byte) map[string][]string {
	return map[string][]string{}
}

func (w *world) DueWebhooks(_ context.Context, now time.Time) (refs []application.Ref, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
	if w.unread != nil {
		return nil, w.unread
	}
	for _, ref := range w.hooks {
		if !w.inactive[ref.ID] && slices.ContainsFunc(w.all[ref.ID], func(s *stored) bool { return s.due(now) }) {
			refs = append(refs, ref)
		}
	}
	return refs, nil
}

func (s *stored) due(now time.Time) bool {
	return s.delivery.State == webhook.Pending && !s.delivery.NextAt.After(now)
}

func (w *world) DueWebhookDeliveries(_ context.Context, wanted []feed.WantedDeliveries, now time.Time) (map[application.Ref]feed.DueOfWebhook, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[application.Ref]feed.DueOfWebhook{}
	for _, one := range wanted {
		if w.inactive[one.ID] {
			continue
		}
		of := feed.DueOfWebhook{Webhook: webhook.Snapshot{ID: one.ID, SellerID: one.SellerID, URL: one.ID, Secret: []byte("s")}}
		for _, s := range w.all[one.ID] {
			if len(of.Due) < one.Most && s.due(now) {
				of.Due = append(of.Due, feed.DueDelivery{EventID: s.delivery.EventID, Tries: s.delivery.Tries, Attempts: s.delivery.Attempts, NextAt: s.delivery.NextAt, Body: []byte(one.ID)})
			}
		}
		out[one.Ref] = of
	}
	return out, nil
}

func (w *world) WaitingWebhookDeliveries(_ context.Context, limit int64) (int64, time.Time, error) {
	w.locked(func() { w.counted = limit })
	return 0, time.Time{}, nil
}

func (w *world) Send(ctx context.Context, r application.OutboundRequest) (application.OutboundAnswer, error) {
	w.mu.Lock()
	w.requests[r.URL]++
	to := w.receivers[r.URL]
	w.mu.Unlock()
	if !r.Webhook {
		return application.OutboundAnswer{}, errors.New("it takes a place of leads")
	}
	return to(ctx, r)
}

func (w *world) record(_ context.Context, c feedcommand.RecordWebhookAttempts) (done feedcommand.WebhookAttemptsRecorded, err error) {
	time.Sleep(w.storing)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stores++
	for _, r := range c.Results {
		if w.refuses[r.WebhookID] {
			return done, errors.New("it cannot be stored")
		}
	}
	for _, r := range c.Results {
		i := slices.IndexFunc(w.all[r.WebhookID], func(s *stored) bool { return s.delivery.EventID == r.EventID })
		s := w.all[r.WebhookID][i]
		if err := s.delivery.Attempted(r.Outcome, time.Now()); err != nil {
			continue
		}
		if r.OK {
			s.took = time.Since(s.since)
		}
		if r.Status == 410 {
			w.inactive[r.WebhookID] = true
			done.Disabled = append(done.Disabled, application.Ref{SellerID: r.SellerID, ID: r.WebhookID})
		}
	}
	return done, nil
}

// run runs a Sender for a while.
func (w *world) run(t *testing.T, d time.Duration) {
	t.Helper()
	s := &feedjob.Sender{
		Reader: w, Record: bus.HandlerFunc[feedcommand.RecordWebhookAttempts, feedcommand.WebhookAttemptsRecorded](w.record),
		Replay: bus.HandlerFunc[feedcommand.RunWebhookReplays, feedcommand.WebhookReplaysRun](func(context.Context, feedcommand.RunWebhookReplays) (feedcommand.WebhookReplaysRun, error) {
			time.Sleep(w.replaying)
			w.locked(func() { w.replays++ })
			return feedcommand.WebhookReplaysRun{More: w.replaying > 0}, nil
		}),
		Poster: feed.Poster{Outbound: w, Sealer: w, Signer: w, Clock: w}, Clock: w, Due: w, Log: w.log, Observer: w, Logger: slog.New(slog.DiscardHandler), Shake: func() int64 { return 0 },
		PerEndpoint: 8, InAll: 256, Poll: 250 * time.Millisecond, Idle: time.Second, Replays: 10 * time.Second, End: time.Hour,
	}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	require.NoError(t, s.Run(ctx))
}

// Of 1,000 webhooks 10 are dead and 10 are slow: all others are told within a second.
func TestDeadAndSlowWebhooksDelayNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		for i := range 1000 {
			r := answers(200, 5*time.Millisecond)
			switch {
			case i < 10:
				r = hangs
			case i < 20:
				r = answers(200, 14*time.Second)
			}
			w.hook(fmt.Sprint("seller_", i%50), fmt.Sprint("hook_", i), r)
		}
		for i := range 20 { // what waits for those that are dead or slow
			w.tell(fmt.Sprint("hook_", i), 1000)
		}
		var group sync.WaitGroup
		group.Go(func() {
			for range 10 {
				for i := 20; i < 1000; i++ {
					w.tell(fmt.Sprint("hook_", i), 1)
				}
				time.Sleep(2 * time.Second)
			}
		})
		w.run(t, 30*time.Second)
		group.Wait()
		var took []time.Duration
		for i := 20; i < 1000; i++ {
			for _, s := range w.all[fmt.Sprint("hook_", i)] {
				require.Equal(t, webhook.Delivered, s.delivery.State)
				took = append(took, s.took)
			}
		}
		slices.Sort(took)
		require.Len(t, took, 9800)
		require.Less(t, took[len(took)*99/100], time.Second)
		for i := range 10 {
			require.LessOrEqual(t, w.sent(fmt.Sprint("hook_", i)), 10)
		}
	})
}

func TestADeadWebhookIsProbedAndComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.hook("seller_1", "one", answers(503, time.Millisecond))
		w.tell("one", 1000)
		w.run(t, time.Minute)
		require.LessOrEqual(t, w.sent("one"), 12, "it is probed")
		w.locked(func() { w.receivers["one"] = answers(204, time.Millisecond) })
		w.run(t, time.Hour)
		require.Equal(t, 1000, w.count("one", webhook.Delivered))
	})
}

func TestAWebhookThatIsDisabledWhileItIsSentTo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.hook("seller_1", "gone", answers(410, time.Millisecond))
		w.hook("seller_1", "paused", answers(200, 100*time.Millisecond))
		w.tell("gone", 100)
		w.tell("paused", 100)
		go func() {
			time.Sleep(time.Second)
			w.locked(func() { w.inactive["paused"] = true })
		}()
		w.run(t, time.Minute)
		require.LessOrEqual(t, w.sent("gone"), 2)
		require.GreaterOrEqual(t, w.count("gone", webhook.Pending), 98)
		n := w.count("paused", webhook.Delivered)
		require.Positive(t, n)
		require.Less(t, n, 100)
		w.locked(func() { w.inactive["paused"] = false })
		w.run(t, time.Minute)
		require.Equal(t, 100, w.count("paused", webhook.Delivered))
		require.Equal(t, 100, w.sent("paused"), "none was sent twice")
	})
}

func TestWhatIsUnderWayAtTheEndIsSentAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.hook("seller_1", "slow", hangs)
		w.tell("slow", 1)
		w.run(t, time.Second)
		require.Equal(t, 1, w.sent("slow"))
		require.Equal(t, 1, w.count("slow", webhook.Pending))
		require.Zero(t, w.all["slow"][0].delivery.Tries)
		w.locked(func() { w.receivers["slow"] = answers(200, 0) })
		w.run(t, time.Second)
		require.Equal(t, 1, w.count("slow", webhook.Delivered))
	})
}

func TestAResultThatCannotBeStoredStopsItsWebhookAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.refuses["broken"] = true
		w.hook("seller_1", "broken", answers(200, 0))
		w.hook("seller_1", "well", answers(200, 0))
		w.tell("broken", 10)
		w.tell("well", 100)
		w.run(t, time.Minute)
		require.Equal(t, 100, w.count("well", webhook.Delivered))
		require.LessOrEqual(t, w.sent("broken"), 2)
	})
}

// A webhook that is well gets its next request when it answered, and not when that is stored.
func TestStoringHoldsNoWellWebhookUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.storing = 50 * time.Millisecond
		w.hook("seller_1", "well", answers(200, time.Millisecond))
		w.tell("well", 2_000)
		w.run(t, time.Second)
		require.Equal(t, 2_000, w.count("well", webhook.Delivered))
		require.Equal(t, 2_000, w.sent("well"))
	})
}

func TestAnIdleSenderAsksOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.hook("seller_1", "one", answers(200, 0))
		w.log = eventlog.NewSignal()
		w.run(t, time.Minute)
		require.InDelta(t, 60, w.looks, 2)
		time.AfterFunc(30*time.Second, w.log.Notify) // perhaps another instance made something due
		w.looks = 0
		w.run(t, time.Minute)
		require.InDelta(t, 90, w.looks, 3)
		w.locked(func() { w.unread = application.ErrUnavailable })
		w.run(t, time.Minute)
		require.Zero(t, w.stores)
	})
}

func TestReplaysRestAsLongAsTheyWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.replaying = 100 * time.Millisecond
		w.run(t, time.Minute)
		require.InDelta(t, 300, w.replays, 2)
		w.replays, w.replaying = 0, time.Microsecond
		w.run(t, time.Second)
		require.InDelta(t, 200, w.replays, 2)
		require.LessOrEqual(t, w.counted, int64(10_000))
	})
}

// A dead webhook for which 100,000 wait delays no other, not even one of the same seller.
func TestMuchThatWaitsForADeadWebhookDelaysNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.hook("seller_1", "dead", hangs)
		w.tell("dead", 100_000)
		w.hook("seller_1", "well", answers(200, 5*time.Millisecond))
		w.hook("seller_2", "other", answers(200, 5*time.Millisecond))
		var group sync.WaitGroup
		group.Go(func() {
			for range 50 {
				w.tell("well", 1)
				w.tell("other", 1)
				time.Sleep(time.Second)
			}
		})
		w.run(t, time.Minute)
		group.Wait()
		for _, id := range []string{"well", "other"} {
			require.Equal(t, 50, w.count(id, webhook.Delivered))
			for _, s := range w.all[id] {
				require.Less(t, s.took, time.Second)
			}
		}
		require.LessOrEqual(t, w.sent("dead"), 10)
	})
}
