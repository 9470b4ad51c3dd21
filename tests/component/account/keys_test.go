package account_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

func TestTheAdminMakesKeysOfASeller(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s, other := apptest.NewShop(t, app, nil, apptest.Rich), apptest.NewShop(t, app, nil, apptest.Rich)
		admin := app.Client(t, app.AdminKey)
		path := "/v1/sellers/" + s.Code + "/api-keys"

		made := admin.Must(t, "POST", path, apptest.Object{"scope": "program", "name": "lost and found"}, "Idempotency-Key", "one").Data(t)
		again := admin.Must(t, "POST", path, apptest.Object{"scope": "program", "name": "lost and found"}, "Idempotency-Key", "one")
		if !again.Replayed() || again.Data(t)["key"] != made["key"] {
			t.Errorf("the same request is answered %s, want %v", again, made)
		}
		program := s.Program.With(fmt.Sprint(made["key"]))
		if got := program.Must(t, "GET", "/v1/campaigns/"+s.CampaignID, nil).Data(t)["id"]; got != s.CampaignID {
			t.Errorf("the key opens campaign %v of another seller", got)
		}
		supplier := admin.Must(t, "POST", path, apptest.Object{"scope": "supplier", "partner": apptest.Object{"id": s.PartnerID}}).Data(t)
		if a := s.Supplier.With(fmt.Sprint(supplier["key"])).Do("POST", "/api/leads", s.Form()); a.Lead().Status != "sold" {
			t.Errorf("a lead with the supplier key is answered %s", a)
		}

		for name, c := range map[string]struct {
			client *apptest.Client
			path   string
			body   apptest.Object
			status int
			code   string
		}{
			"unknown seller":           {admin, "/v1/sellers/NOBODY00/api-keys", apptest.Object{"scope": "program"}, 404, "seller_not_found"},
			"unknown partner":          {admin, path, apptest.Object{"scope": "supplier", "partner": apptest.Object{"id": "nobody"}}, 400, "unknown_partner"},
			"campaign of another":      {admin, path, apptest.Object{"scope": "form", "campaign_id": other.CampaignID, "origins": []string{"https://a.example"}}, 422, "validation_failed"},
			"an admin key":             {admin, path, apptest.Object{"scope": "admin"}, 422, "validation_failed"},
			"by a program key":         {s.Program, path, apptest.Object{"scope": "program"}, 403, "forbidden"},
			"by a key of another":      {other.Program, path, apptest.Object{"scope": "program"}, 403, "forbidden"},
			"that has expired already": {admin, path, apptest.Object{"scope": "program", "expires_at": "2020-01-01T00:00:00Z"}, 422, "validation_failed"},
		} {
			if a := c.client.Do("POST", c.path, c.body); a.Status != c.status || a.Refusal().Code != c.code {
				t.Errorf("%s is answered %s, want %d %s", name, a, c.status, c.code)
			}
		}
		app.Doctor(t)
	})
}

func TestAnExpiredKeyIsAnsweredAsARevokedOne(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := leadmilltest.NewClock(time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC))
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		key := func(more apptest.Object) (id string, c *apptest.Client) {
			made := s.Program.Must(t, "POST", "/v1/api-keys", more).Data(t)
			return fmt.Sprint(made["id"]), s.Program.With(fmt.Sprint(made["key"]))
		}
		ends := hands.Now().Add(time.Hour)
		expiring, client := key(apptest.Object{"scope": "program", "name": "an hour", "expires_at": ends.Format(time.RFC3339)})
		revoked, other := key(apptest.Object{"scope": "program", "name": "revoked"})
		client.Must(t, "GET", "/v1/test", nil)
		if k := listed(t, s)[expiring]; k["expires_at"] != "2026-03-31T13:00:00.000000Z" {
			t.Errorf("the key is listed as %v", k)
		}
		s.Program.Must(t, "DELETE", "/v1/api-keys/"+revoked, nil)
		hands.Set(ends)
		want, got := other.Do("GET", "/v1/test", nil), client.Do("GET", "/v1/test", nil)
		if got.Status != 401 || withoutRequestID(got) != withoutRequestID(want) {
			t.Errorf("with an expired key answered %s, with a revoked one %s", got, want)
		}
		if k, ok := listed(t, s)[expiring]; ok {
			t.Errorf("an expired key is listed: %v", k)
		}
		for _, c := range [][2]string{{"DELETE", "/v1/api-keys/" + expiring}, {"POST", "/v1/api-keys/" + expiring + "/rotate"}} {
			if a := s.Program.Do(c[0], c[1], nil); a.Status != 404 || a.Refusal().Code != "api_key_not_found" {
				t.Errorf("%s %s is answered %s", c[0], c[1], a)
			}
		}
	})
}

func TestKeysOverlapAtRotation(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := leadmilltest.NewClock(time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC))
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		before, id := s.NewSupplier(t)
		made := s.Program.Must(t, "POST", "/v1/api-keys/"+id+"/rotate", apptest.Object{"overlap_seconds": 3600, "expires_at": "2026-03-31T14:00:00Z"}, "Idempotency-Key", "r").Data(t)
		after := s.Supplier.With(fmt.Sprint(made["key"]))
		if want := fmt.Sprint(map[string]any{"id": id, "expires_at": "2026-03-31T13:00:00.000000Z"}); fmt.Sprint(made["replaces"]) != want || made["scope"] != "supplier" {
			t.Errorf("answered %v, want to replace %s", made, want)
		}
		sells := func(c *apptest.Client) bool { return c.Do("POST", "/api/leads", s.Form()).Status == 200 }
		if !sells(before) || !sells(after) {
			t.Error("while they overlap, not both keys post leads")
		}
		// Once more: the overlap gets no longer than what was left.
		if again := s.Program.Must(t, "POST", "/v1/api-keys/"+id+"/rotate", nil).Data(t); !strings.Contains(fmt.Sprint(again["replaces"]), "13:00:00") {
			t.Errorf("a key that ends in an hour is replaced with an answer of %v", again)
		}
		hands.Set(time.Date(2026, 3, 31, 13, 0, 0, 0, time.UTC))
		if sells(before) || !sells(after) {
			t.Error("after the overlap the former key posts leads, or the new one does not")
		}
		hands.Set(time.Date(2026, 3, 31, 14, 0, 0, 0, time.UTC))
		if sells(after) {
			t.Error("the new key posts leads after its end")
		}
		// Without an overlap.
		_, id = s.NewSupplier(t)
		s.Program.Must(t, "POST", "/v1/api-keys/"+id+"/rotate", apptest.Object{"overlap_seconds": 0})
		if _, ok := listed(t, s)[id]; ok {
			t.Error("a key without an overlap is still listed")
		}
		other := apptest.NewShop(t, app, nil, apptest.Rich)
		_, id = s.NewSupplier(t)
		for name, c := range map[string]struct {
			client *apptest.Client
			body   apptest.Object
			status int
		}{
			"of another seller": {other.Program, apptest.Object{}, 404},
			"too long":          {s.Program, apptest.Object{"overlap_seconds": 7_776_001}, 422},
			"much too long":     {s.Program, apptest.Object{"overlap_seconds": int64(9e18)}, 422},
			"negative":          {s.Program, apptest.Object{"overlap_seconds": -1}, 422},
			"in the past":       {s.Program, apptest.Object{"expires_at": "2026-03-31T13:59:59Z"}, 422},
		} {
			if a := c.client.Do("POST", "/v1/api-keys/"+id+"/rotate", c.body); a.Status != c.status {
				t.Errorf("%s is answered %s, want %d", name, a, c.status)
			}
		}
		app.Doctor(t)
	})
}

func TestKeysTellWhenTheyWereUsedAndHowManyLeadsCame(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		d := &sqlstoretest.Faults{}
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Driver: d.Wrap})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		client, id := s.NewSupplier(t)
		_, idle := s.NewSupplier(t)
		if k := listed(t, s)[id]; k["last_used_at"] != nil || k["leads"] != 0.0 {
			t.Errorf("a new key is listed as %v", k)
		}
		var written atomic.Int64
		d.Told(func(s sqlstoretest.Statement) {
			if strings.HasPrefix(s.Query, "UPDATE api_keys") {
				written.Add(1)
			}
		})
		form := s.Form()
		for _, f := range []apptest.Form{form, form.With("city", "Another"), s.Form(), s.Form().With("test", true), form} { // sold, duplicate, sold, test, double click
			client.Do("POST", "/api/leads", f)
		}
		if n := written.Load(); n != 0 {
			t.Errorf("%d requests wrote what their key was used for", n)
		}
		app.Stop(t)
		if n := written.Load(); n != 2 { // the supplier's key and the program's
			t.Errorf("%d statements stored what two keys were used for", n)
		}
		app = apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s = s.At(app)
		keys := listed(t, s)
		at, err := time.Parse(time.RFC3339, fmt.Sprint(keys[id]["last_used_at"]))
		if err != nil || time.Since(at) > time.Hour || time.Until(at) > time.Hour || keys[id]["leads"] != 3.0 {
			t.Errorf("the key is listed as %v: %v", keys[id], err)
		}
		if k := keys[idle]; k["last_used_at"] != nil || k["leads"] != 0.0 {
			t.Errorf("a key that nobody used is listed as %v", k)
		}
	})
}

// listed returns a seller's keys by their ids.
func listed(t *testing.T, s *apptest.Shop) map[string]apptest.Object {
	t.Helper()
	keys := map[string]apptest.Object{}
	for _, k := range s.Program.Must(t, "GET", "/v1/api-keys?limit=250", nil).List(t) {
		keys[fmt.Sprint(k["id"])] = k
	}
	return keys
}

func withoutRequestID(a apptest.Answer) string {
	o := a.Object()
	delete(o, "request_id")
	return fmt.Sprint(a.Status, o)
}
