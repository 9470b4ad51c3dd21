package market_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// ledger keeps the transactions that were committed.
type ledger struct {
	mu           sync.Mutex
	transactions [][]sqlstoretest.Statement
}

func (l *ledger) add(statements []sqlstoretest.Statement) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.transactions = append(l.transactions, statements)
}

// transaction is what one transaction wrote.
type transaction struct {
	queries  []string
	sellers  int  // whose rows it wrote
	ofTheLog bool // it is of the sequencer or a projection, which go by the log of all sellers
}

// all returns the transactions that were committed.
func (l *ledger) all(t *testing.T, app *apptest.App) (list []transaction) {
	t.Helper()
	known := map[string]bool{}
	for _, row := range app.Query(t, "SELECT id FROM sellers") {
		known[row[0]] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, statements := range l.transactions {
		var of transaction
		sellers := map[string]bool{}
		for _, s := range statements {
			of.queries = append(of.queries, s.Query)
			if strings.Contains(s.Query, "SELECT ") {
				continue
			}
			of.ofTheLog = of.ofTheLog || strings.Contains(s.Query, "event_consumers") || strings.Contains(s.Query, "event_sequence")
			for _, a := range s.Args {
				if id, is := a.Value.(string); is && known[id] {
					sellers[id] = true
				}
			}
		}
		of.sellers = len(sellers)
		list = append(list, of)
	}
	return list
}

func TestATransactionIsOfOneSeller(t *testing.T) {
	t.Parallel()
	for sharded, name := range map[string]string{"": "not sharded", "seller": "sharded"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				g, d, l := &gate{}, &sqlstoretest.Faults{}, &ledger{}
				d.Committing(l.add)
				app := apptest.StartConfig(t, databaseURL, func(c *leadmill.Config) { c.Sharded = sharded }, leadmill.StartOptions{Driver: d.Wrap},
					leadmill.NewModule("test", leadmill.AsInterceptor(func() *gate { return g })))
				shops := make([]*apptest.Shop, 4) // two of them share a lane
				for i := range shops {
					shops[i] = apptest.NewShop(t, app, nil, apptest.Rich)
				}
				const each = 20
				for range 20 { // until leads that could share a transaction waited for one
					hold(t, d, g, len(shops)*each, func() {
						apptest.Parallel(len(shops)*each, func(i int) {
							s := shops[i%len(shops)]
							if a := s.Supplier.Do("POST", "/api/leads", s.Form()); a.Status != 200 || a.Lead().Status != "sold" {
								t.Errorf("answered %v, want sold", a)
							}
						})
					})
					mixed, alone := 0, 0
					for _, tx := range l.all(t, app) {
						switch {
						case tx.sellers > 1 && apptest.StoresLeads(tx.queries):
							mixed++
						case tx.sellers > 1 && !tx.ofTheLog:
							t.Errorf("a transaction beside the log writes rows of several sellers:\n%s", strings.Join(tx.queries, "\n"))
						case rowsOf(tx.queries) > 1:
							alone++
						}
					}
					if sharded != "" && mixed > 0 {
						t.Errorf("%d transactions have leads of two sellers", mixed)
					}
					if t.Failed() || sharded == "" && mixed > 0 || sharded != "" && alone > 0 {
						apptest.Open(t, databaseURL).Audit()
						return
					}
				}
				t.Error("no transaction has leads that waited together, so that the test shows nothing")
			})
		})
	}
}

// hold runs post, which posts n leads, and lets no batch commit before all of them are on their way, unless that takes long.
func hold(t *testing.T, d *sqlstoretest.Faults, g *gate, n int, post func()) {
	t.Helper()
	release := make(chan struct{})
	d.Commit(func(statements []string, commit, _ func() error) error {
		if apptest.StoresLeads(statements) {
			<-release
		}
		return commit()
	})
	defer d.Commit(nil)
	before := g.in.Load()
	go func() {
		defer close(release)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for late := time.After(2 * time.Second); g.in.Load() < before+int64(n); {
			select {
			case <-tick.C:
			case <-late:
				return
			}
		}
	}()
	post()
}

func TestMatchingIsOfOneSeller(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		d, l := &sqlstoretest.Faults{}, &ledger{}
		d.Committing(l.add)
		app := apptest.StartConfig(t, databaseURL, func(c *leadmill.Config) { c.Sharded = "seller" }, leadmill.StartOptions{Driver: d.Wrap})
		poor := apptest.Buyer{Contract: apptest.Object{"price": 10.00}}
		shops := []*apptest.Shop{apptest.NewShop(t, app, nil, poor), apptest.NewShop(t, app, nil, poor)}
		waiting := make([][]string, len(shops))
		for i, s := range shops {
			waiting[i] = wait(t, s, 3)
		}
		for _, s := range shops {
			s.Deposit(t, s.BuyerIDs[0], 30)
		}
		for i, s := range shops {
			soldOf(t, s, waiting[i], 3)
		}
		app.RunJob(t, "purge")
		sold := 0
		for _, tx := range l.all(t, app) {
			for _, q := range tx.queries {
				if strings.HasPrefix(q, "INSERT INTO sales ") {
					sold++
				}
			}
			if tx.sellers > 1 && !tx.ofTheLog {
				t.Errorf("a transaction beside the log writes rows of several sellers:\n%s", strings.Join(tx.queries, "\n"))
			}
		}
		if sold == 0 {
			t.Error("no transaction sells a lead, so that the test shows nothing")
		}
	})
}
