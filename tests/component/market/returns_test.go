package market_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// sold sells a lead and returns its id and that of its sale.
func sold(t *testing.T, s *apptest.Shop) (leadID, saleID string) {
	t.Helper()
	l := s.Sell(t, s.Form())
	if l.Status != "sold" {
		t.Fatalf("answered %+v, want sold", l)
	}
	return l.ID, saleOf(t, s, l.ID)
}

// saleOf returns the id of the newest sale of a lead.
func saleOf(t *testing.T, s *apptest.Shop, leadID string) string {
	t.Helper()
	return s.Program.Must(t, "GET", "/v1/sales?lead="+leadID, nil).List(t)[0]["id"].(string)
}

// giveBack asks for a return and returns its id.
func giveBack(t *testing.T, s *apptest.Shop, saleID, reason string) string {
	t.Helper()
	r := s.Program.Must(t, "POST", "/v1/sales/"+saleID+"/returns", apptest.Object{"reason": reason, "note": "Call +1 202 555 0199"}).Data(t)
	return r["id"].(string)
}

// refused asserts that an answer is 422 with a code.
func refused(t *testing.T, a apptest.Answer, code string) {
	t.Helper()
	if got := fmt.Sprint(a.Refusal().Code); a.Status != 422 || got != code {
		t.Errorf("answered %d %s, want 422 %s", a.Status, got, code)
	}
}

func startShop(t *testing.T, databaseURL string, campaign apptest.Object, buyers ...apptest.Buyer) (*apptest.Shop, *clock.Manual, *apptest.Database) {
	t.Helper()
	hands := clock.NewManual(time.Now().Truncate(24 * time.Hour).Add(12 * time.Hour))
	app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
	return apptest.NewShop(t, app, campaign, buyers...), hands, apptest.Open(t, databaseURL)
}

func TestAReturnedSaleIsPaidBack(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, _, db := startShop(t, databaseURL, apptest.Object{"supplier_payout": apptest.Object{"type": "percent", "value": 70}},
			apptest.Buyer{Deposit: 100, Contract: apptest.Object{"price": 10.00, "caps": []apptest.Object{{"window": "day", "leads": 5}}}})
		leadID, saleID := sold(t, s)
		sold(t, s)
		id := giveBack(t, s, saleID, "invalid_contact")
		if sale := s.Program.Must(t, "GET", "/v1/sales/"+saleID, nil).Data(t); sale["status"] != "return_requested" || fmt.Sprint(sale["payout"]) != "7" {
			t.Errorf("the sale is %v", sale)
		}
		refused(t, s.Program.Do("POST", "/v1/sales/"+saleID+"/returns", apptest.Object{"reason": "other"}), "return_already_open")
		db.Audit()
		if r := s.Program.Must(t, "POST", "/v1/returns/"+id+"/approve", apptest.Object{"note": "ok"}).Data(t); r["status"] != "approved" {
			t.Errorf("the return is %v", r)
		}
		refused(t, s.Program.Do("POST", "/v1/returns/"+id+"/approve", nil), "return_already_decided")
		refused(t, s.Program.Do("POST", "/v1/returns/"+id+"/reject", nil), "return_already_decided")
		refused(t, s.Program.Do("POST", "/v1/sales/"+saleID+"/returns", apptest.Object{"reason": "other"}), "sale_already_returned")
		if l := s.Lead(t, leadID); l["status"] != "returned" || fmt.Sprint(l["payout"]) != "0" {
			t.Errorf("the lead is %v", l)
		}
		if l := s.Supplier.Must(t, "GET", "/api/leads/"+leadID, nil).Lead(); l.Status != "returned" || l.Price != 0 || len(l.BuyerIDs) != 0 {
			t.Errorf("the supplier is told %+v", l)
		}
		b := s.Program.Must(t, "GET", "/v1/buyers/"+s.BuyerIDs[0], nil).Data(t)
		if fmt.Sprint(b["balance"]) != "90" {
			t.Errorf("the balance is %v, want 90.00", b["balance"])
		}
		entry := s.Program.Must(t, "GET", "/v1/buyers/"+s.BuyerIDs[0]+"/ledger", nil).List(t)[0]
		if entry["type"] != "return" || entry["sale_id"] != saleID || fmt.Sprint(entry["amount"]) != "10" {
			t.Errorf("the newest entry is %v", entry)
		}
		if used := db.Number("SELECT SUM(used) FROM contract_counters WHERE span_window = 'day'"); used != 1 {
			t.Errorf("%d of the day's cap are used, want 1", used)
		}
		for status, n := range map[string]int{"approved": 1, "pending": 0, "rejected": 0} {
			if got := len(s.Program.Must(t, "GET", "/v1/returns?status="+status, nil).List(t)); got != n {
				t.Errorf("%d returns are %s, want %d", got, status, n)
			}
		}
		if got := s.Program.Must(t, "GET", "/v1/marketplace/leads?status=returned", nil).List(t); len(got) != 1 || got[0]["id"] != leadID {
			t.Errorf("listed as returned are %v", got)
		}
		db.Audit()
	})
}

// window_days of the campaign, then of the buyer, which wins.
func TestAReturnIsAskedForInsideTheWindow(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, hands, db := startShop(t, databaseURL, nil, apptest.Buyer{Deposit: 100, Contract: apptest.Object{"price": 10.00}})
		_, inTime := sold(t, s)
		_, late := sold(t, s)
		hands.Advance(7 * 24 * time.Hour)
		giveBack(t, s, inTime, "duplicate")
		hands.Advance(time.Minute)
		refused(t, s.Program.Do("POST", "/v1/sales/"+late+"/returns", apptest.Object{"reason": "duplicate"}), "return_window_over")
		s.Program.Must(t, "PUT", "/v1/campaigns/"+s.CampaignID, apptest.Object{"return_window_days": 8})
		buyer := "/v1/buyers/" + s.BuyerIDs[0]
		s.Program.Must(t, "PUT", buyer, apptest.Object{"return_window_days": 0})
		refused(t, s.Program.Do("POST", "/v1/sales/"+late+"/returns", apptest.Object{"reason": "duplicate"}), "return_window_over")
		if b := s.Program.Must(t, "PUT", buyer, apptest.Object{"return_window_days": nil}).Data(t); b["return_window_days"] != nil {
			t.Errorf("the buyer's window is %v, want none", b["return_window_days"])
		}
		giveBack(t, s, late, "duplicate")
		for body, status := range map[string]int{`{"reason":"bored"}`: 422, `{}`: 422, `{"reason":"other","why":1}`: 422} {
			if a := s.Program.Unchecked().Do("POST", "/v1/sales/"+late+"/returns", body); a.Status != status {
				t.Errorf("%s is answered %d, want %d", body, a.Status, status)
			}
		}
		if a := s.Program.Do("POST", "/v1/sales/sale_none/returns", apptest.Object{"reason": "other"}); a.Status != 404 {
			t.Errorf("no sale is answered %d", a.Status)
		}
		if a := s.Program.Do("POST", "/v1/returns/return_none/approve", nil); a.Status != 404 {
			t.Errorf("no return is answered %d", a.Status)
		}
		db.Audit()
	})
}

func TestAReturnApprovedTwiceAtOnceIsCreditedOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		one := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		two := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, one, nil, apptest.Buyer{Deposit: 1000, Contract: apptest.Object{"price": 10.00}})
		clients := []*apptest.Client{s.Program, s.Program.At(two)}
		const sales = 6
		for i := range sales {
			_, sale := sold(t, s)
			var asked, decided [8]apptest.Answer
			apptest.Parallel(len(asked), func(n int) {
				asked[n] = clients[n%2].Do("POST", "/v1/sales/"+sale+"/returns", apptest.Object{"reason": "duplicate"})
			})
			count := func(answers []apptest.Answer, status int, code string) (n int) {
				for _, a := range answers {
					switch {
					case a.Status == status:
						n++
					case a.Status != 422 || a.Refusal().Code != code:
						t.Errorf("answered %v", a)
					}
				}
				return n
			}
			if n := count(asked[:], 201, "return_already_open"); n != 1 {
				t.Errorf("%d returns were opened, want 1", n)
			}
			id := s.Program.Must(t, "GET", "/v1/returns?status=pending", nil).List(t)[0]["id"].(string)
			apptest.Parallel(len(decided), func(n int) {
				verb := []string{"approve", "reject"}[(n/2)%2*(i%2)]
				decided[n] = clients[n%2].Do("POST", "/v1/returns/"+id+"/"+verb, nil)
			})
			if n := count(decided[:], 200, "return_already_decided"); n != 1 {
				t.Errorf("%d decisions were taken, want 1", n)
			}
		}
		db := apptest.Open(t, databaseURL)
		db.Audit()
		if returned, credits := db.Number("SELECT COUNT(*) FROM sales WHERE slot < 0"), db.Number("SELECT COUNT(*) FROM ledger_entries WHERE type = 'return'"); returned != credits || returned < sales/2 {
			t.Errorf("%d sales are returned, %d credited", returned, credits)
		}
	})
}

func TestAReturnGivesItsPlaceBackToCurrentSpansOnly(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, hands, db := startShop(t, databaseURL, nil, apptest.Buyer{Deposit: 1000, Contract: apptest.Object{
			"price": 10.00, "time_zone": "UTC", "caps": []apptest.Object{{"window": "day", "leads": 2}, {"window": "total", "leads": 3}},
		}})
		_, first := sold(t, s)
		_, second := sold(t, s)
		waiting := wait(t, s, 1)
		approve := func(sale string) {
			t.Helper()
			s.Program.Must(t, "POST", "/v1/returns/"+giveBack(t, s, sale, "out_of_area")+"/approve", nil)
		}
		approve(first) // of today, so that the one that waits gets its place
		soldOf(t, s, waiting, 1)
		db.Audit()
		hands.Advance(24 * time.Hour)
		approve(second) // of yesterday, whose place is gone; that of the total is not
		used := func(day int) int64 {
			return db.Number("SELECT used FROM contract_counters WHERE span_window = 'day' ORDER BY starts_at LIMIT 1 OFFSET " + fmt.Sprint(day))
		}
		if n := used(0); n != 2 {
			t.Errorf("%d are used of yesterday, want 2", n)
		}
		if n := db.Number("SELECT used FROM contract_counters WHERE span_window = 'total'"); n != 1 {
			t.Errorf("%d are used of all, want 1", n)
		}
		sold(t, s)
		sold(t, s)
		wait(t, s, 1)
		db.Audit()
	})
}

func TestReturnsAreApprovedByRuleUpToAShare(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, hands, db := startShop(t, databaseURL, nil, apptest.Buyer{Deposit: 10_000, Contract: apptest.Object{"price": 10.00}})
		s.Program.Must(t, "PUT", "/v1/buyers/"+s.BuyerIDs[0], apptest.Object{"returns": apptest.Object{
			"auto_approve": apptest.Object{"share_percent": 20, "reasons": []string{"duplicate", "invalid_contact"}, "days": 30},
		}})
		var sales []string
		for range 10 {
			_, sale := sold(t, s)
			sales = append(sales, sale)
		}
		ask := func(sale, reason, want string) {
			t.Helper()
			r := s.Program.Must(t, "POST", "/v1/sales/"+sale+"/returns", apptest.Object{"reason": reason}).Data(t)
			if r["status"] != want || r["automatic"] != (want == "approved") {
				t.Errorf("a return because of %s is %v, automatic %v; want %s", reason, r["status"], r["automatic"], want)
			}
		}
		ask(sales[0], "other", "pending")
		ask(sales[1], "duplicate", "approved")
		ask(sales[2], "invalid_contact", "approved")
		ask(sales[3], "duplicate", "pending") // the third of ten
		for range 5 {
			sold(t, s)
		}
		ask(sales[4], "duplicate", "approved") // the third of fifteen
		db.Audit()
		hands.Advance(6 * 24 * time.Hour)
		db.Audit()
		if n := db.Number("SELECT COUNT(*) FROM ledger_entries WHERE type = 'return'"); n != 3 {
			t.Errorf("%d were credited, want 3", n)
		}

		// Many at once approve no more than the share: three of a fresh buyer's fifteen.
		s.Program.Must(t, "POST", s.ContractPath(s.ContractIDs[0])+"/pause", nil)
		fresh, _ := s.AddBuyer(t, apptest.Buyer{Deposit: 10_000, Contract: apptest.Object{"price": 10.00}})
		s.Program.Must(t, "PUT", "/v1/buyers/"+fresh, apptest.Object{"returns": apptest.Object{
			"auto_approve": apptest.Object{"share_percent": 20, "reasons": []string{"duplicate"}, "days": 1},
		}})
		sales = nil
		for range 15 {
			_, sale := sold(t, s)
			sales = append(sales, sale)
		}
		apptest.Parallel(len(sales), func(i int) {
			s.Program.Insist("POST", "/v1/sales/"+sales[i]+"/returns", apptest.Object{"reason": "duplicate"})
		})
		if n := db.Number("SELECT COUNT(*) FROM ledger_entries WHERE type = 'return'"); n != 6 {
			t.Errorf("%d were credited, want 6", n)
		}
		db.Audit()
	})
}

// The ids of entries sort in the order in which they were booked, whoever books at the same time.
func TestReturnsAreBookedInOrder(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, _, db := startShop(t, databaseURL, nil, apptest.Buyer{Deposit: 10_000, Contract: apptest.Object{"price": 10.00}})
		s.Program.Must(t, "PUT", "/v1/buyers/"+s.BuyerIDs[0], apptest.Object{"returns": apptest.Object{
			"auto_approve": apptest.Object{"share_percent": 100, "reasons": []string{"duplicate"}, "days": 1},
		}})
		const each = 10
		var sales, open []string
		for range each {
			_, asked := sold(t, s)
			_, automatic := sold(t, s)
			open, sales = append(open, giveBack(t, s, asked, "other")), append(sales, automatic)
		}
		apptest.Parallel(2*each, func(i int) {
			if i%2 == 0 {
				s.Program.Insist("POST", "/v1/returns/"+open[i/2]+"/approve", apptest.Object{})
			} else {
				s.Program.Insist("POST", "/v1/sales/"+sales[i/2]+"/returns", apptest.Object{"reason": "duplicate"})
			}
		})
		if n := db.Number("SELECT COUNT(*) FROM ledger_entries WHERE type = 'return'"); n != 2*each {
			t.Fatalf("%d were credited, want %d", n, 2*each)
		}
		if n := db.Number("SELECT COUNT(*) FROM ledger_entries a JOIN ledger_entries b ON b.buyer_id = a.buyer_id AND b.id > a.id AND b.balance_after < a.balance_after WHERE a.type = 'return' AND b.type = 'return'"); n != 0 {
			t.Errorf("%d pairs of entries are out of order", n)
		}
		db.Audit()
	})
}

// What counts is when returns are approved, so a buyer gives no more back by waiting until its sales are older than the days of its rule.
func TestReturnsOfOldSalesCountInTheShare(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, hands, db := startShop(t, databaseURL, nil, apptest.Buyer{Deposit: 10_000, Contract: apptest.Object{"price": 10.00}})
		s.Program.Must(t, "PUT", "/v1/buyers/"+s.BuyerIDs[0], apptest.Object{"returns": apptest.Object{
			"auto_approve": apptest.Object{"share_percent": 20, "reasons": []string{"duplicate"}, "days": 1},
		}})
		sell := func(n int) (sales []string) {
			for range n {
				_, sale := sold(t, s)
				sales = append(sales, sale)
			}
			return sales
		}
		ask := func(sales []string, approved int64) {
			t.Helper()
			for _, sale := range sales {
				giveBack(t, s, sale, "duplicate")
			}
			if n := db.Number("SELECT COUNT(*) FROM ledger_entries WHERE type = 'return'"); n != approved {
				t.Errorf("%d were credited, want %d", n, approved)
			}
		}
		old := sell(10)
		hands.Advance(50 * time.Hour)
		ask(old[:2], 0) // of no sales in the last day
		fresh := sell(6)
		ask(old[2:], 1) // of six
		ask(fresh[:5], 1)
		hands.Advance(25 * time.Hour)
		sell(5)
		ask(fresh[5:], 2) // the first is no longer of the last day
		db.Audit()
	})
}

func TestALeadIsOfferedAgain(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, hands, db := startShop(t, databaseURL, apptest.Object{"pending_ttl_hours": 2},
			apptest.Buyer{Deposit: 1000, Contract: apptest.Object{"price": 10.00}}, apptest.Buyer{Contract: apptest.Object{"price": 5.00, "priority": 2}})
		again := func(leadID string) apptest.Answer {
			return s.Program.Do("POST", "/v1/marketplace/leads/"+leadID+"/redistribute", nil)
		}
		lead, sale := sold(t, s)
		refused(t, again(lead), "lead_is_sold")
		s.Program.Must(t, "POST", "/v1/returns/"+giveBack(t, s, sale, "not_requested")+"/approve", nil)
		db.Audit()
		if l := again(lead).Data(t); l["status"] != "pending" { // the first gave it back, the second has no money
			t.Errorf("it is %v, want pending", l["status"])
		}
		trace := s.Lead(t, lead)["trace"].(map[string]any)["considered"].([]any)
		if reason := trace[0].(map[string]any)["reason"]; reason != "duplicate_buyer" {
			t.Errorf("the buyer that gave it back is passed by because of %v", reason)
		}
		db.Audit()
		if l := again(lead).Data(t); l["status"] != "pending" {
			t.Errorf("it is %v, want pending", l["status"])
		}
		hands.Advance(3 * time.Hour)
		apptest.Eventually(t, func() error {
			if l := s.Lead(t, lead); l["status"] != "unsold" {
				return fmt.Errorf("the lead is %v", l["status"])
			}
			return nil
		})
		s.Deposit(t, s.BuyerIDs[1], 5)
		db.Settle()
		if l := again(lead).Data(t); l["status"] != "sold" {
			t.Errorf("it is %v, want sold", l["status"])
		}
		refused(t, again(lead), "lead_is_sold")
		if sales := s.Lead(t, lead)["sales"].([]any); len(sales) != 2 {
			t.Errorf("it has the sales %v", sales)
		}
		if a := again("lead_none"); a.Status != 404 {
			t.Errorf("no lead is answered %d", a.Status)
		}
		db.Audit()
	})
}

func TestAReturnedLeadIsSoldAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ campaign, approval apptest.Object }{
		"asked for":          {approval: apptest.Object{"redistribute": true}},
		"always by campaign": {campaign: apptest.Object{"resell_returned": true}, approval: apptest.Object{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				s, _, db := startShop(t, databaseURL, c.campaign, apptest.Buyer{Deposit: 1000, Contract: apptest.Object{"price": 10.00}},
					apptest.Buyer{Deposit: 5, Contract: apptest.Object{"price": 5.00, "priority": 2}})
				lead, sale := sold(t, s)
				s.Program.Must(t, "POST", "/v1/returns/"+giveBack(t, s, sale, "duplicate")+"/approve", c.approval)
				soldOf(t, s, []string{lead}, 1)
				db.Audit()
				second := saleOf(t, s, lead)
				if buyer := s.Program.Must(t, "GET", "/v1/sales/"+second, nil).Data(t)["buyer_id"]; buyer != s.BuyerIDs[1] {
					t.Errorf("it was sold to %v again", buyer)
				}
				s.Program.Must(t, "POST", "/v1/returns/"+giveBack(t, s, second, "duplicate")+"/approve", c.approval)
				db.Settle()
				if l := s.Lead(t, lead); l["status"] != "pending" {
					t.Errorf("the lead is %v, want pending: both gave it back", l["status"])
				}
				db.Audit()
			})
		})
	}
}

func TestAnOperatorTakesAPendingLeadOffTheMarket(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, _, db := startShop(t, databaseURL, apptest.Object{"dedupe": apptest.Object{"fields": []string{"phone"}, "match": "any", "window_days": 30}},
			apptest.Buyer{Contract: apptest.Object{"price": 10.00}})
		form := s.Form().With("external_id", "x-1")
		l := s.Supplier.Must(t, "POST", "/api/leads", form).Lead()
		if l.Status != "pending" {
			t.Fatalf("answered %+v, want pending", l)
		}
		path := "/v1/marketplace/leads/" + l.ID + "/reject"
		if rejected := s.Program.Must(t, "POST", path, nil).Data(t); rejected["status"] != "rejected" || rejected["code"] != "rejected_by_operator" {
			t.Errorf("the lead is %v", rejected)
		}
		refused(t, s.Program.Do("POST", path, nil), "lead_not_rejectable")
		s.Deposit(t, s.BuyerIDs[0], 10)
		db.Settle()
		if n := db.Number("SELECT COUNT(*) FROM claims"); n != 0 {
			t.Errorf("%d claims are left", n)
		}
		if again := s.Supplier.Must(t, "POST", "/api/leads", form.With("city", "Dallas")).Lead(); again.Status != "sold" {
			t.Errorf("the same person again is answered %+v", again)
		}
		db.Audit()
	})
}

// What is noted on a return goes with the person, and is in no event.
func TestNotesAreErasedWithThePerson(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, _, db := startShop(t, databaseURL, nil, apptest.Buyer{Deposit: 100, Contract: apptest.Object{"price": 10.00}})
		lead, sale := sold(t, s)
		id := giveBack(t, s, sale, "fake_or_test")
		s.Program.Must(t, "POST", "/v1/returns/"+id+"/approve", apptest.Object{"note": "He is called Ada"})
		for _, e := range db.Events() {
			if strings.Contains(string(e.Payload), "0199") || strings.Contains(string(e.Payload), "Ada") {
				t.Errorf("%s tells %s", e.Type, e.Payload)
			}
		}
		if r := s.Program.Must(t, "GET", "/v1/returns/"+id, nil).Data(t); r["note"] == nil || r["decision_note"] == nil {
			t.Errorf("the return is %v", r)
		}
		s.Program.Must(t, "DELETE", "/v1/marketplace/leads/"+lead, nil)
		if r := s.Program.Must(t, "GET", "/v1/returns/"+id, nil).Data(t); r["note"] != nil || r["decision_note"] != nil {
			t.Errorf("of the erased lead is noted %v", r)
		}
		if a := s.Program.Do("POST", "/v1/marketplace/leads/"+lead+"/redistribute", nil); a.Status != 400 || a.Refusal().Code != "lead_erased" {
			t.Errorf("answered %v", a)
		}
		db.Audit()
	})
}

func TestSalesAreFiltered(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, hands, _ := startShop(t, databaseURL, nil, apptest.Buyer{Deposit: 20, Contract: apptest.Object{"price": 10.00}},
			apptest.Buyer{Deposit: 1000, Contract: apptest.Object{"price": 5.00, "priority": 2}})
		start := hands.Now()
		var sales []string
		for range 4 {
			_, sale := sold(t, s)
			sales = append(sales, sale)
			hands.Advance(time.Hour)
		}
		giveBack(t, s, sales[3], "other")
		at := func(i int) string { return start.Add(time.Duration(i) * time.Hour).UTC().Format(time.RFC3339) }
		for query, want := range map[string][]string{
			"":                               {sales[3], sales[2], sales[1], sales[0]},
			"sort=asc&limit=3":               sales[:3],
			"buyer=" + s.BuyerIDs[0]:         {sales[1], sales[0]},
			"contract=" + s.ContractIDs[1]:   {sales[3], sales[2]},
			"status=return_requested":        {sales[3]},
			"status=captured&limit=1":        {sales[2]},
			"buyer=nobody":                   {},
			"from=" + at(1) + "&to=" + at(3): {sales[2], sales[1]},
		} {
			var got []string
			for _, sale := range s.Program.Unchecked().Must(t, "GET", "/v1/sales?"+query, nil).List(t) {
				got = append(got, sale["id"].(string))
			}
			if !slices.Equal(got, want) {
				t.Errorf("?%s lists %v, want %v", query, got, want)
			}
		}
		if a := s.Program.Do("GET", "/v1/sales?status=lost", nil); a.Status != 422 {
			t.Errorf("a wrong status is answered %d", a.Status)
		}
	})
}
