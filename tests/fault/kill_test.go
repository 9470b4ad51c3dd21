package fault_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

func TestAProcessKilledUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		rounds := apptest.Setting(t, "LEADMILL_TEST_KILLS", 20)
		p := apptest.Run(t, databaseURL, []string{"serve"})
		// One buyer who runs dry and is funded again and again, so that pending leads are matched when the end comes.
		s := apptest.NewShop(t, &p.App, nil, apptest.Buyer{Deposit: 500, Contract: apptest.Object{"price": 10.00}},
			apptest.Buyer{Deposit: 1_000_000, Contract: apptest.Object{"price": 5.00, "priority": 2, "caps": []apptest.Object{{"window": "total", "leads": 1500}}}})
		l := newLoad(s)
		deposits := 0
		for round := range rounds {
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() {
				l.run(ctx, &p.App, 16, func(a apptest.Answer) bool { return a.Err != nil || a.Status == 503 })
			})
			program := s.Program.At(&p.App)
			running.Go(func() {
				if a := program.Do("POST", "/v1/buyers/"+s.BuyerIDs[0]+"/deposits", apptest.Object{"amount": 100.00}); a.Status == 201 {
					deposits++
				}
			})
			life := time.NewTimer(time.Duration(20+rand.IntN(500)) * time.Millisecond)
			<-life.C
			p.Kill()
			cancel()
			running.Wait()
			p = apptest.Run(t, databaseURL, []string{"serve"})
			if round%2 == 1 { // every other time the clients come back with what they were left with
				l.retry(&p.App)
			}
		}
		l.retry(&p.App)
		db := apptest.Open(t, databaseURL)
		l.check(t, db)
		if n := db.Number("SELECT COUNT(*) FROM ledger_entries WHERE type = 'deposit' AND amount = 100000000"); n < int64(deposits) {
			t.Errorf("%d deposits are stored, %d were answered", n, deposits)
		}
		t.Logf("%d leads over %d kills", l.sent, rounds)
		if l.sent < rounds*10 {
			t.Errorf("only %d leads over %d kills: there was no load", l.sent, rounds)
		}
		p.Stop(t)
	})
}

func TestAProcessStoppedUnderLoadAnswersWhatItTook(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		p := apptest.Run(t, databaseURL, []string{"serve"})
		s := apptest.NewShop(t, &p.App, nil, apptest.Rich)
		l := newLoad(s)
		for range 3 {
			var running sync.WaitGroup
			ctx, cancel := context.WithCancel(t.Context())
			running.Go(func() {
				// A request that the server has not read yet may find the connection closed.
				l.run(ctx, &p.App, 16, func(a apptest.Answer) bool { return a.Err != nil })
			})
			poll := s.Program.At(&p.App)
			running.Go(func() {
				if a := poll.Do("GET", "/v1/events?types=partner.deleted.v1&wait=25", nil); a.Err == nil && a.Status != 200 {
					t.Errorf("a long poll at the end is answered %v", a)
				}
			})
			before := l.count()
			apptest.Eventually(t, func() error { return l.more(before, 50) })
			p.Stop(t) // which fails when a request is cut off after 20 s, as a poll that nobody ends would be
			cancel()
			running.Wait()
			p = apptest.Run(t, databaseURL, []string{"serve"})
		}
		l.retry(&p.App)
		l.check(t, apptest.Open(t, databaseURL))
		p.Stop(t)
	})
}
