package market_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

type pinged struct {
	Success   bool      `json:"success"`
	Status    string    `json:"status"`
	ID        string    `json:"ping_id"`
	Price     *float64  `json:"price"`
	ExpiresAt time.Time `json:"expires_at"`
	Test      bool      `json:"test"`
	Code      string    `json:"code"`
	Fields    []string  `json:"fields"`
}

func pingOf(a apptest.Answer) (p pinged) {
	_ = json.Unmarshal(a.Body, &p)
	return p
}

// bare is a form without what says who somebody is.
func bare(s *apptest.Shop, more ...any) apptest.Form {
	f := s.Form().With(more...)
	for _, name := range []string{"firstName", "lastName", "phone", "email"} {
		delete(f, name)
	}
	return f
}

func quote(t *testing.T, s *apptest.Shop, more ...any) pinged {
	t.Helper()
	p := pingOf(s.Supplier.Must(t, "POST", "/api/leads/ping", bare(s, more...)))
	if !p.Success || p.ID == "" || p.Price == nil {
		t.Fatalf("the ping is answered %+v", p)
	}
	return p
}

var payout70 = apptest.Object{"supplier_payout": apptest.Object{"type": "percent", "value": 70}}

func at(price float64, priority int, more ...any) apptest.Buyer {
	c := apptest.Object{"price": price, "priority": priority}
	for i := 0; i < len(more); i += 2 {
		c[more[i].(string)] = more[i+1]
	}
	return apptest.Buyer{Deposit: 10_000, Contract: c}
}

// askedOf returns the reasons in a lead's trace, in their order.
func askedOf(t *testing.T, s *apptest.Shop, leadID string) string {
	t.Helper()
	var out []string
	for _, c := range s.Lead(t, leadID)["trace"].(apptest.Object)["considered"].([]any) {
		out = append(out, c.(apptest.Object)["reason"].(string))
	}
	return strings.Join(out, " ")
}

func TestAPingPromisesWhatALeadEarns(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, hands, db := startShop(t, databaseURL, payout70, at(45, 1), at(60, 2))
		p := quote(t, s)
		if *p.Price != 31.5 || !p.ExpiresAt.Equal(hands.Now().Add(5*time.Minute)) || p.Test {
			t.Errorf("promised is %+v", p)
		}
		if n := db.Number("SELECT COUNT(*) FROM leads"); n != 0 {
			t.Errorf("a ping made %d leads", n)
		}
		full := pingOf(s.Supplier.Must(t, "POST", "/api/leads/ping", s.Form().With("phone", "312-555-0199", "lastName", "Secret-Name")))
		if !full.Success || db.Number("SELECT COUNT(*) FROM pings WHERE quote LIKE '%0199%' OR quote LIKE '%Secret%'") != 0 {
			t.Errorf("a ping with a person in it is answered %+v, or kept what it was told", full)
		}
		form := s.Form().With("ping_id", p.ID)
		a := s.Supplier.Must(t, "POST", "/api/leads", form)
		l := a.Lead()
		if l.Status != "sold" || l.Price != 31.5 {
			t.Errorf("the lead is %s", a)
		}
		if again := s.Supplier.Must(t, "POST", "/api/leads", form); again.Lead().ID != l.ID || again.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("a double click is answered %s", again)
		}
		if d := s.Lead(t, l.ID); d["ping_id"] != p.ID {
			t.Errorf("the lead came with %v", d["ping_id"])
		}
		test := quote(t, s, "test", true)
		if !test.Test {
			t.Error("a test ping does not say so")
		}
		late := quote(t, s)
		for i, c := range []struct {
			form   apptest.Form
			status int
			code   string
		}{
			{s.Form().With("ping_id", p.ID), 409, "ping_used"},
			{s.Form().With("ping_id", "ping_none"), 400, "invalid_field"},
			{s.Form().With("ping_id", "größe"), 400, "invalid_field"},
			{s.Form().With("ping_id", test.ID), 400, "invalid_field"},
			{s.Form().With("ping_id", late.ID, "test", true), 400, "invalid_field"},
		} {
			for _, header := range [][]string{nil, {"Idempotency-Key", fmt.Sprintf("key-%d-%v", i, c.status)}} {
				if a := s.Supplier.Do("POST", "/api/leads", c.form, header...); a.Status != c.status || pingOf(a).Code != c.code {
					t.Errorf("a lead with %v under %q is answered %s", c.form["ping_id"], header, a)
				}
			}
		}
		if a := s.Supplier.Must(t, "POST", "/api/leads", s.Form().With("ping_id", test.ID, "test", true)).Lead(); a.Status != "sold" || !a.Test {
			t.Errorf("a test with a test ping is %+v", a)
		}
		edge := quote(t, s)
		hands.Step(5*time.Minute - time.Microsecond)
		if a := s.Supplier.Must(t, "POST", "/api/leads", s.Form().With("ping_id", edge.ID)).Lead(); a.Status != "sold" {
			t.Errorf("just before the end the lead is %+v", a)
		}
		hands.Step(time.Microsecond)
		if a := s.Supplier.Do("POST", "/api/leads", s.Form().With("ping_id", late.ID)); a.Status != 410 || pingOf(a).Code != "ping_expired" {
			t.Errorf("when it ends the lead is answered %s", a)
		}
		db.Settle()
		db.Audit()
	})
}

func TestAPingIsReadAsALead(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, _, db := startShop(t, databaseURL, apptest.Object{"price_shown": "hidden", "dedupe": apptest.Object{"fields": []string{"phone"}, "window_days": 30}},
			at(45, 1, "filter", "lead.state == 'TX'", "caps", []apptest.Object{{"window": "total", "leads": 2}}))
		key := []string{"Idempotency-Key", "ping-1"}
		first := s.Supplier.Must(t, "POST", "/api/leads/ping", bare(s), key...)
		if p := pingOf(first); !p.Success || p.Price != nil {
			t.Errorf("a hidden price is answered %+v", p)
		}
		if again := s.Supplier.Must(t, "POST", "/api/leads/ping", bare(s), key...); string(again.Body) != string(first.Body) || db.Number("SELECT COUNT(*) FROM pings") != 1 {
			t.Errorf("the same ping again is answered %s", again)
		}
		if a := s.Supplier.Do("POST", "/api/leads/ping", bare(s, "state", "NY"), key...); a.Status != 422 {
			t.Errorf("another ping with the key is answered %s", a)
		}
		if p := pingOf(s.Supplier.Must(t, "POST", "/api/leads/ping", bare(s, "state", "NY"))); p.Success || p.Status != "no_match" || p.ID != "" {
			t.Errorf("what nobody takes is answered %+v", p)
		}
		f := bare(s)
		delete(f, "state")
		if a := s.Supplier.Do("POST", "/api/leads/ping", f); a.Status != 400 || fmt.Sprint(pingOf(a).Fields) != "[state]" {
			t.Errorf("without a state it is answered %s", a)
		}
		if a := s.Supplier.Do("POST", "/api/leads/ping", bare(s, "ping_id", "ping_1")); a.Status != 400 || fmt.Sprint(pingOf(a).Fields) != "[ping_id]" {
			t.Errorf("with a ping it is answered %s", a)
		}
		sent := s.Form()
		s.Sell(t, sent)
		if p := pingOf(s.Supplier.Must(t, "POST", "/api/leads/ping", bare(s, "state", "TX"))); !p.Success {
			t.Errorf("another person is answered %+v", p)
		}
		if p := pingOf(s.Supplier.Must(t, "POST", "/api/leads/ping", sent)); p.Success {
			t.Errorf("somebody who was sent before is answered %+v", p)
		}
		s.Sell(t, s.Form())
		if p := pingOf(s.Supplier.Must(t, "POST", "/api/leads/ping", bare(s))); p.Success {
			t.Errorf("beyond the cap a ping is answered %+v", p)
		}
		limit := apptest.Object{"scope": "supplier", "partner": apptest.Object{"id": s.PartnerID}, "rate_limit": apptest.Object{"requests": 2, "window_seconds": 3600}}
		limited := s.Supplier.With(s.Program.Must(t, "POST", "/v1/api-keys", limit).Data(t)["key"].(string))
		for left, want := range []int{200, 200, 429} {
			if a := limited.Do("POST", "/api/leads/ping", bare(s)); a.Status != want || a.Header.Get("X-RateLimit-Remaining") != fmt.Sprint(max(0, 1-left)) {
				t.Errorf("ping %d is answered %s, with %s left", left, a, a.Header.Get("X-RateLimit-Remaining"))
			}
		}
		if l := limited.Must(t, "POST", "/api/leads", s.Form().With("test", true)); l.Header.Get("X-RateLimit-Remaining") != "1" {
			t.Errorf("leads count with pings: %s are left", l.Header.Get("X-RateLimit-Remaining"))
		}
	})
}

// What the supplier was promised is never undercut: not by the next buyer, not by the one who takes the lead while it waits. When the quote is
// over, it is a pending lead as others are.
func TestAQuoteIsNeverUndercut(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, hands, db := startShop(t, databaseURL, payout70, at(45, 1), at(30, 2), at(50, 3))
		first, second := quote(t, s), quote(t, s)
		contract := func(i int, change apptest.Object) {
			s.Program.Must(t, "PUT", "/v1/campaigns/"+s.CampaignID+"/contracts/"+s.ContractIDs[i], change)
		}
		contract(0, apptest.Object{"filter": "lead.state == 'NY'"})
		l := s.Sell(t, s.Form().With("ping_id", first.ID))
		if l.Status != "sold" || l.Price != 35 || askedOf(t, s, l.ID) != "filter below_quote sold" {
			t.Errorf("the lead is %+v: %s", l, askedOf(t, s, l.ID))
		}
		contract(2, apptest.Object{"price": 44.99})
		l = s.Sell(t, s.Form().With("ping_id", second.ID))
		if l.Status != "pending" || askedOf(t, s, l.ID) != "filter below_quote below_quote" {
			t.Errorf("the lead is %+v: %s", l, askedOf(t, s, l.ID))
		}
		again := s.Program.Must(t, "POST", "/v1/marketplace/leads/"+l.ID+"/redistribute", nil).Data(t)
		if again["status"] != "pending" {
			t.Errorf("offered again it is %v", again["status"])
		}
		db.Settle()
		if got := s.Lead(t, l.ID); got["status"] != "pending" {
			t.Errorf("while the quote lasts the lead became %v", got["status"])
		}
		hands.Advance(5 * time.Minute)
		soldOf(t, s, []string{l.ID}, 1)
		if got := s.Lead(t, l.ID); fmt.Sprint(got["payout"]) != "21" {
			t.Errorf("after the quote it earns %v", got["payout"])
		}
		db.Settle()
		db.Audit()
	})
}

// Where several buyers share a lead, what they pay together counts.
func TestAQuoteOfASharedLead(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, _, db := startShop(t, databaseURL, apptest.Object{"distribution": apptest.Object{"mode": "shared", "max_sales": 2, "strategy": "priority"}}, at(10, 1), at(20, 2), at(5, 3))
		whole, less := quote(t, s), quote(t, s)
		if *whole.Price != 30 {
			t.Errorf("promised are %v", *whole.Price)
		}
		if l := s.Sell(t, s.Form().With("ping_id", whole.ID)); l.Status != "sold" || l.Price != 30 {
			t.Errorf("the lead is %+v", l)
		}
		s.Program.Must(t, "POST", "/v1/campaigns/"+s.CampaignID+"/contracts/"+s.ContractIDs[1]+"/pause", nil)
		l := s.Sell(t, s.Form().With("ping_id", less.ID))
		if l.Status != "pending" || askedOf(t, s, l.ID) != "below_quote contract_paused below_quote" {
			t.Errorf("the lead is %+v: %s", l, askedOf(t, s, l.ID))
		}
		db.Settle()
		db.Audit()
	})
}

func TestAPingAtOnceIsUsedOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, _, db := startShop(t, databaseURL, nil, at(10, 1))
		p := quote(t, s)
		const n = 32
		answers := make([]apptest.Answer, n)
		client := s.Supplier.Unchecked()
		apptest.Parallel(n, func(i int) {
			var header []string
			if i%2 == 0 {
				header = []string{"Idempotency-Key", fmt.Sprint("lead-", i)}
			}
			answers[i] = client.Insist("POST", "/api/leads", s.Form().With("ping_id", p.ID), header...)
		})
		sold := 0
		for _, a := range answers {
			switch {
			case a.Status == 200 && a.Lead().Status == "sold":
				sold++
			case a.Status != 409 || pingOf(a).Code != "ping_used":
				t.Errorf("a lead is answered %s", a)
			}
		}
		if sold != 1 || db.Number("SELECT COUNT(*) FROM leads") != 1 {
			t.Errorf("%d leads were sold with one ping", sold)
		}
		db.Settle()
		db.Audit()
	})
}

// TestALeadWhosePingIsRefusedTakesNothing beside others of its batch, whichever of them come under an Idempotency-Key.
func TestALeadWhosePingIsRefusedTakesNothing(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, _, db := startShop(t, databaseURL, nil, at(10, 1))
		used := quote(t, s)
		s.Supplier.Must(t, "POST", "/api/leads", s.Form().With("ping_id", used.ID))
		const n = 64
		client := s.Supplier.Unchecked()
		var sold, refused atomic.Int64
		apptest.Parallel(n, func(i int) {
			form, header := s.Form(), []string(nil)
			if i%2 == 0 {
				form = form.With("ping_id", used.ID)
			}
			if i%4 < 2 {
				header = []string{"Idempotency-Key", fmt.Sprint("lead-", i)}
			}
			switch a := client.Insist("POST", "/api/leads", form, header...); {
			case a.Status == 200 && a.Lead().Status == "sold" && i%2 == 1:
				sold.Add(1)
			case a.Status == 409 && pingOf(a).Code == "ping_used" && i%2 == 0:
				refused.Add(1)
			default:
				t.Errorf("the lead %d is answered %s", i, a)
			}
		})
		db.Settle()
		db.Audit()
		account(t, s, 0, 10_000-10*(n/2+1), 0)
		if sold.Load() != n/2 || refused.Load() != n/2 {
			t.Errorf("%d are sold and %d refused", sold.Load(), refused.Load())
		}
	})
}
