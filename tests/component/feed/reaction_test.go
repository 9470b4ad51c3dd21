package feed_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// A team's reaction goes through an outage of what it tells, parks what is refused, and is asked for it again by the
// command; the replay of projections makes nothing happen twice.
func TestAReactionOfATeam(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		before := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		apptest.NewShop(t, before, nil, apptest.Rich) // what happened before the reaction was there
		db := apptest.Open(t, databaseURL)
		db.Settle()
		old := len(db.Events(apptest.TellTypes...))

		r := apptest.NewReceiver(t)
		r.Answering(func(apptest.Told) int { return http.StatusServiceUnavailable })
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{}, r.Telling())
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		poisoned := s.Sell(t, s.Form()).ID
		for range 20 {
			s.Sell(t, s.Form())
		}
		want := func() int64 { return int64(len(db.Events(apptest.TellTypes...)) - old) }
		apptest.Eventually(t, func() error {
			if n := r.Tries(); n < 60 {
				return fmt.Errorf("%d tries", n)
			}
			return nil
		})
		if n := len(r.Taken(t)); n != 0 || db.Number("SELECT COUNT(*) FROM event_parked") != 0 {
			t.Fatalf("%d events were taken in the outage, or some are parked", n)
		}
		var mu sync.Mutex
		refused := map[string]bool{}
		r.Answering(func(e apptest.Told) int {
			if e.Aggregate != poisoned {
				return http.StatusOK
			}
			mu.Lock()
			defer mu.Unlock()
			refused[e.ID] = true
			return http.StatusBadRequest
		})
		apptest.Eventually(t, func() error {
			if n, parked := len(r.Taken(t)), db.Number("SELECT COUNT(*) FROM event_parked"); int64(n) != want()-2 || parked != 2 {
				return fmt.Errorf("%d of %d events are taken, %d parked", n, want(), parked)
			}
			return nil
		})
		if len(refused) != 1 {
			t.Errorf("%d events of the poisoned lead were tried, want its first", len(refused))
		}

		run := func(code int, args ...string) string {
			t.Helper()
			p := apptest.Launch(t, databaseURL, append([]string{"events"}, args...), r.Setting())
			if got := p.Wait(t); got != code {
				t.Errorf("%v ended with %d: %s", args, got, p.Logs)
			}
			return p.Output.String() + p.Logs.String()
		}
		if out := run(0, "parked"); strings.Count(out, apptest.Tell) != 2 || !strings.Contains(out, "the receiver answered 400") {
			t.Errorf("parked says\n%s", out)
		}
		if out := run(0, "status"); !strings.Contains(out, apptest.Tell) {
			t.Errorf("status says\n%s", out)
		}
		taken := len(r.Taken(t))
		run(0, "replay", "campaign-report")
		if out := run(1, "replay", apptest.Tell); !strings.Contains(out, "is a reaction: what it did is not done again") {
			t.Errorf("replay of a reaction says\n%s", out)
		}
		if out := run(1, "retry", "nobody"); !strings.Contains(out, `no projection and no reaction named "nobody"`) {
			t.Errorf("retry of nobody says\n%s", out)
		}
		if n := len(r.Taken(t)); n != taken || r.Repeats() != 0 {
			t.Errorf("%d events are taken and %d repeated after the replay, want %d and 0", n, r.Repeats(), taken)
		}
		r.Answering(nil)
		if out := run(0, "retry", apptest.Tell); !strings.Contains(out, "2 events are delivered again, in order, by the instance that works on "+apptest.Tell) {
			t.Errorf("retry says\n%s", out)
		}
		apptest.Eventually(t, func() error {
			if n := len(r.Taken(t)); int64(n) != want() {
				return fmt.Errorf("%d of %d events are taken", n, want())
			}
			return nil
		})
		if n := r.Repeats(); n != 0 {
			t.Errorf("%d events were taken twice", n)
		}
		apptest.Eventually(t, func() error { // the row goes after the event was taken
			if n := db.Number("SELECT COUNT(*) FROM event_parked"); n != 0 {
				return fmt.Errorf("%d events are parked", n)
			}
			return nil
		})
		db.Audit()
	})
}
