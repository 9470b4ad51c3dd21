package market_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// dimensionsOf returns the dimensions in each event of a lead by its type.
func dimensionsOf(t *testing.T, s *apptest.Shop, leadID string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, e := range s.Program.Must(t, "GET", "/v1/events?limit=1000", nil).List(t) {
		if data, ok := e["data"].(map[string]any); ok && e["subject"] == leadID {
			out[fmt.Sprint(e["type"])] = fmt.Sprint(data["dimensions"])
		}
	}
	return out
}

// All events of a lead tell the dimensions it was submitted with, also when the campaign changed while it waited.
func TestDimensionsOfALead(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		rule := func(name, typ string, dimension bool) apptest.Object {
			return apptest.Object{"name": name, "type": typ, "dimension": dimension}
		}
		s := apptest.NewShop(t, app, apptest.Object{"fields": []apptest.Object{
			rule("homeowner", "boolean", true), rule("age", "integer", true), rule("roof", "string", false),
		}}, apptest.Buyer{Contract: apptest.Object{"price": 10.00}})
		db := apptest.Open(t, databaseURL)
		form := s.Form().With("zip", "75001", "country", "us", "homeowner", "yes", "age", 44, "roof", "flat")
		waiting := s.Sell(t, form)
		if waiting.Status != "pending" {
			t.Fatalf("answered %+v", waiting)
		}
		plain := s.Sell(t, s.Form().With("state", "ok"))
		s.Program.Must(t, "PUT", "/v1/campaigns/"+s.CampaignID, apptest.Object{"fields": []apptest.Object{rule("roof", "string", true)}})
		later := s.Sell(t, s.Form().With("roof", "steep"))
		duplicate := s.Sell(t, form.With("city", "Dallas"))
		s.Deposit(t, s.BuyerIDs[0], 1000)
		apptest.Eventually(t, func() error {
			for _, id := range []string{waiting.ID, plain.ID, later.ID} {
				if got := s.Lead(t, id)["status"]; got != "sold" {
					return fmt.Errorf("lead %s is %v", id, got)
				}
			}
			return nil
		})
		db.Audit()
		const all = "map[age:44 country:US homeowner:true state:TX zip_prefix:750]"
		for name, c := range map[string]struct {
			id   string
			want map[string]string
		}{
			"waited through the change": {waiting.ID, map[string]string{"lead.submitted.v1": all, "lead.pending.v1": all, "lead.sold.v1": all}},
			"only a state":              {plain.ID, map[string]string{"lead.submitted.v1": "map[state:OK]", "lead.pending.v1": "map[state:OK]", "lead.sold.v1": "map[state:OK]"}},
			"after the change": {later.ID, map[string]string{
				"lead.submitted.v1": "map[roof:steep state:TX]", "lead.pending.v1": "map[roof:steep state:TX]", "lead.sold.v1": "map[roof:steep state:TX]",
			}},
			"duplicate after the change": {duplicate.ID, map[string]string{
				"lead.submitted.v1": "map[country:US roof:flat state:TX zip_prefix:750]", "lead.duplicate.v1": "map[country:US roof:flat state:TX zip_prefix:750]",
			}},
		} {
			if got := dimensionsOf(t, s, c.id); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
	})
}

func TestDimensionsThatAreRefused(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, nil)
		path := "/v1/campaigns/" + s.CampaignID
		a := s.Program.Do("PUT", path, apptest.Object{"fields": []apptest.Object{
			{"name": "plan", "dimension": true}, {"name": "contact", "type": "phone", "dimension": true}, {"name": "first_name", "dimension": true},
		}})
		if a.Status != 422 || !strings.Contains(string(a.Body), `"errors":{"fields.1.dimension":["is not for fields of the type phone"],"fields.2.dimension":["`) {
			t.Errorf("answered %v", a)
		}
		fields, _ := s.Program.Must(t, "PUT", path, apptest.Object{"fields": []apptest.Object{{"name": "plan", "dimension": true}}}).Data(t)["fields"].([]any)
		if want := "[map[dimension:true name:plan required:false type:string]]"; fmt.Sprint(fields) != want {
			t.Errorf("stored %v, want %v", fields, want)
		}
	})
}
