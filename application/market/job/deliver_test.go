package job_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketjob "github.com/leadmill/leadmill/application/market/job"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

const timeout = time.Second

// receiver is what a buyer does with a request.
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
	row      market.DueDelivery
	delivery *delivery.Delivery
	since    time.Time
	took     time.Duration // from due to stored
}

// world is all that a Sender has to do with: a database, receivers and a clock.
type world struct {
	log *eventlog.Signal

	mu          sync.Mutex
	contracts   []application.Ref
	receivers   map[string]receiver
	all         map[string][]*stored // by contract
	requests    map[string]int       // by contract
	rows        int
	mails       int // at once
	mostMails   int
	back        atomic.Int64 // by which the wall clock was set back
	stood       atomic.Int64 // for how long the database did not answer
	endpoints   func() error
	unread      map[string]error // by contract
	held        map[string]bool  // leads
	broken      map[string]bool  // leads that cannot be ended
	brokenTold  int
	answersHeld map[string]bool // leads of which no answer is stored, only what ends
	panics      map[string]bool // deliveries
	sealed      error
	records     time.Duration // how long it takes to store what became of those who are told
	settles     time.Duration // how long it takes to settle
	refuses     time.Duration // how much longer when a buyer refused
	unsettled   func() error
	outcomes    map[string]int
}

func newWorld() *world {
	return &world{receivers: map[string]receiver{}, all: map[string][]*stored{}, requests: map[string]int{}, unread: map[string]error{}, held: map[string]bool{}, panics: map[string]bool{}, outcomes: map[string]int{}, log: eventlog.NewSignal()}
}

func (w *world) locked(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
}

func (w *world) contract(seller, id string, r receiver) {
	w.locked(func() {
		w.contracts = append(w.contracts, application.Ref{SellerID: seller, ID: id})
		w.receivers[id] = r
	})
}

// sell makes a delivery that is due since a while, changed by each of as before a sender can see it.
func (w *world) sell(contract string, ago time.Duration, as ...func(*stored)) *stored {
	at := w.Now().Add(-ago)
	w.mu.Lock()
	defer w.mu.Unlock()
	id := fmt.Sprintf("%s_%d", contract, len(w.all[contract]))
	i := slices.IndexFunc(w.contracts, func(r application.Ref) bool { return r.ID == contract })
	s := &stored{since: w.Now(), row: market.DueDelivery{
		SellerID: w.contracts[i].SellerID, ID: "delivery_" + id, SaleID: "sale_" + id, LeadID: "lead_" + id, ContractID: contract, Currency: "USD",
		Sale: string(lead.SaleCaptured), SoldAt: at, Fields: field.Set{},
	}}
	s.delivery = delivery.FromSnapshot(delivery.Snapshot{ID: s.row.ID, SellerID: s.row.SellerID, ContractID: contract, State: delivery.Pending, NextAt: at})
	for _, change := range as {
		change(s)
	}
	w.all[contract] = append(w.all[contract], s)
	return s
}

func (w *world) snapshot(s *stored) (n delivery.Snapshot) {
	w.locked(func() { n = s.delivery.Snapshot() })
	return n
}

func (w *world) sent(contract string) (n int) {
	w.locked(func() { n = w.requests[contract] })
	return n
}

func (w *world) Now() time.Time { return time.Now().Add(-time.Duration(w.back.Load())) }
func (w *world) Elapsed() time.Duration {
	return time.Since(time.Unix(0, 0)) + time.Duration(w.stood.Load())
}

func (w *world) DueEndpoints(_ context.Context, now time.Time) (refs []application.Ref, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.endpoints != nil {
		err = w.endpoints()
	}
	for _, c := range w.contracts {
		if slices.ContainsFunc(w.all[c.ID], func(s *stored) bool { return s.due(now) }) {
			refs = append(refs, c)
		}
	}
	return refs, err
}

func (s *stored) due(now time.Time) bool {
	n := s.delivery.Snapshot()
	return n.State == delivery.Pending && !n.NextAt.After(now)
}

func (w *world) DueDeliveries(_ context.Context, contract application.Ref, now time.Time, without []string, limit int) (*campaign.Delivery, []market.DueDelivery, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.unread[contract.ID]; err != nil {
		return nil, nil, err
	}
	var due []market.DueDelivery
	for _, s := range w.all[contract.ID] {
		if !s.due(now) || slices.Contains(without, s.row.ID) {
			continue
		}
		n, d := s.delivery.Snapshot(), s.row
		d.NextAt, d.Tries, d.Attempts = n.NextAt, n.Tries, n.Attempts
		due = append(due, d)
	}
	slices.SortStableFunc(due, func(a, b market.DueDelivery) int { return a.NextAt.Compare(b.NextAt) })
	due = due[:min(limit, len(due))]
	w.rows += len(due)
	if strings.HasPrefix(contract.ID, "mail") {
		return &campaign.Delivery{Email: contract.ID}, due, nil
	}
	return &campaign.Delivery{Confirm: strings.HasPrefix(contract.ID, "ask"), URL: contract.ID, Format: campaign.DeliveryJSON, Timeout: timeout, Secret: []byte("s")}, due, nil
}

func (w *world) ContractDelivery(context.Context, string, string, string) (*campaign.Delivery, campaign.ContractSnapshot, string, error) {
	return nil, campaign.ContractSnapshot{}, "", nil
}

func (w *world) WaitingDeliveries(context.Context, int64) (int64, time.Time, error) {
	return 0, time.Time{}, errors.New("cannot be counted")
}

func (w *world) Handle(_ context.Context, c marketcommand.RecordDeliveries) (marketcommand.DeliveriesRecorded, error) {
	var slow time.Duration
	w.locked(func() { slow = w.records })
	time.Sleep(slow)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range c.Results {
		if w.held[r.LeadID] {
			return marketcommand.DeliveriesRecorded{}, &application.HeldError{Err: errors.New("held")}
		}
	}
	for _, r := range c.Results {
		for _, s := range w.all[strings.TrimPrefix(r.DeliveryID[:strings.LastIndex(r.DeliveryID, "_")], "delivery_")] {
			if s.row.ID != r.DeliveryID {
				continue
			}
			var err error
			if r.Ended != "" {
				err = s.delivery.End(r.Try, r.Ended, w.Now())
			} else {
				err = s.delivery.Attempted(r.Outcome, w.Now())
			}
			if err == nil && s.delivery.Snapshot().State != delivery.Pending {
				s.took = w.Now().Sub(s.since)
			}
		}
	}
	return marketcommand.DeliveriesRecorded{}, nil
}

func (w *world) Send(ctx context.Context, r application.OutboundRequest) (application.OutboundAnswer, error) {
	var do receiver
	w.locked(func() {
		w.requests[r.URL]++
		do = w.receivers[r.URL]
	})
	return do(ctx, r)
}

// mailer is a mail server that answers nothing.
type mailer struct{ w *world }

func (m mailer) Send(ctx context.Context, _ application.Mail) error {
	m.w.locked(func() {
		m.w.mails++
		m.w.mostMails = max(m.w.mostMails, m.w.mails)
	})
	<-ctx.Done()
	m.w.locked(func() { m.w.mails-- })
	return application.ErrUnavailable.Because(ctx.Err())
}

func (w *world) Check(string) error                          { return nil }
func (w *world) NewSecret() string                           { return "" }
func (w *world) Seal([]byte, string, string) ([]byte, error) { return nil, nil }
func (w *world) Open([]byte, string, string) ([]byte, error) { return []byte("secret"), w.sealed }
func (w *world) Version() uint64                             { return 0 }
func (w *world) After(uint64) <-chan struct{}                { return nil }
func (w *world) Attempted(outcome string)                    { w.locked(func() { w.outcomes[outcome]++ }) }
func (w *world) Waiting(int64, time.Duration)                {}
func (w *world) Sign(_, id string, _ time.Time, _ []byte) map[string][]string {
	var panics bool
	w.locked(func() { panics = w.panics[id] })
	if panics {
		panic("a bug")
	}
	return nil
}

// sending runs a Sender for as long as a test takes.
func sending(t *testing.T, do func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		s := &marketjob.Sender{
			Reader: w, Overdue: w, Settle: settling{w}, Record: w, Clock: w, Due: w, Log: w.log, Observer: w, Logger: slog.New(slog.DiscardHandler), Shake: func() int64 { return 0 },
			Poster:      market.Poster{Outbound: w, Mailer: mailer{w}, Sealer: w, Signer: w, Clock: w},
			PerEndpoint: 8, InAll: 256, AskPerEndpoint: 128, AskInAll: 2048, Poll: time.Second, Quiet: time.Second, Idle: 24 * time.Hour,
		}
		go func() { ended <- s.Run(ctx) }()
		defer func() {
			select {
			case err := <-ended:
				t.Errorf("the sender ended: %v", err)
			default:
				cancel()
				err := <-ended
				require.NoError(t, err)
			}
			cancel()
		}()
		do(t, w)
	})
}

func TestWhatCannotBeReadStopsNothing(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		w.contract("seller_1", "bad", answers(200, 0))
		w.contract("seller_2", "good", answers(200, 100*time.Millisecond))
		w.locked(func() { w.unread["bad"] = errors.New("no JSON") })
		w.sell("bad", 0)
		unreadable := w.sell("good", 0, func(s *stored) { s.row.Unreadable = errors.New("no fields") })
		var good []*stored
		for range 20 {
			good = append(good, w.sell("good", 0))
		}
		time.Sleep(10 * time.Second)
		for _, s := range good {
			require.Equal(t, delivery.Delivered, w.snapshot(s).State)
		}
		require.Equal(t, len(good), w.sent("good"), "nothing is sent twice")
		require.Zero(t, w.snapshot(unreadable).Tries)

		w.locked(func() { w.endpoints = func() error { return errors.New("a look that fails") } })
		time.Sleep(3 * time.Second)
		w.locked(func() {
			w.endpoints = nil
			delete(w.unread, "bad")
			unreadable.row.Unreadable = nil
		})
		time.Sleep(6 * time.Minute)
		require.Equal(t, 1, w.sent("bad"))
		require.Equal(t, delivery.Delivered, w.snapshot(unreadable).State)
	})
}

func TestAPanicStopsNothing(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		w.contract("seller_1", "good", answers(200, 0))
		w.locked(func() { w.panics["delivery_good_0"] = true })
		bad, good := w.sell("good", 0), w.sell("good", 0)
		time.Sleep(5 * time.Second)
		require.Equal(t, delivery.Delivered, w.snapshot(good).State)
		require.Zero(t, w.snapshot(bad).Tries)
		w.locked(func() { clear(w.panics) })
		time.Sleep(6 * time.Minute)
		require.Equal(t, delivery.Delivered, w.snapshot(bad).State)
	})
}

// All are of one seller, so that the others' shares do not help.
func TestManyThatHangDelayNoneThatIsWell(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		const dead = 1000
		for i := range dead {
			if i == dead/2 {
				w.contract("seller_1", "good", answers(200, 10*time.Millisecond))
				w.sell("good", 0)
			}
			id := fmt.Sprint("dead", i)
			w.contract("seller_1", id, hangs)
			for range 10 {
				w.sell(id, 0)
			}
		}
		time.Sleep(40 * timeout) // 1,000 in turn, 32 at once
		require.Equal(t, 1, w.sent("good"))
		w.contract("seller_1", "new", answers(200, 10*time.Millisecond))
		for range 60 {
			w.sell("good", 0)
			time.Sleep(time.Second)
		}
		w.sell("new", 0)
		time.Sleep(2 * time.Second)
		w.locked(func() {
			for _, s := range w.all["good"][1:] {
				require.Equal(t, delivery.Delivered, s.delivery.Snapshot().State)
				require.Less(t, s.took, 1200*time.Millisecond)
			}
		})
		require.Equal(t, 1, w.sent("new"), "those that failed do not take the places of those that are not known")
		for i := range dead {
			require.Greater(t, w.sent(fmt.Sprint("dead", i)), 1, "each gets its turn")
		}
	})
}

// The receivers of one seller take half of the places that there are for their standing, so that another's do not wait for them.
func TestASellerTakesHalfOfThePlaces(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		now, most := 0, 0
		for i := range 1000 {
			id := fmt.Sprint("dead", i)
			w.contract("seller_1", id, func(ctx context.Context, r application.OutboundRequest) (application.OutboundAnswer, error) {
				w.locked(func() {
					now++
					most = max(most, now)
				})
				defer w.locked(func() { now-- })
				return hangs(ctx, r)
			})
			w.sell(id, 0)
		}
		time.Sleep(timeout / 2)
		w.locked(func() { require.Equal(t, 256/4/2, most) })
		w.contract("seller_2", "new", answers(200, 0))
		w.sell("new", 0)
		time.Sleep(2 * time.Second)
		require.Equal(t, 1, w.sent("new"))
	})
}

func TestAMailServerThatHangsDelaysNoRequest(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		for i := range 300 {
			id := fmt.Sprint("mail", i)
			w.contract(fmt.Sprint("seller_", i), id, nil)
			w.sell(id, 0)
		}
		time.Sleep(time.Minute)
		w.contract("seller_1", "good", answers(200, 0))
		good := w.sell("good", 0)
		time.Sleep(2 * time.Second)
		require.Equal(t, delivery.Delivered, w.snapshot(good).State)
		w.locked(func() { require.Equal(t, 8, w.mostMails) })
	})
}

func TestAFullHostIsNoAttempt(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		full := true
		w.contract("seller_1", "full", func(context.Context, application.OutboundRequest) (application.OutboundAnswer, error) {
			var err error
			w.locked(func() {
				if full {
					err = application.ErrOutboundBusy
				}
			})
			return application.OutboundAnswer{Status: 200}, err
		})
		s := w.sell("full", 0)
		time.Sleep(10 * time.Second)
		require.Greater(t, w.sent("full"), 5)
		synctest.Wait() // the last one is noted
		w.locked(func() { require.Equal(t, map[string]int{"busy": w.requests["full"]}, w.outcomes) })
		require.Zero(t, w.snapshot(s).Tries)
		w.locked(func() { full = false })
		time.Sleep(2 * time.Second) // the receiver was not found to be dead
		require.Equal(t, delivery.Delivered, w.snapshot(s).State)
		require.EqualValues(t, 1, w.snapshot(s).Tries)
	})
}

// A look that took ten minutes is followed by the next one after seconds, not after forty minutes.
func TestALookThatTakesLongHoldsUpLittle(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		w.contract("seller_1", "good", answers(200, 0))
		time.Sleep(5 * time.Second)
		w.locked(func() {
			w.endpoints = func() error {
				w.stood.CompareAndSwap(0, int64(10*time.Minute))
				return nil
			}
		})
		time.Sleep(2 * time.Second)
		require.NotZero(t, w.stood.Load())
		s := w.sell("good", 0)
		time.Sleep(15 * time.Second)
		require.Equal(t, delivery.Delivered, w.snapshot(s).State)
	})
}

func TestWhatIsTooLargeSaysNothingOfTheReceiver(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		w.contract("seller_1", "good", answers(200, 0))
		var large []*stored
		for range 20 {
			large = append(large, w.sell("good", time.Minute, func(s *stored) {
				s.row.Fields = field.Set{"text": field.TextValue(strings.Repeat("a", 600<<10))}
			}))
		}
		good := w.sell("good", 0)
		time.Sleep(2 * time.Second) // less than the pause of a receiver that is dead
		require.Equal(t, delivery.Delivered, w.snapshot(good).State)
		require.Equal(t, 1, w.sent("good"))
		for _, s := range large {
			n := w.snapshot(s)
			require.Equal(t, []any{delivery.Failed, delivery.TooLarge, int64(1)}, []any{n.State, n.Reason, n.Tries})
		}
	})
}

func TestWhatIsOverdueBehindADeadReceiverFails(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		w.contract("seller_1", "dead", hangs)
		var old []*stored
		for range 200 {
			old = append(old, w.sell("dead", 77*time.Hour))
		}
		fresh := w.sell("dead", 75*time.Hour)
		time.Sleep(time.Minute)
		pending := func() (n int) {
			for _, s := range old {
				if w.snapshot(s).State == delivery.Pending {
					n++
				}
			}
			return n
		}
		require.Equal(t, 200, pending(), "a minute is not enough to call a receiver dead")
		time.Sleep(20 * time.Minute)
		for _, s := range old {
			n := w.snapshot(s)
			if n.Tries == 0 {
				require.Equal(t, delivery.Failed, n.State)
				require.Equal(t, delivery.Timeout, n.Reason)
			}
		}
		require.Less(t, pending(), 20, "those that were tried wait for their next attempt")
		require.Equal(t, delivery.Pending, w.snapshot(fresh).State)
	})
}

func TestHeldLeadsDelayTheirOwnResultsOnly(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		w.contract("seller_1", "one", answers(200, 0))
		w.contract("seller_2", "two", answers(200, 0))
		w.locked(func() { w.held["lead_one_0"] = true })
		held := w.sell("one", 0)
		for range 30 {
			w.sell("one", 0)
			w.sell("two", 0)
		}
		time.Sleep(5 * time.Second)
		w.locked(func() {
			for _, s := range append(w.all["one"][1:], w.all["two"]...) {
				require.Equal(t, delivery.Delivered, s.delivery.Snapshot().State, s.row.ID)
			}
		})
		require.Equal(t, delivery.Pending, w.snapshot(held).State)
		w.locked(func() { clear(w.held) })
		time.Sleep(3 * time.Second)
		require.Equal(t, delivery.Delivered, w.snapshot(held).State)
		require.Equal(t, 31, w.sent("one"), "what is held is not sent again")
	})
}

func TestRefusalsOpenNoBreaker(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]int{422: 20, 410: 20, 301: 20, 408: 6, 429: 6, 503: 6} {
		sending(t, func(t *testing.T, w *world) {
			w.contract("seller_1", "one", answers(status, 0))
			for range 20 {
				w.sell("one", 0)
			}
			time.Sleep(4 * time.Second) // before anything is tried again
			if got := w.sent("one"); want == 20 && got != want || got > want {
				t.Errorf("with %d it got %d requests, want %d", status, got, want)
			}
		})
	}
}

func TestWhatEndsNeedsNoSecret(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		w.contract("seller_1", "one", answers(200, 0))
		w.sealed = errors.New("another key")
		returned, erased, waits := w.sell("one", 0), w.sell("one", 0), w.sell("one", 0)
		w.locked(func() { returned.row.Sale, erased.row.Erased = string(lead.SaleReturned), true })
		time.Sleep(3 * time.Second)
		require.Equal(t, delivery.Returned, w.snapshot(returned).Reason)
		require.Equal(t, delivery.Erased, w.snapshot(erased).Reason)
		require.Equal(t, delivery.Pending, w.snapshot(waits).State)
		require.Zero(t, w.sent("one"))
	})
}

func TestAClockSetBackHoldsNoReceiver(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		w.contract("seller_1", "one", answers(503, 0))
		for range 50 {
			w.sell("one", 24*time.Hour)
		}
		time.Sleep(2 * time.Second)
		before := w.sent("one")
		w.back.Store(int64(time.Hour))
		time.Sleep(6 * time.Second)
		require.Greater(t, w.sent("one"), before)
	})
}

func TestASlowReceiverIsReadAsMuchAsItTakes(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		var i atomic.Int64
		w.contract("seller_1", "slow", func(ctx context.Context, r application.OutboundRequest) (application.OutboundAnswer, error) {
			return answers(200, time.Duration(9+i.Add(1)%8)*time.Second)(ctx, r)
		})
		for range 2000 {
			w.sell("slow", 0)
		}
		time.Sleep(10 * time.Minute)
		w.locked(func() { require.Less(t, float64(w.rows)/float64(w.requests["slow"]), 15.) })
	})
}
