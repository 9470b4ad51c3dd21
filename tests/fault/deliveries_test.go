package fault_test

import (
	"fmt"
	"strings"
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
