package accounthttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/application/bus"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// SettingsHandlers are the commands and queries that the routes of settings call.
type SettingsHandlers struct {
	UpdateSettings   bus.Handler[accountcommand.UpdateSettings, application.Done]
	SettingsOfSeller bus.Handler[accountquery.SettingsOfSeller, accountquery.Settings]
}

func (h Handlers) settingsRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/settings", Needs: application.Program, Handle: httpport.Parameters{InBody: true}.Reading(h.getSettings)},
		{Method: http.MethodPut, Path: "/v1/settings", Needs: application.Program, Handle: h.updateSettings},
		{Method: http.MethodGet, Path: "/v1/test", Needs: application.Program, Handle: httpport.Parameters{InBody: true}.Reading(h.testKey)},
	}
}

func showSettings(s accountquery.Settings) Settings {
	p := s.Program
	d := Settings{
		ProgramName: s.Name, Website: s.Website, Currency: s.Currency, TimeZone: s.TimeZone, Approval: p.Approval(),
		LinkParameter: p.LinkParameter, CookieLifetime: p.CookieDays, Attribution: p.Attribution(), AttributionWindow: p.WindowDays,
		AllowSelfReferral: p.AllowSelfReferral, LeadRetentionDays: p.LeadRetentionDays,
		UniqueCustomerEmail: !p.SharedEmails, PartnerSignUp: p.SignUp, Terms: p.Terms, TermsUrl: p.TermsURL, BrandColor: p.Color,
	}
	if c := p.LeadCampaign; c != nil {
		d.LeadCampaign = &LeadCampaign{CampaignId: c.CampaignID, Fields: c.Fields}
	}
	return d
}

func (h Handlers) getSettings(k *httpport.Call) {
	httpport.Ask(k, h.SettingsOfSeller, accountquery.SettingsOfSeller{Actor: k.Actor()}, showSettings)
}

func (h Handlers) updateSettings(k *httpport.Call) {
	c := accountcommand.UpdateSettings{Actor: k.Actor()}
	b, ok := k.Bind(httpport.Lenient, func(b *httpport.Body) {
		o, s := b.Inside("settings"), &c.Settings
		httpport.FillText(o, "program_name", &s.Name)
		httpport.FillText(o, "website", &s.Website)
		httpport.FillText(o, "approval", &s.Approval)
		httpport.FillText(o, "link_parameter", &s.LinkParameter)
		httpport.FillInteger(o, "cookie_lifetime", &s.CookieDays)
		httpport.FillText(o, "attribution", &s.Attribution)
		httpport.FillInteger(o, "attribution_window", &s.WindowDays)
		httpport.FillInteger(o, "lead_retention_days", &s.LeadRetentionDays)
		s.AllowSelfReferral = o.BoolOrNil("allow_self_referral")
		s.UniqueEmails = o.BoolOrNil("unique_customer_email")
		s.SignUp = o.BoolOrNil("partner_sign_up")
		httpport.FillText(o, "terms", &s.Terms)
		httpport.FillText(o, "terms_url", &s.TermsURL)
		httpport.FillText(o, "brand_color", &s.Color)
		s.ClearLeadCampaign = o.IsNull("lead_campaign")
		o.Nested("lead_campaign", func(o *httpport.Object) {
			s.LeadCampaign = &accountcommand.LeadCampaign{CampaignID: o.Label("campaign_id"), Fields: leadFields(o)}
		})
		b.AlsoCheck(s.Check)
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusOK, showSettings)
		httpport.Do(b, h.UpdateSettings, c)
	}
}

// leadFields binds which answer of the lead form fills which field of the campaign; nil when it is absent.
func leadFields(o *httpport.Object) (fields map[string]string) {
	o.Nested("fields", func(o *httpport.Object) {
		fields = map[string]string{}
		for _, name := range o.Names() {
			switch v := o.Value(name); {
			case v == nil:
			case v.IsString() || v.IsNumber():
				fields[name] = v.Text()
			default:
				o.WrongType(name, "a string or a number")
			}
		}
	})
	return fields
}

// testKey answers which program a key is for.
func (h Handlers) testKey(k *httpport.Call) {
	httpport.Ask(k, h.SettingsOfSeller, accountquery.SettingsOfSeller{Actor: k.Actor()}, func(s accountquery.Settings) ProgramTest {
		return ProgramTest{Program: TestedProgram{
			PubId: s.Code, Id: k.Actor().SellerID, Code: s.Code, Slug: k.Actor().SellerSlug, Name: s.Name,
			Type: "affiliate", Currency: s.Currency, Website: s.Website,
		}}
	})
}
