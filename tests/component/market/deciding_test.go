package market_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// mostLeft is a team's strategy: the contract with the most budget left this month is asked first, or the buyer with the
// most money left where there is no budget.
type mostLeft struct{}

func (mostLeft) Code() string { return "test_most_left" }
func (mostLeft) Order() int   { return 9 }
func (mostLeft) Rank(_ lead.Facts, c []distribution.Candidate) []distribution.Candidate {
	left := func(c distribution.Candidate) money.Micros {
		if month, ok := c.Usage.Of(calendar.Month); ok {
			budget, _ := month.BudgetLeft()
			return budget
		}
		return c.Balance
	}
	slices.SortFunc(c, func(a, b distribution.Candidate) int {
		return cmp.Or(cmp.Compare(left(b), left(a)), cmp.Compare(a.ContractID, b.ContractID))
	})
	return c
}

var byMostLeft = apptest.Object{"distribution": apptest.Object{"strategy": "test_most_left"}}

func newMostLeft() leadmill.Module {
	return leadmill.NewModule("most_left", leadmill.AsStrategy(func() mostLeft { return mostLeft{} }))
}

func TestMostLeftIsFairOverTwoInstances(t *testing.T) {
	t.Parallel()
	for name, buyer := range map[string]apptest.Buyer{
		"budget":  {Deposit: 100_000, Contract: apptest.Object{"price": 10.00, "caps": []apptest.Object{{"window": "total", "budget": 200.00}}}},
		"balance": {Deposit: 200, Contract: apptest.Object{"price": 10.00}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				one := apptest.Start(t, databaseURL, leadmill.StartOptions{}, newMostLeft())
				two := apptest.Start(t, databaseURL, leadmill.StartOptions{}, newMostLeft())
				s := apptest.NewShop(t, one, byMostLeft, buyer, buyer)
				clients := []*apptest.Client{s.Supplier.At(one), s.Supplier.At(two)}
				db := apptest.Open(t, databaseURL)
				// Of 40 leads each buyer can take 20. Of the first 30 each takes 15 only if the strategy sees what every lead
				// before it took, in the same batch and in those of the other instance.
				for _, n := range []int64{30, 10} {
					answers := make([]apptest.Answer, n)
					apptest.Parallel(int(n), func(i int) { answers[i] = clients[i%2].Insist("POST", "/api/leads", s.Form()) })
					for _, a := range answers {
						if a.Lead().Status != "sold" {
							t.Fatalf("answered %v, want sold", a)
						}
					}
					all := db.Number("SELECT COUNT(*) FROM sales")
					for i, id := range s.BuyerIDs {
						if sold := db.Number("SELECT COUNT(*) FROM sales WHERE buyer_id = ?", id); sold != all/2 {
							t.Errorf("buyer %d has %d of %d leads", i, sold, all)
						}
					}
				}
				if a := s.Supplier.Do("POST", "/api/leads", s.Form()); a.Lead().Status != "pending" {
					t.Errorf("a lead more than fits is answered %v", a)
				}
				db.Audit()
			})
		})
	}
}

func TestLeadsWaitForAStrategyThatIsMissing(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		// An instance with the strategy makes the campaign, but does not look after what waits.
		complete := apptest.Start(t, databaseURL, leadmill.StartOptions{}, newMostLeft(),
			leadmill.NewModule("unswept", leadmill.AsInterceptor(func() *apptest.Unswept { return &apptest.Unswept{} })))
		s := apptest.NewShop(t, complete, byMostLeft, apptest.Rich)
		if strings.Contains(complete.Logs.String(), "this build lacks") {
			t.Error("a complete build warns of missing strategies")
		}

		lacking := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		warned := 0
		for line := range strings.Lines(lacking.Logs.String()) {
			if strings.Contains(line, "this build lacks") {
				warned++
				if !strings.Contains(line, "WARN") || !strings.Contains(line, s.CampaignID) || !strings.Contains(line, "test_most_left") {
					t.Errorf("warned of %s", line)
				}
			}
		}
		if warned != 1 {
			t.Errorf("warned %d times, want once:\n%s", warned, lacking.Logs)
		}
		a := s.Supplier.At(lacking).Must(t, "POST", "/api/leads", s.Form())
		if l := a.Lead(); l.Status != "pending" || !l.Success {
			t.Fatalf("answered %v, want pending", a)
		}
		seen := fmt.Sprint(s.Lead(t, a.Lead().ID)["trace"])
		if !strings.Contains(seen, "strategy_missing") || !strings.Contains(seen, s.ContractIDs[0]) {
			t.Errorf("the trace is %s", seen)
		}
		// The campaign can be changed all the same.
		s.Program.At(lacking).Must(t, "PUT", "/v1/campaigns/"+s.CampaignID, apptest.Object{"name": "Autos"})

		doctor := apptest.Launch(t, databaseURL, []string{"doctor"})
		if code := doctor.Wait(t); code != 0 {
			t.Errorf("doctor ended with %d: %s", code, doctor.Logs)
		}
		if line := fmt.Sprintf("The leads of campaign %s wait: this build has no strategy %q\n", s.CampaignID, "test_most_left"); !strings.Contains(doctor.Output.String(), line) {
			t.Errorf("doctor says\n%s", doctor.Output)
		}

		// What waited is sold by a build that has the strategy.
		apptest.Start(t, databaseURL, leadmill.StartOptions{}, newMostLeft())
		soldOf(t, s, []string{a.Lead().ID}, 1)
		apptest.Open(t, databaseURL).Audit()
	})
}

// wrongStrategy ranks a contract that it was not offered, or one twice, for leads of a last name.
type wrongStrategy struct{ mended *atomic.Bool }

func (wrongStrategy) Code() string { return "test_wrong" }
func (wrongStrategy) Order() int   { return 9 }
func (w wrongStrategy) Rank(f lead.Facts, c []distribution.Candidate) []distribution.Candidate {
	switch f.Field("lastName").Text {
	case "Nobody":
		if !w.mended.Load() {
			return nil
		}
	case "Stranger":
		return append(c, distribution.Candidate{ContractID: f.Field("phone").Text})
	case "Twice":
		return append(c, c...)
	case "Late":
		if !w.mended.Load() {
			return nil
		}
		return append(c, c...)
	}
	return c
}

func TestAStrategyThatRanksWhatItWasNotOffered(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		mended := new(atomic.Bool)
		g, d := &gate{}, &sqlstoretest.Faults{}
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Driver: d.Wrap}, leadmill.NewModule("test",
			leadmill.AsStrategy(func() wrongStrategy { return wrongStrategy{mended} }), leadmill.AsInterceptor(func() *gate { return g })))
		s := apptest.NewShop(t, app, apptest.Object{"distribution": apptest.Object{"strategy": "test_wrong"}}, apptest.Rich)
		db := apptest.Open(t, databaseURL)

		forms := make([]apptest.Form, 9)
		for i := range forms {
			forms[i] = s.Form()
		}
		forms[3], forms[6] = forms[3].With("lastName", "Stranger"), forms[6].With("lastName", "Twice")
		answers, _ := batch(t, d, g, s, forms)
		for i, a := range answers {
			switch wrong := i == 3 || i == 6; {
			case wrong && (a.Status != 500 || a.Lead().Code != "internal_error"):
				t.Errorf("a lead that was ranked wrongly is answered %v", a)
			case !wrong && a.Lead().Status != "sold":
				t.Errorf("a lead beside them is answered %v", a)
			}
		}
		if n := db.Number("SELECT COUNT(*) FROM leads"); n != 8 {
			t.Errorf("%d leads are stored, want 8", n)
		}
		for _, says := range []string{`the distribution strategy \"test_wrong\" ranked a contract that was not offered`, `the distribution strategy \"test_wrong\" ranked the contract ` + s.ContractIDs[0] + ` twice`} {
			if !strings.Contains(app.Logs.String(), says) {
				t.Errorf("the log does not say %s", says)
			}
		}

		// Of leads that wait, it fails the one and sells the other.
		late := s.Sell(t, s.Form().With("lastName", "Late"))
		other := s.Sell(t, s.Form().With("lastName", "Nobody"))
		if late.Status != "pending" || other.Status != "pending" {
			t.Fatalf("answered %+v and %+v, want pending", late, other)
		}
		mended.Store(true)
		s.Deposit(t, s.BuyerIDs[0], 1)
		soldOf(t, s, []string{other.ID}, 1)
		db.Settle()
		if l := s.Lead(t, late.ID); l["status"] != "pending" {
			t.Errorf("the lead that was ranked wrongly is %v", l["status"])
		}
		for _, says := range []string{"a strategy failed on pending leads", "strategy=test_wrong", "lead_id=" + late.ID} {
			if !strings.Contains(app.Logs.String(), says) {
				t.Errorf("the log does not say %s", says)
			}
		}
		if phone := phones.FindString(app.Logs.String()); phone != "" {
			t.Errorf("the log holds the phone number %s", phone)
		}
		db.Audit()
	})
}

// downRule cannot tell about leads of one first name while it is down.
type downRule struct{ down *atomic.Bool }

func (downRule) Code() fault.Code { return "test_down" }
func (downRule) Order() int       { return 1 }
func (r downRule) Check(f lead.Facts) error {
	if r.down.Load() && f.Field("firstName").Text == "Poison" {
		return fault.New(fault.Unavailable, "scores_down", "No score of "+f.Field("phone").Text)
	}
	return nil
}

func TestARuleThatCannotTellFailsItsLeadAlone(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		down := new(atomic.Bool)
		g, d := &gate{}, &sqlstoretest.Faults{}
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Driver: d.Wrap}, leadmill.NewModule("test",
			leadmill.AsIntakeRule(func() downRule { return downRule{down} }), leadmill.AsInterceptor(func() *gate { return g })))
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		db := apptest.Open(t, databaseURL)
		down.Store(true)
		forms := make([]apptest.Form, 9)
		for i := range forms {
			forms[i] = s.Form()
		}
		forms[4] = forms[4].With("firstName", "Poison", "external_id", "crm-4")
		answers, _ := batch(t, d, g, s, forms)
		for i, a := range answers {
			switch l := a.Lead(); {
			case i == 4 && (a.Status != 503 || l.Code != "service_unavailable" || a.Header.Get("Retry-After") == ""):
				t.Errorf("the lead that the rule cannot tell about is answered %v", a)
			case i != 4 && l.Status != "sold":
				t.Errorf("a lead beside it is answered %v", a)
			}
		}
		keyed := forms[4].With("phone", apptest.Phone(), "external_id", "crm-5")
		if a := s.Supplier.Do("POST", "/api/leads", keyed, "Idempotency-Key", "down"); a.Status != 503 {
			t.Errorf("under a key it is answered %v", a)
		}
		if n := db.Number("SELECT COUNT(*) FROM leads"); n != 9 {
			t.Errorf("%d leads are stored, want those beside it only", n)
		}
		if n := db.Number("SELECT COUNT(*) FROM claims WHERE lead_id NOT IN (SELECT id FROM leads WHERE external_id = '')"); n != 0 {
			t.Errorf("%d claims of it are left", n)
		}
		if logs := app.Logs.String(); !strings.Contains(logs, `the intake rule \"test_down\" cannot tell now`) || phones.MatchString(logs) {
			t.Errorf("the log says\n%s", logs)
		}
		down.Store(false)
		if l := s.Sell(t, forms[4]); l.Status != "sold" {
			t.Errorf("sent again it is answered %+v", l)
		}
		if a := s.Supplier.Must(t, "POST", "/api/leads", keyed, "Idempotency-Key", "down"); a.Lead().Status != "sold" || a.Replayed() {
			t.Errorf("sent again under its key it is answered %v", a)
		}
		db.Audit()
	})
}

// thinkingRule takes 6 ms by the clock of the test.
type thinkingRule struct{ hands *clock.Manual }

func (thinkingRule) Code() fault.Code { return "test_thinking" }
func (thinkingRule) Order() int       { return 1 }
func (r thinkingRule) Check(lead.Facts) error {
	r.hands.Advance(6 * time.Millisecond)
	return nil
}

func TestASlowRuleIsToldOfOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands},
			leadmill.NewModule("test", leadmill.AsIntakeRule(func() thinkingRule { return thinkingRule{hands} })), newMostLeft())
		s := apptest.NewShop(t, app, byMostLeft, apptest.Rich)
		for range 3 {
			s.Sell(t, s.Form())
		}
		logs := app.Logs.String()
		if n := strings.Count(logs, "a module's decision is slow"); n != 1 || !strings.Contains(logs, "kind=intake_rule code=test_thinking duration=6ms") {
			t.Errorf("told %d times, want once:\n%s", n, logs)
		}
	})
}

// cheapest takes the place of highest_price and does the opposite.
type cheapest struct{ distribution.HighestPrice }

func (cheapest) Rank(_ lead.Facts, c []distribution.Candidate) []distribution.Candidate {
	slices.SortFunc(c, func(a, b distribution.Candidate) int { return cmp.Compare(a.Price, b.Price) })
	return c
}

// noWindow takes the place of the attribution policy "window".
type noWindow struct{}

func (noWindow) Code() string                                 { return "window" }
func (noWindow) Order() int                                   { return 300 }
func (noWindow) Decide(attribution.Facts) attribution.Verdict { return attribution.Verdict{} }

func TestBuiltInOnesAreReplaced(t *testing.T) {
	t.Parallel()
	newCheapest := func() cheapest { return cheapest{} }
	newNoWindow := func() noWindow { return noWindow{} }
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{}, leadmill.NewModule("test",
			leadmill.ReplacePolicy("highest_price", newCheapest), leadmill.ReplacePolicy("window", newNoWindow)))
		for _, told := range []string{`"[priority highest_price (replaced) round_robin weighted]"`, "inactive_partner window (replaced) operator"} {
			if !strings.Contains(app.Logs.String(), told) {
				t.Errorf("the log does not say %s:\n%s", told, app.Logs)
			}
		}
		s := apptest.NewShop(t, app, apptest.Object{"distribution": apptest.Object{"strategy": "highest_price"}}, apptest.Rich,
			apptest.Buyer{Deposit: 1000, Contract: apptest.Object{"price": 9.00}})
		if l := s.Sell(t, s.Form()); len(l.BuyerIDs) != 1 || l.BuyerIDs[0] != s.BuyerIDs[1] {
			t.Errorf("answered %+v, want the cheaper contract", l)
		}
		for says, extension := range map[string]leadmill.Extension{
			`two replaced policies are called "highest_price": module "other": `:    leadmill.ReplacePolicy("highest_price", newCheapest),
			`two replaced policies are called "window": module "other": `:           leadmill.ReplacePolicy("window", newNoWindow),
			`no built-in distribution strategy has the code "test_most_left"`:       leadmill.ReplacePolicy("test_most_left", func() mostLeft { return mostLeft{} }),
			`the timeout of the fact provider "slow" is 6s and must be between 1ms`: leadmill.AsFacts(func() slowFacts { return slowFacts{} }),
		} {
			other := leadmill.NewModule("other", leadmill.ReplacePolicy("highest_price", newCheapest), leadmill.ReplacePolicy("window", newNoWindow))
			err := leadmilltest.StartError(t, leadmilltest.Options{DatabaseURL: databaseURL}, leadmill.NewModule("test", extension), other)
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("started with %v, want %s", err, says)
			}
		}
	})
}

type slowFacts struct{}

func (slowFacts) Name() string                                       { return "slow" }
func (slowFacts) Timeout() time.Duration                             { return 6 * time.Second }
func (slowFacts) Ask(context.Context, lead.Facts) (field.Set, error) { return nil, nil }
