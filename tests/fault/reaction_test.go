package fault_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

// A process that is killed while its reaction works on events loses none of them: what was not done comes again, under the
// same id, and each aggregate's events in their order.
func TestAProcessKilledWhileReactingLosesNoEvent(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		const rounds, leads, atWork = 2, 40, 8
		r := apptest.NewReceiver(t)
		p := apptest.Run(t, databaseURL, []string{"serve"}, r.Setting())
		s := apptest.NewShop(t, &p.App, nil, apptest.Rich)
		for range rounds {
			killed, working := make(chan struct{}), make(chan struct{}, leads)
			release := sync.OnceFunc(func() { close(killed) })
			t.Cleanup(release)
			r.Answering(func(e apptest.Told) int {
				if !strings.HasPrefix(e.Type, "lead.") {
					return http.StatusOK
				}
				select {
				case working <- struct{}{}:
				default:
				}
				<-killed // the answer comes too late
				return http.StatusOK
			})
			for range leads {
				s.Sell(t, s.Form())
			}
			for range atWork {
				<-working
			}
			p.Kill()
			release()
			r.Answering(nil)
			p = apptest.Run(t, databaseURL, []string{"serve"}, r.Setting())
			s.Supplier, s.Program = s.Supplier.At(&p.App), s.Program.At(&p.App)
			s.Sell(t, s.Form())
		}
		db := apptest.Open(t, databaseURL)
		want := int64(len(db.Events(apptest.TellTypes...)))
		if want < 2*rounds*leads {
			t.Fatalf("only %d events happened", want)
		}
		apptest.Eventually(t, func() error {
			if n := len(r.Taken(t)); int64(n) != want {
				return fmt.Errorf("%d of %d events are taken", n, want)
			}
			return nil
		})
		if r.Repeats() < atWork {
			t.Errorf("%d events came again: the kills hit nothing", r.Repeats())
		}
		db.Audit()
		p.Stop(t)
	})
}
