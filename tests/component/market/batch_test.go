package market_test

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// phones finds those that apptest.Phone makes.
var phones = regexp.MustCompile(`12000\d{6}`)

// panickingStrategy panics at one lead, as apptest.PanickingRule does.
type panickingStrategy struct{}

func (panickingStrategy) Code() string { return "test_panics" }
func (panickingStrategy) Order() int   { return 9 }
func (panickingStrategy) Rank(f lead.Facts, c []distribution.Candidate) []distribution.Candidate {
	if strings.Contains(f.Fields()["lastName"].Text, apptest.Poison) {
		panic("a strategy panics at " + f.Fields()["phone"].Text)
	}
	return c
}

// gate counts the leads that went in to be decided.
type gate struct{ in atomic.Int64 }

func (*gate) Code() string { return "test_gate" }
func (*gate) Order() int   { return 401 }
func (g *gate) Intercept(ctx context.Context, op bus.Operation, next func(context.Context) error) error {
	if op.Name == "SubmitLead" {
		g.in.Add(1)
	}
	return next(ctx)
}

// rowsOf counts the leads that a transaction stored.
func rowsOf(statements []string) (n int) {
	for _, q := range statements {
		if strings.HasPrefix(q, "INSERT INTO leads ") {
			n += strings.Count(q, "(") - 1
		}
	}
	return n
}

// batch posts leads so that they are decided together: it holds the commit of a lead before them until all of them are on
// their way. It returns their answers and the statements of the transaction that stored most leads.
func batch(t *testing.T, d *sqlstoretest.Faults, g *gate, s *apptest.Shop, forms []apptest.Form) (answers []apptest.Answer, largest []string) {
	t.Helper()
	held, release := make(chan struct{}), make(chan struct{})
	var first sync.Once
	var mu sync.Mutex
	d.Commit(func(statements []string, commit, _ func() error) error {
		if apptest.StoresLeads(statements) {
			mu.Lock()
			if rowsOf(statements) > rowsOf(largest) {
				largest = statements
			}
			mu.Unlock()
			first.Do(func() {
				close(held)
				<-release
			})
		}
		return commit()
	})
	before := g.in.Load()
	done := make(chan apptest.Answer, 1)
	go func() { done <- s.Supplier.Do("POST", "/api/leads", s.Form()) }()
	select {
	case <-held:
	case a := <-done:
		t.Fatalf("the lead before the batch is answered %v", a)
	}
	go func() {
		defer close(release)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for late := time.After(2 * time.Second); g.in.Load() < before+1+int64(len(forms)); {
			select {
			case <-tick.C:
			case <-late:
				return
			}
		}
	}()
	answers = make([]apptest.Answer, len(forms))
	apptest.Parallel(len(forms), func(i int) { answers[i] = s.Supplier.Do("POST", "/api/leads", forms[i]) })
	if a := <-done; a.Lead().Status != "sold" {
		t.Fatalf("the lead before the batch is answered %v", a)
	}
	d.Commit(nil)
	return answers, largest
}

func TestAPoisonedLeadFailsAlone(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]struct {
		poisoned func(apptest.Form) apptest.Form
		prepare  map[string]string // by dialect: what the database is told to refuse
		status   int
	}{
		"rule":     {poisoned: func(f apptest.Form) apptest.Form { return f.With("firstName", apptest.Poison) }, status: 500},
		"strategy": {poisoned: func(f apptest.Form) apptest.Form { return f.With("lastName", apptest.Poison) }, status: 500},
		"database": {poisoned: func(f apptest.Form) apptest.Form { return f.With("external_id", apptest.Poison) }, status: 500, prepare: map[string]string{
			"sqlite": "CREATE TRIGGER poison BEFORE INSERT ON leads WHEN NEW.external_id = 'Poison' BEGIN SELECT RAISE(ABORT, 'poison'); END",
			"mysql": "CREATE TRIGGER poison BEFORE INSERT ON leads FOR EACH ROW IF NEW.external_id = 'Poison' THEN " +
				"SIGNAL SQLSTATE '22001' SET MYSQL_ERRNO = 1406, MESSAGE_TEXT = 'Data too long'; END IF",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				g, d := &gate{}, &sqlstoretest.Faults{}
				app := apptest.Start(t, databaseURL, leadmill.StartOptions{Driver: d.Wrap}, leadmill.NewModule("test",
					leadmill.AsIntakeRule(func() apptest.PanickingRule { return apptest.PanickingRule{} }),
					leadmill.AsStrategy(func() panickingStrategy { return panickingStrategy{} }),
					leadmill.AsInterceptor(func() *gate { return g })))
				db := apptest.Open(t, databaseURL)
				if q := how.prepare[db.Name()]; q != "" {
					if _, err := db.Writer.ExecContext(context.Background(), q); err != nil {
						t.Fatal(err)
					}
				}
				s := apptest.NewShop(t, app, apptest.Object{"distribution": apptest.Object{"strategy": "test_panics"}}, apptest.Rich)
				const n, bad = 21, 13
				sold, together := 0, 0
				for together < n-3 { // all but the poisoned, unless the machine was too slow to hold the gate
					forms := make([]apptest.Form, n)
					for i := range forms {
						forms[i] = s.Form()
					}
					forms[bad] = how.poisoned(forms[bad])
					answers, largest := batch(t, d, g, s, forms)
					together = rowsOf(largest)
					if name == "database" {
						together = n // it never commits together: it was narrowed down by halves
					}
					sold++
					for i, a := range answers {
						switch {
						case i == bad && (a.Status != how.status || a.Lead().Code != "internal_error"):
							t.Errorf("the poisoned lead is answered %v, want %d", a, how.status)
						case i != bad && (a.Status != 200 || a.Lead().Status != "sold"):
							t.Errorf("a lead beside the poisoned one is answered %v, want sold", a)
						case i != bad:
							sold++
						}
					}
					if t.Failed() {
						break
					}
				}
				if a := s.Supplier.Do("POST", "/api/leads", how.poisoned(s.Form())); a.Status != how.status {
					t.Errorf("the poisoned lead by itself is answered %v", a)
				}
				db.Audit()
				if n := db.Number("SELECT COUNT(*) FROM leads"); n != int64(sold) {
					t.Errorf("%d leads are stored, want %d", n, sold)
				}
				if phone := phones.FindString(app.Logs.String()); phone != "" {
					t.Errorf("the log holds the phone number %s", phone)
				}
			})
		})
	}
}

func TestACommitWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(commit, rollback func() error) error{
		"after it was done":  func(commit, _ func() error) error { return apptest.OrLost(commit()) },
		"before it was sent": func(_, rollback func() error) error { return apptest.OrLost(rollback()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				g, d := &gate{}, &sqlstoretest.Faults{}
				app := apptest.Start(t, databaseURL, leadmill.StartOptions{Driver: d.Wrap},
					leadmill.NewModule("test", leadmill.AsInterceptor(func() *gate { return g })))
				s := apptest.NewShop(t, app, nil, apptest.Rich)
				s.Sell(t, s.Form())
				var lost atomic.Int64
				d.Commit(func(statements []string, commit, rollback func() error) error {
					if apptest.StoresLeads(statements) && lost.Add(1) <= 3 {
						return lose(commit, rollback)
					}
					return commit()
				})
				const n = 60
				answers := make([]apptest.Answer, n)
				apptest.Parallel(n, func(i int) { answers[i] = s.Supplier.Do("POST", "/api/leads", s.Form()) })
				// An Idempotency-Key makes a client's retry safe whatever it was answered.
				lost.Store(0)
				keyed := s.Form()
				first := s.Supplier.Do("POST", "/api/leads", keyed, "Idempotency-Key", "lost")
				lost.Store(3)
				again := s.Supplier.Must(t, "POST", "/api/leads", keyed, "Idempotency-Key", "lost")
				if first.Status == 200 && (!again.Replayed() || string(first.Body) != string(again.Body)) {
					t.Errorf("the key is answered %v, then %v", first, again)
				}
				db := apptest.Open(t, databaseURL)
				db.Audit()
				ids := map[string]bool{}
				for _, a := range answers {
					switch {
					case a.Status == 200 && a.Lead().Status == "sold" && !ids[a.Lead().ID] && !a.Replayed():
						ids[a.Lead().ID] = true
					case a.Status == 503 && a.Header.Get("Retry-After") != "":
					default:
						t.Errorf("answered %v", a)
					}
				}
				for id := range ids {
					if n := db.Number("SELECT COUNT(*) FROM leads WHERE id = ? AND status = 'sold'", id); n != 1 {
						t.Errorf("lead %s was answered as sold and is stored %d times", id, n)
					}
				}
				// One answer lost at a time is made up for: nobody but those who met several is told to come again.
				if name == "after it was done" {
					if len(ids) != n || first.Status != 200 {
						t.Errorf("%d of %d leads answered as stored, the keyed one %v", len(ids), n, first)
					}
					if n := db.Number("SELECT COUNT(*) FROM leads"); n != int64(len(ids)+2) {
						t.Errorf("%d leads are stored, want %d", n, len(ids)+2)
					}
				}
			})
		})
	}
}

func TestACommitLostOnceIsMadeUpFor(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		d := &sqlstoretest.Faults{}
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Driver: d.Wrap})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		var lost atomic.Int64
		d.Commit(func(statements []string, commit, rollback func() error) error {
			if apptest.StoresLeads(statements) && lost.Add(1) == 1 {
				return apptest.OrLost(rollback())
			}
			return commit()
		})
		if l := s.Sell(t, s.Form()); l.Status != "sold" {
			t.Errorf("answered %+v, want sold by the second try", l)
		}
		db := apptest.Open(t, databaseURL)
		db.Audit()
		if n := db.Number("SELECT COUNT(*) FROM leads"); n != 1 || lost.Load() != 2 {
			t.Errorf("%d leads after %d commits, want 1 after 2", n, lost.Load())
		}
	})
}

func TestStatementsOfALeadAndOfABatch(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		g, d := &gate{}, &sqlstoretest.Faults{}
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Driver: d.Wrap},
			leadmill.NewModule("test", leadmill.AsInterceptor(func() *gate { return g })))
		// All that a lead can touch: caps in every window, a payout, an external id, two claims.
		caps := []apptest.Object{
			{"window": "hour", "leads": 10000},
			{"window": "day", "leads": 10000, "budget": 900000.00},
			{"window": "week", "leads": 10000},
			{"window": "month", "budget": 900000.00},
			{"window": "total", "leads": 10000},
		}
		contract := apptest.Object{"price": 10.00, "caps": caps}
		s := apptest.NewShop(t, app, apptest.Object{
			"dedupe":          apptest.Object{"fields": []string{"phone", "email"}, "match": "any", "window_days": 30},
			"supplier_payout": apptest.Object{"type": "percent", "value": 70},
		},
			apptest.Buyer{Deposit: 1_000_000, Contract: contract}, apptest.Buyer{Deposit: 1_000_000, Contract: contract})
		form := func() apptest.Form {
			f := s.Form()
			return f.With("email", strings.TrimPrefix(f["phone"].(string), "+")+"@example.com", "external_id", f["phone"])
		}
		for range 3 { // the first use of keys, campaigns and buckets
			s.Sell(t, form())
		}
		app.Settle(t)
		var mu sync.Mutex
		var inside, outside []string
		// What keys, campaigns and replays are asked for outside of the transaction counts too; background work does not.
		d.Outside(func(q string) {
			for _, table := range []string{"api_keys", "campaigns", "contracts", "claims", "recent_requests", "leads", "unsold_leads", "buyers", "contract_counters"} {
				if strings.Contains(q, " "+table+" ") && !strings.Contains(q, "EXISTS") {
					mu.Lock()
					outside = append(outside, q)
					mu.Unlock()
				}
			}
		})
		d.Commit(func(statements []string, commit, _ func() error) error {
			if apptest.StoresLeads(statements) {
				mu.Lock()
				inside = append(inside, statements...)
				mu.Unlock()
			}
			return commit()
		})
		s.Sell(t, form())
		d.Commit(nil)
		mu.Lock()
		if all := append(inside, outside...); len(inside) == 0 || len(all) > 14 {
			t.Errorf("a lone lead costs %d statements, want at most 14:\n%s", len(all), strings.Join(all, "\n"))
		} else {
			t.Logf("a lone lead costs %d statements", len(all))
		}
		mu.Unlock()
		for tries := 0; ; tries++ {
			forms := make([]apptest.Form, 100)
			for i := range forms {
				forms[i] = form()
			}
			answers, most := batch(t, d, g, s, forms)
			for _, a := range answers {
				if a.Lead().Status != "sold" {
					t.Fatalf("answered %v", a)
				}
			}
			if rows := rowsOf(most); rows >= 95 {
				if len(most) > 20 {
					t.Errorf("a batch of %d leads costs %d statements, want at most 20:\n%s", rows, len(most), strings.Join(most, "\n"))
				}
				t.Logf("a batch of %d leads costs %d statements", rows, len(most))
				break
			}
			if tries == 50 { // a machine too slow to hold the gate makes smaller ones
				t.Fatalf("no batch came about; the largest had %d leads", rowsOf(most))
			}
		}
		apptest.Open(t, databaseURL).Audit()
	})
}
