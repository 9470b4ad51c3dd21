package fault_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
)

func TestADatabaseKilledOrRestartedUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	for _, e := range servers(t) {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			server := dbtest.StartServer(t, e)
			if err := server.CreateDatabase(t.Context(), "leadmill"); err != nil {
				t.Fatal(err)
			}
			app := apptest.Start(t, server.URL("leadmill"), leadmill.StartOptions{})
			s := apptest.NewShop(t, app, nil, apptest.Rich)
			l := newLoad(s)
			unavailable := func(a apptest.Answer) bool {
				return a.Status == 503 && a.Header.Get("Retry-After") != "" && a.Lead().Code == "service_unavailable"
			}
			for range 2 {
				ctx, cancel := context.WithCancel(t.Context())
				var running sync.WaitGroup
				running.Go(func() { l.run(ctx, app, 16, unavailable) })
				before := l.count()
				apptest.Eventually(t, func() error { return l.more(before, 100) })
				if err := server.Kill(); err != nil {
					t.Fatal(err)
				}
				probe := app.Client(t, "")
				apptest.Eventually(t, func() error {
					if a := probe.Do("GET", "/readyz", nil); a.Status != 503 {
						t.Logf("readyz: %v", a)
						return errDown
					}
					return nil
				})
				if a := probe.Do("GET", "/livez", nil); a.Status != 200 {
					t.Errorf("livez without a database: %v", a)
				}
				// A key is asked for again after some seconds: it must not be told invalid.
				apptest.Eventually(t, func() error {
					if a := s.Program.Do("GET", "/v1/buyers", nil); a.Status != 503 || a.Header.Get("Retry-After") == "" {
						t.Errorf("a query without a database: %v", a)
					}
					return nil
				})
				if err := server.Restart(t.Context()); err != nil {
					t.Fatal(err)
				}
				back := time.Now()
				before = l.count()
				apptest.Eventually(t, func() error { return l.more(before, 100) })
				t.Logf("back %v after the database", time.Since(back))
				cancel()
				running.Wait()
			}
			apptest.Eventually(t, func() error {
				if a := app.Client(t, "").Do("GET", "/readyz", nil); a.Status != 200 {
					return errDown
				}
				return nil
			})
			// One that is shut down cleanly ends the connections with errors of its own.
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { l.run(ctx, app, 16, unavailable) })
			before := l.count()
			apptest.Eventually(t, func() error { return l.more(before, 100) })
			if err := server.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			before = l.count()
			apptest.Eventually(t, func() error { return l.more(before, 100) })
			cancel()
			running.Wait()
			// A server that hangs for a while is no loss either.
			ctx, cancel = context.WithCancel(t.Context())
			running.Go(func() { l.run(ctx, app, 16, unavailable) })
			if err := server.Pause(); err != nil {
				t.Fatal(err)
			}
			hang := time.NewTimer(2 * time.Second)
			<-hang.C
			if err := server.Resume(); err != nil {
				t.Fatal(err)
			}
			before = l.count()
			apptest.Eventually(t, func() error { return l.more(before, 100) })
			cancel()
			running.Wait()
			if len(l.open) == 0 {
				t.Error("nobody met the database's absence: nothing was tested")
			}
			l.retry(app)
			l.check(t, apptest.Open(t, server.URL("leadmill")))
		})
	}
}
