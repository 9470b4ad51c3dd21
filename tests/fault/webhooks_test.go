package fault_test

import (
	"fmt"
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// allTold waits until a webhook is told of n events, and checks what its receiver got: each event at least once.
func allTold(t *testing.T, db *apptest.Database, sink *leadmilltest.HTTPSink, n int) {
	t.Helper()
	apptest.Eventually(t, func() error {
		if got := db.Number("SELECT COUNT(*) FROM webhook_deliveries WHERE state = 'delivered'"); got != int64(n) {
			return fmt.Errorf("%d are delivered, want %d", got, n)
		}
		return nil
	})
	if got := len(sink.Accepted()); got != n {
		t.Errorf("%d events were taken, want %d", got, n)
	}
}

// What a process had not told when it was killed, or what was under way, is told by the next, under its id; so are events that had no delivery yet.
func TestWebhooksOfAKilledProcessAreTold(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink := leadmilltest.NewHTTPSink(t)
		sink.Hang()
		p := apptest.Run(t, databaseURL, []string{"serve"}, outward()...)
		s := apptest.NewShop(t, &p.App, nil, apptest.Rich)
		s.Program.Must(t, "POST", "/v1/webhooks", apptest.Object{"name": "Hook", "url": sink.URL, "events": []string{"lead.sold.v1"}})
		const leads = 20
		for range leads {
			s.Sell(t, s.Form())
		}
		sink.WaitFor(t, 2) // what a receiver gets at once that has not answered yet
		p.Kill()
		db := apptest.Open(t, databaseURL)
		sink.Release()
		first := apptest.Run(t, databaseURL, []string{"serve"}, outward()...)
		allTold(t, db, sink, leads)
		second := apptest.Run(t, databaseURL, []string{"serve"}, outward()...)
		before := len(sink.Requests())
		for i := range 10 {
			at := s.At(&first.App)
			if i%2 == 0 {
				at = s.At(&second.App)
			}
			at.Sell(t, s.Form())
		}
		allTold(t, db, sink, leads+10)
		if n := len(sink.Requests()) - before; n != 10 {
			t.Errorf("%d requests came, want 10: one process sends", n)
		}
		first.Kill()
		s.At(&second.App).Sell(t, s.Form())
		allTold(t, db, sink, leads+11)
		db.Audit()
	})
}
