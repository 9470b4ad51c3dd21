package accounthttp

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/application"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	"github.com/leadmill/leadmill/domain/seller"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/porttest"
)

func TestRoom(t *testing.T) {
	t.Parallel()
	routes, err := handlers(nil).Routes()
	if err != nil {
		t.Fatal(err)
	}
	porttest.Room{New: newApp, Routes: routes, Fragments: "openapi*.yaml", Examples: examples, Strict: []string{"/v1/api-keys"}}.Check(t)
}

func TestRoutesNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := Handlers{}.Routes()
	for _, name := range []string{"handler CreateSeller", "handler Settings"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
}

// What each body becomes.
func TestBinding(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path, key, body string
		want                    func(any) (got, want any)
	}{
		"seller": {
			path: "/v1/sellers", key: "admin", body: `{"name":"Acme Leads","slug":"acme","code":"ACME1234","currency":"USD","time_zone":"America/Chicago","website":null}`,
			want: func(c any) (any, any) {
				s := c.(accountcommand.CreateSeller)
				return []any{s.Code, s.Currency, s.Details}, []any{"ACME1234", "USD", seller.Details{Name: new("Acme Leads"), Slug: new("acme"), TimeZone: new("America/Chicago")}}
			},
		},
		"seller, wrapped": {
			method: "PUT", path: "/v1/sellers/ACME1234", key: "admin", body: `{"update":{"slug":"new"}}`,
			want: func(c any) (any, any) {
				s := c.(accountcommand.UpdateSeller)
				return []any{s.Code, s.Details}, []any{"ACME1234", seller.Details{Slug: new("new")}}
			},
		},
		"key": {
			path: "/v1/api-keys", key: "program", body: `{"scope":"supplier","partner":{"id":123,"key":"k"},"name":"form","rate_limit":{"requests":60,"window_seconds":30}}`,
			want: func(c any) (any, any) {
				k := c.(accountcommand.CreateAPIKey).Request
				return []any{k.Scope, k.Name, k.Partner, k.Limit}, []any{"supplier", "form", application.PartnerHandle{ID: "123", Key: "k"}, &seller.RateLimit{Requests: 60, Window: 30 * time.Second}}
			},
		},
		"key of a site": {
			path: "/v1/api-keys", key: "program", body: `{"scope":"site","name":"shop","origins":["https://shop.example"]}`,
			want: func(c any) (any, any) {
				k := c.(accountcommand.CreateAPIKey).Request
				return []any{k.Scope, k.Origins, k.Limit}, []any{"site", []string{"https://shop.example"}, (*seller.RateLimit)(nil)}
			},
		},
		"form key": {
			path: "/v1/api-keys", key: "program", body: `{"scope":"form","campaign_id":"campaign_1","origins":["https://a.example","http://localhost:8000"]}`,
			want: func(c any) (any, any) {
				k := c.(accountcommand.CreateAPIKey).Request
				return []any{k.Scope, k.CampaignID, k.Origins, k.Limit}, []any{"form", "campaign_1", []string{"https://a.example", "http://localhost:8000"}, (*seller.RateLimit)(nil)}
			},
		},
		"key that expires": {
			path: "/v1/api-keys", key: "program", body: `{"scope":"program","expires_at":"2027-01-31T01:00:00+01:00"}`,
			want: func(c any) (any, any) {
				return c.(accountcommand.CreateAPIKey).Request.ExpiresAt, time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
			},
		},
		"key of a seller": {
			path: "/v1/sellers/ACME1234/api-keys", key: "admin", body: `{"scope":"supplier","partner":{"id":123},"name":"form","rate_limit":null}`,
			want: func(c any) (any, any) {
				k := c.(accountcommand.CreateAPIKeyOfSeller)
				return []any{k.Code, k.Request}, []any{"ACME1234", accountcommand.APIKeyRequest{Scope: "supplier", Name: "form", Partner: application.PartnerHandle{ID: "123"}, Limit: &seller.RateLimit{}}}
			},
		},
		"key in place of another": {
			path: "/v1/api-keys/k1/rotate", key: "program",
			want: func(c any) (any, any) {
				k := c.(accountcommand.RotateAPIKey)
				return []any{k.ID, k.Overlap, k.ExpiresAt}, []any{"k1", 24 * time.Hour, time.Time{}}
			},
		},
		"key in place of another, at once": {
			path: "/v1/api-keys/k1/rotate", key: "program", body: `{"overlap_seconds":0,"expires_at":"2027-01-31T00:00:00Z"}`,
			want: func(c any) (any, any) {
				k := c.(accountcommand.RotateAPIKey)
				return []any{k.ID, k.Overlap, k.ExpiresAt}, []any{"k1", time.Duration(0), time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)}
			},
		},
		"key, default limit": {
			path: "/v1/api-keys", key: "program", body: `{"scope":"program"}`,
			want: func(c any) (any, any) { return c.(accountcommand.CreateAPIKey).Request.Limit, (*seller.RateLimit)(nil) },
		},
		"key, no limit": {
			path: "/v1/api-keys", key: "program", body: `{"scope":"program","rate_limit":null}`,
			want: func(c any) (any, any) { return c.(accountcommand.CreateAPIKey).Request.Limit, &seller.RateLimit{} },
		},
		"key, a minute": {
			path: "/v1/api-keys", key: "program", body: `{"scope":"program","rate_limit":{"requests":5}}`,
			want: func(c any) (any, any) {
				return c.(accountcommand.CreateAPIKey).Request.Limit, &seller.RateLimit{Requests: 5, Window: time.Minute}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			w := a.Do(porttest.Request{Method: c.method, Path: c.path, Key: c.key, Body: c.body})
			if w.Code >= 300 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			got, want := c.want(a.Take())
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// Every violation of a body is told, under the member's path.
func TestViolations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]porttest.Refusal{
		"key": {
			Path: "/v1/api-keys", Body: `{"partner":{},"rate_limit":{"requests":0,"window_seconds":0,"burst":1}}`, Status: 422, Code: "validation_failed",
			Errors: map[string][]string{
				"scope": {"is required"}, "partner": {"must have an id, a key or an email"}, "rate_limit.requests": {"must be between 1 and 1000000000"},
				"rate_limit.window_seconds": {"must be between 1 and 86400"}, "rate_limit.burst": {"is not a known member"},
			},
		},
		"key, end": {Path: "/v1/api-keys", Body: `{"scope":"program","expires_at":"tomorrow"}`, Status: 422, Code: "validation_failed", Errors: map[string][]string{"expires_at": {"must be a time such as 2025-05-02T16:12:39Z"}}},
		"rotation": {Path: "/v1/api-keys/k1/rotate", Body: `{"overlap":1,"overlap_seconds":"x"}`, Status: 422, Code: "validation_failed", Errors: map[string][]string{"overlap": {"is not a known member"}, "overlap_seconds": {"must be a whole number"}}},
		"key, half a limit": {
			Path: "/v1/api-keys", Body: `{"scope":"program","rate_limit":{"window_seconds":9223372036854775807}}`, Status: 422, Code: "validation_failed",
			Errors: map[string][]string{"rate_limit.requests": {"is required"}, "rate_limit.window_seconds": {"must be between 1 and 86400"}},
		},
		"key, limit a fraction": {Path: "/v1/api-keys", Body: `{"scope":"program","rate_limit":{"requests":1.5}}`, Status: 422, Code: "wrong_type", Errors: map[string][]string{"rate_limit.requests": {"must be a whole number"}}},
		"key, limit too large":  {Path: "/v1/api-keys", Body: `{"scope":"program","rate_limit":{"requests":99999999999999999999}}`, Status: 422, Code: "validation_failed", Errors: map[string][]string{"rate_limit.requests": {"is too large"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.Check(t, newApp(t))
		})
	}
}

// Answers byte for byte.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const at = `"created_at":"2025-04-30T16:44:13.000000Z","updated_at":"2025-04-30T16:44:13.000000Z"`
	for _, c := range []struct{ method, path, key, body, want string }{
		{"POST", "/v1/sellers", "admin", `{"name":"Acme Leads"}`, `{"data":{"id":"seller_1","code":"ACME1234","slug":"acme","name":"Acme Leads","currency":"USD","time_zone":"America/Chicago","website":"https://yourcompany.com",` + at + `,"api_key":{"id":"k1","key":"lm_program_k1_x","scope":"program"}},"status":1}`},
		{"POST", "/v1/api-keys", "program", `{"scope":"supplier"}`, `{"data":{"id":"k1","key":"lm_supplier_k1_x","scope":"supplier","name":"form","partner":{"id":"partner_123"},"rate_limit":{"requests":60,"window_seconds":60},"created_at":"2025-04-30T16:44:13.000000Z"},"status":1}`},
		{"POST", "/v1/sellers/ACME1234/api-keys", "admin", `{"scope":"supplier"}`, `{"data":{"id":"k1","key":"lm_supplier_k1_x","scope":"supplier","name":"form","partner":{"id":"partner_123"},"rate_limit":{"requests":60,"window_seconds":60},"created_at":"2025-04-30T16:44:13.000000Z"},"status":1}`},
		{"POST", "/v1/api-keys/k0/rotate", "program", "", `{"data":{"id":"k1","key":"lm_supplier_k1_x","scope":"supplier","name":"form","partner":{"id":"partner_123"},"rate_limit":{"requests":60,"window_seconds":60},"created_at":"2025-04-30T16:44:13.000000Z","replaces":{"id":"k0","expires_at":"2025-04-30T16:44:13.000000Z"}},"status":1}`},
		{"GET", "/v1/api-keys?limit=1", "program", "", `{"data":[{"id":"k1","scope":"supplier","name":"form","partner":{"id":"partner_123"},"rate_limit":{"requests":60,"window_seconds":60},"created_at":"2025-04-30T16:44:13.000000Z","last_used_at":null,"leads":0},{"id":"k2","scope":"program","name":"","partner":null,"rate_limit":null,"created_at":"2025-04-30T16:44:13.000000Z","expires_at":"2025-04-30T16:44:13.000000Z","last_used_at":"2025-04-30T16:44:13.000000Z","leads":7},`},
		{"DELETE", "/v1/api-keys/k1", "program", "", `{"status":1}`},
	} {
		if w := newApp(t).Do(porttest.Request{Method: c.method, Path: c.path, Key: c.key, Body: c.body}); !strings.HasPrefix(w.Body.String(), c.want) {
			t.Errorf("%s %s\ngot  %s\nwant %s", c.method, c.path, w.Body, c.want)
		}
	}
}

// A violation is told under the member's path, also when the members are wrapped.
func TestPartnerOfAKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path, body string
		errors             map[string]string
	}{
		"key, partner of no id": {"POST", "/v1/api-keys", `{"scope":"supplier","name":"n","partner":{"key":""}}`, map[string]string{"partner": httpport.MustNamePartner}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			porttest.CheckViolations(t, newApp(t), porttest.Request{Method: c.method, Path: c.path, Body: c.body, Key: "program"}, c.errors)
		})
	}
}

// PHP writes an empty object as an empty list.
func TestEmptyListsForObjects(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path, body string // $ stands for the object
		errors             map[string][]string
	}{
		"body of a PUT":       {"PUT", "/v1/settings", ` $`, nil},
		"settings":            {"PUT", "/v1/settings", `{"settings":$}`, nil},
		"lead campaign":       {"PUT", "/v1/settings", `{"lead_campaign":$}`, nil},
		"lead campaign's map": {"PUT", "/v1/settings", `{"lead_campaign":{"campaign_id":"c","fields":$}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent [2]any
			for i, object := range []string{"{}", "[]"} {
				a := newApp(t)
				w := a.Do(porttest.Request{Method: c.method, Path: c.path, Key: "program", Body: strings.Replace(c.body, "$", object, 1)})
				if sent[i] = withoutOnce(a.Take()); c.errors == nil && (w.Code >= 300 || sent[i] == nil) {
					t.Errorf("%s: %d %s", object, w.Code, w.Body)
				}
				var got struct{ Errors map[string][]string }
				if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || cmp.Diff(c.errors, got.Errors) != "" {
					t.Errorf("%s: %d %s", object, w.Code, w.Body)
				}
			}
			if d := cmp.Diff(sent[0], sent[1]); d != "" {
				t.Errorf("an empty list became another command: %s", d)
			}
		})
	}
	// Where members are not forgiven, neither is this.
	for name, c := range map[string]struct {
		method, path, body string
		errors             map[string]string
	}{
		"partner":    {"POST", "/v1/api-keys", `{"scope":"supplier","name":"n","partner":[]}`, map[string]string{"partner": "must be an object"}},
		"rate limit": {"POST", "/v1/api-keys", `{"scope":"program","name":"n","rate_limit":[]}`, map[string]string{"rate_limit": "must be an object"}},
	} {
		t.Run("strict "+name, func(t *testing.T) {
			t.Parallel()
			porttest.CheckViolations(t, newApp(t), porttest.Request{Method: c.method, Path: c.path, Body: c.body, Key: "program"}, c.errors)
		})
	}
}

// Nothing personal of a request is in an error or in the log, wherever it was.
func TestNoPersonalData(t *testing.T) {
	t.Parallel()
	const canary = porttest.Canary
	a := newApp(t)
	porttest.CheckNoPersonalData(t, a, []porttest.Request{
		{Path: "/v1/settings", Method: "PUT", Key: "program", Body: `{"website":["` + canary + `"],"lead_campaign":{"fields":{"x":["` + canary + `"]}}}`},
	})
}

// withoutOnce is what a command says, without how it is answered.
func withoutOnce(c any) any {
	if c, ok := c.(accountcommand.UpdateSettings); ok {
		return c.Settings
	}
	return c
}
