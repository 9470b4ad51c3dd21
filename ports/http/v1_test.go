package httpport

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/command"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
)

const documentedCampaign = `{"name":"Auto","category":"Auto Insurance","status":"active",
 "fields":[{"name":"zip","type":"zip","required":true},{"name":"homeowner","type":"boolean"}],
 "distribution":{"mode":"exclusive","max_sales":1,"strategy":"priority"},
 "dedupe":{"fields":["phone","email"],"match":"any","window_days":30},
 "pending_ttl_hours":72,"price_shown":"payout","supplier_payout":{"type":"percent","value":70}}`

func to[T any](v T) *T { return &v }

// What each body becomes.
func TestBinding(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path, key, body string
		want                    func(any) (got, want any)
	}{
		"seller": {path: "/v1/sellers", key: "admin", body: `{"name":"Acme Leads","slug":"acme","code":"ACME1234","currency":"USD","time_zone":"America/Chicago","website":null}`,
			want: func(c any) (any, any) {
				s := c.(command.CreateSeller)
				return []any{s.Code, s.Currency, s.Details}, []any{"ACME1234", "USD", seller.Details{Name: to("Acme Leads"), Slug: to("acme"), TimeZone: to("America/Chicago")}}
			}},
		"seller, wrapped": {method: "PUT", path: "/v1/sellers/ACME1234", key: "admin", body: `{"update":{"slug":"new"}}`,
			want: func(c any) (any, any) {
				s := c.(command.UpdateSeller)
				return []any{s.Code, s.Details}, []any{"ACME1234", seller.Details{Slug: to("new")}}
			}},
		"key": {path: "/v1/api-keys", key: "program", body: `{"scope":"supplier","partner":{"id":123,"key":"k"},"name":"form","rate_limit":{"requests":60,"window_seconds":30}}`,
			want: func(c any) (any, any) {
				k := c.(command.CreateAPIKey)
				return []any{k.Scope, k.Name, k.Partner, k.Limit}, []any{"supplier", "form", application.PartnerHandle{ID: "123", Key: "k"}, &seller.RateLimit{Requests: 60, Window: 30 * time.Second}}
			}},
		"key, default limit": {path: "/v1/api-keys", key: "program", body: `{"scope":"program"}`,
			want: func(c any) (any, any) { return c.(command.CreateAPIKey).Limit, (*seller.RateLimit)(nil) }},
		"key, no limit": {path: "/v1/api-keys", key: "program", body: `{"scope":"program","rate_limit":null}`,
			want: func(c any) (any, any) { return c.(command.CreateAPIKey).Limit, &seller.RateLimit{} }},
		"key, a minute": {path: "/v1/api-keys", key: "program", body: `{"scope":"program","rate_limit":{"requests":5}}`,
			want: func(c any) (any, any) {
				return c.(command.CreateAPIKey).Limit, &seller.RateLimit{Requests: 5, Window: time.Minute}
			}},
		"partner": {path: "/v1/partners", key: "program", body: `{"email":"john@example.com","name":"John","surname":null,"id":7,"tags":["new"],"approved":false,"x":{"y":[1]},"referring_partner":{"email":"a@b.example","z":1}}`,
			want: func(c any) (any, any) {
				p := c.(command.CreatePartner)
				return []any{p.Email, p.Name, p.Surname, p.ID, p.Tags, p.Referring}, []any{"john@example.com", "John", "", "7", []string{"new"}, application.PartnerHandle{Email: "a@b.example"}}
			}},
		"buyer": {path: "/v1/buyers", key: "program", body: `{"name":"Best","email":"a@b.example","credit_limit":0.50,"time_zone":""}`,
			want: func(c any) (any, any) {
				return c.(command.CreateBuyer).Details, buyer.Details{Name: to("Best"), Email: to("a@b.example"), TimeZone: to(""), CreditLimit: to(money.Micros(500_000))}
			}},
		"buyer, nothing": {method: "PUT", path: "/v1/buyers/b1", key: "program", body: `{"name":null}`,
			want: func(c any) (any, any) { return c.(command.UpdateBuyer).Details, buyer.Details{} }},
		"resume": {path: "/v1/buyers/b1/resume", key: "program",
			want: func(c any) (any, any) { p := c.(command.PauseBuyer); return []any{p.ID, p.Resume}, []any{"b1", true} }},
		"deposit": {path: "/v1/buyers/b1/deposits", key: "program", body: `{"amount":1000.00,"note":"wire 42"}`,
			want: func(c any) (any, any) {
				m := c.(command.MoveMoney)
				return []any{m.BuyerID, m.Amount, m.Note, m.Withdraw}, []any{"b1", money.Micros(1000_000_000), "wire 42", false}
			}},
		"withdrawal": {path: "/v1/buyers/b1/withdrawals", key: "program", body: `{"amount":1e2}`,
			want: func(c any) (any, any) {
				m := c.(command.MoveMoney)
				return []any{m.Amount, m.Withdraw}, []any{money.Micros(100_000_000), true}
			}},
		"campaign": {path: "/v1/campaigns", key: "program", body: documentedCampaign,
			want: func(c any) (any, any) {
				n := c.(command.CreateCampaign)
				return []any{n.Status, n.Definition}, []any{"active", campaign.Definition{Name: to("Auto"), Category: to("Auto Insurance"),
					Fields: &[]field.Rule{{Name: "zip", Type: "zip", Required: true}, {Name: "homeowner", Type: "boolean"}},
					Mode:   to("exclusive"), MaxSales: to(1), Strategy: to("priority"),
					Dedupe:     &campaign.Dedupe{Fields: []string{"phone", "email"}, Match: "any", WindowDays: 30},
					PendingTTL: to(72), PriceShown: to(campaign.ShowPayout), Payout: &campaign.Payout{Type: "percent", Percent: 700_000}}}
			}},
		"campaign, cleared": {method: "PUT", path: "/v1/campaigns/c1", key: "program", body: `{"dedupe":null,"supplier_payout":null,"fields":[]}`,
			want: func(c any) (any, any) {
				return c.(command.UpdateCampaign).Definition, campaign.Definition{Dedupe: &campaign.Dedupe{}, Payout: &campaign.Payout{}, Fields: &[]field.Rule{}}
			}},
		"campaign, fixed payout": {method: "PUT", path: "/v1/campaigns/c1", key: "program", body: `{"supplier_payout":{"type":"fixed","value":12.5}}`,
			want: func(c any) (any, any) {
				return c.(command.UpdateCampaign).Definition.Payout, &campaign.Payout{Type: "fixed", Fixed: 12_500_000}
			}},
		"archive": {path: "/v1/campaigns/c1/archive", key: "program", body: "{}",
			want: func(c any) (any, any) { return c.(command.SteerCampaign).Verb, command.Archive }},
		"contract": {path: "/v1/campaigns/c1/contracts", key: "program", body: `{"buyer_id":"buyer_1","price":45.00,"priority":2,"weight":1,"status":"paused","time_zone":"America/Chicago",
			"filter":null,"caps":[{"window":"day","leads":100},{"window":"month","budget":5000.00}],"schedule":null,"dedupe":null,"delivery":{"mode":"notify","url":null,"format":"json"}}`,
			want: func(c any) (any, any) {
				k := c.(command.CreateContract)
				return []any{k.CampaignID, k.BuyerID, k.Status, k.Terms}, []any{"c1", "buyer_1", "paused", campaign.Terms{Price: to(money.Micros(45_000_000)), Priority: to(int64(2)), TimeZone: to("America/Chicago"),
					Caps: &[]campaign.Cap{{Window: "day", HasLeads: true, Leads: 100}, {Window: "month", HasBudget: true, Budget: 5000_000_000}}}}
			}},
		"contract, update": {method: "PUT", path: "/v1/campaigns/c1/contracts/k1", key: "program", body: `{"update":{"caps":[]}}`,
			want: func(c any) (any, any) {
				k := c.(command.UpdateContract)
				return []any{k.CampaignID, k.ID, k.Terms}, []any{"c1", "k1", campaign.Terms{Caps: &[]campaign.Cap{}}}
			}},
		"contract, delete": {method: "DELETE", path: "/v1/campaigns/c1/contracts/k1", key: "program",
			want: func(c any) (any, any) {
				k := c.(command.SteerContract)
				return []any{k.CampaignID, k.ID, k.Verb}, []any{"c1", "k1", command.Delete}
			}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			w := a.do(request{method: c.method, path: c.path, key: c.key, body: c.body})
			if w.Code >= 300 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			got, want := c.want(a.take())
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// Every violation of a body is told, under the member's path.
func TestViolations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		code               string
		errors             map[string][]string
	}{
		"no body":        {path: "/v1/buyers", status: 400, code: "invalid_body"},
		"no JSON":        {path: "/v1/buyers", body: `{"name"`, status: 400, code: "invalid_body"},
		"no object":      {path: "/v1/buyers", body: `["name"]`, status: 400, code: "invalid_body"},
		"duplicate":      {path: "/v1/buyers", body: `{"name":"a","name":"b"}`, status: 400, code: "invalid_body"},
		"trailing":       {path: "/v1/buyers", body: `{"name":"a"}x`, status: 400, code: "invalid_body"},
		"too deep":       {path: "/v1/partners", body: `{"x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + "}", status: 400, code: "invalid_body"},
		"too long":       {path: "/v1/partners", body: `{"x":[` + strings.Repeat("1,", 1000) + `1]}`, status: 400, code: "invalid_body"},
		"too large":      {path: "/v1/partners", body: `{"x":"` + strings.Repeat("x", 64<<10) + `"}`, status: 413, code: "body_too_large"},
		"junk on action": {path: "/v1/buyers/b1/pause", body: `x`, status: 400, code: "invalid_body"},
		"wrong types": {path: "/v1/buyers", body: `{"name":1,"email":true,"credit_limit":"0","time_zone":[]}`, status: 422, code: "wrong_type",
			errors: map[string][]string{"name": {"must be a string"}, "email": {"must be a string"}, "credit_limit": {"must be a number"}, "time_zone": {"must be a string"}}},
		"unknown": {path: "/v1/buyers", body: `{"name":"a","balance":5,"` + strings.Repeat("é", 40) + `":1}`, status: 422, code: "unknown_field",
			errors: map[string][]string{"balance": {"is not a known member"}, strings.Repeat("é", 32) + "…": {"is not a known member"}}},
		"unknown on action": {path: "/v1/buyers/b1/pause", body: `{"force":true}`, status: 422, code: "unknown_field", errors: map[string][]string{"force": {"is not a known member"}}},
		"mixed": {path: "/v1/buyers", body: `{"name":1,"credit_limit":0.001,"x":1}`, status: 422, code: "validation_failed",
			errors: map[string][]string{"name": {"must be a string"}, "credit_limit": {"must have at most 2 decimals"}, "x": {"is not a known member"}}},
		"update beside others": {method: "PUT", path: "/v1/buyers/b1", body: `{"update":{"name":"a"},"name":"b"}`, status: 422, code: "unknown_field", errors: map[string][]string{"update": {"is not a known member"}}},
		"amount missing":       {path: "/v1/buyers/b1/deposits", body: `{}`, status: 422, code: "validation_failed", errors: map[string][]string{"amount": {"is required"}}},
		"amount zero":          {path: "/v1/buyers/b1/deposits", body: `{"amount":0.00}`, status: 422, code: "validation_failed", errors: map[string][]string{"amount": {"must be greater than 0"}}},
		"amount huge":          {path: "/v1/buyers/b1/deposits", body: `{"amount":1e400}`, status: 422, code: "validation_failed", errors: map[string][]string{"amount": {"is too large"}}},
		"credit limit":         {path: "/v1/buyers", body: `{"name":"a","credit_limit":-1}`, status: 422, code: "validation_failed", errors: map[string][]string{"credit_limit": {"must not be negative"}}},
		"key": {path: "/v1/api-keys", body: `{"partner":{},"rate_limit":{"requests":0,"window_seconds":0,"burst":1}}`, status: 422, code: "validation_failed",
			errors: map[string][]string{"scope": {"must be program or supplier"}, "partner": {"must have an id, a key or an email"}, "rate_limit.requests": {"must be between 1 and 1000000000"},
				"rate_limit.window_seconds": {"must be between 1 and 86400"}, "rate_limit.burst": {"is not a known member"}}},
		"key, half a limit": {path: "/v1/api-keys", body: `{"scope":"program","rate_limit":{"window_seconds":9223372036854775807}}`, status: 422, code: "validation_failed",
			errors: map[string][]string{"rate_limit.requests": {"is required"}, "rate_limit.window_seconds": {"must be between 1 and 86400"}}},
		"key, limit a fraction": {path: "/v1/api-keys", body: `{"scope":"program","rate_limit":{"requests":1.5}}`, status: 422, code: "wrong_type", errors: map[string][]string{"rate_limit.requests": {"must be a whole number"}}},
		"key, limit too large":  {path: "/v1/api-keys", body: `{"scope":"program","rate_limit":{"requests":99999999999999999999}}`, status: 422, code: "validation_failed", errors: map[string][]string{"rate_limit.requests": {"is too large"}}},
		"partner": {path: "/v1/partners", body: `{"email":1,"id":true,"key":[],"tags":["a",1,null],"referring_partner":"x"}`, status: 422, code: "wrong_type",
			errors: map[string][]string{"email": {"must be a string"}, "id": {"must be a string or a number"}, "key": {"must be a string or a number"}, "tags.1": {"must be a string"}, "tags.2": {"must be a string"}, "referring_partner": {"must be an object"}}},
		"campaign": {path: "/v1/campaigns", body: `{"fields":[{"name":"a","options":[1]},"b",{"required":"yes","label":"x"}],"distribution":{"mode":1,"max_sales":1.5},"dedupe":{"window_days":1},"supplier_payout":{"type":"half"}}`, status: 422, code: "validation_failed",
			errors: map[string][]string{"fields.0.options.0": {"must be a string"}, "fields.1": {"must be an object"}, "fields.2.required": {"must be true or false"}, "fields.2.label": {"is not a known member"},
				"distribution.mode": {"must be a string"}, "distribution.max_sales": {"must be a whole number"}, "dedupe.fields": {"is required"}, "supplier_payout.type": {"must be percent or fixed"}, "supplier_payout.value": {"is required"}}},
		"campaign payout": {path: "/v1/campaigns", body: `{"supplier_payout":{"type":"percent","value":101}}`, status: 422, code: "validation_failed", errors: map[string][]string{"supplier_payout.value": {"must be between 0 and 100"}}},
		"campaign by PUT": {method: "PUT", path: "/v1/campaigns/c1", body: `{"status":"paused"}`, status: 422, code: "validation_failed", errors: map[string][]string{"status": {"is changed by pause, resume and archive"}}},
		"contract by PUT": {method: "PUT", path: "/v1/campaigns/c1/contracts/k1", body: `{"status":"paused","buyer_id":"b"}`, status: 422, code: "validation_failed", errors: map[string][]string{"status": {"is changed by pause and resume"}, "buyer_id": {"never changes"}}},
		"contract, all later": {path: "/v1/campaigns/c1/contracts", body: `{"buyer_id":"b","price":1,"weight":2,"filter":"true","schedule":{},"dedupe":{},"delivery":{"mode":"confirm","url":"https://x.example","format":"xml"}}`, status: 422, code: "not_supported_yet",
			errors: map[string][]string{"weight": {"must be 1; weights are not supported yet"}, "filter": {"is not supported yet"}, "schedule": {"is not supported yet"}, "dedupe": {"is not supported yet"},
				"delivery.mode": {"must be notify; other deliveries are not supported yet"}, "delivery.url": {"is not supported yet"}, "delivery.format": {"is not supported yet"}}},
		"contract, caps": {path: "/v1/campaigns/c1/contracts", body: `{"buyer_id":"b","price":"1","caps":[{"window":1,"leads":"1","budget":1.001},3]}`, status: 422, code: "validation_failed",
			errors: map[string][]string{"price": {"must be a number"}, "caps.0.window": {"must be a string"}, "caps.0.leads": {"must be a whole number"}, "caps.0.budget": {"must have at most 2 decimals"}, "caps.1": {"must be an object"}}},
		"contract, cap": {path: "/v1/campaigns/c1/contracts", body: `{"buyer_id":"b","price":1,"caps":[{"window":"day","leads":"1","budget":1.001,"x":1}]}`, status: 422, code: "validation_failed",
			errors: map[string][]string{"caps.0.leads": {"must be a whole number"}, "caps.0.budget": {"must have at most 2 decimals"}, "caps.0.x": {"is not a known member"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			w := a.do(request{method: c.method, path: c.path, key: "program", body: c.body})
			var got struct {
				Status    int
				Message   string
				Code      string
				Errors    map[string][]string
				RequestID string `json:"request_id"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if w.Code != c.status || got.Code != c.code || got.Message == "" || got.RequestID != w.Header().Get("X-Request-Id") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if d := cmp.Diff(c.errors, got.Errors); d != "" {
				t.Error(d)
			}
			if a.calls > 0 {
				t.Error("the command was sent")
			}
		})
	}
}

func TestMediaTypes(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for contentType, want := range map[string]int{"": 400, "application/json": 400, "application/vnd.api+json": 400, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415, "text/plain": 415} {
		if w := a.do(request{path: "/v1/buyers", key: "program", body: "name=a", header: http.Header{"Content-Type": {contentType}}}); w.Code != want {
			t.Errorf("%q: %d", contentType, w.Code)
		}
		if w := a.do(request{path: "/v1/buyers", key: "program", body: `{"name":"a"}`, header: http.Header{"Content-Type": {contentType}}}); w.Code != 201 {
			t.Errorf("%q with JSON: %d", contentType, w.Code)
		}
	}
}

// Errors that a use case tells, as /v1 writes them.
func TestErrorsOfCommands(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
		want   string
	}{
		{partner.Taken("email"), 422, `{"status":0,"message":"The given data was invalid.","code":"validation_failed","errors":{"email":["Email already exists"]},"request_id":"req_1"}`},
		{partner.ErrUnknownReferring, 400, `{"status":0,"message":"Referring partner not found.","code":"unknown_referring_partner","request_id":"req_1"}`},
		{buyer.ErrNotFound, 404, `{"status":0,"message":"Buyer not found.","code":"buyer_not_found","request_id":"req_1"}`},
		{buyer.ErrInsufficientBalance, 400, `{"status":0,"message":"The balance and credit limit do not cover this amount.","code":"insufficient_balance","request_id":"req_1"}`},
		{application.ErrConcurrentChange, 409, `{"status":0,"message":"The object was changed at the same time. Try again.","code":"concurrent_change","request_id":"req_1"}`},
		{command.ErrKeyReused, 422, `{"status":0,"message":"The Idempotency-Key was used for another request","code":"idempotency_key_reused","request_id":"req_1"}`},
		{fault.ErrValidation.With(fault.Violation{Field: "distribution.mode", Code: fault.NotSupported, Message: "must be exclusive"}, fault.Violation{Field: "name", Code: fault.Required, Message: "is required"}), 422,
			`{"status":0,"message":"The given data was invalid.","code":"not_supported_yet","errors":{"distribution.mode":["must be exclusive"],"name":["is required"]},"request_id":"req_1"}`},
	} {
		a := newApp(t)
		a.fail = c.err
		w := a.do(request{path: "/v1/buyers/b1/deposits", key: "program", body: `{"amount":1}`})
		if w.Code != c.status || w.Body.String() != c.want {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

func TestIdempotencyOfWrites(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	send := func(path, body, key string) command.MoveMoney {
		a.do(request{path: path, key: "program", body: body, header: http.Header{"Idempotency-Key": {key}}})
		return a.take().(command.MoveMoney)
	}
	first := send("/v1/buyers/b1/deposits", `{"amount":1}`, `"k1"`)
	if first.Once.Key != "k1" {
		t.Errorf("key %q", first.Once.Key)
	}
	if send("/v1/buyers/b1/deposits", `{"amount":1}`, "k2").Once.Fingerprint != first.Once.Fingerprint {
		t.Error("the same request has another fingerprint")
	}
	for name, other := range map[string]command.MoveMoney{"body": send("/v1/buyers/b1/deposits", `{"amount":1.0}`, "k1"),
		"path": send("/v1/buyers/b2/deposits", `{"amount":1}`, "k1"), "verb": send("/v1/buyers/b1/withdrawals", `{"amount":1}`, "k1"), "query": send("/v1/buyers/b1/deposits?x", `{"amount":1}`, "k1")} {
		if other.Once.Fingerprint == first.Once.Fingerprint {
			t.Errorf("another %s has the same fingerprint", name)
		}
	}
	if w := a.do(request{path: "/v1/buyers/b1/pause", key: "program", header: http.Header{"Idempotency-Key": {"a b"}}}); w.Code != 400 || codeIn(t, w) != "invalid_idempotency_key" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	a.again = true
	if w := a.do(request{path: "/v1/buyers/b1/pause", key: "program"}); w.Header().Get("Idempotent-Replayed") != "true" {
		t.Error("a replay does not say so")
	}
}

// seeds/create-partner.txt, with an address in place of the one that is masked there.
const documentedPartner = `{"data":{"email":"john@example.com","created_at":"2025-04-30T16:44:13.000000Z","updated_at":"2025-04-30T16:44:13.000000Z","name":"John","id":"partner_123","surname":"Doe","tos":false,"approved":true,"status":"active","custom_fields":[],"referrals_count":0,"tags":[{"value":"premium"},{"value":"new"}],"referral_link":"https://yourcompany.com?aff=ref_123","referral_links":["https://yourcompany.com?aff=ref_123"]},"status":1}`

// Answers byte for byte.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const at = `"created_at":"2025-04-30T16:44:13.000000Z","updated_at":"2025-04-30T16:44:13.000000Z"`
	contract := `{"id":"contract_1","campaign_id":"campaign_1","buyer_id":"buyer_1","status":"active","price":45.00,"priority":1,"weight":1,"time_zone":"America/Chicago","filter":null,"caps":[{"window":"day","leads":100},{"window":"month","budget":5000.00}],"schedule":null,"dedupe":null,"delivery":{"mode":"notify"},` + at + `}`
	for _, c := range []struct{ method, path, key, body, want string }{
		{"POST", "/v1/partners", "program", `{"email":"john@example.com"}`, documentedPartner},
		{"POST", "/v1/sellers", "admin", `{"name":"Acme Leads"}`, `{"data":{"id":"seller_1","code":"ACME1234","slug":"acme","name":"Acme Leads","currency":"USD","time_zone":"America/Chicago","website":"https://yourcompany.com",` + at + `,"api_key":{"id":"k1","key":"lm_program_k1_x","scope":"program"}},"status":1}`},
		{"POST", "/v1/api-keys", "program", `{"scope":"supplier"}`, `{"data":{"id":"k1","key":"lm_supplier_k1_x","scope":"supplier","name":"form","partner":{"id":"partner_123"},"rate_limit":{"requests":60,"window_seconds":60},"created_at":"2025-04-30T16:44:13.000000Z"},"status":1}`},
		{"DELETE", "/v1/api-keys/k1", "program", "", `{"status":1}`},
		{"GET", "/v1/buyers/buyer_1", "program", "", `{"data":{"id":"buyer_1","name":"Best Insurance","email":"leads@best.example","status":"active","balance":1000.00,"held":0.00,"credit_limit":0.50,"time_zone":"America/New_York",` + at + `},"status":1}`},
		{"POST", "/v1/buyers/buyer_1/deposits", "program", `{"amount":1000}`, `{"data":{"id":"entry_1","type":"deposit","amount":1000.00,"balance_after":1000.00,"note":"wire 42","created_at":"2025-04-30T16:44:13.000000Z"},"status":1}`},
		{"GET", "/v1/campaigns/c", "program", "", `{"data":{"id":"campaign_1","name":"Auto","category":"Auto Insurance","status":"active","fields":[{"name":"zip","type":"zip","required":true},{"name":"kind","type":"enum","required":false,"options":["a"]}],"distribution":{"mode":"exclusive","max_sales":1,"strategy":"priority"},"dedupe":{"fields":["phone"],"match":"any","window_days":30},"pending_ttl_hours":72,"price_shown":"payout","supplier_payout":{"type":"percent","value":70.5},` + at + `},"status":1}`},
		{"GET", "/v1/campaigns/c/contracts/k", "program", "", `{"data":` + contract + `,"status":1}`},
		{"DELETE", "/v1/campaigns/c/contracts/k", "program", "", `{"status":1}`},
		{"GET", "/v1/campaigns/c/contracts/k/usage", "program", "", `{"data":[{"window":"day","leads":{"used":3,"limit":100},"budget":{"used":135.00,"limit":5.00},"resets_at":"2025-04-30T16:44:13.000000Z"},{"window":"total","leads":{"used":3,"limit":null},"budget":{"used":135.00,"limit":null},"resets_at":null}],"status":1}`},
		{"GET", "/v1/marketplace/leads/l", "program", "", `{"data":{"id":"lead_1","origin":"supplier","status":"sold","campaign_id":"campaign_1","category":"Auto Insurance","partner_id":"partner_123","api_key_id":"k1","external_id":"x","test":true,"code":"c","reason":"r","payout":31.50,` + at + `,"pending_until":"2025-04-30T16:44:13.000000Z","fields":{"a":"\"q\"","b":1.50,"c":true,"d":null,"e":[1,{"x":2}]},"trace":{"considered":[{"contract_id":"contract_1","buyer_id":"buyer_1","reason":"sold","price":45.00}],"more":{"cap":3}},"sales":[{"id":"sale_1","contract_id":"contract_1","buyer_id":"buyer_1","status":"captured","price":45.00,"sold_at":"2025-04-30T16:44:13.000000Z"}]},"status":1}`},
		{"GET", "/v1/reports/campaigns", "program", "", `{"data":[{"day":"2025-04-30","leads":{"duplicate":0,"pending":1,"rejected":0,"sold":2,"submitted":3,"unsold":0},"sold_gross":2,"sold_net":2,"revenue":90.00,"payout":63.00,"margin":27.00,"acceptance_rate":0.6667}],"status":1}`},
		{"GET", "/v1/events?after=3", "program", "", `{"data":[{"specversion":"1.0","id":"event_1","source":"/sellers/ACME1234","type":"lead.sold.v1","subject":"lead_1","time":"2025-04-30T16:44:13.000000Z","datacontenttype":"application/json","dataschema":"http://example.com/schemas/lead.sold.v1.json","data":{"lead_id":"lead_1"},"sequence":"00000000000000000007","aggregateversion":2,"correlationid":"req_9"}],"next":7,"status":1}`},
		{"GET", "/v1/buyers", "program", "", `{"data":[],"links":{"first":"http://example.com/v1/buyers?page=1","last":null,"prev":null,"next":null},"meta":{"current_page":1,"from":null,"path":"http://example.com/v1/buyers","per_page":15,"to":null},"status":1}`},
		{"GET", "/v1/campaigns/c/contracts?limit=1&page=2", "program", "", `{"data":[` + contract + `],"links":{"first":"http://example.com/v1/campaigns/c/contracts?limit=1&page=1","last":null,"prev":"http://example.com/v1/campaigns/c/contracts?limit=1&page=1","next":null},"meta":{"current_page":2,"from":2,"path":"http://example.com/v1/campaigns/c/contracts","per_page":1,"to":2},"status":1}`},
	} {
		if w := newApp(t).do(request{method: c.method, path: c.path, key: c.key, body: c.body}); w.Body.String() != c.want {
			t.Errorf("%s %s\ngot  %s\nwant %s", c.method, c.path, w.Body, c.want)
		}
	}
}

// Following links.next asks for what comes after the last item.
func TestPaging(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.server.deps.PublicURL = "https://leads.example.com"
	w := a.do(request{method: "GET", path: "/v1/buyers/b1/ledger?limit=2&sort=asc&x=%26", key: "program"})
	var list struct {
		Links struct{ Next, Prev *string }
		Meta  struct{ From, To int }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	if list.Links.Next == nil || *list.Links.Next != "https://leads.example.com/v1/buyers/b1/ledger?cursor=ZW50cnlfMg&limit=2&page=2&sort=asc&x=%26" || list.Meta.From != 1 || list.Meta.To != 2 {
		t.Fatalf("%s", w.Body)
	}
	w = a.do(request{method: "GET", path: strings.TrimPrefix(*list.Links.Next, "https://leads.example.com"), key: "program"})
	if got, want := a.take().(query.Ledger).Page, (query.Page{Limit: 2, Number: 2, After: "entry_2", Ascending: true}); got != want {
		t.Errorf("page %+v", got)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || list.Links.Prev != nil || list.Meta.From != 3 || list.Meta.To != 4 {
		t.Errorf("%v %s", err, w.Body)
	}
	for params, wrong := range map[string]string{"limit=0": "limit", "limit=251": "limit", "limit=x": "limit", "limit=-1": "limit", "page=0": "page", "page=x": "page", "page=99999999999999999999": "page",
		"page=1000000000": "page", "limit=250&page=41": "page", "sort=up": "sort", "cursor=!": "cursor", "cursor=AA": "cursor"} {
		w := a.do(request{method: "GET", path: "/v1/buyers?" + params, key: "program"})
		if w.Code != 422 || !strings.Contains(w.Body.String(), `"errors":{"`+wrong+`":`) {
			t.Errorf("%s: %d %s", params, w.Code, w.Body)
		}
	}
	w = a.do(request{method: "GET", path: "/v1/marketplace/leads?limit=0&status=x&from=y&to=z", key: "program"})
	for _, name := range []string{"limit", "status", "from", "to"} {
		if !strings.Contains(w.Body.String(), `"`+name+`":[`) {
			t.Errorf("%s is not named: %s", name, w.Body)
		}
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.do(request{method: "GET", path: "/v1/marketplace/leads?status=sold&category=Auto+Insurance&from=2025-04-01&to=2025-04-30", key: "program"})
	q := a.take().(query.MarketplaceLeads)
	if q.Status != "sold" || q.Category != "Auto Insurance" || !q.From.Equal(time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC)) || !q.To.Equal(time.Date(2025, 5, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", q)
	}
	a.do(request{method: "GET", path: "/v1/marketplace/leads?from=2025-04-01T10:00:00%2B02:00", key: "program"})
	if q := a.take().(query.MarketplaceLeads); !q.From.Equal(time.Date(2025, 4, 1, 8, 0, 0, 0, time.UTC)) || !q.To.IsZero() {
		t.Errorf("%+v", q)
	}
	a.do(request{method: "GET", path: "/v1/reports/campaigns?from=2025-04-01&to=2025-04-30&group_by=buyer", key: "program"})
	if q := a.take().(query.CampaignReport); q.From != "2025-04-01" || q.To != "2025-04-30" || q.GroupBy != "buyer" || q.SellerID != "seller_1" {
		t.Errorf("%+v", q)
	}
	if w := a.do(request{method: "GET", path: "/v1/reports/campaigns?from=x&group_by=hour", key: "program"}); w.Code != 422 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestEventsQuery(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for params, want := range map[string]query.Events{
		"":                            {Limit: 100},
		"after=12&limit=1000&wait=25": {After: 12, Limit: 1000, Wait: 25 * time.Second},
		"types=lead.sold.v1,,lead.sold.v1, lead.pending.v1": {Limit: 100, Types: []string{"lead.sold.v1", "lead.pending.v1"}},
	} {
		if w := a.do(request{method: "GET", path: "/v1/events?" + strings.ReplaceAll(params, " ", "%20"), key: "program"}); w.Code != 200 {
			t.Fatalf("%s: %d %s", params, w.Code, w.Body)
		}
		got := a.take().(query.Events)
		got.Actor = application.Actor{}
		if d := cmp.Diff(want.Types, got.Types); d != "" || got.After != want.After || got.Limit != want.Limit || got.Wait != want.Wait {
			t.Errorf("%s: %+v", params, got)
		}
	}
	for _, params := range []string{"after=-1", "after=x", "limit=0", "limit=1001", "wait=26", "wait=-1", "wait=1.5", "types=lead.sold", "types=seller.created.v1"} {
		if w := a.do(request{method: "GET", path: "/v1/events?" + params, key: "program"}); w.Code != 422 {
			t.Errorf("%s: %d", params, w.Code)
		}
	}
	a.events = func(context.Context, query.Events) (query.EventPage, error) { return query.EventPage{Next: 9}, nil }
	if w := a.do(request{method: "GET", path: "/v1/events", key: "program"}); w.Body.String() != `{"data":[],"next":9,"status":1}` {
		t.Errorf("%s", w.Body)
	}
}

func TestReferralLink(t *testing.T) {
	t.Parallel()
	for website, want := range map[string]string{
		"https://yourcompany.com":               "https://yourcompany.com?aff=r~1",
		"https://yourcompany.com/":              "https://yourcompany.com/?aff=r~1",
		"https://yourcompany.com/a?x=1&y=%26#f": "https://yourcompany.com/a?x=1&y=%26&aff=r~1#f",
		"https://yourcompany.com?aff=old&x":     "https://yourcompany.com?x&aff=r~1",
		"":                                      "?aff=r~1",
	} {
		if got := referralLink(website, "aff", "r~1"); got != want {
			t.Errorf("%s: %s", website, got)
		}
	}
}
