package market_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// buyersOf100 are buyers of whom exactly 100 leads of 10.00 can be had, at whatever time of the day a test runs.
var buyersOf100 = map[string]apptest.Buyer{
	"cap":     {Deposit: 1_000_000, Contract: apptest.Object{"price": 10.00, "caps": []apptest.Object{{"window": "total", "leads": 100}}}},
	"budget":  {Deposit: 1_000_000, Contract: apptest.Object{"price": 10.00, "caps": []apptest.Object{{"window": "total", "budget": 1009.99}}}},
	"balance": {Deposit: 1000.00, Contract: apptest.Object{"price": 10.00}},
}

// flood posts 500 leads at once, spread over the instances, and counts the answers by status.
func flood(t *testing.T, s *apptest.Shop, instances ...*apptest.App) map[string]int {
	t.Helper()
	const n = 500
	answers := make([]apptest.Answer, n)
	clients := make([]*apptest.Client, len(instances))
	for i, a := range instances {
		clients[i] = s.Supplier.At(a).Unchecked()
	}
	apptest.Parallel(n, func(i int) { answers[i] = clients[i%len(clients)].Insist("POST", "/api/leads", s.Form()) })
	count := map[string]int{}
	for _, a := range answers {
		if a.Err != nil || a.Status != 200 {
			t.Fatalf("a lead was answered %v", a)
		}
		count[a.Lead().Status]++
	}
	return count
}

func checkFlood(t *testing.T, databaseURL string, count map[string]int) {
	t.Helper()
	if count["sold"] != 100 || count["pending"] != 400 {
		t.Errorf("answered %v, want 100 sold and 400 pending", count)
	}
	db := apptest.Open(t, databaseURL)
	db.Audit()
	if n := db.Number("SELECT COUNT(*) FROM sales"); n != 100 {
		t.Errorf("%d sales, want 100", n)
	}
	if n := db.Number("SELECT COUNT(*) FROM leads WHERE status = 'pending'"); n != 400 {
		t.Errorf("%d leads are pending, want 400", n)
	}
}

func TestWhatABuyerHasLeftIsNeverExceeded(t *testing.T) {
	t.Parallel()
	for name, buyer := range buyersOf100 {
		for _, batch := range []int{256, 7} {
			if batch == 7 && name != "cap" {
				continue // many small batches are the same for each of them
			}
			t.Run(fmt.Sprintf("%s in batches of %d", name, batch), func(t *testing.T) {
				t.Parallel()
				apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
					app := apptest.StartConfig(t, databaseURL, func(c *leadmill.Config) { c.BatchMax = batch }, leadmill.StartOptions{})
					s := apptest.NewShop(t, app, nil, buyer)
					checkFlood(t, databaseURL, flood(t, s, app))
				})
			})
		}
	}
}

func TestWhatABuyerHasLeftIsNeverExceededByTwoProcesses(t *testing.T) {
	t.Parallel()
	for name, buyer := range buyersOf100 {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				if strings.HasPrefix(databaseURL, "sqlite:") {
					t.Skip("SQLite has one process")
				}
				one := apptest.Run(t, databaseURL, []string{"serve"})
				two := apptest.Run(t, databaseURL, []string{"serve"})
				s := apptest.NewShop(t, &one.App, nil, buyer)
				checkFlood(t, databaseURL, flood(t, s, &one.App, &two.App))
				one.Stop(t)
				two.Stop(t)
			})
		})
	}
}

func TestTheSameLeadAtOnceIsSoldOnce(t *testing.T) {
	t.Parallel()
	for name, headers := range map[string]func(n int64) []string{
		"double clicks": func(int64) []string { return nil },
		// With a key of its own each request is a lead of its own, and all but one are duplicates.
		"duplicates": func(n int64) []string { return []string{"Idempotency-Key", "key-" + string(rune('A'+n))} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
				other := apptest.Start(t, databaseURL, leadmill.StartOptions{})
				s := apptest.NewShop(t, app, nil, apptest.Rich)
				const n = 50
				form := s.Form()
				var calls atomic.Int64
				answers := make([]apptest.Answer, n)
				clients := []*apptest.Client{s.Supplier, s.Supplier.At(other)}
				apptest.Parallel(n, func(i int) {
					answers[i] = clients[i%2].Do("POST", "/api/leads", form, headers(calls.Add(1))...)
				})
				sold, again, duplicates := 0, 0, 0
				for _, a := range answers {
					switch l := a.Lead(); {
					case a.Err != nil || a.Status != 200:
						t.Fatalf("answered %v", a)
					case a.Replayed() && l.Status == "sold":
						again++
					case l.Status == "sold":
						sold++
					case l.Status == "duplicate" && l.Code == "duplicate_lead":
						duplicates++
					default:
						t.Errorf("answered %v", a)
					}
				}
				if sold != 1 || again+duplicates != n-1 {
					t.Errorf("%d sold, %d replayed, %d duplicates; want 1 sold and %d others", sold, again, duplicates, n-1)
				}
				if name == "double clicks" && duplicates > 0 {
					t.Errorf("%d double clicks were made duplicates", duplicates)
				}
				db := apptest.Open(t, databaseURL)
				db.Audit()
				if n := db.Number("SELECT COUNT(*) FROM sales"); n != 1 {
					t.Errorf("%d sales, want 1", n)
				}
				if n := db.Number("SELECT COUNT(*) FROM leads"); n != int64(1+duplicates) {
					t.Errorf("%d leads, want %d", n, 1+duplicates)
				}
			})
		})
	}
}
