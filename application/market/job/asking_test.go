package job_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/lead"
)

// ask makes a delivery whose buyer is asked until half a minute from now.
func (w *world) ask(contract string) *stored {
	return w.sell(contract, 0, func(s *stored) {
		s.row.Sale, s.row.Deadline = string(lead.ReservationReserved), w.Now().Add(lead.AskFor)
		n := s.delivery.Snapshot()
		n.Confirm, n.Deadline = true, s.row.Deadline
		s.delivery = delivery.FromSnapshot(n)
	})
}

// settling is where a world stores what buyers answer.
type settling struct{ w *world }

func (s settling) Handle(ctx context.Context, c marketcommand.SettleReservations) (done marketcommand.ReservationsSettled, err error) {
	w := s.w
	var slow time.Duration
	w.locked(func() {
		slow = w.settles
		if c.Results[0].Said.Verdict == delivery.Rejected {
			slow += w.refuses
		}
	})
	time.Sleep(slow)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.unsettled != nil {
		if err := w.unsettled(); err != nil {
			return done, err
		}
	}
	for _, r := range c.Results {
		if w.broken[r.LeadID] && r.Ended != "" {
			w.brokenTold++
			return done, errors.New("nothing is reserved")
		}
		if w.held[r.LeadID] || w.answersHeld[r.LeadID] && r.Ended == "" {
			return done, &application.HeldError{Err: errors.New("held")}
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
				err = s.delivery.Answered(r.Outcome, r.Said, w.Now())
			}
			if err == nil {
				done.Stored++
				s.took = w.Now().Sub(s.since)
			}
		}
	}
	return done, ctx.Err()
}

func (w *world) OverdueReservations(_ context.Context, at time.Time, limit int) (all []market.OverdueReservation, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.contracts {
		for _, s := range w.all[c.ID] {
			if n := s.delivery.Snapshot(); n.Asks() && !n.Deadline.After(at) && len(all) < limit {
				all = append(all, market.OverdueReservation{SellerID: n.SellerID, DeliveryID: n.ID, LeadID: s.row.LeadID, Tries: n.Tries, Reason: delivery.Unreachable, Deadline: n.Deadline})
			}
		}
	}
	return all, nil
}

// said is a buyer that says something after a while.
func said(verdict string, after time.Duration) receiver {
	return func(context.Context, application.OutboundRequest) (application.OutboundAnswer, error) {
		time.Sleep(after)
		return application.OutboundAnswer{Status: 200, Body: fmt.Appendf(nil, `{"status":%q}`, verdict)}, nil
	}
}

func TestABuyerIsAskedUntilItAnswers(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		n := 0
		w.contract("seller_1", "ask", func(ctx context.Context, r application.OutboundRequest) (application.OutboundAnswer, error) {
			if n++; n == 1 {
				return hangs(ctx, r)
			}
			return said("accepted", 0)(ctx, r)
		})
		w.contract("seller_1", "ask no", said("rejected", 0))
		w.contract("seller_1", "ask what", answers(200, 0))
		w.contract("seller_1", "ask silent", hangs)
		late, no, what, silent := w.ask("ask"), w.ask("ask no"), w.ask("ask what"), w.ask("ask silent")
		time.Sleep(25 * time.Second)
		require.Equal(t, delivery.Delivered, w.snapshot(late).State)
		require.EqualValues(t, 2, w.snapshot(late).Tries)
		require.Equal(t, delivery.BuyerRejected, w.snapshot(no).Reason)
		require.True(t, w.snapshot(what).Unknown())
		require.True(t, w.snapshot(silent).Unknown())
		time.Sleep(7 * time.Second)
		require.Equal(t, delivery.Unreachable, w.snapshot(what).Reason, "what the store tells of its last try")
		require.Equal(t, delivery.Failed, w.snapshot(silent).State)
		require.Greater(t, w.sent("ask silent"), 3, "after 1, 2, 4 and 8 s")
		require.Less(t, w.sent("ask silent"), 7)
	})
}

// Requests that somebody waits for go beside all others, and what is answered to them is stored beside what others say.
func TestAskingAndTellingDelayNotEachOther(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		for i := range 200 {
			tell, ask := fmt.Sprint("tell", i), fmt.Sprint("ask silent", i)
			w.contract("seller_1", tell, hangs)
			w.contract("seller_1", ask, hangs)
			for range 5 {
				w.sell(tell, 0)
				w.ask(ask)
			}
		}
		time.Sleep(10 * time.Second)
		w.contract("seller_1", "ask", said("accepted", 100*time.Millisecond))
		w.contract("seller_1", "told", answers(200, 0))
		w.locked(func() { w.settles = 3 * time.Second })
		yes, told := w.ask("ask"), w.sell("told", 0)
		time.Sleep(10 * time.Second)
		require.Equal(t, delivery.Delivered, w.snapshot(told).State)
		require.Less(t, told.took, 2*time.Second, "a database that settles slowly delays nobody who is told")
		require.Equal(t, delivery.Delivered, w.snapshot(yes).State)
		w.locked(func() { w.settles = 0 })
		time.Sleep(time.Minute)
		w.locked(func() {
			for id, all := range w.all {
				for _, s := range all {
					require.False(t, strings.HasPrefix(id, "ask") && s.delivery.Snapshot().State == delivery.Pending, "%s is asked after its deadline", id)
				}
			}
		})
	})
}

// A thousand leads a second, of which a fifth of the answers are late, keep 1,080 requests under way.
func TestManyAreAskedOfWhomSomeAreLate(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		for i := range 20 {
			n, tries := 0, map[string]int{}
			w.contract("seller_1", fmt.Sprint("ask", i), func(ctx context.Context, r application.OutboundRequest) (application.OutboundAnswer, error) {
				var late bool
				w.locked(func() {
					n++
					id := r.Header["Idempotency-Key"][0]
					tries[id]++
					late = n%5 == 0 && tries[id] < 4 // there is time for five
				})
				if late {
					return hangs(ctx, r)
				}
				return said("accepted", 100*time.Millisecond)(ctx, r)
			})
		}
		var all []*stored
		for range 100 { // of 100 ms
			for range 5 {
				for i := range 20 {
					all = append(all, w.ask(fmt.Sprint("ask", i)))
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(40 * time.Second)
		var took []time.Duration
		w.locked(func() {
			for _, s := range all {
				require.Equal(t, delivery.Delivered, s.delivery.Snapshot().State)
				took = append(took, s.took)
			}
		})
		slices.Sort(took)
		require.Less(t, took[len(took)/2], time.Second, "an answer waits for no other")
	})
}

func TestWhatIsHeldIsSettledLater(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		w.contract("seller_1", "ask", said("accepted", 0))
		held := w.ask("ask")
		w.locked(func() { w.held = map[string]bool{held.row.LeadID: true} })
		free := w.ask("ask")
		time.Sleep(3 * time.Second)
		require.Equal(t, delivery.Delivered, w.snapshot(free).State)
		require.Equal(t, delivery.Pending, w.snapshot(held).State)
		w.locked(func() { clear(w.held) })
		time.Sleep(2 * time.Second)
		require.Equal(t, delivery.Delivered, w.snapshot(held).State)
		require.Equal(t, 2, w.sent("ask"), "nobody is asked again meanwhile")

		away := 3
		w.locked(func() {
			w.unsettled = func() error {
				if away--; away >= 0 {
					return application.ErrUnavailable
				}
				return nil
			}
		})
		late := w.ask("ask")
		time.Sleep(5 * time.Second)
		require.Equal(t, delivery.Delivered, w.snapshot(late).State)
		require.EqualValues(t, 1, w.snapshot(late).Tries)
	})
}

// A buyer answers in time and that cannot be stored until the deadline: its yes is what counts, for as long as two minutes.
func TestAnAnswerInTimeGoesBeforeTheSweep(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		w.contract("seller_1", "ask", said("accepted", 0))
		yes := w.ask("ask")
		w.locked(func() { w.answersHeld = map[string]bool{yes.row.LeadID: true} }) // the sweep is not held
		time.Sleep(lead.AskFor + 10*time.Second)
		require.Equal(t, delivery.Pending, w.snapshot(yes).State)
		w.locked(func() { clear(w.answersHeld) })
		time.Sleep(2 * time.Second)
		require.Equal(t, delivery.Delivered, w.snapshot(yes).State)
	})
}

func TestAnAnswerThatIsNeverStoredIsSwept(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		w.contract("seller_1", "ask", said("accepted", 0))
		never := w.ask("ask")
		w.locked(func() { w.answersHeld = map[string]bool{never.row.LeadID: true} })
		time.Sleep(110 * time.Second)
		require.Equal(t, delivery.Pending, w.snapshot(never).State)
		time.Sleep(20 * time.Second)
		require.Equal(t, delivery.Failed, w.snapshot(never).State)
		w.locked(func() { clear(w.answersHeld) })
		time.Sleep(5 * time.Second)
	})
}

// A campaign that somebody else holds while buyers answer stops nobody who is only told.
func TestAnswersThatAreHeldDelayNobodyWhoIsTold(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		var held []*stored
		w.locked(func() { w.answersHeld = map[string]bool{} })
		for i := range 450 {
			id := fmt.Sprint("ask", i)
			w.contract(fmt.Sprint("seller_", i%5), id, said("accepted", 0))
			for range 2 {
				one := w.ask(id)
				w.locked(func() { w.answersHeld[one.row.LeadID] = true })
				held = append(held, one)
			}
		}
		time.Sleep(10 * time.Second)
		w.contract("seller_1", "told", answers(200, 0))
		told := w.sell("told", 0)
		time.Sleep(3 * time.Second)
		require.Equal(t, delivery.Delivered, w.snapshot(told).State)
		w.locked(func() { clear(w.answersHeld) })
		time.Sleep(5 * time.Minute)
		for _, one := range held {
			require.NotEqual(t, delivery.Pending, w.snapshot(one).State)
		}
	})
}

// What became of those who are told takes long to be stored: nobody waits for that who asks.
func TestWhatIsStoredSlowlyDelaysNoQuestion(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		w.contract("seller_1", "told", answers(200, 0))
		w.contract("seller_1", "ask", said("accepted", 0))
		w.locked(func() { w.records = 20 * time.Second })
		told := w.sell("told", 0)
		time.Sleep(2 * time.Second)
		for range 5 {
			one := w.ask("ask")
			time.Sleep(2 * time.Second)
			require.Equal(t, delivery.Delivered, w.snapshot(one).State)
		}
		require.Equal(t, delivery.Pending, w.snapshot(told).State)
		time.Sleep(30 * time.Second)
		require.Equal(t, delivery.Delivered, w.snapshot(told).State)
		require.Equal(t, 1, w.sent("told"))
	})
}

// What buyers accept is settled while others are asked about what their buyers refused.
func TestWhoAcceptsWaitsForNobodyWhoRefuses(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		w.contract("seller_1", "ask no", said("rejected", 0))
		w.contract("seller_1", "ask", said("accepted", 0))
		w.locked(func() { w.refuses = 10 * time.Second })
		for range 3 {
			w.ask("ask no")
			time.Sleep(1100 * time.Millisecond)
		}
		yes := w.ask("ask")
		time.Sleep(2 * time.Second)
		require.Equal(t, delivery.Delivered, w.snapshot(yes).State)
		time.Sleep(20 * time.Second)
	})
}

// What cannot be ended is tried again in a while only, and does not hide what is behind it.
func TestWhatCannotBeEndedStopsNoSweep(t *testing.T) {
	t.Parallel()
	sending(t, func(t *testing.T, w *world) {
		w.contract("seller_1", "ask silent", hangs)
		w.locked(func() { w.broken = map[string]bool{} })
		for range 300 {
			one := w.ask("ask silent")
			w.locked(func() { w.broken[one.row.LeadID] = true })
		}
		time.Sleep(time.Second)
		behind := w.ask("ask silent")
		time.Sleep(40 * time.Second)
		require.Equal(t, delivery.Failed, w.snapshot(behind).State)
		tries := 0
		w.locked(func() { tries = w.brokenTold })
		require.Less(t, tries, 700, "each twice: with others and alone")
		time.Sleep(6 * time.Minute)
		w.locked(func() {
			require.Greater(t, w.brokenTold, tries)
			clear(w.broken)
		})
		time.Sleep(6 * time.Minute)
		w.locked(func() {
			for _, s := range w.all["ask silent"] {
				require.Equal(t, delivery.Failed, s.delivery.Snapshot().State)
			}
		})
	})
}
