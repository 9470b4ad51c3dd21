package market_test

import (
	"fmt"
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

// Leads are counted by where they stand now, and by buyer those that the buyer has: one sale that was given back is no sold lead in any report.
func TestAReturnedSaleIsNoSoldLead(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, hands, db := startShop(t, databaseURL, nil, apptest.Buyer{Deposit: 100, Contract: apptest.Object{"price": 10.00}})
		_, sale := sold(t, s)
		day := hands.Now().Format("2006-01-02")
		want := func(sold string) {
			t.Helper()
			db.Settle()
			for _, by := range []string{"day", "buyer", "buyer,day", "contract", "contract,day", "state"} {
				rows := s.Program.Must(t, "GET", "/v1/reports/campaigns?from="+day+"&to="+day+"&group_by="+by, nil).List(t)
				if len(rows) != 1 {
					t.Fatalf("by %s the report is %v", by, rows)
				}
				leads := rows[0]["leads"].(map[string]any)
				if got := fmt.Sprint(leads["sold"], " ", rows[0]["sold_net"], " ", rows[0]["sold_gross"]); got != sold {
					t.Errorf("by %s sold, net and gross are %s, want %s", by, got, sold)
				}
			}
		}
		want("1 1 1")
		s.Program.Must(t, "POST", "/v1/returns/"+giveBack(t, s, sale, "not_requested")+"/approve", nil)
		want("0 0 1")
		db.Audit()
	})
}
