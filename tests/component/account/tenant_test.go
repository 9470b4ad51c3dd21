package account_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/openapitest"
)

// bodies are requests that are right in themselves, by operation; operations without one take no body.
func bodies(buyerID string) map[string]any {
	return map[string]any{
		"submitLead":   apptest.Form{"seller": "-", "category": "-"},
		"createSeller": apptest.Object{"name": "Another", "currency": "USD"}, "updateSeller": apptest.Object{"name": "Renamed"},
		"createAPIKeyOfSeller": apptest.Object{"scope": "program"},
		"createAPIKey":         apptest.Object{"scope": "program", "name": "another"},
		"createPartner":        apptest.Object{"email": "another@shop.example"},
		"createBuyer":          apptest.Object{"name": "Another"}, "updateBuyer": apptest.Object{"name": "Renamed"},
		"depositMoney": apptest.Object{"amount": 1.00}, "withdrawMoney": apptest.Object{"amount": 1.00},
		"createCampaign": apptest.Object{"name": "Another", "category": "Another"}, "updateCampaign": apptest.Object{"name": "Renamed"},
		"createContract": apptest.Object{"buyer_id": buyerID, "price": 1.00}, "updateContract": apptest.Object{"price": 1.00},
		"createOnePartner": apptest.Object{"email": "one@shop.example"}, "updatePartner": apptest.Object{"name": "Renamed"},
		"updatePartnerByHandle": apptest.Object{"id": "none", "name": "Renamed"}, "updateOnePartner": apptest.Object{"id": "none", "name": "Renamed"},
		"deletePartnerByHandle": apptest.Object{"id": "none"}, "deleteOnePartner": apptest.Object{"id": "none"},
		"invitePartner": apptest.Object{"email": "guest@shop.example", "name": "Guest"}, "createSignInURL": apptest.Object{"id": "none"},
		"createReferralLink": apptest.Object{"key": "none", "partner": apptest.Object{"id": "none"}}, "updateReferralLink": apptest.Object{"default": true},
		"createCustomer":    apptest.Object{"key": "another", "partner": apptest.Object{"id": "supplier"}},
		"createOneCustomer": apptest.Object{"key": "one", "partner": apptest.Object{"id": "supplier"}}, "updateCustomer": apptest.Object{"name": "Renamed"},
		"updateCustomerByHandle": apptest.Object{"key": "none", "name": "Renamed"}, "updateOneCustomer": apptest.Object{"key": "none", "name": "Renamed"},
		"deleteOneCustomer": apptest.Object{"key": "none"}, "updateLeadDetails": apptest.Object{"leads_enabled": true},
		"createFormLead":  apptest.Object{"name": "Alice", "email": "alice@shop.example", "partner": apptest.Object{"id": "supplier"}},
		"convertFormLead": apptest.Object{"id": 999}, "rejectFormLead": apptest.Object{"id": 999}, "updateSettings": apptest.Object{"cookie_lifetime": 31},
		"requestErasure": apptest.Object{"email": "nobody@shop.example"}, "previewLead": apptest.Object{"lead": apptest.Object{"state": "TX"}},
		"requestReturn": apptest.Object{"reason": "other"}, "addSuppression": apptest.Object{"kind": "domain", "value": "shop.example"},
		"changeMarketplaceLeadPrice": apptest.Object{"price": nil, "was": nil},
		"deleteSuppressedValue":      apptest.Object{"kind": "domain", "value": "none.example"},
		"createWebhook":              apptest.Object{"name": "Another", "url": "https://hooks.example.com", "events": []string{"lead.sold.v1"}},
		"updateWebhook":              apptest.Object{"name": "Renamed"}, "replayWebhook": apptest.Object{"from": "2026-11-01T00:00:00Z"},
	}
}

// queries are what operations that need parameters are asked with.
var queries = map[string]string{
	"getStatement": "?month=2026-11", "getEarnings": "?from=2026-11-01&to=2026-11-30",
	"streamEvents": "?after=1000000", // which is refused, so that the answer ends
}

// marketThings makes one of each thing of the market that has an id beside its lead: a sale of a lead with its delivery and a return, a suppression
// and a job.
func marketThings(t *testing.T, c *apptest.Client, lead string) map[string]string {
	t.Helper()
	sale := c.Must(t, "GET", "/v1/sales?lead="+lead, nil).List(t)[0]["id"].(string)
	id := func(a apptest.Answer) string { return a.Data(t)["id"].(string) }
	return map[string]string{
		"sales":        sale,
		"deliveries":   c.Must(t, "GET", "/v1/marketplace/leads/"+lead+"/deliveries", nil).List(t)[0]["id"].(string),
		"returns":      id(c.Must(t, "POST", "/v1/sales/"+sale+"/returns", apptest.Object{"reason": "other"})),
		"suppressions": id(c.Must(t, "POST", "/v1/suppressions", apptest.Object{"kind": "domain", "value": "nobody.example"})),
		"webhooks":     id(c.Must(t, "POST", "/v1/webhooks", apptest.Object{"name": "x", "url": "https://hooks.example.com", "events": []string{"lead.sold.v1"}})),
		"jobs":         id(c.Must(t, "POST", "/v1/suppressions/import?kind=domain", "somebody.example\n", "Content-Type", "text/csv")),
	}
}

// deliver has the buyer of a shop's first contract told of its leads from now on.
func deliver(t *testing.T, s *apptest.Shop) {
	t.Helper()
	s.Program.Must(t, "PUT", s.ContractPath(s.ContractIDs[0]), apptest.Object{"delivery": apptest.Object{"mode": "notify", "email": "leads@buyer.example"}})
}

// keepingSecrets lets an App keep secrets that are read again.
func keepingSecrets(c *leadmill.Config) { c.SecretKey = strings.Repeat("k", 40) }

func TestAnotherSellersKeyFindsNothingOnAnyRoute(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.StartConfig(t, databaseURL, keepingSecrets, leadmill.StartOptions{})
		owner, stranger := apptest.NewShop(t, app, nil, apptest.Rich), apptest.NewShop(t, app, nil, apptest.Rich)
		deliver(t, owner)
		lead := owner.Sell(t, owner.Form()).ID
		_, key := owner.NewSupplier(t)
		// The partner of both has one id; the owner has one more that the stranger lacks.
		owner.Program.Must(t, "POST", "/v1/partners", apptest.Object{"id": "of-the-owner", "key": "ref-owner", "email": "owner@shop.example"})
		ofOwner := apptest.Object{"id": "of-the-owner"}
		owner.Program.Must(t, "POST", "/v1/customers", apptest.Object{"key": "bought-owner", "email": "buyer@owner.example", "partner": ofOwner})
		owner.Program.Must(t, "POST", "/v1/leads", apptest.Object{"name": "Lead-of-owner", "email": "lead@owner.example", "partner": ofOwner})
		erasure, _ := owner.Program.Must(t, "POST", "/v1/erasures", apptest.Object{"email": "nobody@owner.example"}).Data(t)["id"].(string)
		// By the resource that an id is of, what exists and what does not.
		existing := map[string]string{
			"api-keys": key, "partners": "of-the-owner", "buyers": owner.BuyerIDs[0], "campaigns": owner.CampaignID,
			"contract_id": owner.ContractIDs[0], "lead_id": lead, "partner_referral_links": "ref-owner", "customers": "bought-owner", "leads": "1",
			"erasures": erasure,
		}
		maps.Copy(existing, marketThings(t, owner.Program, lead))
		tried := 0
		for _, op := range apptest.Spec(t).Operations() {
			if !strings.Contains(op.Path, "{") || len(op.Scopes) == 0 || slices.Contains(op.Scopes, "admin") {
				continue
			}
			client := stranger.Program
			if slices.Contains(op.Scopes, "supplier") {
				client = stranger.Supplier
			}
			resource := strings.Split(op.Path, "/")[2]
			body := bodies(stranger.BuyerIDs[0])[op.ID]
			ask := func(id, contract, lead string) apptest.Answer {
				return client.Do(op.Method, apptest.Fill(op.Path, map[string]string{"id": id, "key": id, "contract_id": contract, "lead_id": lead})+queries[op.ID], body)
			}
			there := ask(existing[resource], existing["contract_id"], existing["lead_id"])
			none := ask("none_01JD8YV5T3Q8W0F2K4M6N8P0R2", "none_01JD8YV5T3Q8W0F2K4M6N8P0R3", "none_01JD8YV5T3Q8W0F2K4M6N8P0R4")
			compare(t, op, there, none)
			if strings.Contains(op.Path, "{contract_id}") { // under a campaign of its own
				compare(t, op, ask(stranger.CampaignID, existing["contract_id"], ""), ask(stranger.CampaignID, "none_01JD8YV5T3Q8W0F2K4M6N8P0R3", ""))
			}
			tried++
		}
		if tried < 40 {
			t.Errorf("only %d routes were tried", tried)
		}
		for what, answers := range map[string][2]apptest.Answer{
			"a contract of another's buyer": {
				stranger.Program.Do("POST", "/v1/campaigns/"+stranger.CampaignID+"/contracts", apptest.Object{"buyer_id": owner.BuyerIDs[0], "price": 1.00}),
				stranger.Program.Do("POST", "/v1/campaigns/"+stranger.CampaignID+"/contracts", apptest.Object{"buyer_id": "none_01JD8YV5T3Q8W0F2K4M6N8P0R2", "price": 1.00}),
			},
			"a key of another's partner": {
				stranger.Program.Do("POST", "/v1/api-keys", apptest.Object{"scope": "supplier", "name": "x", "partner": apptest.Object{"id": "of-the-owner"}}),
				stranger.Program.Do("POST", "/v1/api-keys", apptest.Object{"scope": "supplier", "name": "x", "partner": apptest.Object{"id": "of-nobody"}}),
			},
			"another's partner by its email": {stranger.Program.Do("GET", "/v1/partners/x?email=owner@shop.example", nil), stranger.Program.Do("GET", "/v1/partners/x?email=nobody@shop.example", nil)},
			"another's partner by its key":   {stranger.Program.Do("GET", "/v1/partners/x?key=ref-owner", nil), stranger.Program.Do("GET", "/v1/partners/x?key=ref-nobody", nil)},
			"a lead for another seller": {
				stranger.Supplier.Do("POST", "/api/leads", owner.Form()),
				stranger.Supplier.Do("POST", "/api/leads", owner.Form().With("seller", "NOBODY00")),
			},
			"a lead by another seller's slug": {
				stranger.Supplier.Do("POST", "/api/leads", owner.Form().With("seller", owner.Slug)),
				stranger.Supplier.Do("POST", "/api/leads", owner.Form().With("seller", "nobody")),
			},
			"a lead with an unknown key": {
				stranger.Supplier.Do("POST", "/api/leads", owner.Form()),
				stranger.Supplier.With("lm_supplier_unknown").Do("POST", "/api/leads", owner.Form()),
			},
		} {
			if answers[0].Status < 400 || answers[0].Status != answers[1].Status || mask(answers[0]) != mask(answers[1]) {
				t.Errorf("%s is answered %v, what does not exist %v", what, answers[0], answers[1])
			}
		}
		program := func(method, path string, existing, none any) [2]apptest.Answer {
			return [2]apptest.Answer{stranger.Program.Do(method, path, existing), stranger.Program.Do(method, path, none)}
		}
		named := func(name, value string) apptest.Object { return apptest.Object{name: value} }
		with := func(o apptest.Object, name string, v any) apptest.Object {
			all := maps.Clone(o)
			all[name] = v
			return all
		}
		customer, person := apptest.Object{"key": "mine"}, apptest.Object{"name": "Mine", "email": "mine@shop.example"}
		stranger.Program.Must(t, "POST", "/v1/customers", apptest.Object{"key": "kept", "partner": apptest.Object{"id": stranger.PartnerID}})
		for name, of := range map[string][2]string{"id": {"of-the-owner", "of-nobody"}, "key": {"ref-owner", "ref-nobody"}, "email": {"owner@shop.example", "nobody@shop.example"}} {
			there, none := named(name, of[0]), named(name, of[1])
			for what, c := range map[string]struct {
				answers [2]apptest.Answer
				status  int
			}{
				"a partner it refers to":             {program("PUT", "/v1/partners/"+stranger.PartnerID, with(apptest.Object{}, "referring_partner", there), with(apptest.Object{}, "referring_partner", none)), 400},
				"a new partner's referring one":      {program("POST", "/v1/partners", with(person, "referring_partner", there), with(person, "referring_partner", none)), 400},
				"a customer's partner":               {program("POST", "/v1/customers", with(customer, "partner", there), with(customer, "partner", none)), 400},
				"a nested customer's partner":        {program("POST", "/v1/customer", apptest.Object{"customer": customer, "partner": there}, apptest.Object{"customer": customer, "partner": none}), 400},
				"a customer's new partner":           {program("PUT", "/v1/customers/kept", apptest.Object{"partner": there}, apptest.Object{"partner": none}), 400},
				"a lead's partner":                   {program("POST", "/v1/leads", with(person, "partner", there), with(person, "partner", none)), 400},
				"a link's partner":                   {program("POST", "/v1/partner_referral_links", apptest.Object{"key": "new", "partner": there}, apptest.Object{"key": "new", "partner": none}), 400},
				"a sign-in link":                     {program("POST", "/v1/partners:sign-in-url", there, none), 400},
				"a change by the body":               {program("PUT", "/v1/partners", with(there, "update", person), with(none, "update", person)), 404},
				"a deletion by the body":             {program("DELETE", "/v1/partner", there, none), 404},
				"a partner of the query":             {[2]apptest.Answer{stranger.Program.Do("GET", "/v1/partner?"+name+"="+of[0], nil), stranger.Program.Do("GET", "/v1/partner?"+name+"="+of[1], nil)}, 404},
				"a partner of the query of a list":   {[2]apptest.Answer{stranger.Program.Do("GET", "/v1/partners/?"+name+"="+of[0], nil), stranger.Program.Do("GET", "/v1/partners/?"+name+"="+of[1], nil)}, 404},
				"a change by the query":              {[2]apptest.Answer{stranger.Program.Do("PUT", "/v1/partner?"+name+"="+of[0], person), stranger.Program.Do("PUT", "/v1/partner?"+name+"="+of[1], person)}, 404},
				"a deletion by the query":            {[2]apptest.Answer{stranger.Program.Do("DELETE", "/v1/partners?"+name+"="+of[0], nil), stranger.Program.Do("DELETE", "/v1/partners?"+name+"="+of[1], nil)}, 404},
				"a deletion instead of the path":     {[2]apptest.Answer{stranger.Program.Do("DELETE", "/v1/partners/of-the-owner?"+name+"="+of[0], nil), stranger.Program.Do("DELETE", "/v1/partners/of-nobody?"+name+"="+of[1], nil)}, 404},
				"a supplier key's partner (api-key)": {program("POST", "/v1/api-keys", apptest.Object{"scope": "supplier", "name": "x", "partner": there}, apptest.Object{"scope": "supplier", "name": "x", "partner": none}), 400},
			} {
				if c.answers[0].Status != c.status || c.answers[1].Status != c.status || mask(c.answers[0]) != mask(c.answers[1]) {
					t.Errorf("%s by %s is answered %v, of nobody %v, want %d", what, name, c.answers[0], c.answers[1], c.status)
				}
			}
		}
		url := func(key string) apptest.Object {
			return apptest.Object{"referral_url": "https://shop.example/?aff=" + key}
		}
		offer := func(id string) apptest.Object {
			return apptest.Object{"lead_campaign": apptest.Object{"campaign_id": id, "fields": apptest.Object{"email": "email"}}}
		}
		for what, c := range map[string]struct {
			answers [2]apptest.Answer
			status  int
		}{
			"a referral URL":          {program("POST", "/v1/customers", with(customer, "options", url("ref-owner")), with(customer, "options", url("ref-nobody"))), 400},
			"a later touch":           {program("PUT", "/v1/customers/kept", apptest.Object{"options": url("ref-owner")}, apptest.Object{"options": url("ref-nobody")}), 400},
			"a lead converted":        {program("POST", "/v1/leads/convert", named("id", "1"), named("id", "999")), 404},
			"a lead rejected":         {program("POST", "/v1/leads/reject", named("id", "1"), named("id", "999")), 404},
			"a lead converted by GET": {[2]apptest.Answer{stranger.Program.Do("GET", "/v1/leads/convert?id=1", nil), stranger.Program.Do("GET", "/v1/leads/convert?id=999", nil)}, 404},
			"a campaign for leads":    {program("PUT", "/v1/settings", offer(owner.CampaignID), offer("campaign_01JD8YV5T3Q8W0F2K4M6N8P0R2")), 422},
			"a customer by its key":   {program("PUT", "/v1/customers", with(person, "key", "bought-owner"), with(person, "key", "bought-nobody")), 404},
			"a customer deleted":      {program("DELETE", "/v1/customer", named("key", "bought-owner"), named("key", "bought-nobody")), 404},
			"a customer by its email": {[2]apptest.Answer{stranger.Program.Do("GET", "/v1/customer?email=buyer@owner.example", nil), stranger.Program.Do("GET", "/v1/customer?email=buyer@nobody.example", nil)}, 404},
			"a customer by email in the path": {[2]apptest.Answer{
				stranger.Program.Do("GET", "/v1/customers/buyer@owner.example", nil),
				stranger.Program.Do("GET", "/v1/customers/buyer@nobody.example", nil),
			}, 404},
		} {
			if c.answers[0].Status != c.status || c.answers[1].Status != c.status || mask(c.answers[0]) != mask(c.answers[1]) {
				t.Errorf("%s is answered %v, of nobody %v, want %d", what, c.answers[0], c.answers[1], c.status)
			}
		}
		// What is taken by another seller is free here.
		stranger.Program.Must(t, "POST", "/v1/customers", apptest.Object{"key": "bought-free", "partner": apptest.Object{"id": stranger.PartnerID}})
		owner.Program.Must(t, "POST", "/v1/customers", apptest.Object{"key": "bought-free", "partner": ofOwner})
		stranger.Program.Must(t, "POST", "/v1/partners", apptest.Object{"id": "free", "key": "ref-free", "email": "free@shop.example"})
		owner.Program.Must(t, "POST", "/v1/partners", apptest.Object{"id": "free", "key": "ref-free", "email": "free@shop.example"})
		// Another supplier key of the same seller does not see the lead either.
		colleague, _ := owner.NewSupplier(t)
		if a := colleague.Do("GET", "/api/leads/"+lead, nil); a.Status != 404 {
			t.Errorf("a lead of another key is answered %v", a)
		}
		for _, path := range []string{
			"/v1/buyers", "/v1/campaigns", "/v1/api-keys", "/v1/marketplace/leads", "/v1/campaigns/" + stranger.CampaignID + "/contracts",
			"/v1/events?limit=1000", "/v1/reports/campaigns?group_by=supplier", "/v1/partners", "/v1/partners:search?id=owner", "/v1/partners:search?email=owner",
			"/v1/partners:search?key=owner", "/v1/partner_referral_links", "/v1/partner_referral_links:search?key=owner", "/v1/customers", "/v1/customers:search?key=owner",
			"/v1/customers:search?email=owner", "/v1/customers?partner%5Bid%5D=of-the-owner", "/v1/customers?partner%5Bkey%5D=ref-owner", "/v1/leads", "/v1/leads/details",
			"/v1/program/overview", "/v1/settings", "/v1/test",
		} {
			a := stranger.Program.Must(t, "GET", path, nil)
			for name, id := range existing {
				// Links of the answer repeat the query; the number of a lead says nothing.
				if name != "leads" && strings.Contains(strings.ReplaceAll(strings.ReplaceAll(string(a.Body), path, ""), "%5D="+id, ""), id) {
					t.Errorf("%s shows a %s of another seller", path, name)
				}
			}
		}
		if a := owner.Program.Must(t, "GET", "/v1/buyers/"+owner.BuyerIDs[0], nil).Data(t); a["status"] != "active" || a["balance"] != 999_990.00 {
			t.Errorf("a stranger changed a buyer: %v", a)
		}
		if a := owner.Program.Must(t, "GET", "/v1/leads/1", nil).Data(t); a["status"] != "submitted" {
			t.Errorf("a stranger changed a lead: %v", a)
		}
		if a := owner.Program.Must(t, "GET", "/v1/customers/bought-owner", nil).Data(t); a["partner"] != "of-the-owner" || a["name"] != "" || a["status"] != "active" {
			t.Errorf("a stranger changed a customer: %v", a)
		}
		apptest.Open(t, databaseURL).Audit()
	})
}

func mask(a apptest.Answer) string { return apptest.RequestID.ReplaceAllString(string(a.Body), "req_") }

func compare(t *testing.T, op openapitest.Operation, there, none apptest.Answer) {
	t.Helper()
	if there.Status != http.StatusNotFound || none.Status != http.StatusNotFound || mask(there) != mask(none) {
		t.Errorf("%s %s: another seller's is answered %v, what does not exist %v", op.Method, op.Path, there, none)
	}
	for name := range there.Header {
		if name != "Date" && name != "X-Request-Id" && !strings.Contains(name, "Ratelimit") && fmt.Sprint(there.Header[name]) != fmt.Sprint(none.Header[name]) {
			t.Errorf("%s %s: header %s tells another seller's %v from %v", op.Method, op.Path, name, there.Header[name], none.Header[name])
		}
	}
}

func TestEveryScopeOnEveryRoute(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		app := apptest.StartConfig(t, databaseURL, keepingSecrets, leadmill.StartOptions{Clock: hands})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		doomed, id := s.NewSupplier(t)
		s.Program.Must(t, "DELETE", "/v1/api-keys/"+id, nil)
		keys := map[string]string{
			"none": "", "unknown": "lm_program_00000000000000000000000000_" + strings.Repeat("x", 49), "nonsense": "x",
			"revoked": doomed.Key, "cut": s.Program.Key[:len(s.Program.Key)-1], "admin": apptest.AdminKey, "program": s.Program.Key, "supplier": s.Supplier.Key,
		}
		ids := map[string]string{
			"id": "none", "key": "none", "contract_id": "none", "lead_id": "none", "code": "NOBODY00", "seller_code": "NOBODY00",
			"token": "none", "file": "lead.sold.v1.json", "form_key": "none",
		}
		for _, op := range apptest.Spec(t).Operations() {
			hands.Advance(time.Minute) // so that strangers are not told to wait
			for scope, key := range keys {
				a := s.Program.With(key).Do(op.Method, apptest.Fill(op.Path, ids)+queries[op.ID], bodies("none")[op.ID])
				known := scope == "admin" || scope == "program" || scope == "supplier"
				switch {
				case strings.HasPrefix(op.Path, "/r/"), strings.HasPrefix(op.Path, "/docs/campaigns/"), strings.HasPrefix(op.Path, "/portal"): // public, and there is nothing of that name
					if a.Status == 403 || a.Status >= 500 || !strings.HasPrefix(op.Path, "/portal") && a.Status != 404 {
						t.Errorf("%s %s is public and answered %v to %s", op.Method, op.Path, a, scope)
					}
				case strings.HasPrefix(op.Path, "/api/forms/"), strings.HasPrefix(op.Path, "/track/"): // the key stands in the path, and there is none of that name
					if a.Status != 401 {
						t.Errorf("%s %s is answered %v to %s, want 401", op.Method, op.Path, a, scope)
					}
				case len(op.Scopes) == 0:
					if a.Status != 200 {
						t.Errorf("%s %s is public and answered %v to %s", op.Method, op.Path, a, scope)
					}
				case slices.Contains(op.Scopes, scope):
					// A lead for a seller that is not the key's is refused as if the key were unknown.
					if op.ID != "submitLead" && (a.Status == 401 || a.Status == 403 || a.Status >= 500) {
						t.Errorf("%s %s is answered %v to its own scope %s", op.Method, op.Path, a, scope)
					}
				case known && !strings.HasPrefix(op.Path, "/api/"):
					if a.Status != 403 {
						t.Errorf("%s %s is answered %v to the scope %s, want 403", op.Method, op.Path, a, scope)
					}
				default:
					if a.Status != 401 {
						t.Errorf("%s %s is answered %v to %s, want 401", op.Method, op.Path, a, scope)
					}
				}
			}
		}
		// A key in the query never counts.
		hands.Advance(time.Minute)
		if a := s.Supplier.With("").Do("POST", "/api/leads?api_key="+s.Supplier.Key+"&key="+s.Supplier.Key+"&Authorization=Bearer+"+s.Supplier.Key, s.Form()); a.Status != 401 {
			t.Errorf("a key in the query is answered %v", a)
		}
	})
}
