package component_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/openapitest"
)

var requestID = regexp.MustCompile(`req_[0-9A-Z]{26}`)

// bodies are requests that are right in themselves, by operation; operations without one take no body.
func bodies(buyerID string) map[string]any {
	return map[string]any{
		"submitLead":   apptest.Form{"seller": "-", "category": "-"},
		"createSeller": apptest.Object{"name": "Another", "currency": "USD"}, "updateSeller": apptest.Object{"name": "Renamed"},
		"createAPIKey":  apptest.Object{"scope": "program", "name": "another"},
		"createPartner": apptest.Object{"email": "another@shop.example"},
		"createBuyer":   apptest.Object{"name": "Another"}, "updateBuyer": apptest.Object{"name": "Renamed"},
		"depositMoney": apptest.Object{"amount": 1.00}, "withdrawMoney": apptest.Object{"amount": 1.00},
		"createCampaign": apptest.Object{"name": "Another", "category": "Another"}, "updateCampaign": apptest.Object{"name": "Renamed"},
		"createContract": apptest.Object{"buyer_id": buyerID, "price": 1.00}, "updateContract": apptest.Object{"price": 1.00},
	}
}

// fill puts ids into a path's parameters.
func fill(path string, ids map[string]string) string {
	for name, id := range ids {
		path = strings.ReplaceAll(path, "{"+name+"}", id)
	}
	return path
}

func TestAnotherSellersKeyFindsNothingOnAnyRoute(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		owner, stranger := apptest.NewShop(t, app, nil, apptest.Rich), apptest.NewShop(t, app, nil, apptest.Rich)
		lead := owner.Sell(t, owner.Form()).ID
		_, key := owner.NewSupplier(t)
		// The partner of both has one id; the owner has one more that the stranger lacks.
		owner.Program.Must(t, "POST", "/v1/partners", apptest.Object{"id": "of-the-owner", "key": "ref-owner", "email": "owner@shop.example"})
		// By the resource that an id is of, what exists and what does not.
		real := map[string]string{"api-keys": key, "partners": "of-the-owner", "buyers": owner.BuyerIDs[0], "campaigns": owner.CampaignID,
			"contract_id": owner.ContractIDs[0], "lead_id": lead}
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
				return client.Do(op.Method, fill(op.Path, map[string]string{"id": id, "contract_id": contract, "lead_id": lead}), body)
			}
			there := ask(real[resource], real["contract_id"], real["lead_id"])
			none := ask("none_01JD8YV5T3Q8W0F2K4M6N8P0R2", "none_01JD8YV5T3Q8W0F2K4M6N8P0R3", "none_01JD8YV5T3Q8W0F2K4M6N8P0R4")
			compare(t, op, there, none)
			if strings.Contains(op.Path, "{contract_id}") { // under a campaign of its own
				compare(t, op, ask(stranger.CampaignID, real["contract_id"], ""), ask(stranger.CampaignID, "none_01JD8YV5T3Q8W0F2K4M6N8P0R3", ""))
			}
			tried++
		}
		if tried < 20 {
			t.Errorf("only %d routes were tried", tried)
		}
		for what, answers := range map[string][2]apptest.Answer{
			"a contract of another's buyer": {
				stranger.Program.Do("POST", "/v1/campaigns/"+stranger.CampaignID+"/contracts", apptest.Object{"buyer_id": owner.BuyerIDs[0], "price": 1.00}),
				stranger.Program.Do("POST", "/v1/campaigns/"+stranger.CampaignID+"/contracts", apptest.Object{"buyer_id": "none_01JD8YV5T3Q8W0F2K4M6N8P0R2", "price": 1.00})},
			"a key of another's partner": {
				stranger.Program.Do("POST", "/v1/api-keys", apptest.Object{"scope": "supplier", "name": "x", "partner": apptest.Object{"id": "of-the-owner"}}),
				stranger.Program.Do("POST", "/v1/api-keys", apptest.Object{"scope": "supplier", "name": "x", "partner": apptest.Object{"id": "of-nobody"}})},
			"another's partner by its email": {stranger.Program.Do("GET", "/v1/partners/x?email=owner@shop.example", nil), stranger.Program.Do("GET", "/v1/partners/x?email=nobody@shop.example", nil)},
			"another's partner by its key":   {stranger.Program.Do("GET", "/v1/partners/x?key=ref-owner", nil), stranger.Program.Do("GET", "/v1/partners/x?key=ref-nobody", nil)},
			"a lead for another seller": {stranger.Supplier.Do("POST", "/api/leads", owner.Form()),
				stranger.Supplier.Do("POST", "/api/leads", owner.Form().With("seller", "NOBODY00"))},
			"a lead by another seller's slug": {stranger.Supplier.Do("POST", "/api/leads", owner.Form().With("seller", owner.Slug)),
				stranger.Supplier.Do("POST", "/api/leads", owner.Form().With("seller", "nobody"))},
			"a lead with an unknown key": {stranger.Supplier.Do("POST", "/api/leads", owner.Form()),
				stranger.Supplier.With("lm_supplier_unknown").Do("POST", "/api/leads", owner.Form())},
		} {
			if answers[0].Status < 400 || answers[0].Status != answers[1].Status || mask(answers[0]) != mask(answers[1]) {
				t.Errorf("%s is answered %v, what does not exist %v", what, answers[0], answers[1])
			}
		}
		// Another supplier key of the same seller does not see the lead either.
		colleague, _ := owner.NewSupplier(t)
		if a := colleague.Do("GET", "/api/leads/"+lead, nil); a.Status != 404 {
			t.Errorf("a lead of another key is answered %v", a)
		}
		for _, path := range []string{"/v1/buyers", "/v1/campaigns", "/v1/api-keys", "/v1/marketplace/leads", "/v1/campaigns/" + stranger.CampaignID + "/contracts",
			"/v1/events?limit=1000", "/v1/reports/campaigns?group_by=supplier"} {
			a := stranger.Program.Must(t, "GET", path, nil)
			for name, id := range real {
				if strings.Contains(string(a.Body), id) {
					t.Errorf("%s shows a %s of another seller", path, name)
				}
			}
		}
		if a := owner.Program.Must(t, "GET", "/v1/buyers/"+owner.BuyerIDs[0], nil).Data(t); a["status"] != "active" || a["balance"] != 999_990.00 {
			t.Errorf("a stranger changed a buyer: %v", a)
		}
		apptest.Open(t, databaseURL).Audit()
	})
}

func mask(a apptest.Answer) string { return requestID.ReplaceAllString(string(a.Body), "req_") }

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
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		doomed, id := s.NewSupplier(t)
		s.Program.Must(t, "DELETE", "/v1/api-keys/"+id, nil)
		keys := map[string]string{"none": "", "unknown": "lm_program_00000000000000000000000000_" + strings.Repeat("x", 49), "nonsense": "x",
			"revoked": doomed.Key, "cut": s.Program.Key[:len(s.Program.Key)-1], "admin": apptest.AdminKey, "program": s.Program.Key, "supplier": s.Supplier.Key}
		ids := map[string]string{"id": "none", "contract_id": "none", "lead_id": "none", "code": "NOBODY00", "file": "lead.sold.v1.json"}
		for _, op := range apptest.Spec(t).Operations() {
			for scope, key := range keys {
				a := s.Program.With(key).Do(op.Method, fill(op.Path, ids), bodies("none")[op.ID])
				known := scope == "admin" || scope == "program" || scope == "supplier"
				switch {
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
		if a := s.Supplier.With("").Do("POST", "/api/leads?api_key="+s.Supplier.Key+"&key="+s.Supplier.Key+"&Authorization=Bearer+"+s.Supplier.Key, s.Form()); a.Status != 401 {
			t.Errorf("a key in the query is answered %v", a)
		}
	})
}
