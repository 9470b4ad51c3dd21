package market_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// Suppliers who had sent their leads to other vendors were refused for fields that were there, under other names.
func TestSuppliersKeepTheShapeThatTheySentToOtherVendors(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, apptest.Object{"field_map": apptest.Object{
			"first_name": "firstName", "last_name": "lastName", "phone_number": "phone", "id": "external_id",
			"/contact/name/first": "firstName", "/contact/name/last": "lastName", "/contact/phones/0": "phone", "/address/state": "state",
		}}, apptest.Rich)
		for name, body := range map[string]string{
			"Facebook lead ads": `{"id":"FB1","created_time":"2026-01-01T00:00:00+0000","field_data":[{"name":"first_name","values":["John"]},` +
				`{"name":"last_name","values":["Doe"]},{"name":"phone_number","values":["PHONE"]},{"name":"state","values":["Texas"]},{"name":"car_make","values":["Honda","Ford"]}]}`,
			"snake case":     `{"first_name":"John","last_name":"Doe","phone_number":"PHONE","state":"TX","car_make":"Honda, Ford"}`,
			"nested objects": `{"contact":{"name":{"first":"John","last":"Doe"},"phones":["PHONE"]},"address":{"state":"tx"},"car_make":"Honda, Ford"}`,
			"our own names":  `{"firstName":"John","lastName":"Doe","phone":"PHONE","state":"TX","car_make":"Honda, Ford"}`,
		} {
			phone := apptest.Phone()
			path := "/api/leads?seller=" + s.Code + "&category=Auto+Insurance"
			l := s.Supplier.Must(t, "POST", path, strings.Replace(body, "PHONE", phone, 1)).Lead()
			if l.Status != "sold" {
				t.Fatalf("%s is answered %+v", name, l)
			}
			var kept struct {
				Data struct {
					Fields     map[string]any
					ExternalID string `json:"external_id"`
				}
			}
			if err := json.Unmarshal(s.Program.Must(t, "GET", "/v1/marketplace/leads/"+l.ID, nil).Body, &kept); err != nil {
				t.Fatal(err)
			}
			for field, want := range map[string]string{"firstName": "John", "lastName": "Doe", "phone": phone, "state": "TX", "car_make": "Honda, Ford"} {
				if kept.Data.Fields[field] != want {
					t.Errorf("%s: %s is kept as %v, want %s", name, field, kept.Data.Fields[field], want)
				}
			}
			for _, gone := range []string{"first_name", "phone_number", "field_data"} {
				if kept.Data.Fields[gone] != nil {
					t.Errorf("%s: %s is kept too", name, gone)
				}
			}
			if name == "Facebook lead ads" && kept.Data.ExternalID != "FB1" {
				t.Errorf("the external id is %q", kept.Data.ExternalID)
			}
			if again := s.Supplier.Do("POST", path, strings.Replace(body, "PHONE", phone, 1)); !again.Replayed() || again.Lead().ID != l.ID {
				t.Errorf("%s, twice, is answered %v", name, again)
			}
		}
		used := s.Supplier.Do("POST", "/api/leads?seller="+s.Code+"&category=Auto+Insurance", `{"id":"FB1","first_name":"Jane","last_name":"Doe","phone_number":"`+apptest.Phone()+`","state":"TX"}`)
		if used.Lead().Code != "duplicate_external_id" {
			t.Errorf("the lead of an id that was used is answered %v", used)
		}
		missing := s.Supplier.Do("POST", "/api/leads?seller="+s.Code+"&category=Auto+Insurance", `{"first_name":"Jane","state":"TX"}`)
		if missing.Status != 400 || strings.Join(missing.Lead().Fields, " ") != "lastName phone" {
			t.Errorf("what is missing is told as %v", missing)
		}

		// What cannot be is told when the campaign is written, and a change counts from the next lead on.
		refused := s.Program.Do("PUT", "/v1/campaigns/"+s.CampaignID, apptest.Object{"field_map": apptest.Object{"firstName": "first_name", "x": "shoe_size", "/a//b": "phone"}})
		if refused.Status != 422 || len(refused.Refusal().Errors) != 3 {
			t.Errorf("a map that cannot be is answered %v", refused)
		}
		s.Program.Must(t, "PUT", "/v1/campaigns/"+s.CampaignID, apptest.Object{"field_map": nil})
		plain := s.Supplier.Do("POST", "/api/leads", apptest.Object{"seller": s.Code, "category": "Auto Insurance", "first_name": "John", "lastName": "Doe", "phone": apptest.Phone(), "state": "TX"})
		if plain.Status != 400 || strings.Join(plain.Lead().Fields, " ") != "firstName" {
			t.Errorf("without a map a lead is answered %v", plain)
		}
		app.Doctor(t)
	})
}
