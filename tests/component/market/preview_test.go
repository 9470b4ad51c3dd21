package market_test

import (
	"slices"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// A preview says what the lead becomes that is sent next, by the same contracts for the same reasons, and writes nothing.
func TestAPreviewSaysWhatALeadBecomes(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s := apptest.NewShop(t, apptest.Start(t, databaseURL, leadmill.StartOptions{}), asks(),
			filtered("lead.state == 'TX' && lead.fields.homeowner == true", "priority", 1, "caps", []apptest.Object{{"window": "day", "leads": 1}}),
			filtered("lead.zip.startsWith('75')", "priority", 2), apptest.Buyer{Contract: apptest.Object{"price": 10.00, "priority": 3}})
		db := apptest.Open(t, databaseURL)
		path := "/v1/campaigns/" + s.CampaignID + "/preview"
		preview := func(f apptest.Form) apptest.Object {
			return s.Program.Must(t, "POST", path, apptest.Object{"lead": f, "partner_id": s.PartnerID}).Data(t)
		}
		counted := func() (n [4]int64) {
			for i, table := range []string{"leads", "sales", "claims", "event_segments"} {
				n[i] = db.Number("SELECT COUNT(*) FROM " + table)
			}
			return n
		}
		for i, f := range []apptest.Form{
			s.Form().With("homeowner", true), s.Form().With("homeowner", true, "zip", "75001"), s.Form().With("state", "NY"), s.Form().With("state", "NY", "test", true, "zip", "75001"),
		} {
			db.Settle()
			before := counted()
			said := preview(f)
			if again := preview(f); again["outcome"] != said["outcome"] || counted() != before {
				t.Errorf("lead %d: previews change something: %v, then %v", i, said, again)
			}
			l := s.Sell(t, f)
			buyers := []string{}
			for _, b := range said["buyers"].([]any) {
				buyers = append(buyers, b.(string))
			}
			if said["outcome"] != l.Status || !slices.Equal(buyers, append([]string{}, l.BuyerIDs...)) {
				t.Errorf("lead %d: previewed %v, became %+v", i, said, l)
			}
			trace := said["trace"].(apptest.Object)["considered"].([]any)
			became := s.Lead(t, l.ID)["trace"].(apptest.Object)["considered"].([]any)
			if len(trace) != len(became) {
				t.Fatalf("lead %d: previewed %v, became %v", i, trace, became)
			}
			for n := range trace {
				if trace[n].(apptest.Object)["reason"] != became[n].(apptest.Object)["reason"] {
					t.Errorf("lead %d: previewed %v, became %v", i, trace, became)
				}
			}
			if twice := preview(f); f["test"] == nil && (twice["outcome"] != "duplicate" || twice["code"] != "duplicate_lead") {
				t.Errorf("lead %d: after it was sent the preview is %v", i, twice)
			}
		}
		for _, c := range []struct {
			path  string
			body  apptest.Object
			want  int
			field string
		}{
			{path, apptest.Object{}, 422, "lead"},
			{path, apptest.Object{"lead": 1}, 422, "lead"},
			{path, apptest.Object{"lead": s.Form(), "price": 1}, 422, "price"},
			{path, apptest.Object{"lead": s.Form().With("test", "maybe")}, 422, "lead.test"},
			{path, apptest.Object{"lead": apptest.Form{"firstName": "Jane"}}, 422, "lastName"},
			{path, apptest.Object{"lead": s.Form(), "partner_id": "nobody"}, 422, "partner_id"},
			{path, apptest.Object{"lead": apptest.Form{"firstName": "Jane"}, "partner_id": "nobody"}, 422, "partner_id"},
			{"/v1/campaigns/campaign_none/preview", apptest.Object{"lead": s.Form()}, 404, ""},
		} {
			if a := s.Program.Unchecked().Do("POST", c.path, c.body); a.Status != c.want || c.field != "" && a.Refusal().Errors[c.field] == nil {
				t.Errorf("%v: %s", c.body, a)
			}
		}
	})
}

// TestAPreviewKnowsWhomTheSellerKeepsOut previews leads of persons who are suppressed, quarantined, and bought lately.
func TestAPreviewKnowsWhomTheSellerKeepsOut(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, apptest.Object{"dedupe": nil}, apptest.Buyer{Deposit: 1000, Contract: apptest.Object{"price": 10.00, "dedupe": apptest.Object{"fields": []string{"phone"}, "window_days": 30}}})
		preview := func(f apptest.Form) apptest.Object {
			t.Helper()
			return s.Program.Must(t, "POST", "/v1/campaigns/"+s.CampaignID+"/preview", apptest.Object{"lead": f, "partner_id": s.PartnerID}).Data(t)
		}
		expect := func(f apptest.Form, outcome string, code any) apptest.Object {
			t.Helper()
			said := preview(f)
			if said["outcome"] != outcome || said["code"] != code {
				t.Errorf("previewed %v, want %s with the code %v", said, outcome, code)
			}
			return said
		}
		form := s.Form()
		expect(form, "sold", nil)
		s.Sell(t, form)
		said := expect(s.Form().With("phone", form["phone"]), "pending", nil)
		if first := said["trace"].(apptest.Object)["considered"].([]any)[0].(apptest.Object); first["reason"] != "duplicate_buyer" {
			t.Errorf("who was bought lately is passed over with %v", first)
		}
		s.Program.Must(t, "PUT", "/v1/campaigns/"+s.CampaignID, apptest.Object{"quarantine": apptest.Object{"suppliers": []string{s.PartnerID}}})
		other := s.Form()
		expect(other, "quarantined", "campaign_quarantine")
		s.Program.Must(t, "POST", "/v1/suppressions", apptest.Object{"kind": "phone", "value": other["phone"]})
		expect(other, "rejected", "suppressed")
	})
}

// TestAPreviewOfACampaignThatTakesNoLeads refuses what the supplier is refused.
func TestAPreviewOfACampaignThatTakesNoLeads(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s := apptest.NewShop(t, apptest.Start(t, databaseURL, leadmill.StartOptions{}), apptest.Object{}, apptest.Buyer{Deposit: 100, Contract: apptest.Object{"price": 10.00}})
		path := "/v1/campaigns/" + s.CampaignID
		refused := func(when string) {
			t.Helper()
			posted := s.Supplier.Do("POST", "/api/leads", s.Form()).Lead()
			a := s.Program.Unchecked().Do("POST", path+"/preview", apptest.Object{"lead": s.Form()})
			if a.Status != 422 || a.Refusal().Code != "no_matching_campaign" || a.Refusal().Code != posted.Code {
				t.Errorf("%s: the preview is %s, the lead %+v", when, a, posted)
			}
		}
		s.Program.Must(t, "POST", path+"/pause", nil)
		refused("paused")
		s.Program.Must(t, "POST", path+"/resume", nil)
		if said := s.Program.Must(t, "POST", path+"/preview", apptest.Object{"lead": s.Form()}).Data(t); said["outcome"] != "sold" {
			t.Errorf("after the pause the preview is %v", said)
		}
		s.Program.Must(t, "POST", path+"/archive", nil)
		refused("archived")
	})
}
