package market_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// reprice changes the price of a lead from what the caller saw; nil: none.
func reprice(c *apptest.Client, leadID string, price, was any, headers ...string) apptest.Answer {
	return c.Do("PUT", "/v1/marketplace/leads/"+leadID+"/price", apptest.Object{"price": price, "was": was}, headers...)
}

// A pending lead is offered at its new price within a moment, here to a buyer who could not pay that of the contract. It is charged, paid out,
// told and reported at that price, of which its supplier sees nothing.
func TestAPendingLeadIsSoldAtAPriceOfItsOwn(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, _, db := startShop(t, databaseURL, apptest.Object{"supplier_payout": apptest.Object{"type": "percent", "value": 70}},
			apptest.Buyer{Deposit: 8, Contract: apptest.Object{"price": 10.00, "caps": []apptest.Object{{"window": "total", "budget": 6.00}}}})
		ids := wait(t, s, 2)
		id := ids[0]
		if l := s.Lead(t, id); l["asking_price"] != nil {
			t.Errorf("it is offered at %v", l["asking_price"])
		}
		if l := reprice(s.Program, id, 6.01, nil).Data(t); l["status"] != "pending" || fmt.Sprint(l["asking_price"]) != "6.01" {
			t.Errorf("the lead is %v", l)
		}
		db.Settle() // beyond the budget
		for _, l := range s.Program.Must(t, "GET", "/v1/marketplace/leads", nil).List(t) {
			if want := map[bool]string{true: "6.01", false: "<nil>"}[l["id"] == id]; fmt.Sprint(l["asking_price"]) != want || l["status"] != "pending" {
				t.Errorf("a lead is listed as %v, want the price %s", l, want)
			}
		}
		db.Audit()
		reprice(s.Program, id, 5.00, 6.01).Data(t)
		soldOf(t, s, []string{id}, 1)
		l := s.Lead(t, id)
		sale, considered := l["sales"].([]any)[0].(map[string]any), l["trace"].(map[string]any)["considered"].([]any)[0].(map[string]any)
		if got := fmt.Sprint(l["price"], l["payout"], sale["price"], considered["price"], l["asking_price"]); got != "5 3.5 5 5 <nil>" {
			t.Errorf("price, payout, price of the sale and in the trace, and asking price are %s", got)
		}
		told := s.Supplier.Must(t, "GET", "/api/leads/"+id, nil)
		if strings.Contains(string(told.Body), "asking") || told.Lead().Price != 3.5 {
			t.Errorf("the supplier is told %s", told)
		}
		if b := s.Program.Must(t, "GET", "/v1/buyers/"+s.BuyerIDs[0], nil).Data(t); fmt.Sprint(b["balance"]) != "3" {
			t.Errorf("the balance is %v, want 3.00", b["balance"])
		}
		if n := db.Number("SELECT spent FROM contract_counters WHERE span_window = 'total'"); n != 5_000_000 {
			t.Errorf("%d of the budget are spent", n)
		}
		var prices []string
		for _, e := range db.Events("lead.price_changed.v1") {
			var data map[string]any
			if err := json.Unmarshal(e.Payload, &data); err != nil {
				t.Fatal(err)
			}
			prices = append(prices, fmt.Sprintf("%v %v %v %v %v", data["lead_id"] == id, data["status"], data["previous_price"], data["price"], data["currency"]))
		}
		if want := []string{"true pending <nil> 6.01 USD", "true pending 6.01 5 USD"}; !slices.Equal(prices, want) {
			t.Errorf("told is %q, want %q", prices, want)
		}
		apptest.Eventually(t, func() error {
			if sum := s.Program.Must(t, "GET", "/v1/reports/campaigns?group_by=category", nil).List(t)[0]; fmt.Sprint(sum["revenue"], sum["payout"]) != "5 3.5" {
				return fmt.Errorf("reported is %v", sum)
			}
			return nil
		})
		refused(t, reprice(s.Program, id, 4.00, nil), "lead_is_sold")
		db.Audit()

		// The price went with the sale.
		s.Program.Must(t, "POST", "/v1/returns/"+giveBack(t, s, saleOf(t, s, id), "other")+"/approve", nil)
		s.AddBuyer(t, apptest.Buyer{Deposit: 100, Contract: apptest.Object{"price": 20.00}})
		soldOf(t, s, ids[1:], 1)
		if l := s.Program.Must(t, "POST", "/v1/marketplace/leads/"+id+"/redistribute", nil).Data(t); fmt.Sprintf("%v %v", l["status"], l["price"]) != "sold 20" {
			t.Errorf("the returned lead is %v", l)
		}
		db.Audit()
	})
}

// An unsold and a returned lead keep their price until somebody offers them again.
func TestALeadIsOfferedAgainAtAPriceOfItsOwn(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, hands, db := startShop(t, databaseURL, apptest.Object{"pending_ttl_hours": 2}, apptest.Buyer{Contract: apptest.Object{"price": 10.00}})
		unsold := wait(t, s, 1)[0]
		hands.Advance(3 * time.Hour)
		apptest.Eventually(t, func() error {
			if l := s.Lead(t, unsold); l["status"] != "unsold" {
				return fmt.Errorf("the lead is %v", l["status"])
			}
			return nil
		})
		s.Deposit(t, s.BuyerIDs[0], 100)
		returned, sale := sold(t, s)
		s.Program.Must(t, "POST", "/v1/returns/"+giveBack(t, s, sale, "other")+"/approve", nil)
		s.AddBuyer(t, apptest.Buyer{Deposit: 100, Contract: apptest.Object{"price": 9.00}})
		for id, status := range map[string]string{unsold: "unsold", returned: "returned"} {
			reprice(s.Program, id, 12.50, nil).Data(t)
			db.Settle()
			if l := s.Lead(t, id); l["status"] != status || fmt.Sprint(l["asking_price"]) != "12.5" {
				t.Errorf("the lead is %v", l)
			}
			db.Audit()
			if l := s.Program.Must(t, "POST", "/v1/marketplace/leads/"+id+"/redistribute", nil).Data(t); fmt.Sprintf("%v %v %v", l["status"], l["price"], l["asking_price"]) != "sold 12.5 <nil>" {
				t.Errorf("the lead is %v", l)
			}
		}
		if n := db.Number("SELECT COUNT(*) FROM sales WHERE slot > 0 AND price = 12500000"); n != 2 {
			t.Errorf("%d sales are at the price, want 2", n)
		}
		db.Audit()
	})
}

func TestWhatPricesAreRefused(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, _, db := startShop(t, databaseURL, nil, apptest.Buyer{Contract: apptest.Object{"price": 10.00}})
		id := wait(t, s, 1)[0]
		path := "/v1/marketplace/leads/" + id + "/price"
		for body, member := range map[string]string{
			`{"price":5}`: "was", `{"was":null}`: "price", `{"price":5,"was":null,"why":1}`: "why", `{"price":0,"was":null}`: "price",
			`{"price":-1,"was":null}`: "price", `{"price":1000000.01,"was":null}`: "price", `{"price":0.001,"was":null}`: "price",
			`{"price":"5","was":null}`: "price", `{"price":5,"was":0}`: "was",
		} {
			a := s.Program.Unchecked().Do("PUT", path, body)
			if a.Status != 422 || !strings.Contains(string(a.Body), `"`+member+`":[`) {
				t.Errorf("%s is answered %s", body, a)
			}
		}
		conflict := func(a apptest.Answer) {
			t.Helper()
			if a.Status != 409 || a.Refusal().Code != "lead_changed" {
				t.Errorf("answered %s, want 409 lead_changed", a)
			}
		}
		conflict(reprice(s.Program, id, 20.00, 30.00))
		for range 2 {
			if a := reprice(s.Program, id, 1000000, nil, "Idempotency-Key", "once"); fmt.Sprint(a.Data(t)["asking_price"]) != "1e+06" {
				t.Errorf("answered %s", a)
			}
		}
		conflict(reprice(s.Program, id, 20.00, nil))
		if l := reprice(s.Program, id, nil, 1000000).Data(t); l["asking_price"] != nil {
			t.Errorf("the lead is %v", l)
		}
		if a := reprice(s.Program, "lead_none", 5, nil); a.Status != 404 {
			t.Errorf("no lead is answered %s", a)
		}
		if a := reprice(s.Supplier, id, 5, nil); a.Status != 403 {
			t.Errorf("a supplier is answered %s", a)
		}
		test := s.Sell(t, s.Form().With("test", true))
		refused(t, reprice(s.Program, test.ID, 5, nil), "lead_not_repriceable")
		s.Program.Must(t, "POST", "/v1/marketplace/leads/"+id+"/reject", nil)
		refused(t, reprice(s.Program, id, 5, nil), "lead_not_repriceable")
		erased := wait(t, s, 1)[0]
		s.Program.Must(t, "DELETE", "/v1/marketplace/leads/"+erased, nil)
		if a := reprice(s.Program, erased, 5, nil); a.Status != 400 || a.Refusal().Code != "lead_erased" {
			t.Errorf("an erased lead is answered %s", a)
		}
		if n := len(db.Events("lead.price_changed.v1")); n != 2 {
			t.Errorf("%d changes were told, want 2", n)
		}
		db.Audit()
	})
}

// Two operators on two instances change the same prices while the leads are sold. One of both changes each, and each lead is sold at the price
// that its events tell last before: the whole of it is charged.
func TestPricesAreChangedWhileLeadsAreSold(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		const leads = 40
		one := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		two := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, one, nil, apptest.Buyer{Contract: apptest.Object{"price": 10.00}})
		ids := wait(t, s, leads)
		clients := []*apptest.Client{s.Program, s.Program.At(two)}
		var all sync.WaitGroup
		var answers [2][leads]apptest.Answer
		for i, c := range clients {
			all.Go(func() {
				for n := range ids {
					if n == leads/4 && i == 0 { // the others are sold by matching meanwhile
						c.Insist("POST", "/v1/buyers/"+s.BuyerIDs[0]+"/deposits", apptest.Object{"amount": 1000})
					}
					if i == 1 { // from both ends, and the first ones together
						n = (leads + leads/8 - n) % leads
					}
					answers[i][n] = c.Insist("PUT", "/v1/marketplace/leads/"+ids[n]+"/price", apptest.Object{"price": 5 + i, "was": nil})
				}
			})
			all.Go(func() {
				for n := range ids {
					c.Insist("POST", "/v1/marketplace/leads/"+ids[(leads/2+n)%leads]+"/redistribute", nil)
				}
			})
		}
		all.Wait()
		soldOf(t, s, ids, leads)
		db := apptest.Open(t, databaseURL)
		db.Settle()
		changed := map[string]int{}
		now, was := map[string]float64{}, map[string]float64{}
		for _, e := range db.Events("lead.price_changed.v1", "lead.sold.v1") {
			var data struct {
				Price float64
				Sales []struct{ Price float64 }
			}
			if err := json.Unmarshal(e.Payload, &data); err != nil {
				t.Fatal(err)
			}
			id := e.AggregateID
			if e.Type == "lead.price_changed.v1" {
				changed[id]++
				now[id] = data.Price
				continue
			}
			was[id] = 10
			if now[id] != 0 {
				was[id] = now[id]
			}
			if data.Sales[0].Price != was[id] {
				t.Errorf("%s was sold at %v, and offered at %v", id, data.Sales[0].Price, was[id])
			}
		}
		at := map[float64]int{}
		for n, id := range ids {
			fine := 0
			for i := range answers {
				switch a := answers[i][n]; {
				case a.Status == 200:
					fine++
				case a.Status == 409 && a.Refusal().Code == "lead_changed", a.Status == 422 && a.Refusal().Code == "lead_is_sold":
				default:
					t.Errorf("answered %s", a)
				}
			}
			if fine > 1 || fine != changed[id] {
				t.Errorf("%d changes of a price were answered as done, %d were told", fine, changed[id])
			}
			at[was[id]]++
		}
		t.Logf("sold by price: %v", at)
		if n := db.Number("SELECT COUNT(*) FROM sales s JOIN ledger_entries l ON l.sale_id = s.id AND l.amount = -s.price"); n != leads {
			t.Errorf("%d sales are charged at their price, want %d", n, leads)
		}
		if n := db.Number("SELECT SUM(spent) FROM contract_counters"); n != db.Number("SELECT SUM(price) FROM sales") {
			t.Errorf("%d are counted as spent", n)
		}
		db.Audit()
	})
}
