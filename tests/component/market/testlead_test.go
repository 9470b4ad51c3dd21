package market_test

import (
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

func TestTestLeadsAreDecidedButLeaveNoMark(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, nil, apptest.Buyer{Deposit: 10.00, Contract: apptest.Object{
			"price": 10.00,
			"caps":  []apptest.Object{{"window": "total", "leads": 1}},
		}})
		db := apptest.Open(t, databaseURL)
		events := func() (n int64) {
			for _, e := range db.Events() {
				if e.AggregateType == "lead" {
					n++
				}
			}
			return n
		}
		form := s.Form()
		var ids []string
		for i, flag := range []any{true, "true", "1"} {
			l := s.Sell(t, form.With("test", flag, "city", i, "external_id", "test"))
			if l.Status != "sold" || !l.Test || l.Price != 10.00 || len(l.BuyerIDs) != 1 || l.BuyerIDs[0] != s.BuyerIDs[0] {
				t.Errorf("a test lead (%v) is answered %+v", flag, l)
			}
			ids = append(ids, l.ID)
		}
		if n := events(); n != 0 {
			t.Errorf("test leads have %d events", n)
		}
		if n := db.Number("SELECT COUNT(*) FROM claims"); n != 0 {
			t.Errorf("test leads hold %d claims", n)
		}
		for _, bucket := range s.Program.Must(t, "GET", s.ContractPath(s.ContractIDs[0])+"/usage", nil).List(t) {
			if used := bucket["leads"].(map[string]any)["used"]; used != 0.0 {
				t.Errorf("test leads used %v of a cap", used)
			}
		}
		for _, id := range ids {
			seen := s.Lead(t, id)
			trace, _ := seen["trace"].(map[string]any)
			if considered, _ := trace["considered"].([]any); seen["test"] != true || len(considered) != 1 || len(seen["sales"].([]any)) != 0 {
				t.Errorf("a test lead is kept as %v", seen)
			}
			if l := s.Supplier.Must(t, "GET", "/api/leads/"+id, nil).Lead(); l.Status != "sold" || !l.Test {
				t.Errorf("the supplier is told %+v of a test lead", l)
			}
		}
		if l := s.Sell(t, form.With("external_id", "test")); l.Status != "sold" || l.Test {
			t.Fatalf("the real lead after its tests is answered %+v", l)
		}
		// Decided like a real lead, also when it is a duplicate or nobody can pay.
		if l := s.Sell(t, form.With("test", true)); l.Status != "duplicate" || !l.Test || l.Success || l.Code != "duplicate_lead" {
			t.Errorf("a test of a duplicate is answered %+v", l)
		}
		waiting := s.Sell(t, s.Form().With("test", true))
		if waiting.Status != "pending" || !waiting.Test {
			t.Errorf("a test that nobody can pay is answered %+v", waiting)
		}
		if n := events(); n != 2 {
			t.Errorf("%d events of leads, want the two of the real one", n)
		}
		db.Audit()
		rows := s.Program.Must(t, "GET", "/v1/reports/campaigns?group_by=category", nil)
		if list := rows.List(t); len(list) != 1 || list[0]["leads"].(map[string]any)["submitted"] != 1.0 || list[0]["sold_gross"] != 1.0 {
			t.Errorf("the report says %s", rows.Body)
		}
		if balance := s.Program.Must(t, "GET", "/v1/buyers/"+s.BuyerIDs[0], nil).Data(t)["balance"]; balance != 0.0 {
			t.Errorf("the balance is %v, want 0", balance)
		}
		// A test lead that waits is not sold either, when there is money again.
		s.Program.Must(t, "PUT", s.ContractPath(s.ContractIDs[0]), apptest.Object{"caps": []apptest.Object{}})
		s.Deposit(t, s.BuyerIDs[0], 10.00)
		db.Settle()
		if billed := s.Sell(t, s.Form()); billed.Status != "sold" {
			t.Errorf("the money is gone: a real lead is answered %+v", billed)
		}
		db.Audit()
		if n := events(); n != 4 {
			t.Errorf("%d events of leads, want 4", n)
		}
	})
}
