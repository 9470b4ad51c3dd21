package market_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// holdOdd is a rule that holds back leads from Reno and rejects those from Vegas.
type holdOdd struct{}

func (holdOdd) Code() fault.Code { return "acme_odd" }
func (holdOdd) Order() int       { return 1 }
func (holdOdd) Check(f lead.Facts) error {
	switch f.Field("city").Text {
	case "Reno":
		return lead.HoldBack("Secret doubts about Reno.")
	case "Vegas":
		return fmt.Errorf("no leads from Vegas")
	}
	return nil
}

func review(c *apptest.Client, id, what string, headers ...string) apptest.Answer {
	return c.Do("POST", "/v1/marketplace/leads/"+id+"/"+what, nil, headers...)
}

// previous returns what the events of a lead say: type, previous status and code.
func previous(t *testing.T, db *apptest.Database, id string) (told []string) {
	t.Helper()
	db.Settle()
	for _, e := range db.Events() {
		if e.AggregateID == id {
			var data struct {
				Previous string `json:"previous_status"`
				Code     string `json:"code"`
			}
			if err := json.Unmarshal(e.Payload, &data); err != nil {
				t.Fatal(err)
			}
			told = append(told, strings.TrimSpace(e.Type+" "+data.Previous+" "+data.Code))
		}
	}
	return told
}

// A quarantined lead is pending to its supplier, holds its claims, waits however long, and is decided when the seller approves it.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands}, leadmill.NewModule("acme", leadmill.AsIntakeRule(func() holdOdd { return holdOdd{} })))
		s := apptest.NewShop(t, app, apptest.Object{"pending_ttl_hours": 1}, apptest.Rich)
		db := apptest.Open(t, databaseURL)
		form := s.Form().With("city", "Reno", "external_id", "one")
		l := s.Sell(t, form)
		if l.Status != "pending" || !l.Success || l.Code != "" || l.Error != "" {
			t.Fatalf("the supplier is told %+v", l)
		}
		if shown := s.Lead(t, l.ID); shown["status"] != "quarantined" || shown["code"] != "acme_odd" || shown["reason"] != "Secret doubts about Reno." || shown["pending_until"] != nil {
			t.Errorf("the seller is told %v", shown)
		}
		if list := s.Program.Must(t, "GET", "/v1/marketplace/leads?status=quarantined", nil).List(t); len(list) != 1 || list[0]["id"] != l.ID {
			t.Errorf("the list is %v", list)
		}
		if again := s.Sell(t, form.With("external_id", "two", "city", "Austin")); again.Status != "duplicate" {
			t.Errorf("the same person is %+v", again)
		}
		if l := s.Sell(t, s.Form().With("city", "Vegas")); l.Status != "rejected" || l.Code != "acme_odd" {
			t.Errorf("Vegas is %+v", l)
		}
		s.Program.Must(t, "POST", "/v1/buyers/"+s.BuyerIDs[0]+"/pause", nil)
		waits := s.Sell(t, s.Form())
		hands.Advance(3 * time.Hour)
		apptest.Eventually(t, func() error { // all whose time is over were looked at
			if status := s.Lead(t, waits.ID)["status"]; status != "unsold" {
				return fmt.Errorf("a lead that waits is %v", status)
			}
			return nil
		})
		s.Program.Must(t, "POST", "/v1/buyers/"+s.BuyerIDs[0]+"/resume", nil)
		if told := s.Supplier.Must(t, "GET", "/api/leads/"+l.ID, nil).Lead(); told.Status != "pending" {
			t.Errorf("after its time it is %+v", told)
		}
		approved := review(s.Program, l.ID, "approve", "Idempotency-Key", "approve")
		if approved.Status != 200 || approved.Data(t)["status"] != "sold" || approved.Data(t)["code"] != nil {
			t.Fatalf("answered %s", approved)
		}
		if again := review(s.Program, l.ID, "approve", "Idempotency-Key", "approve"); !again.Replayed() || again.Data(t)["status"] != "sold" {
			t.Errorf("the replay is %s", again)
		}
		for what, late := range tooLate {
			if a := review(s.Program, l.ID, what); a.Status != late.status || a.Refusal().Code != late.code {
				t.Errorf("%s once more is answered %s", what, a)
			}
			if a := review(s.Program, "lead_none", what); a.Status != 404 || a.Refusal().Code != "lead_not_found" {
				t.Errorf("%s of no lead is answered %s", what, a)
			}
		}
		if told := s.Supplier.Must(t, "GET", "/api/leads/"+l.ID, nil).Lead(); told.Status != "sold" || told.Price != 10 {
			t.Errorf("the supplier is told %+v", told)
		}
		if told := previous(t, db, l.ID); fmt.Sprint(told) != "[lead.submitted.v1 lead.quarantined.v1 received acme_odd lead.sold.v1 quarantined]" {
			t.Errorf("the events are %q", told)
		}

		turnedDown := s.Sell(t, s.Form().With("city", "Reno", "phone", "+12125550777", "external_id", "three"))
		if a := review(s.Program, turnedDown.ID, "reject"); a.Status != 200 || a.Data(t)["status"] != "rejected" || a.Data(t)["code"] != "rejected_in_quarantine" {
			t.Errorf("answered %s", a)
		}
		if again := s.Sell(t, s.Form().With("phone", "+12125550777", "external_id", "three")); again.Status != "sold" {
			t.Errorf("after the rejection the person is %+v", again)
		}
		if told := previous(t, db, turnedDown.ID); fmt.Sprint(told) != "[lead.submitted.v1 lead.quarantined.v1 received acme_odd lead.rejected.v1 quarantined rejected_in_quarantine]" {
			t.Errorf("the events are %q", told)
		}

		test := s.Sell(t, s.Form().With("city", "Reno", "test", true))
		if a := review(s.Program, test.ID, "approve"); a.Data(t)["status"] != "sold" || db.Number("SELECT COUNT(*) FROM sales WHERE lead_id = '"+test.ID+"'") != 0 {
			t.Errorf("a test lead is %s", a)
		}

		suppressed := s.Sell(t, s.Form().With("city", "Reno", "email", "jane@free.example"))
		suppress(t, s, "email", "jane@free.example")
		if a := review(s.Program, suppressed.ID, "approve"); a.Data(t)["status"] != "rejected" || a.Data(t)["code"] != "suppressed" {
			t.Errorf("somebody who is suppressed by now is %s", a)
		}
		erased := s.Sell(t, s.Form().With("city", "Reno"))
		s.Program.Must(t, "DELETE", "/v1/marketplace/leads/"+erased.ID, nil)
		if a := review(s.Program, erased.ID, "approve"); a.Status != 409 || s.Lead(t, erased.ID)["status"] != "unsold" {
			t.Errorf("an erased lead is %s", a)
		}
		db.Audit()
	})
}

// A campaign quarantines without any code, all leads or those of some suppliers; the time of an approved one counts from then on.
func TestACampaignQuarantines(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		s := apptest.NewShop(t, app, apptest.Object{"pending_ttl_hours": 1, "quarantine": apptest.Object{"suppliers": []string{"supplier"}}})
		path := "/v1/campaigns/" + s.CampaignID
		s.Program.Must(t, "POST", "/v1/partners", apptest.Object{"id": "other", "email": "other@example.com", "name": "Other"})
		s.Program.Must(t, "PUT", path, apptest.Object{"quarantine": apptest.Object{"suppliers": []string{"supplier", "other"}}})
		if q := s.Program.Must(t, "GET", path, nil).Data(t)["quarantine"]; fmt.Sprint(q) != "map[all:false suppliers:[other supplier]]" {
			t.Errorf("the campaign quarantines %v", q)
		}
		l := s.Sell(t, s.Form())
		if shown := s.Lead(t, l.ID); shown["status"] != "quarantined" || shown["code"] != "campaign_quarantine" {
			t.Errorf("the lead is %v", shown)
		}
		hands.Advance(2 * time.Hour)
		approved := review(s.Program, l.ID, "approve").Data(t)
		if until, err := time.Parse(time.RFC3339Nano, fmt.Sprint(approved["pending_until"])); err != nil || approved["status"] != "pending" || until.Sub(hands.Now()) != time.Hour {
			t.Errorf("approved, it is %v", approved)
		}
		s.AddBuyer(t, apptest.Rich)
		apptest.Eventually(t, func() error {
			if status := s.Lead(t, l.ID)["status"]; status != "sold" {
				return fmt.Errorf("the lead is %v", status)
			}
			return nil
		})
		for body, want := range map[string]string{`{"quarantine":{"all":true}}`: "quarantined", `{"quarantine":{"suppliers":["other"]}}`: "sold", `{"quarantine":null}`: "sold"} {
			s.Program.Must(t, "PUT", path, body)
			if l := s.Sell(t, s.Form()); s.Lead(t, l.ID)["status"] != want {
				t.Errorf("with %s the lead is %+v", body, l)
			}
		}
		apptest.Open(t, databaseURL).Audit()
	})
}

// tooLate is what an operator is told who decides a lead that is decided already.
var tooLate = map[string]struct {
	status int
	code   string
}{"approve": {409, "lead_not_quarantined"}, "reject": {422, "lead_not_rejectable"}}

// Of operators who decide a lead at the same time one does, and it is sold at most once.
func TestOperatorsReviewAtOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, apptest.Object{"quarantine": apptest.Object{"all": true}}, apptest.Rich)
		what := func(i int) string { return []string{"approve", "reject"}[i%2] }
		for range 5 {
			l := s.Sell(t, s.Form())
			answers := make([]apptest.Answer, 6)
			apptest.Parallel(len(answers), func(i int) {
				answers[i] = review(s.Program, l.ID, what(i))
			})
			won := 0
			for i, a := range answers {
				switch {
				case a.Status == 200:
					won++
				case a.Status != tooLate[what(i)].status || a.Refusal().Code != tooLate[what(i)].code:
					t.Errorf("to %s it is answered %s", what(i), a)
				}
			}
			if won != 1 {
				t.Errorf("%d operators decided the lead", won)
			}
		}
		apptest.Open(t, databaseURL).Audit()
	})
}

// TestACampaignQuarantinesPartnersOnly refuses suppliers who do not exist, but not those that it has and who were deleted since.
func TestACampaignQuarantinesPartnersOnly(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s := apptest.NewShop(t, apptest.Start(t, databaseURL, leadmill.StartOptions{}), apptest.Object{}, apptest.Buyer{Contract: apptest.Object{"price": 10.00}})
		path := "/v1/campaigns/" + s.CampaignID
		of := func(ids ...string) apptest.Object {
			return apptest.Object{"quarantine": apptest.Object{"suppliers": ids}}
		}
		refused := func(method, path string, body apptest.Object, member string) {
			t.Helper()
			a := s.Program.Unchecked().Do(method, path, body)
			if got := a.Refusal().Errors[member]; a.Status != 422 || len(got) != 1 || got[0] != "is not a partner of yours" {
				t.Errorf("%s %s %v: %s", method, path, body, a)
			}
		}
		refused("PUT", path, of(s.PartnerID, "nobody"), "quarantine.suppliers.1")
		create := of("nobody")
		create["name"], create["category"] = "Other", "Other"
		refused("POST", "/v1/campaigns", create, "quarantine.suppliers.0")
		s.Program.Must(t, "POST", "/v1/partners", apptest.Object{"id": "leaves", "email": "leaves@example.com", "name": "Leaves"})
		s.Program.Must(t, "PUT", path, of(s.PartnerID, "leaves"))
		s.Program.Must(t, "DELETE", "/v1/partners/leaves", nil)
		s.Program.Must(t, "PUT", path, of("leaves"))
		refused("PUT", path, of("leaves", "nobody"), "quarantine.suppliers.1")
	})
}
