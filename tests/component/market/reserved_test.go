package market_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// salesShown are the sales of a lead as its detail shows them: status and delivery of each.
func salesShown(t *testing.T, s *apptest.Shop, leadID string) (out []string) {
	t.Helper()
	list, _ := s.Program.Must(t, "GET", "/v1/marketplace/leads/"+leadID, nil).Data(t)["sales"].([]any)
	for _, one := range list {
		sale := one.(map[string]any)
		out = append(out, fmt.Sprint(sale["status"], " ", sale["delivery"]))
	}
	return out
}

// TestAReservedLead looks at a lead while a buyer is asked about it that does not answer, and after that.
func TestAReservedLead(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		b := newAskedBuyer(t, always("no answer"))
		hands := clock.NewManual(time.Now().Truncate(24 * time.Hour).Add(12 * time.Hour))
		app := apptest.StartConfig(t, databaseURL, outward, leadmill.StartOptions{Clock: hands})
		s, db := apptest.NewShop(t, app, nil, confirming(b.URL, 1)), apptest.Open(t, databaseURL)
		answered := make(chan string, 1)
		form := s.Form()
		go func() { answered <- s.Supplier.Must(t, "POST", "/api/leads", form).Lead().ID }()
		var leadID string
		apptest.Eventually(t, func() error {
			list := s.Program.Must(t, "GET", "/v1/deliveries?status=unknown", nil).List(t)
			if len(list) != 1 {
				return fmt.Errorf("%d deliveries are unknown, want 1", len(list))
			}
			leadID = fmt.Sprint(list[0]["lead_id"])
			return nil
		})
		if got := fmt.Sprint(salesShown(t, s, leadID)); got != "[reserved unknown]" {
			t.Errorf("the lead shows %s", got)
		}
		account(t, s, 0, 1000, 10)
		if n := len(s.Program.Must(t, "GET", "/v1/deliveries?status=pending", nil).List(t)); n != 0 {
			t.Errorf("%d deliveries are pending, want none", n)
		}
		for _, verb := range []string{"reject", "redistribute"} {
			if r := s.Program.Do("POST", "/v1/marketplace/leads/"+leadID+"/"+verb, nil); r.Status != 422 || !strings.Contains(string(r.Body), `"lead_is_reserved"`) {
				t.Errorf("%s answers %s", verb, r)
			}
		}
		if r := s.Program.Do("PUT", "/v1/marketplace/leads/"+leadID+"/price", apptest.Object{"price": 1, "was": nil}); r.Status != 422 || !strings.Contains(string(r.Body), `"lead_is_reserved"`) {
			t.Errorf("the price answers %s", r)
		}
		hands.Advance(6 * time.Second) // the supplier waits no longer
		if id := <-answered; id != leadID {
			t.Errorf("the supplier is answered about %s, want %s", id, leadID)
		}
		apptest.Eventually(t, func() error {
			hands.Advance(5 * time.Second)
			if got := fmt.Sprint(salesShown(t, s, leadID)); got != "[released failed]" {
				return fmt.Errorf("the lead shows %s", got)
			}
			return nil
		})
		account(t, s, 0, 1000, 0)
		l := s.Program.Must(t, "GET", "/v1/marketplace/leads/"+leadID, nil).Data(t)
		if reason := l["trace"].(map[string]any)["considered"].([]any)[0].(map[string]any)["reason"]; l["status"] != "pending" || reason != "buyer_timeout" {
			t.Errorf("the lead is %v because of %v", l["status"], reason)
		}
		d := s.Program.Must(t, "GET", "/v1/deliveries?status=failed", nil).List(t)[0]
		if r := s.Program.Do("POST", fmt.Sprint("/v1/deliveries/", d["id"], "/redeliver"), nil); r.Status != 422 || !strings.Contains(string(r.Body), `"sale_released"`) {
			t.Errorf("to deliver it again answers %s", r)
		}
		s.Program.Must(t, "POST", "/v1/marketplace/leads/"+leadID+"/redistribute", nil)
		if got := fmt.Sprint(salesShown(t, s, leadID)); got != "[released failed]" {
			t.Errorf("a buyer that was asked is asked again: %s", got)
		}
		s.Program.Must(t, "DELETE", "/v1/marketplace/leads/"+leadID, nil)
		if got := salesShown(t, s, leadID); len(got) != 0 {
			t.Errorf("of an erased lead is reserved %v", got)
		}
		db.Audit()
	})
}

// TestCapsThatComeWhileABuyerIsAsked count what is reserved already, and give it back when the buyer says no.
func TestCapsThatComeWhileABuyerIsAsked(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		asked, say := make(chan struct{}, 1), make(chan struct{})
		b := newAskedBuyer(t, func(n int) string {
			if n > 1 {
				return says("accepted")
			}
			asked <- struct{}{}
			<-say
			return says("rejected")
		})
		s, db := startAsking(t, databaseURL, nil, confirming(b.URL, 1))
		answered := make(chan string, 1)
		form := s.Form()
		go func() { answered <- s.Supplier.Must(t, "POST", "/api/leads", form).Lead().Status }()
		<-asked
		caps := apptest.Object{"caps": []apptest.Object{{"window": "day", "leads": 1, "budget": 10.00}}}
		s.Program.Must(t, "PUT", s.ContractPath(s.ContractIDs[0]), caps)
		s.Program.Must(t, "PUT", "/v1/campaigns/"+s.CampaignID, caps)
		s.Program.Must(t, "PUT", "/v1/buyers/"+s.BuyerIDs[0], caps)
		if l := s.Sell(t, s.Form()); l.Status != "pending" || !strings.HasPrefix(askedOf(t, s, l.ID), "cap_") {
			t.Errorf("a lead beside the reserved one is %+v: %s", l, askedOf(t, s, l.ID))
		}
		close(say)
		if status := <-answered; status != "pending" {
			t.Errorf("the lead that nobody takes is %s", status)
		}
		s.Sell(t, s.Form()) // there is room again: for this one or for the one that waits
		apptest.Eventually(t, func() error {
			if n := db.Number("SELECT COUNT(*) FROM sales"); n != 1 {
				return fmt.Errorf("%d leads are sold, want 1", n)
			}
			return nil
		})
		db.Settle()
		account(t, s, 0, 990, 0)
		db.Audit()
	})
}
