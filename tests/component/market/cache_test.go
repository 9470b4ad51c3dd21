package market_test

import (
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// promised is how long a key and its seller may be remembered as they were, by the app's own clock.
const promised = 5 * time.Second

func TestWhatAnotherInstanceChangedHoldsHereToo(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		here := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		there := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		s := apptest.NewShop(t, here, nil, apptest.Rich)
		elsewhere := s.Program.At(there)
		post := func(f apptest.Form) apptest.Answer { return s.Supplier.Do("POST", "/api/leads", f) }
		expect := func(what string, a apptest.Answer, status int, code string) {
			t.Helper()
			if a.Status != status || a.Lead().Code != code {
				t.Errorf("%s is answered %v, want %d %s", what, a, status, code)
			}
		}
		campaign := "/v1/campaigns/" + s.CampaignID
		expect("a lead", post(s.Form()), 200, "")
		elsewhere.Must(t, "POST", campaign+"/pause", nil)
		expect("a lead of a paused campaign", post(s.Form()), 400, "no_matching_campaign")
		elsewhere.Must(t, "POST", campaign+"/resume", nil)
		expect("a lead of a resumed campaign", post(s.Form()), 200, "")

		elsewhere.Must(t, "PUT", campaign, apptest.Object{"fields": []apptest.Object{{"name": "zip", "type": "zip", "required": true}}})
		expect("a lead without what is required now", post(s.Form()), 400, "missing_required_field")
		expect("a lead with it", post(s.Form().With("zip", "75001")), 200, "")

		elsewhere.Must(t, "PUT", campaign, apptest.Object{"category": "Moved", "fields": []apptest.Object{}})
		expect("a lead of a category that moved", post(s.Form()), 400, "no_matching_campaign")
		expect("a lead of the new category", post(s.Form().With("category", " mOVED ")), 200, "")
		next := elsewhere.Must(t, "POST", "/v1/campaigns", apptest.Object{"name": "Next", "category": apptest.Category}).Data(t)["id"]
		a := post(s.Form())
		if l := a.Lead(); l.Status != "pending" || s.Lead(t, l.ID)["campaign_id"] != next {
			t.Errorf("a lead of the category's new campaign is answered %v", a)
		}
		elsewhere.Must(t, "POST", campaign+"/archive", nil)
		expect("a lead of an archived campaign", post(s.Form().With("category", "Moved")), 400, "no_matching_campaign")

		// Contracts and buyers are part of what is decided at once.
		if l := post(s.Form()).Lead(); l.Status != "pending" {
			t.Errorf("a lead without contracts is answered %+v", l)
		}
		contract := elsewhere.Must(t, "POST", "/v1/campaigns/"+next.(string)+"/contracts", apptest.Object{"buyer_id": s.BuyerIDs[0], "price": 12.50}).Data(t)["id"].(string)
		if l := post(s.Form()).Lead(); l.Status != "sold" || l.Price != 12.50 {
			t.Errorf("a lead with a contract is answered %+v", l)
		}
		elsewhere.Must(t, "PUT", "/v1/campaigns/"+next.(string)+"/contracts/"+contract, apptest.Object{"price": 13.00})
		if l := post(s.Form()).Lead(); l.Status != "sold" || l.Price != 13.00 {
			t.Errorf("a lead at a new price is answered %+v", l)
		}
		elsewhere.Must(t, "POST", "/v1/buyers/"+s.BuyerIDs[0]+"/pause", nil)
		if l := post(s.Form()).Lead(); l.Status != "pending" {
			t.Errorf("a lead whose buyer paused is answered %+v", l)
		}

		doomed, id := s.NewSupplier(t)
		expect("a lead with another key", doomed.Do("POST", "/api/leads", s.Form()), 200, "")
		expect("and at the other instance", doomed.At(there).Do("POST", "/api/leads", s.Form()), 200, "")
		elsewhere.Must(t, "DELETE", "/v1/api-keys/"+id, nil)
		expect("a revoked key where it was revoked", doomed.At(there).Do("POST", "/api/leads", s.Form()), 401, "invalid_api_key")
		hands.Advance(promised)
		expect("a key revoked elsewhere", doomed.Do("POST", "/api/leads", s.Form()), 401, "invalid_api_key")
		apptest.Open(t, databaseURL).Audit()
	})
}

func TestANewSlugHoldsOnEveryInstance(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		here := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		there := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		s := apptest.NewShop(t, here, nil, apptest.Rich)
		if l := s.Sell(t, s.Form().With("seller", s.Slug)); l.Status != "sold" {
			t.Errorf("a lead by the slug is answered %+v", l)
		}
		s.Admin.At(there).Must(t, "PUT", "/v1/sellers/"+s.Code, apptest.Object{"slug": s.Slug + "-renamed"})
		hands.Advance(promised)
		if a := s.Supplier.Do("POST", "/api/leads", s.Form().With("seller", s.Slug)); a.Status != 401 {
			t.Errorf("the old slug is answered %v", a)
		}
		for _, name := range []string{s.Slug + "-renamed", s.Code} {
			if l := s.Sell(t, s.Form().With("seller", name)); l.Status != "sold" {
				t.Errorf("a lead by %s is answered %+v", name, l)
			}
		}
	})
}
