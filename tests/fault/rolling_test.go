package fault_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// balancer sends requests to instances in turn: those whose /readyz said 200 when it was asked last. It sends none a second time.
type balancer struct {
	t      *testing.T
	server *httptest.Server
	next   atomic.Uint64

	mu        sync.Mutex
	instances []*instance
}

// instance is one that the balancer knows.
type instance struct {
	url   string
	proxy *httputil.ReverseProxy
	ready atomic.Bool
	asked chan struct{} // closed when it is asked no more
}

// every is how often the balancer asks whether an instance is ready, and notice how long an instance goes on after it is not.
const (
	every  = 50 * time.Millisecond
	notice = "1s"
)

func newBalancer(t *testing.T) *balancer {
	t.Helper()
	b := &balancer{t: t}
	b.server = httptest.NewServer(b)
	t.Cleanup(b.server.Close)
	return b
}

// ServeHTTP implements http.Handler.
func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	var ready []*instance
	for _, i := range b.instances {
		if i.ready.Load() {
			ready = append(ready, i)
		}
	}
	b.mu.Unlock()
	if len(ready) == 0 {
		http.Error(w, "no instance is ready", http.StatusBadGateway)
		return
	}
	ready[b.next.Add(1)%uint64(len(ready))].proxy.ServeHTTP(w, r)
}

// add has the balancer know a process until it ends, and returns when it is ready.
func (b *balancer) add(p *apptest.Process) *instance {
	b.t.Helper()
	target, err := url.Parse(p.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	i := &instance{url: p.URL, proxy: httputil.NewSingleHostReverseProxy(target), asked: make(chan struct{})}
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	b.t.Cleanup(transport.CloseIdleConnections)
	i.proxy.Transport = transport
	i.proxy.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) {
		if r.Context().Err() == nil {
			http.Error(w, fmt.Sprintf("the balancer's request failed: %v", err), http.StatusBadGateway)
		}
	}
	b.mu.Lock()
	b.instances = append(b.instances, i)
	b.mu.Unlock()
	go func() {
		defer close(i.asked)
		health := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Second}
		tick := time.NewTicker(every)
		defer tick.Stop()
		for range tick.C {
			a, err := health.Get(i.url + "/readyz")
			if err == nil {
				_ = a.Body.Close()
			}
			i.ready.Store(err == nil && a.StatusCode == http.StatusOK)
			if err != nil { // it is gone, after it said that it is not ready
				return
			}
		}
	}()
	apptest.Eventually(b.t, func() error {
		if !i.ready.Load() {
			return fmt.Errorf("%s is not ready", i.url)
		}
		return nil
	})
	return i
}

// remove waits until an instance that ended is asked no more.
func (b *balancer) remove(i *instance) {
	<-i.asked
	b.mu.Lock()
	defer b.mu.Unlock()
	for n, other := range b.instances {
		if other == i {
			b.instances = append(b.instances[:n:n], b.instances[n+1:]...)
			return
		}
	}
}

// TestInstancesAreReplacedOneAfterTheOther upgrades and takes back, under load and with two instances: what is newer has a migration and a
// type of events more. No request is answered 5xx or not at all, and each lead is decided once.
func TestInstancesAreReplacedOneAfterTheOther(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		if e == dbtest.SQLite { // instances of several machines share no file
			continue
		}
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			databaseURL := migrated.URL(t, e)
			db := apptest.Open(t, databaseURL)
			older := func() *apptest.Process {
				return apptest.Run(t, databaseURL, []string{"serve"}, "LEADMILL_DRAIN="+notice)
			}
			newer := func() *apptest.Process {
				return apptest.Run(t, databaseURL, []string{"serve"}, "LEADMILL_DRAIN="+notice, apptest.Next)
			}
			b := newBalancer(t)
			running := []*apptest.Process{older(), older()}
			s := apptest.NewShop(t, &running[0].App, nil, apptest.Rich)
			known := []*instance{b.add(running[0]), b.add(running[1])}
			front := &apptest.App{URL: b.server.URL}

			l := newLoad(s)
			ctx, cancel := context.WithCancel(t.Context())
			var clients sync.WaitGroup
			never := func(apptest.Answer) bool { return false }
			clients.Go(func() { l.run(ctx, front, 8, never) })
			reads := &reads{client: s.Program.At(front).Unchecked()}
			clients.Go(func() { reads.run(ctx) })
			stop := sync.OnceFunc(func() { cancel(); clients.Wait() })
			defer stop()
			under := func() { // load goes through whatever runs now
				t.Helper()
				leads, answers := l.count(), reads.count()
				apptest.Eventually(t, func() error {
					if n := reads.count() - answers; n < 50 {
						return fmt.Errorf("%d reads are answered", n)
					}
					return l.more(leads, 100)
				})
			}

			under()
			for n, start := range []func() *apptest.Process{newer, newer, older, older} {
				at := n % 2
				running[at].Stop(t)
				b.remove(known[at])
				running[at] = start()
				known[at] = b.add(running[at])
				under()
				if n == 0 { // the newer one also has a migration of Leadmill's own that the other, which still runs, does not know
					for _, q := range []string{"ALTER TABLE leads ADD COLUMN of_the_future BIGINT NULL", "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)"} {
						if _, err := db.Writer.ExecContext(t.Context(), q); err != nil {
							t.Fatal(err)
						}
					}
					under()
				}
			}
			// What only the newer version knows is still told by the older one.
			last := db.Number("SELECT MAX(last_position) FROM event_sequence")
			told := 0
			for after := int64(0); after < last; {
				var page struct {
					Data []struct{ Type string }
					Next int64
				}
				a := s.Program.At(&running[0].App).Must(t, "GET", fmt.Sprintf("/v1/events?limit=1000&after=%d", after), nil)
				if err := json.Unmarshal(a.Body, &page); err != nil || page.Next <= after {
					t.Fatalf("a page behind %d of %d is answered %.200s (%v)", after, last, a.Body, err)
				}
				for _, e := range page.Data {
					if e.Type == apptest.NextType {
						told++
					}
				}
				after = page.Next
			}
			if told == 0 {
				t.Error("the older version tells none of the newer one's events")
			}
			stop()
			for _, what := range reads.strange {
				t.Errorf("a read is answered %s", what)
			}
			if p := apptest.Launch(t, databaseURL, []string{"events", "forget", apptest.NextReaction}); p.Wait(t) != 0 {
				t.Errorf("forget: %s%s", p.Output.String(), p.Logs.Tail())
			}
			l.check(t, db)
			if p := apptest.Launch(t, databaseURL, []string{"doctor"}); p.Wait(t) != 0 {
				t.Errorf("doctor: %s%s", p.Output.String(), p.Logs.Tail())
			}
			t.Logf("%d leads and %d reads over 4 replacements", l.sent, reads.count())
			for _, p := range running {
				p.Stop(t)
			}
		})
	}
}

// reads are clients that read without a pause.
type reads struct {
	client *apptest.Client

	mu       sync.Mutex
	answered int
	strange  []string
}

func (r *reads) run(ctx context.Context) {
	paths := []string{
		"/v1/marketplace/leads?limit=5", "/v1/events?limit=20", "/v1/events?after=%d&limit=50&wait=1", "/v1/buyers", "/v1/campaigns", "/v1/reports/campaigns?group_by=supplier", "/v1/partners",
	}
	apptest.Parallel(len(paths), func(i int) {
		var page struct{ Next int64 }
		for ctx.Err() == nil {
			path := paths[i]
			if strings.Contains(path, "%d") { // follows the feed
				path = fmt.Sprintf(path, page.Next)
			}
			a := r.client.Do("GET", path, nil)
			_ = json.Unmarshal(a.Body, &page) // other pages have no next position, and what failed is told below
			r.mu.Lock()
			r.answered++
			if (a.Err != nil || a.Status != http.StatusOK) && len(r.strange) < 10 {
				r.strange = append(r.strange, path+": "+a.String())
			}
			r.mu.Unlock()
		}
	})
}

func (r *reads) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answered
}
