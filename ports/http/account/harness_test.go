package accounthttp

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/application"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/seller"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/porttest"
)

// newApp is a server over the room's routes.
func newApp(t testing.TB) *porttest.App { return newAppWith(t, func(*porttest.App, *Handlers) {}) }

// newAppWith is newApp with other handlers.
func newAppWith(t testing.TB, change func(*porttest.App, *Handlers), options ...func(*httpport.Deps)) *porttest.App {
	t.Helper()
	return porttest.New(t, func(a *porttest.App) ([]httpport.Route, error) {
		h := handlers(a)
		change(a, &h)
		return h.Routes()
	}, options...)
}

// bound is a request and what it must become.
type bound struct {
	method, path, body string
	want               any
}

// checkBound sends requests and compares what part takes of their commands.
func checkBound(t *testing.T, cases map[string]bound, part func(any) any) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := part(newApp(t).SentBy(porttest.Request{Method: c.method, Path: c.path, Body: c.body}))
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

var (
	sampleSeller = accountquery.Seller{
		ID: "seller_1", Code: "ACME1234", Slug: "acme", Name: "Acme Leads", Currency: "USD",
		TimeZone: "America/Chicago", Website: "https://yourcompany.com", CreatedAt: porttest.Start, UpdatedAt: porttest.Start,
	}
	sampleKey = accountquery.APIKey{
		ID: "k1", Scope: "supplier", Name: "form", PartnerID: "partner_123",
		Limit: seller.DefaultRateLimit, CreatedAt: porttest.Start,
	}
	sampleProgram = seller.PartnerProgram{
		LinkParameter: "aff", CookieDays: 30,
		LeadCampaign: &seller.LeadCampaign{CampaignID: "campaign_1", Fields: map[string]string{"company": "89", "email": "email"}},
	}
	sampleSettings = accountquery.Settings{
		Name: "Acme Leads", Code: "ACME1234", Website: "https://yourcompany.com", Currency: "USD",
		TimeZone: "America/Chicago", Program: sampleProgram,
	}
)

func handlers(a *porttest.App) Handlers {
	return Handlers{
		SellerHandlers: SellerHandlers{
			CreateSeller: porttest.Commands(a, func(c accountcommand.CreateSeller) application.Response {
				return c.Once.Render(accountcommand.SellerCreated{Seller: sampleSeller, KeyID: "k1", Key: "lm_program_k1_x"})
			}),
			UpdateSeller: porttest.Commands(a, func(c accountcommand.UpdateSeller) application.Response { return c.Once.Render(sampleSeller) }),
			Sellers:      porttest.Queries[accountquery.Sellers](a, application.List[accountquery.Seller]{Items: []accountquery.Seller{sampleSeller}}),
			SellerByCode: porttest.Queries[accountquery.SellerByCode](a, sampleSeller),
		},
		APIKeyHandlers: APIKeyHandlers{
			CreateAPIKey: porttest.Commands(a, func(c accountcommand.CreateAPIKey) application.Response {
				return c.Once.Render(accountcommand.APIKeyCreated{APIKey: sampleKey, Key: "lm_supplier_k1_x"})
			}),
			CreateAPIKeyOfSeller: porttest.Commands(a, func(c accountcommand.CreateAPIKeyOfSeller) application.Response {
				return c.Once.Render(accountcommand.APIKeyCreated{APIKey: sampleKey, Key: "lm_supplier_k1_x"})
			}),
			RotateAPIKey: porttest.Commands(a, func(c accountcommand.RotateAPIKey) application.Response {
				return c.Once.Render(accountcommand.APIKeyCreated{APIKey: sampleKey, Key: "lm_supplier_k1_x", Replaces: "k0", ReplacedUntil: porttest.Start})
			}),
			RevokeAPIKey: porttest.Commands(a, func(c accountcommand.RevokeAPIKey) application.Response { return c.Once.Render(struct{}{}) }),
			APIKeys:      porttest.Queries[accountquery.APIKeys](a, application.List[accountquery.APIKey]{Items: []accountquery.APIKey{sampleKey, {ID: "k2", Scope: "program", CreatedAt: porttest.Start, ExpiresAt: porttest.Start, LastUsedAt: porttest.Start, Leads: 7}, {ID: "k3", Scope: "form", CampaignID: "campaign_1", Origins: []string{"https://a.example"}, CreatedAt: porttest.Start}}}),
		},
		SettingsHandlers: SettingsHandlers{
			UpdateSettings:   porttest.Commands(a, func(c accountcommand.UpdateSettings) application.Response { return c.Once.Render(sampleSettings) }),
			SettingsOfSeller: porttest.Queries[accountquery.SettingsOfSeller](a, sampleSettings),
		},
	}
}

var examples = map[string]porttest.Example{
	"POST /v1/sellers":                 {Body: `{"name":"Acme Leads","slug":"acme","code":"ACME1234","currency":"USD","time_zone":"America/Chicago","website":"https://yourcompany.com"}`},
	"POST /v1/api-keys":                {Body: `{"scope":"supplier","partner":{"id":"partner_123"},"name":"form","rate_limit":{"requests":60,"window_seconds":60}}`},
	"POST /v1/sellers/{code}/api-keys": {Body: `{"scope":"supplier","partner":{"id":"partner_123"},"name":"form","rate_limit":{"requests":60,"window_seconds":60}}`},
}
