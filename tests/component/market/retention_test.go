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

// A lead older than its seller's retention holds nobody any more, and everything that was counted stays. Two instances do it.
func TestOldLeadsAreErased(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		capped := apptest.Buyer{Deposit: 100, Contract: apptest.Object{"price": 10.00, "caps": []apptest.Object{{"window": "total", "leads": 1}}}}
		s := apptest.NewShop(t, app, apptest.Object{"pending_ttl_hours": 720}, capped)
		other := apptest.NewShop(t, app, apptest.Object{"pending_ttl_hours": 720})
		sold, tested := s.Sell(t, s.Form()), s.Form()
		tested["test"] = true
		test, pending, theirs := s.Sell(t, tested), wait(t, s, 1)[0], wait(t, other, 1)[0]
		form := s.Program.Must(t, "POST", "/v1/leads", apptest.Object{"name": "Jane Roe", "email": "jane@old.example", "partner": apptest.Object{"id": s.PartnerID}}).Data(t)
		s.Program.Must(t, "PUT", "/v1/settings", apptest.Object{"lead_retention_days": 10})
		app.Settle(t)

		hands.Advance(11 * 24 * time.Hour)
		erased := app.WaitFor(t, 3, "lead.erased.v1")
		young := wait(t, s, 1)[0]
		hands.Advance(2 * time.Hour)
		app.Settle(t)
		var of []string
		for _, e := range erased {
			of = append(of, e.Subject)
		}
		if len(of) != 3 || !slices.Contains(of, sold.ID) || !slices.Contains(of, pending) {
			t.Errorf("erased are %v", of)
		}
		for id, want := range map[string]string{sold.ID: "sold 0", pending: "unsold 0", test.ID: "unsold 0", young: "pending 1"} {
			l := s.Lead(t, id)
			fields, _ := l["fields"].(map[string]any)
			if got := fmt.Sprintf("%v %d", l["status"], min(len(fields), 1)); got != want {
				t.Errorf("the lead is %q, want %q: %v", got, want, l)
			}
		}
		if l := other.Lead(t, theirs); l["status"] != "pending" {
			t.Errorf("another seller's lead is %v", l)
		}
		from, to := hands.Now().AddDate(0, 0, -13).Format(time.DateOnly), hands.Now().AddDate(0, 0, -5).Format(time.DateOnly)
		if report := s.Program.Must(t, "GET", "/v1/reports/campaigns?from="+from+"&to="+to, nil); !strings.Contains(string(report.Body), `"sold_gross":1`) {
			t.Errorf("the sale is not in the report any more: %s", report)
		}

		path := fmt.Sprintf("/v1/leads/%v", form["id"])
		d := s.Program.Must(t, "GET", path, nil).Data(t)
		if fmt.Sprint(d["lead_info"]) != "map[email: name:]" || d["status"] != "submitted" || d["can_be_converted"] != false || d["can_be_rejected"] != true {
			t.Errorf("the form lead is %v", d)
		}
		if a := s.Program.Do("POST", "/v1/leads/convert", apptest.Object{"id": form["id"]}); a.Status != 400 || !strings.Contains(string(a.Body), "lead_erased") {
			t.Errorf("to convert it is answered with %s", a)
		}
		s.Program.Must(t, "POST", "/v1/leads/reject", apptest.Object{"id": form["id"]})
		db := apptest.Open(t, databaseURL)
		if n := db.Number("SELECT COUNT(*) FROM leads WHERE erased_at > 0 AND LENGTH(fields) <> 2"); n != 0 {
			t.Errorf("%d leads are erased and have fields", n)
		}
		db.Audit()
		if n := len(app.Events(t, "lead.erased.v1")); n != 3 {
			t.Errorf("%d leads were erased, want each once", n)
		}
	})
}
