package market_test

import (
	"fmt"
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

// A lead that was sold, given back, offered again and then taken off the market still tells whom it was sold to, wherever it is shown.
func TestARejectedLeadTellsWhomItWasSoldTo(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, _, db := startShop(t, databaseURL, nil, apptest.Buyer{Deposit: 100, Contract: apptest.Object{"price": 10.00}})
		lead, sale := sold(t, s)
		s.Program.Must(t, "POST", "/v1/returns/"+giveBack(t, s, sale, "not_requested")+"/approve", nil)
		s.Program.Must(t, "POST", "/v1/marketplace/leads/"+lead+"/redistribute", nil)
		if l := s.Program.Must(t, "POST", "/v1/marketplace/leads/"+lead+"/reject", nil).Data(t); l["status"] != "rejected" {
			t.Fatalf("the lead is %v, want rejected", l["status"])
		}
		told := func(where string, l map[string]any) {
			t.Helper()
			sales, _ := l["sales"].([]any)
			if len(sales) != 1 || sales[0].(map[string]any)["id"] != sale || sales[0].(map[string]any)["status"] != "returned" {
				t.Errorf("%s tells of the sales %v, want %s", where, l["sales"], sale)
			}
		}
		told("GET one lead", s.Lead(t, lead))
		for _, query := range []string{"", "?status=rejected", "?buyer=" + s.BuyerIDs[0]} {
			list := s.Program.Must(t, "GET", "/v1/marketplace/leads"+query, nil).List(t)
			if len(list) != 1 {
				t.Fatal(fmt.Sprint(query, " lists ", list))
			}
			told("the list "+query, list[0])
		}
		db.Audit()
	})
}
