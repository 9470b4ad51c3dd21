package market_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// score is a provider of facts that answers as its test says. It counts how often it was asked about each lead.
type score struct {
	answer func(ctx context.Context, f lead.Facts) (field.Set, error)

	mu    sync.Mutex
	asked map[string]int
}

func newScore(answer func(context.Context, lead.Facts) (field.Set, error)) *score {
	return &score{answer: answer, asked: map[string]int{}}
}

func (*score) Name() string           { return "score" }
func (*score) Timeout() time.Duration { return 5 * time.Second }
func (s *score) Ask(ctx context.Context, f lead.Facts) (field.Set, error) {
	s.mu.Lock()
	s.asked[f.ID]++
	s.mu.Unlock()
	return s.answer(ctx, f)
}

// of returns how often the provider was asked about a lead.
func (s *score) of(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[id]
}

// leads returns about how many leads the provider was asked.
func (s *score) leads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

func points(n string) field.Set { return field.Set{"points": field.TextValue(n)} }

// scored is a rule that refuses leads with a score of 0, and a strategy that sells only leads with a score of 9. blind counts
// the leads that the strategy was asked about without a score.
type scored struct{ blind *atomic.Int64 }

type (
	scoredRule     struct{ scored }
	scoredStrategy struct{ scored }
)

func (scoredRule) Code() fault.Code { return "test_scored" }
func (scoredStrategy) Code() string { return "test_scored" }
func (scored) Order() int           { return 9 }
func (scoredRule) Check(f lead.Facts) error {
	if a, _ := f.Outside("score"); a.Text("points") == "0" {
		return errors.New("A score of 0.")
	}
	return nil
}

func (s scoredStrategy) Rank(f lead.Facts, c []distribution.Candidate) []distribution.Candidate {
	a, ok := f.Outside("score")
	if !ok {
		s.blind.Add(1)
	}
	if a.Text("points") != "9" {
		return nil
	}
	return c
}

// newScored returns a module with a provider, and what says how many leads its strategy saw without a score.
func newScored(p application.FactProvider) (leadmill.Module, *atomic.Int64) {
	s := scored{new(atomic.Int64)}
	return leadmill.NewModule("test", leadmill.AsFacts(func() application.FactProvider { return p }),
		leadmill.AsIntakeRule(func() scoredRule { return scoredRule{s} }),
		leadmill.AsStrategy(func() scoredStrategy { return scoredStrategy{s} })), s.blind
}

var byScore = apptest.Object{"distribution": apptest.Object{"strategy": "test_scored"}}

func TestAnswersReachRulesAndStrategies(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		p := newScore(func(_ context.Context, f lead.Facts) (field.Set, error) {
			switch name := f.Field("lastName").Text; name {
			case "Failing":
				return points("9"), errors.New("no score of " + f.Field("phone").Text)
			case "Panicking":
				panic("at " + f.Field("phone").Text)
			default:
				return points(name), nil
			}
		})
		module, blind := newScored(p)
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{}, module)
		s := apptest.NewShop(t, app, byScore, apptest.Rich)
		for name, want := range map[string]string{"9": "sold", "5": "pending", "0": "rejected", "Failing": "pending", "Panicking": "pending"} {
			l := s.Sell(t, s.Form().With("lastName", name))
			if l.Status != want || p.of(l.ID) == 0 {
				t.Errorf("%s: answered %+v, asked %d times", name, l, p.of(l.ID))
			}
			if want == "rejected" && l.Code != "test_scored" {
				t.Errorf("rejected with %q", l.Code)
			}
		}
		if n := blind.Load(); n < 2 {
			t.Errorf("the strategy saw %d leads without an answer, want those of the provider that failed", n)
		}
		logs := app.Logs.String()
		if !strings.Contains(logs, "facts=[score]") || !strings.Contains(logs, "a lead is decided without facts from outside") || phones.MatchString(logs) {
			t.Errorf("the log says\n%s", logs)
		}
		// A test lead is asked about like any other; one that lacks fields, or is a replay, is not.
		if l := s.Sell(t, s.Form().With("lastName", "9", "test", true)); l.Status != "sold" {
			t.Errorf("a test lead is answered %+v", l)
		}
		keyed := s.Form().With("lastName", "9")
		first := s.Supplier.Must(t, "POST", "/api/leads", keyed, "Idempotency-Key", "k").Lead()
		again := s.Supplier.Must(t, "POST", "/api/leads", keyed, "Idempotency-Key", "k")
		if !again.Replayed() || p.of(first.ID) != 1 {
			t.Errorf("a replay is answered %v, asked %d times", again, p.of(first.ID))
		}
		before := p.leads()
		if a := s.Supplier.Do("POST", "/api/leads", s.Form().With("phone", "")); a.Status != 400 || p.leads() != before {
			t.Errorf("a lead without a phone is answered %v, or asked about", a)
		}
		apptest.Open(t, databaseURL).Audit()
	})
}

func TestLeadsThatComeTogetherAreAskedAboutTogether(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		const n = 40
		var there atomic.Int64
		all := make(chan struct{})
		// Each answer waits until all leads are being asked about: one after another, they would run out of time.
		p := newScore(func(ctx context.Context, _ lead.Facts) (field.Set, error) {
			if there.Add(1) == n {
				close(all)
			}
			select {
			case <-all:
				return points("9"), nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
		module, _ := newScored(p)
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{}, module)
		s := apptest.NewShop(t, app, byScore, apptest.Rich)
		answers := make([]apptest.Answer, n)
		apptest.Parallel(n, func(i int) { answers[i] = s.Supplier.Do("POST", "/api/leads", s.Form()) })
		for _, a := range answers {
			if a.Lead().Status != "sold" {
				t.Fatalf("answered %v", a)
			}
		}
		apptest.Open(t, databaseURL).Audit()
	})
}

func TestPendingLeadsAreAskedAboutAgain(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		var s *apptest.Shop
		good := new(atomic.Bool)
		between := make(chan apptest.Answer, 1)
		var once sync.Once
		p := newScore(func(_ context.Context, f lead.Facts) (field.Set, error) {
			if !good.Load() || f.Field("lastName").Text == "Never" {
				return points("5"), nil
			}
			if f.Field("lastName").Text == "Between" {
				return points("9"), nil
			}
			// Between reading the page and deciding it, another lead begins to wait.
			once.Do(func() {
				good.Store(false)
				between <- s.Supplier.Do("POST", "/api/leads", s.Form().With("lastName", "Between"))
				good.Store(true)
			})
			return points("9"), nil
		})
		module, blind := newScored(p)
		hands := clock.NewManual(time.Now())
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands}, module)
		s = apptest.NewShop(t, app, byScore, apptest.Rich)
		ids := wait(t, s, 3)
		never := s.Sell(t, s.Form().With("lastName", "Never"))
		good.Store(true)
		s.Deposit(t, s.BuyerIDs[0], 1)
		soldOf(t, s, ids, 3)
		a := <-between
		if a.Lead().Status != "pending" {
			t.Fatalf("the lead that came between is answered %v", a)
		}
		soldOf(t, s, []string{a.Lead().ID}, 1)
		if n := blind.Load(); n != 0 {
			t.Errorf("%d leads were offered without having been asked about", n)
		}
		if n := p.of(a.Lead().ID); n < 2 {
			t.Errorf("the lead that came between was asked about %d times", n)
		}
		// What waits too long is unsold, whatever is answered.
		hands.Advance(365 * 24 * time.Hour)
		apptest.Eventually(t, func() error {
			if l := s.Lead(t, never.ID); l["status"] != "unsold" {
				return fmt.Errorf("the lead that nobody wants is %v", l["status"])
			}
			return nil
		})
		apptest.Open(t, databaseURL).Audit()
	})
}

func TestNothingIsAskedAboutLeadsThatNoContractCanTake(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		p := newScore(func(context.Context, lead.Facts) (field.Set, error) { return points("9"), nil })
		module, _ := newScored(p)
		hands := clock.NewManual(time.Now())
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands}, module)
		s := apptest.NewShop(t, app, byScore, apptest.Buyer{Contract: apptest.Object{"price": 10.00}})
		db := apptest.Open(t, databaseURL)
		ids := wait(t, s, 2)
		s.Deposit(t, s.BuyerIDs[0], 9.99)
		db.Settle()
		for _, id := range ids {
			if n := p.of(id); n != 1 {
				t.Errorf("asked %d times about a lead that nobody can pay, want once", n)
			}
		}
		s.Deposit(t, s.BuyerIDs[0], 0.01)
		soldOf(t, s, ids, 1)
		hands.Advance(365 * 24 * time.Hour)
		apptest.Eventually(t, func() error {
			if n := db.Number("SELECT COUNT(*) FROM leads WHERE status = 'unsold'"); n != 1 {
				return fmt.Errorf("%d leads are unsold, want 1", n)
			}
			return nil
		})
		db.Audit()
	})
}
