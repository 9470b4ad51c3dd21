package market_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// TestEverythingAtOnce sells leads of three campaigns that share their buyers on two instances, while operators change
// everything that a decision depends on.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		apps := []*apptest.App{apptest.Start(t, databaseURL, leadmill.StartOptions{}), apptest.Start(t, databaseURL, leadmill.StartOptions{})}
		s := apptest.NewShop(t, apps[0], nil)
		var buyers []string
		for range 3 {
			id, _ := s.AddBuyer(t, apptest.Buyer{Deposit: 300})
			s.Program.Must(t, "PUT", "/v1/buyers/"+id, apptest.Object{"credit_limit": 50})
			buyers = append(buyers, id)
		}
		type contract struct{ path, cap string }
		var campaigns, categories []string
		var contracts []contract
		for i := range 3 {
			category := fmt.Sprintf("Category %d", i)
			c := s.Program.Must(t, "POST", "/v1/campaigns", apptest.Object{
				"name": category, "category": category,
				"distribution": []apptest.Object{
					{"strategy": "priority"}, {"mode": "shared", "max_sales": 2, "strategy": "weighted"}, {"mode": "shared", "max_sales": 3, "strategy": "round_robin"},
				}[i],
				"caps":   []apptest.Object{{"window": "day", "leads": 500}},
				"dedupe": apptest.Object{"fields": []string{"phone"}, "match": "any", "window_days": 1},
			}).Data(t)["id"].(string)
			campaigns, categories = append(campaigns, c), append(categories, category)
			for j, b := range buyers {
				window := []string{"hour", "day", "week", "month", "total"}[(i+j)%5]
				id := s.Program.Must(t, "POST", "/v1/campaigns/"+c+"/contracts", apptest.Object{
					"buyer_id": b, "price": 5 + j,
					"caps": []apptest.Object{{"window": window, "leads": 40}},
				}).Data(t)["id"].(string)
				contracts = append(contracts, contract{"/v1/campaigns/" + c + "/contracts/" + id, window})
			}
		}
		supplier := s.Supplier.Unchecked()
		ctx, cancel := context.WithTimeout(t.Context(), apptest.Patience)
		defer cancel()
		var mu sync.Mutex
		count, strange := map[string]int{}, map[string]int{}
		// It goes on until each of these was answered as often.
		rest := map[string]int{"lead": 200, "deposit": 10, "withdrawal": 10, "buyer": 10, "cap": 4, "price": 4, "pause": 4, "resume": 4, "campaign": 9, "zone": 3}
		tell := func(what string, a apptest.Answer, fine ...int) {
			mu.Lock()
			defer mu.Unlock()
			count[fmt.Sprintf("%s %d", what, a.Status)]++
			if n, more := rest[what]; more && n > 1 {
				rest[what]--
			} else if delete(rest, what); len(rest) == 0 {
				cancel()
			}
			if slices.Contains(fine, a.Status) {
				return
			}
			strange[fmt.Sprintf("%s: %v", what, a)]++
		}
		var keys atomic.Int64
		zones := []string{"UTC", "America/New_York", "Asia/Tokyo", "Pacific/Auckland"}
		var running sync.WaitGroup
		work := func(n int, do func(client *apptest.Client, i int)) {
			for w := range n {
				running.Go(func() {
					for i := w; ctx.Err() == nil; i++ {
						do(s.Program.At(apps[rand.IntN(2)]), i)
					}
				})
			}
		}
		work(24, func(client *apptest.Client, i int) {
			f := s.Form().With("category", categories[rand.IntN(3)])
			switch i % 9 {
			case 3:
				f = f.With("phone", fmt.Sprintf("+1212555%04d", rand.IntN(50)), "city", fmt.Sprint(rand.IntN(3)))
			case 5:
				f = f.With("test", true)
			case 7:
				f = f.With("external_id", fmt.Sprint(rand.IntN(100)))
			}
			var headers []string
			if i%4 == 1 {
				headers = []string{"Idempotency-Key", fmt.Sprint(keys.Add(1))}
			}
			a := supplier.At(&apptest.App{URL: client.URL}).Insist("POST", "/api/leads", f, headers...)
			if a.Status == 400 && a.Lead().Code == "no_matching_campaign" { // paused at this moment
				a.Status = 200
			}
			tell("lead", a, 200)
		})
		work(2, func(client *apptest.Client, _ int) {
			b := "/v1/buyers/" + buyers[rand.IntN(3)]
			tell("deposit", client.Do("POST", b+"/deposits", apptest.Object{"amount": 40}), 201)
			tell("withdrawal", client.Do("POST", b+"/withdrawals", apptest.Object{"amount": 15}), 201, 400)
			tell("buyer", client.Do("PUT", b, apptest.Object{"time_zone": zones[rand.IntN(4)]}), 200)
			// Never below what may be used up.
			tell("buyer", client.Do("PUT", b, apptest.Object{"caps": []apptest.Object{{"window": "day", "leads": 150 + rand.IntN(400)}, {"window": "month", "budget": 2000 + rand.IntN(4000)}}}), 200)
		})
		work(2, func(client *apptest.Client, _ int) {
			c := contracts[rand.IntN(len(contracts))]
			switch rand.IntN(4) {
			case 0: // never below what may be used up
				tell("cap", client.Do("PUT", c.path, apptest.Object{"caps": []apptest.Object{{"window": c.cap, "leads": 40 + rand.IntN(400)}}}), 200)
			case 1:
				tell("price", client.Do("PUT", c.path, apptest.Object{"price": 1 + rand.IntN(9), "priority": 1 + rand.IntN(3)}), 200)
			case 2:
				tell("pause", client.Do("POST", c.path+"/pause", nil), 200, 400)
			default:
				tell("resume", client.Do("POST", c.path+"/resume", nil), 200, 400)
				tell("weight", client.Do("PUT", c.path, apptest.Object{"weight": 1 + rand.IntN(9)}), 200)
			}
		})
		running.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				client := s.Program.At(apps[i%2])
				path := "/v1/campaigns/" + campaigns[rand.IntN(3)]
				tell("campaign", client.Do("POST", path+"/pause", nil), 200, 400)
				tell("campaign", client.Do("PUT", path, apptest.Object{"supplier_payout": apptest.Object{"type": "percent", "value": rand.IntN(100)}}), 200)
				tell("campaign", client.Do("PUT", path, apptest.Object{"caps": []apptest.Object{{"window": "hour", "leads": 500 + rand.IntN(500)}}}), 200)
				tell("campaign", client.Do("POST", path+"/resume", nil), 200, 400)
				tell("buyer", client.Do("POST", "/v1/buyers/"+buyers[rand.IntN(3)]+"/pause", nil), 200, 400)
				for _, b := range buyers {
					tell("buyer", client.Do("POST", "/v1/buyers/"+b+"/resume", nil), 200, 400)
				}
				tell("zone", s.Admin.At(apps[i%2]).Do("PUT", "/v1/sellers/"+s.Code, apptest.Object{"time_zone": zones[i%4]}), 200)
			}
		})
		running.Wait()
		t.Logf("%v", count)
		shown := 0
		for what, n := range strange {
			if shown++; shown <= 5 {
				t.Errorf("%d times %s", n, strings.TrimSpace(what))
			}
		}
		db := apptest.Open(t, databaseURL)
		db.Audit()
		for _, rule := range []struct{ what, query string }{
			{"a lead twice to one buyer", "SELECT COUNT(*) FROM (SELECT buyer_id, lead_id FROM sales GROUP BY buyer_id, lead_id HAVING COUNT(*) > 1) x"},
			{"claims of test leads", "SELECT COUNT(*) FROM claims c JOIN leads l ON l.seller_id = c.seller_id AND l.id = c.lead_id WHERE l.test = 1 AND c.expires_at <> l.created_at + 86400000000"},
		} {
			if n := db.Number(rule.query); n != 0 {
				t.Errorf("%s: %d", rule.what, n)
			}
		}
		if count["lead 200"] < 50 {
			t.Errorf("only %d leads were answered: %v", count["lead 200"], count)
		}
	})
}
