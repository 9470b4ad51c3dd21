package fault_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// The promises to clients of a database that hangs: how long a request waits at most, and how long once it was found out.
const (
	asking    = 5 * time.Second
	changing  = 10 * time.Second
	foundOut  = 5 * time.Second
	slowTests = 2 * time.Second // what a machine under load may add
)

// stalled is clients of a Leadmill whose database hangs.
type stalled struct {
	t *testing.T
	s *apptest.Shop
}

// asked sends a request and returns its answer and how long it took.
func asked(do func() apptest.Answer) (apptest.Answer, time.Duration) {
	began := time.Now()
	a := do()
	return a, time.Since(began)
}

// refused checks that a request is answered 503 in the form of its API, and within a time.
func (c stalled) refused(what string, within time.Duration, do func() apptest.Answer) {
	a, took := asked(do)
	body := string(a.Body)
	form := strings.HasPrefix(body, `{"status":0,"message":"Service unavailable"`)
	if strings.HasPrefix(what, "a lead") {
		form = strings.HasPrefix(body, `{"success":false,"error":"Service unavailable"`)
	}
	if a.Err != nil || a.Status != http.StatusServiceUnavailable || !form || a.Header.Get("Retry-After") == "" || took > within+slowTests {
		c.t.Errorf("%s is answered after %v, want 503 within %v: %v", what, took, within, a)
	}
}

// first are the requests that meet the database first when it hangs.
func (c stalled) first() {
	var all sync.WaitGroup
	lead := c.s.Supplier.Unchecked()
	form := c.s.Form()
	all.Go(func() {
		c.refused("a lead", changing, func() apptest.Answer { return lead.Do("POST", "/api/leads", form, "Idempotency-Key", "first") })
	})
	program := c.s.Program.Unchecked()
	all.Go(func() {
		c.refused("a buyer", changing, func() apptest.Answer {
			return program.Do("POST", "/v1/buyers", apptest.Object{"name": "Late"}, "Idempotency-Key", "late")
		})
	})
	all.Wait()
}

// TestAServerThatHangsIsAnsweredFor blocks the way to a database for longer than any request may wait.
func TestAServerThatHangsIsAnsweredFor(t *testing.T) {
	t.Parallel()
	for _, e := range servers(t) {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			databaseURL := migrated.URL(t, e)
			way, through := newProxy(t, databaseURL)
			p := apptest.Run(t, through, []string{"serve"})
			s := apptest.NewShop(t, &p.App, nil, apptest.Rich)
			s.Sell(t, s.Form())
			l := newLoad(s)
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			unavailable := func(a apptest.Answer) bool { return a.Status == 503 && a.Lead().Code == "service_unavailable" }
			running.Go(func() { l.run(ctx, &p.App, 8, unavailable) })
			stop := sync.OnceFunc(func() { cancel(); running.Wait() })
			defer stop()
			apptest.Eventually(t, func() error { return l.more(0, 100) })

			c := stalled{t, s}
			way.block()
			var all sync.WaitGroup
			all.Go(c.first)
			all.Go(func() {
				program := s.Program.Unchecked()
				c.refused("a query", asking, func() apptest.Answer { return program.Do("GET", "/v1/buyers", nil) })
			})
			all.Wait()
			if a, took := asked(func() apptest.Answer { return p.Client(t, "").Do("GET", "/livez", nil) }); a.Status != 200 || took > time.Second {
				t.Errorf("livez while the database hangs: %v after %v", a, took)
			}
			program, supplier := s.Program.Unchecked(), s.Supplier.Unchecked()
			for path, do := range map[string]func() apptest.Answer{
				"a query":           func() apptest.Answer { return program.Do("GET", "/v1/buyers", nil) },
				"a report":          func() apptest.Answer { return program.Do("GET", "/v1/reports/campaigns", nil) },
				"the feed":          func() apptest.Answer { return program.Do("GET", "/v1/events", nil) },
				"a feed that waits": func() apptest.Answer { return program.Do("GET", "/v1/events?wait=20", nil) },
				"a change":          func() apptest.Answer { return program.Do("POST", "/v1/buyers", apptest.Object{"name": "Later"}) },
				"readiness":         func() apptest.Answer { return p.Client(t, "").Unchecked().Do("GET", "/readyz", nil) },
				"a lead":            func() apptest.Answer { return supplier.Do("POST", "/api/leads", s.Form()) },
			} {
				all.Go(func() { c.refused(path+" once it was found out", 0, do) })
			}
			all.Wait()
			if !strings.Contains(p.Logs.String(), "the database does not answer") {
				t.Error("the log does not tell that the database hangs")
			}

			before := l.count()
			way.unblock()
			back := time.Now()
			apptest.Eventually(t, func() error { return l.more(before, 100) })
			if took := time.Since(back); took > foundOut+slowTests {
				t.Errorf("100 leads are answered %v after the database", took)
			}
			apptest.Eventually(t, func() error {
				if a := p.Client(t, "").Do("GET", "/readyz", nil); a.Status != 200 {
					return errDown
				}
				return nil
			})
			stop()
			if a := program.Do("POST", "/v1/buyers", apptest.Object{"name": "Late"}, "Idempotency-Key", "late"); a.Status != 201 {
				t.Errorf("a change is sent again: %v", a)
			}
			if len(l.open) == 0 {
				t.Error("no lead met the database while it hung: nothing was tested")
			}
			l.retry(&p.App)
			db := apptest.Open(t, databaseURL)
			if n := db.Number("SELECT COUNT(*) FROM buyers WHERE name = 'Late'"); n != 1 {
				t.Errorf("the change that was sent twice is stored %d times", n)
			}
			l.beside(t, db)
			p.Stop(t)
		})
	}
}

// beside is check for a load beside which other leads were sent.
func (l *load) beside(t *testing.T, db *apptest.Database) {
	t.Helper()
	for i, s := range l.strange {
		if t.Errorf("answered %s", s); i == 5 {
			break
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.answered {
		if db.Number(fmt.Sprintf("SELECT COUNT(*) FROM leads WHERE id = '%s'", id)) != 1 {
			t.Errorf("the lead %s was answered and is not stored", id)
		}
	}
	if len(l.answered) != l.sent {
		t.Errorf("%d leads were sent and %d answered", l.sent, len(l.answered))
	}
	db.Audit()
}

// TestALockThatAnotherProcessHoldsIsAnsweredFor holds SQLite's lock of writers: what changes something is refused, what reads goes on.
func TestALockThatAnotherProcessHoldsIsAnsweredFor(t *testing.T) {
	t.Parallel()
	if !slices.Contains(dbtest.Engines(), dbtest.SQLite) {
		t.Skip("only SQLite has one lock for all that write")
	}
	databaseURL := migrated.URL(t, dbtest.SQLite)
	p := apptest.Run(t, databaseURL, []string{"serve"})
	s := apptest.NewShop(t, &p.App, nil, apptest.Rich)
	s.Sell(t, s.Form())
	other, err := dialect.Open(databaseURL, dialect.Options{Existing: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	tx, err := other.Writer.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()

	c := stalled{t, s}
	c.first()
	c.refused("a change once it was found out", 0, func() apptest.Answer {
		return s.Program.Unchecked().Do("POST", "/v1/buyers", apptest.Object{"name": "Later"})
	})
	c.refused("a lead once it was found out", 0, func() apptest.Answer {
		return s.Supplier.Unchecked().Do("POST", "/api/leads", s.Form())
	})
	if a, took := asked(func() apptest.Answer { return s.Program.Do("GET", "/v1/buyers", nil) }); a.Status != 200 || took > time.Second+slowTests {
		t.Errorf("a query beside a held lock: %v after %v", a, took)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	back := time.Now()
	apptest.Eventually(t, func() error {
		if a := s.Supplier.Unchecked().Do("POST", "/api/leads", s.Form(), "Idempotency-Key", "again"); a.Status != 200 {
			return fmt.Errorf("a lead is answered %v", a)
		}
		return nil
	})
	if took := time.Since(back); took > foundOut+slowTests {
		t.Errorf("leads are taken %v after the lock was free", took)
	}
}
