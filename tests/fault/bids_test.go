package fault_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// pinged is what a supplier is promised.
type pinged struct {
	ID    string  `json:"ping_id"`
	Price float64 `json:"price"`
}

func pingedBy(t *testing.T, a apptest.Answer) (p pinged) {
	t.Helper()
	if err := json.Unmarshal(a.Body, &p); err != nil || p.ID == "" {
		t.Fatalf("the ping is answered %s", a)
	}
	return p
}

// bidding is a campaign whose supplier earns 70 %, in which buyers have as long for a bid as they may have.
func bidding(mode string, sales int) apptest.Object {
	return apptest.Object{
		"auction_timeout_ms": 10_000, "supplier_payout": apptest.Object{"type": "percent", "value": 70}, "distribution": apptest.Object{"mode": mode, "max_sales": sales},
	}
}

func bidder(bids, delivery apptest.Object) apptest.Buyer {
	c := apptest.Object{"price": 50.00, "bid": bids}
	if delivery != nil {
		c["delivery"] = delivery
	}
	return apptest.Buyer{Deposit: 1_000_000, Contract: c}
}

func bidAt(sink *leadmilltest.HTTPSink) apptest.Object {
	sink.Answer(http.StatusOK, "application/json", `{"bid":20.00,"reference":"r"}`)
	return apptest.Object{"url": sink.URL, "timeout_ms": 10_000}
}

// paid asserts that so many leads are sold, each once and for no less than was promised, and that nothing is held.
func paid(t *testing.T, db *apptest.Database, leads int) {
	t.Helper()
	for query, want := range map[string]int64{
		"SELECT COUNT(*) FROM sales":                                         int64(leads),
		"SELECT COUNT(DISTINCT lead_id) FROM sales":                          int64(leads),
		"SELECT COUNT(*) FROM reservations WHERE status <> 'released'":       0,
		"SELECT COALESCE(SUM(held), 0) FROM buyers":                          0,
		"SELECT COALESCE(SUM(payout), 0) FROM sales":                         int64(leads) * 14_000_000,
		"SELECT COALESCE(SUM(price), 0) FROM sales":                          int64(leads) * 20_000_000,
		"SELECT COUNT(*) FROM pings p WHERE p.lead_id <> '' AND used_at = 0": 0,
	} {
		if got := db.Number(query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
}

// A process is killed while a ping asks bidders: nothing is stored of that ping, which is asked again, and what was promised before holds.
func TestAProcessKilledWhileAPingAsksBidders(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink := leadmilltest.NewHTTPSink(t)
		p := apptest.Run(t, databaseURL, []string{"serve"}, outward()...)
		s := apptest.NewShop(t, &p.App, bidding("exclusive", 1), bidder(bidAt(sink), nil))
		before := s.Form()
		promised := pingedBy(t, s.Supplier.Must(t, "POST", "/api/leads/ping", before, "Idempotency-Key", "before"))
		sink.Hang()
		const pings = 5
		forms := make([]apptest.Form, pings)
		var group sync.WaitGroup
		for i := range forms {
			forms[i] = s.Form()
			group.Go(func() { s.Supplier.Do("POST", "/api/leads/ping", forms[i], "Idempotency-Key", fmt.Sprint("ping-", i)) })
		}
		sink.WaitFor(t, 1+pings)
		p.Kill()
		group.Wait()
		db := apptest.Open(t, databaseURL)
		if n := db.Number("SELECT COUNT(*) FROM pings"); n != 1 {
			t.Errorf("%d pings are stored, want the one that was answered", n)
		}
		paid(t, db, 0)
		sink.Release()
		s = s.At(&apptest.Run(t, databaseURL, []string{"serve"}, outward()...).App)
		if again := s.Supplier.Must(t, "POST", "/api/leads/ping", before, "Idempotency-Key", "before"); !again.Replayed() || pingedBy(t, again) != promised {
			t.Errorf("the ping from before is answered %s", again)
		}
		if l := s.Sell(t, before.With("ping_id", promised.ID)); l.Status != "sold" || l.Price != 14 {
			t.Errorf("what was promised before: %+v", l)
		}
		for i, f := range forms {
			p := pingedBy(t, s.Supplier.Must(t, "POST", "/api/leads/ping", f, "Idempotency-Key", fmt.Sprint("ping-", i)))
			if l := s.Sell(t, f.With("ping_id", p.ID)); p.Price != 14 || l.Status != "sold" || l.Price != 14 {
				t.Errorf("promised are %v, sold is %+v", p.Price, l)
			}
		}
		paid(t, db, 1+pings)
		db.Audit()
	})
}

// A process is killed while a buyer that bid is asked to confirm. The next asks it again: what it takes is sold once, at what it bid, and what was promised
// is paid; when it says no, nothing is sold to the cheap one beside it, and nothing stays held.
func TestAProcessKilledWhileABidderConfirms(t *testing.T) {
	t.Parallel()
	cheap := apptest.Buyer{Deposit: 1_000_000, Contract: apptest.Object{"price": 5.00, "caps": []apptest.Object{{"window": "day", "leads": 100}}}}
	for name, c := range map[string]struct {
		campaign apptest.Object
		others   []apptest.Buyer
		answer   string
		sold     bool
	}{
		"and then says yes": {campaign: bidding("exclusive", 1), answer: "accepted", sold: true},
		"and then says no":  {campaign: bidding("shared", 2), others: []apptest.Buyer{cheap}, answer: "rejected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				bids, sink := leadmilltest.NewHTTPSink(t), leadmilltest.NewHTTPSink(t)
				sink.Hang()
				p := apptest.Run(t, databaseURL, []string{"serve"}, outward()...)
				confirm := apptest.Object{"mode": "confirm", "url": sink.URL, "timeout_ms": 20_000}
				s := apptest.NewShop(t, &p.App, c.campaign, append([]apptest.Buyer{bidder(bidAt(bids), confirm)}, c.others...)...)
				const leads = 5
				forms := make([]apptest.Form, leads)
				for i := range forms {
					f := s.Form()
					forms[i] = f.With("ping_id", pingedBy(t, s.Supplier.Must(t, "POST", "/api/leads/ping", f)).ID)
				}
				var group sync.WaitGroup
				for i, f := range forms {
					group.Go(func() { s.Supplier.Do("POST", "/api/leads", f, "Idempotency-Key", fmt.Sprint("lead-", i)) })
				}
				sink.WaitFor(t, 2) // what a receiver gets at once that has not answered yet
				db := apptest.Open(t, databaseURL)
				apptest.Eventually(t, func() error {
					if n := db.Number("SELECT COUNT(*) FROM reservations WHERE status = 'reserved'"); n != leads {
						return fmt.Errorf("%d leads are reserved, want %d", n, leads)
					}
					return nil
				})
				p.Kill()
				group.Wait()
				if n, want := db.Number("SELECT SUM(held) FROM buyers"), int64(leads*(20+5*len(c.others)))*1_000_000; n != want {
					t.Errorf("%d micro-units are held, want %d", n, want)
				}
				sink.Answer(http.StatusOK, "application/json", fmt.Sprintf(`{"status":%q}`, c.answer))
				sink.Release()
				s = s.At(&apptest.Run(t, databaseURL, []string{"serve"}, outward()...).App)
				apptest.Eventually(t, func() error {
					if n := db.Number("SELECT COUNT(*) FROM reservations WHERE status <> 'released'"); n != 0 {
						return fmt.Errorf("%d sales are reserved", n)
					}
					return nil
				})
				if c.sold {
					paid(t, db, leads)
				} else {
					paid(t, db, 0)
				}
				for i, f := range forms {
					if a := s.Supplier.Must(t, "POST", "/api/leads", f, "Idempotency-Key", fmt.Sprint("lead-", i)); !a.Replayed() || !a.Lead().Success {
						t.Errorf("lead %d is answered %s", i, a)
					}
					if a := s.Supplier.Do("POST", "/api/leads", f.With("email", "other@example.com"), "Idempotency-Key", fmt.Sprint("other-", i)); a.Status != http.StatusConflict {
						t.Errorf("another lead with that ping is answered %s", a)
					}
				}
				db.Audit()
			})
		})
	}
}
