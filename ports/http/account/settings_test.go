package accounthttp

import (
	"strings"
	"testing"

	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/seller"
	"github.com/leadmill/leadmill/tests/porttest"
)

func TestSettingsBinding(t *testing.T) {
	t.Parallel()
	const members = `{"program_name":"Acme","website":"https://x.example","approval":"manual","link_parameter":"via","cookie_lifetime":60,"attribution":"last_touch","attribution_window":0,
		"allow_self_referral":false,"unique_customer_email":false,"lead_retention_days":365,"partner_sign_up":true,"terms":"Be fair.","terms_url":"https://x.example/terms","brand_color":"#0B6455","lead_campaign":{"campaign_id":12,"fields":{"email":"email","company":89,"zip":null},"x":1},"currency":"EUR","time_zone":5,"x":{}}`
	every := seller.Settings{
		Name: new("Acme"), Website: new("https://x.example"), Approval: new("manual"), LinkParameter: new("via"), CookieDays: new(60),
		Attribution: new("last_touch"), WindowDays: new(0), AllowSelfReferral: new(false), UniqueEmails: new(false), LeadRetentionDays: new(365),
		SignUp: new(true), Terms: new("Be fair."), TermsURL: new("https://x.example/terms"), Color: new("#0B6455"),
		LeadCampaign: &seller.LeadCampaign{CampaignID: "12", Fields: map[string]string{"email": "email", "company": "89"}},
	}
	const nulls = `"program_name":null,"website":null,"approval":null,"link_parameter":null,"cookie_lifetime":null,"attribution":null,"attribution_window":null,"allow_self_referral":null,"unique_customer_email":null,"lead_retention_days":null,"partner_sign_up":null,"terms":null,"terms_url":null,"brand_color":null`
	checkBound(t, map[string]bound{
		"flat":              {"PUT", "/v1/settings", members, every},
		"settings":          {"PUT", "/v1/settings/", `{"settings":` + members + `,"approval":"auto"}`, every},
		"update":            {"PUT", "/v1/settings", `{"update":` + members + `}`, every},
		"nothing":           {"PUT", "/v1/settings", `{}`, seller.Settings{}},
		"nulls":             {"PUT", "/v1/settings", `{"settings":null,"update":null,` + nulls + `}`, seller.Settings{}},
		"cleared":           {"PUT", "/v1/settings", `{"lead_campaign":null}`, seller.Settings{ClearLeadCampaign: true}},
		"cleared, settings": {"PUT", "/v1/settings", `{"settings":{"lead_campaign":null}}`, seller.Settings{ClearLeadCampaign: true}},
		"cleared, update":   {"PUT", "/v1/settings", `{"update":{"lead_campaign":null,"approval":"auto"}}`, seller.Settings{ClearLeadCampaign: true, Approval: new("auto")}},
		"half a campaign":   {"PUT", "/v1/settings", `{"lead_campaign":{}}`, seller.Settings{LeadCampaign: &seller.LeadCampaign{}}},
	}, func(c any) any { return c.(accountcommand.UpdateSettings).Settings })
}

func TestSettingsViolations(t *testing.T) {
	t.Parallel()
	str, whole := "must be a string", "must be a whole number"
	want := map[string]string{
		"program_name": str, "website": str, "approval": str, "link_parameter": str, "cookie_lifetime": whole, "attribution": str,
		"attribution_window": whole, "allow_self_referral": "must be true or false", "unique_customer_email": "must be true or false", "lead_campaign": "must be an object", "lead_retention_days": whole,
		"partner_sign_up": "must be true or false", "terms": str, "terms_url": str, "brand_color": str,
	}
	const wrong = `{"program_name":1,"website":true,"approval":false,"link_parameter":[],"cookie_lifetime":"30","attribution":{},"attribution_window":1.5,"allow_self_referral":"no","unique_customer_email":1,"lead_campaign":[0],"lead_retention_days":"7","partner_sign_up":"yes","terms":1,"terms_url":{},"brand_color":0}`
	for name, c := range map[string]struct {
		body   string
		errors map[string]string
	}{
		"flat":               {wrong, want},
		"settings":           {`{"settings":` + wrong + `}`, want},
		"update":             {`{"update":` + wrong + `}`, want},
		"settings no object": {`{"settings":[0]}`, map[string]string{"settings": "must be an object"}},
		"update no object":   {`{"update":1}`, map[string]string{"update": "must be an object"}},
		"too large":          {`{"cookie_lifetime":99999999999999999999}`, map[string]string{"cookie_lifetime": "is too large"}},
		"campaign": {
			`{"lead_campaign":{"campaign_id":{},"fields":{"a":[],"` + strings.Repeat("b", 100) + `":true,"c":1}}}`,
			map[string]string{
				"lead_campaign.campaign_id": "must be a string or a number", "lead_campaign.fields.a": "must be a string or a number",
				"lead_campaign.fields." + strings.Repeat("b", 64) + "…": "must be a string or a number",
			},
		},
		"fields": {`{"lead_campaign":{"campaign_id":"c","fields":[0]}}`, map[string]string{"lead_campaign.fields": "must be an object"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			porttest.CheckViolations(t, newApp(t), porttest.Request{Method: "PUT", Path: "/v1/settings", Body: c.body, Key: "program"}, c.errors)
		})
	}
}

func TestSettingsAnswers(t *testing.T) {
	t.Parallel()
	const settings = `{"data":{"program_name":"Acme Leads","website":"https://yourcompany.com","currency":"USD","time_zone":"America/Chicago","approval":"auto","link_parameter":"aff","cookie_lifetime":30,"attribution":"first_touch","attribution_window":0,"allow_self_referral":false,"lead_campaign":{"campaign_id":"campaign_1","fields":{"company":"89","email":"email"}},"lead_retention_days":0,"unique_customer_email":true,"partner_sign_up":false,"terms":"","terms_url":"","brand_color":""},"status":1}`
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", "/v1/settings", "", settings},
		{"PUT", "/v1/settings", `{"settings":{}}`, settings},
		{"GET", "/v1/test", "", `{"data":{"program":{"id":"seller_1","code":"ACME1234","slug":"acme","name":"Acme Leads","type":"affiliate","currency":"USD","website":"https://yourcompany.com","pub_id":"ACME1234"}},"status":1}`},
	} {
		if w := newApp(t).Do(porttest.Request{Method: c.method, Path: c.path, Key: "program", Body: c.body}); w.Code != 200 || w.Body.String() != c.want {
			t.Errorf("%s %s: %d\ngot  %s\nwant %s", c.method, c.path, w.Code, w.Body, c.want)
		}
	}
}

func TestShowSettings(t *testing.T) {
	t.Parallel()
	p := seller.DefaultProgram()
	if s := showSettings(accountquery.Settings{Program: p}); s.Approval != "auto" || s.Attribution != "first_touch" || s.LeadCampaign != nil {
		t.Errorf("%+v", s)
	}
	p.ManualApproval, p.LastTouch, p.AllowSelfReferral, p.WindowDays, p.LeadRetentionDays = true, true, true, 7, 30
	if s := showSettings(accountquery.Settings{Program: p}); s.Approval != "manual" || s.Attribution != "last_touch" || !s.AllowSelfReferral || s.AttributionWindow != 7 || s.LeadRetentionDays != 30 {
		t.Errorf("%+v", s)
	}
}
