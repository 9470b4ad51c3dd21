package feed_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// mostIdle is how many statements a second an idle instance may make, with all consumers on.
const mostIdle = 5

// What two instances ask of the database while nothing happens: with sinks, a webhook, open streams and every job. One works, and the other waits.
func TestIdleInstancesAskForLittle(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		post, folder := newPosted(t), t.TempDir()
		ctx, leave := context.WithCancel(t.Context())
		var open sync.WaitGroup
		defer func() {
			leave()
			open.Wait()
		}()
		var asked []*sqlstoretest.Faults
		var s *apptest.Shop
		for range 2 {
			statements := &sqlstoretest.Faults{}
			app := apptest.StartConfig(t, databaseURL, func(c *leadmill.Config) {
				outward(c)
				c.EventsSink = "file:" + folder + "," + post.url
			}, leadmill.StartOptions{Driver: statements.Wrap})
			asked = append(asked, statements)
			if s == nil {
				s = apptest.NewShop(t, app, nil, apptest.Rich)
				listening(t, s.Program, leadmilltest.NewHTTPSink(t).URL, "lead.sold.v1")
			}
			for range 3 { // each with a key of its own
				key := fmt.Sprint(s.Program.Must(t, "POST", "/v1/api-keys", apptest.Object{"name": "reader", "scope": "events"}).Data(t)["key"])
				open.Go(func() { _ = (&reader{key: key}).read(ctx, app.URL, func() bool { return false }) })
			}
		}
		s.Sell(t, s.Form())
		apptest.Open(t, databaseURL).Relayed(t, post.all)
		pass(t, 18*time.Second) // what looks more often after something happened does so for a while
		began := time.Now()
		for _, statements := range asked {
			statements.Statements()
		}
		pass(t, 30*time.Second)
		for i, statements := range asked {
			made := statements.Statements()
			rate := float64(len(made)) / time.Since(began).Seconds()
			t.Logf("instance %d: %d statements, %.2f a second", i, len(made), rate)
			if rate < mostIdle && !testing.Verbose() {
				continue
			}
			kinds := map[string]int{}
			for _, q := range made {
				kinds[q]++
			}
			for _, q := range slices.SortedFunc(maps.Keys(kinds), func(a, b string) int { return cmp.Or(kinds[b]-kinds[a], strings.Compare(a, b)) }) {
				t.Logf("%3d times %.120s", kinds[q], q)
			}
			if rate >= mostIdle {
				t.Errorf("idle instance %d makes %.1f statements a second, and may make fewer than %d", i, rate, mostIdle)
			}
		}
	})
}

// pass lets time pass by the machine's clock.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}
