package market_test

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// race posts n leads over so many connections, spread over the instances, and counts the answers by status.
func race(t *testing.T, s *apptest.Shop, n, connections int, instances ...*apptest.App) map[string]int {
	t.Helper()
	var next atomic.Int64
	var mu sync.Mutex
	count := map[string]int{}
	apptest.Parallel(connections, func(i int) {
		client := s.Supplier.At(instances[i%len(instances)]).Unchecked()
		for next.Add(1) <= int64(n) {
			a := client.Insist("POST", "/api/leads", s.Form())
			if a.Err != nil || a.Status != 200 {
				t.Errorf("a lead was answered %v", a)
				return
			}
			mu.Lock()
			count[a.Lead().Status]++
			mu.Unlock()
		}
	})
	return count
}

// One lead is left, by whatever rule it is: of many at once exactly one is sold, charged, told of and delivered.
func TestOfManyLeadsForTheLastOneIsSold(t *testing.T) {
	t.Parallel()
	one := func(limit apptest.Object) apptest.Object {
		limit["window"] = "total"
		return apptest.Object{"caps": []apptest.Object{limit}}
	}
	for name, c := range map[string]struct {
		deposit                   float64
		contract, buyer, campaign apptest.Object
	}{
		"cap of the contract":    {1000, one(apptest.Object{"leads": 1}), nil, nil},
		"cap of the buyer":       {1000, nil, one(apptest.Object{"leads": 1}), nil},
		"cap of the campaign":    {1000, nil, nil, one(apptest.Object{"leads": 1})},
		"budget of the contract": {1000, one(apptest.Object{"budget": 15}), nil, nil},
		"budget of the buyer":    {1000, nil, one(apptest.Object{"budget": 15}), nil},
		"budget of the campaign": {1000, nil, nil, one(apptest.Object{"budget": 15})},
		"balance":                {10, nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				sink := leadmilltest.NewHTTPSink(t)
				apps := []*apptest.App{apptest.StartConfig(t, databaseURL, outward, leadmill.StartOptions{}), apptest.StartConfig(t, databaseURL, outward, leadmill.StartOptions{})}
				contract := notify(sink.URL)
				contract["price"] = 10.00
				maps.Copy(contract, c.contract)
				s := apptest.NewShop(t, apps[0], c.campaign, apptest.Buyer{Deposit: c.deposit, Contract: contract})
				s.AddContract(t, s.BuyerIDs[0], apptest.Object{"price": 10.00, "priority": 2, "delivery": contract["delivery"], "status": map[bool]string{true: "paused", false: "active"}[c.contract != nil]})
				if c.buyer != nil {
					s.Program.Must(t, "PUT", "/v1/buyers/"+s.BuyerIDs[0], c.buyer)
				}
				if count := race(t, s, 100, 32, apps...); count["sold"] != 1 || count["pending"] != 99 {
					t.Errorf("answered %v, want one sold", count)
				}
				db := apptest.Open(t, databaseURL)
				apptest.Eventually(t, func() error {
					if n := db.Number("SELECT COUNT(*) FROM deliveries WHERE state = 'delivered'"); n != 1 {
						return fmt.Errorf("%d sales are delivered, want 1", n)
					}
					return nil
				})
				db.Audit()
				if n := len(db.Events("lead.sold.v1")); n != 1 || len(sink.Requests()) != 1 {
					t.Errorf("told of %d sales, by %d requests", n, len(sink.Requests()))
				}
			})
		})
	}
}

// The contract that is asked when others are full has caps too.
func TestWhoIsAskedLastHasCapsToo(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		capped := func(priority, leads int) apptest.Buyer {
			return apptest.Buyer{Deposit: 1000, Contract: apptest.Object{"price": 1, "priority": priority, "caps": []apptest.Object{{"window": "total", "leads": leads}}}}
		}
		s := apptest.NewShop(t, app, nil, capped(1, 2), capped(2, 1), capped(3, 2))
		if got := statuses(t, s, 7); got != "ssssspp" {
			t.Errorf("answered %s", got)
		}
		db := apptest.Open(t, databaseURL)
		for i, want := range []int64{2, 1, 2} {
			if n := db.Number("SELECT COUNT(*) FROM sales WHERE buyer_id = ?", s.BuyerIDs[i]); n != want {
				t.Errorf("buyer %d took %d leads, want %d", i, n, want)
			}
		}
		db.Audit()
	})
}

// Sixty-four connections post ten thousand leads for caps of one, with two processes on one server.
func TestCapsOfOneHoldForTwoProcesses(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		if strings.HasPrefix(databaseURL, "sqlite:") {
			t.Skip("SQLite has one process")
		}
		one := apptest.Run(t, databaseURL, []string{"serve"})
		two := apptest.Run(t, databaseURL, []string{"serve"})
		var buyers []apptest.Buyer
		for i := range 20 {
			buyers = append(buyers, apptest.Buyer{Deposit: 1_000, Contract: apptest.Object{"price": 1 + i%3, "caps": []apptest.Object{{"window": "total", "leads": 1}}}})
		}
		s := apptest.NewShop(t, &one.App, shared(nil), buyers...)
		for i, id := range s.BuyerIDs { // a second contract, and a cap of one on every other buyer
			s.AddContract(t, id, apptest.Object{"price": 2, "caps": []apptest.Object{{"window": "total", "leads": 1}}})
			if i%2 == 0 {
				s.Program.Must(t, "PUT", "/v1/buyers/"+id, apptest.Object{"caps": []apptest.Object{{"window": "total", "leads": 1}}})
			}
		}
		n := apptest.Setting(t, "LEADMILL_TEST_RACE_LEADS", 10_000)
		count := race(t, s, n, 64, &one.App, &two.App)
		db := apptest.Open(t, databaseURL)
		db.Audit()
		if sales := db.Number("SELECT COUNT(*) FROM sales"); sales != 30 {
			t.Errorf("%d sales of 10 buyers with two caps of one and 10 with one, want 30; answered %v", sales, count)
		}
		if count["sold"]+count["pending"] != n {
			t.Errorf("answered %v, want %d", count, n)
		}
		if over := db.Number("SELECT COUNT(*) FROM (SELECT contract_id FROM sales GROUP BY contract_id HAVING COUNT(*) > 1) x"); over != 0 {
			t.Errorf("%d contracts are oversold", over)
		}
		for _, p := range []*apptest.Process{one, two} {
			p.Stop(t)
		}
		t.Log(fmt.Sprint(count))
	})
}
