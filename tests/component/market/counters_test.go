package market_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// Counters of spans that ended long ago go, those that caps look at stay, and nobody finds anything wrong.
func TestCountersOfEndedSpansGo(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		caps := []apptest.Object{{"window": "hour", "leads": 2}, {"window": "day", "leads": 3}, {"window": "total", "leads": 8}}
		s := apptest.NewShop(t, app, nil, apptest.Buyer{Deposit: 1000, Contract: apptest.Object{"price": 10.00, "caps": caps}})
		db := apptest.Open(t, databaseURL)
		counters := func() int64 { return db.Number("SELECT COUNT(*) FROM contract_counters") }
		sell := func(want ...string) {
			t.Helper()
			for _, status := range want {
				if l := s.Sell(t, s.Form()); l.Status != status {
					t.Errorf("answered %+v, want %s", l, status)
				}
			}
		}
		sell("sold", "sold")
		hands.Advance(time.Hour)
		sell("sold")
		if n := counters(); n != 4 {
			t.Fatalf("%d counters are stored: two hours, a day and the total", n)
		}
		app.RunJob(t, "purge")
		if n := counters(); n != 4 {
			t.Errorf("%d counters are left of 4 that are young", n)
		}
		hands.Advance(63 * 24 * time.Hour)
		sell("sold", "sold", "pending")
		app.RunJob(t, "purge")
		if n := counters(); n != 3 {
			t.Errorf("%d counters are left, want those of this hour, this day and the total", n)
		}
		db.Audit()
		hands.Advance(24 * time.Hour)
		sell("sold")
		apptest.Eventually(t, func() error { // the lead that waits is offered again, some time
			if n := db.Number("SELECT COUNT(*) FROM leads WHERE status = 'pending'"); n > 0 {
				return fmt.Errorf("%d leads wait", n)
			}
			return nil
		})
		db.Audit()
		if n := db.Number("SELECT used FROM contract_counters WHERE span_window = 'total'"); n < 6 || n > 8 {
			t.Errorf("the total has %d leads", n)
		}
	})
}
