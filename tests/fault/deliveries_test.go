package fault_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// outward lets processes reach servers of the test, and keep secrets.
func outward() []string {
	return []string{"LEADMILL_OUTBOUND_ALLOW=127.0.0.0/8", "LEADMILL_SECRET_KEY=" + strings.Repeat("k", 40)}
}

func notified(url string) apptest.Buyer {
	return apptest.Buyer{Deposit: 1_000_000, Contract: apptest.Object{"price": 10.00, "delivery": apptest.Object{"mode": "notify", "url": url, "timeout_ms": 30_000}}}
}

// allDelivered waits until every sale is delivered, and checks what the receiver got: each sale, always under one id.
func allDelivered(t *testing.T, db *apptest.Database, sink *leadmilltest.HTTPSink, n int) {
	t.Helper()
	apptest.Eventually(t, func() error {
		if got := db.Number("SELECT COUNT(*) FROM deliveries WHERE state = 'delivered'"); got != int64(n) {
			return fmt.Errorf("%d are delivered, want %d", got, n)
		}
		return nil
	})
	ids := map[string]string{}
	for _, r := range sink.Requests() {
		sale, id := r.Header.Get("Idempotency-Key"), r.Header.Get("Webhook-Id")
		if ids[sale] != "" && ids[sale] != id {
			t.Errorf("the sale %s was sent as %s and as %s", sale, ids[sale], id)
		}
		ids[sale] = id
	}
	if len(sink.Accepted()) != n || len(ids) != n {
		t.Errorf("%d sales were taken, want %d", len(sink.Accepted()), n)
	}
}

// What a process had sold and not delivered when it was killed, or what was under way, is delivered by the next, under its id.
func TestSalesOfAKilledProcessAreDelivered(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink := leadmilltest.NewHTTPSink(t)
		sink.Hang()
		p := apptest.Run(t, databaseURL, []string{"serve"}, outward()...)
		s := apptest.NewShop(t, &p.App, nil, notified(sink.URL))
		const leads = 20
		for range leads {
			s.Sell(t, s.Form())
		}
		sink.WaitFor(t, 2) // what a receiver gets at once that has not answered yet
		p.Kill()
		db := apptest.Open(t, databaseURL)
		if n := db.Number("SELECT COUNT(*) FROM delivery_queue"); n != leads {
			t.Errorf("%d deliveries wait, want %d", n, leads)
		}
		sink.Release()
		apptest.Run(t, databaseURL, []string{"serve"}, outward()...)
		allDelivered(t, db, sink, leads)
		db.Audit()
	})
}

// Of two processes one sends; when it is killed, the other goes on.
func TestOneProcessDelivers(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink := leadmilltest.NewHTTPSink(t)
		db := apptest.Open(t, databaseURL)
		first := apptest.Run(t, databaseURL, []string{"serve"}, outward()...)
		apptest.Eventually(t, func() error {
			if n := db.Number("SELECT COUNT(*) FROM jobs WHERE name = 'deliver' AND lease_until >= " + db.Micros()); n != 1 {
				return fmt.Errorf("the job has %d owners", n)
			}
			return nil
		})
		second := apptest.Run(t, databaseURL, []string{"serve"}, outward()...)
		s := apptest.NewShop(t, &second.App, nil, notified(sink.URL))
		const leads = 10
		for i := range leads {
			at := s
			if i%2 == 0 {
				at = s.At(&first.App)
			}
			at.Sell(t, s.Form())
		}
		allDelivered(t, db, sink, leads)
		if n := len(sink.Requests()); n != leads {
			t.Errorf("%d requests came, want %d: one process sends", n, leads)
		}
		first.Kill()
		s.Sell(t, s.Form())
		allDelivered(t, db, sink, leads+1)
		db.Audit()
	})
}

// A process is killed while it asks a buyer, and the next asks it again under the same id: what the buyer took before it died is charged once. A lead of
// which nobody was told the answer in time is sold all the same.
func TestAProcessKilledWhileABuyerIsAsked(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink := leadmilltest.NewHTTPSink(t)
		sink.Hang()
		p := apptest.Run(t, databaseURL, []string{"serve"}, outward()...)
		s := apptest.NewShop(t, &p.App, nil, apptest.Buyer{Deposit: 1_000_000, Contract: apptest.Object{
			"price": 10.00, "delivery": apptest.Object{"mode": "confirm", "url": sink.URL, "timeout_ms": 20_000},
		}})
		const leads = 10
		forms := make([]apptest.Form, leads)
		for i := range forms {
			forms[i] = s.Form()
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
		if n := db.Number("SELECT COUNT(*) FROM sales"); n != 0 {
			t.Errorf("%d leads are sold, and nobody said yes", n)
		}
		if n := db.Number("SELECT SUM(held) FROM buyers"); n != leads*10_000_000 {
			t.Errorf("%d micro-units are held", n)
		}
		sink.Answer(http.StatusOK, "application/json", `{"status":"accepted"}`)
		sink.Release()
		second := apptest.Run(t, databaseURL, []string{"serve"}, outward()...)
		allDelivered(t, db, sink, leads)
		if n := db.Number("SELECT COUNT(*) FROM sales"); n != leads {
			t.Errorf("%d leads are sold, want %d", n, leads)
		}
		if n := db.Number("SELECT SUM(held) FROM buyers"); n != 0 {
			t.Errorf("%d micro-units are still held", n)
		}
		again := s.At(&second.App)
		for i, f := range forms {
			if a := again.Supplier.Must(t, "POST", "/api/leads", f, "Idempotency-Key", fmt.Sprint("lead-", i)); !a.Replayed() || !a.Lead().Success {
				t.Errorf("lead %d is answered %s", i, a)
			}
		}
		db.Audit()
	})
}

// Processes are killed again and again between reserve and capture: when a lead is reserved, when its buyer is asked, when that answered, when something is sold. Whatever was
// stored by then, a lead is sold once or not at all, its buyer is charged for what is sold and for nothing else, and nothing stays held.
func TestProcessesKilledAtEveryStepWhileBuyersConfirm(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink := leadmilltest.NewHTTPSink(t)
		sink.Answer(http.StatusOK, "application/json", `{"status":"accepted"}`)
		p := apptest.Run(t, databaseURL, []string{"serve"}, outward()...)
		s := apptest.NewShop(t, &p.App, nil, apptest.Buyer{Deposit: 1_000_000, Contract: apptest.Object{
			"price": 10.00, "caps": []apptest.Object{{"window": "day", "leads": 1000}}, "delivery": apptest.Object{"mode": "confirm", "url": sink.URL, "timeout_ms": 20_000},
		}})
		db := apptest.Open(t, databaseURL)
		rows := func(query string) func() int64 { return func() int64 { return db.Number(query) } }
		const round = 10
		leads := 0
		for step, happened := range []func() int64{
			rows("SELECT COUNT(*) FROM reservations"),
			func() int64 { return int64(len(sink.Requests())) },
			func() int64 { return int64(len(sink.Accepted())) },
			rows("SELECT COUNT(*) FROM sales"),
		} {
			before := happened()
			forms := make([]apptest.Form, round)
			for i := range forms {
				forms[i] = s.Form()
			}
			post := func(do func(f apptest.Form, key string)) *sync.WaitGroup {
				var group sync.WaitGroup
				for i, f := range forms {
					group.Go(func() { do(f, fmt.Sprint("lead-", step, "-", i)) })
				}
				return &group
			}
			first := s.At(&p.App)
			cut := post(func(f apptest.Form, key string) { first.Supplier.Do("POST", "/api/leads", f, "Idempotency-Key", key) })
			apptest.Eventually(t, func() error {
				if happened() == before {
					return fmt.Errorf("step %d did not happen", step)
				}
				return nil
			})
			p.Kill()
			cut.Wait()
			p = apptest.Run(t, databaseURL, []string{"serve"}, outward()...)
			next := s.At(&p.App)
			post(func(f apptest.Form, key string) {
				if a := next.Supplier.Insist("POST", "/api/leads", f, "Idempotency-Key", key); !a.Lead().Success {
					t.Errorf("%s is answered %s", key, a)
				}
			}).Wait()
			leads += round
			apptest.Eventually(t, func() error { // those who could not be asked in time are asked again
				sold := db.Number("SELECT COUNT(*) FROM leads WHERE status = 'sold'")
				asked := db.Number("SELECT COUNT(DISTINCT r.lead_id) FROM reservations r JOIN leads l ON l.seller_id = r.seller_id AND l.id = r.lead_id WHERE l.status = 'pending' AND r.status = 'released' AND r.reason <> 'buyer_not_asked'")
				if held := db.Number("SELECT COUNT(*) FROM reservations WHERE status <> 'released'"); held != 0 || sold+asked != int64(leads) {
					return fmt.Errorf("of %d leads %d are sold, of %d the buyer was silent, and %d are reserved", leads, sold, asked, held)
				}
				return nil
			})
		}
		sold := db.Number("SELECT COUNT(*) FROM sales")
		if sold == 0 || db.Number("SELECT COUNT(DISTINCT lead_id) FROM sales") != sold || db.Number("SELECT SUM(held) FROM buyers") != 0 {
			t.Errorf("of %d leads %d were sold", leads, sold)
		}
		if n := db.Number("SELECT balance FROM buyers"); n != 1_000_000_000_000-sold*10_000_000 {
			t.Errorf("for %d sales %d micro-units are left", sold, n)
		}
		db.Audit()
	})
}
