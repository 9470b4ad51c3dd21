package httpport

import (
	"net/http"

	"github.com/leadmill/leadmill/application/command"
	"github.com/leadmill/leadmill/application/query"
)

// ---- settings

func showSettings(s query.Settings) Settings {
	p := s.Program
	d := Settings{ProgramName: s.Name, Website: s.Website, Currency: s.Currency, TimeZone: s.TimeZone, Approval: "auto",
		LinkParameter: p.LinkParameter, CookieLifetime: p.CookieDays, Attribution: "first_touch", AttributionWindow: p.WindowDays,
		AllowSelfReferral: p.AllowSelfReferral}
	if p.ManualApproval {
		d.Approval = "manual"
	}
	if p.LastTouch {
		d.Attribution = "last_touch"
	}
	if c := p.LeadCampaign; c != nil {
		d.LeadCampaign = &LeadCampaign{CampaignId: c.CampaignID, Fields: c.Fields}
	}
	return d
}

func getSettings(k *call) {
	ask(k, k.s.deps.Handlers.Settings, query.SettingsOfSeller{Actor: k.actor}, showSettings)
}

func updateSettings(k *call) {
	c := command.UpdateSettings{Actor: k.actor}
	w, ok := k.bind(true, func(w *write) {
		o, s := w.inside("settings"), &c.Settings
		text(o, "program_name", &s.Name)
		text(o, "website", &s.Website)
		text(o, "approval", &s.Approval)
		text(o, "link_parameter", &s.LinkParameter)
		integer(o, "cookie_lifetime", &s.CookieDays)
		text(o, "attribution", &s.Attribution)
		integer(o, "attribution_window", &s.WindowDays)
		s.AllowSelfReferral = o.boolean("allow_self_referral")
		s.ClearLeadCampaign = o.null("lead_campaign")
		defer func() { w.also(s.Check) }()
		campaign := o.object("lead_campaign")
		if campaign == nil {
			return
		}
		s.LeadCampaign = fresh(s.LeadCampaign)
		s.LeadCampaign.CampaignID = campaign.id("campaign_id")
		fields := campaign.object("fields")
		if fields == nil {
			return
		}
		s.LeadCampaign.Fields = map[string]string{}
		for _, name := range fields.node.names {
			switch n := fields.node.members[name]; n.kind {
			case 'n':
			case '"', '0':
				s.LeadCampaign.Fields[name] = n.text
			default:
				fields.wrongType(shorten(name), "a string or a number")
			}
		}
	})
	if ok {
		c.Once = once(w, http.StatusOK, showSettings)
		do(w, k.s.deps.Handlers.UpdateSettings, c)
	}
}

// testKey answers which program a key is for.
func testKey(k *call) {
	ask(k, k.s.deps.Handlers.Settings, query.SettingsOfSeller{Actor: k.actor}, func(s query.Settings) ProgramTest {
		return ProgramTest{Program: TestedProgram{PubId: s.Code, Id: k.actor.SellerID, Code: s.Code, Slug: k.actor.SellerSlug, Name: s.Name,
			Type: "affiliate", Currency: s.Currency, Website: s.Website}}
	})
}

// ---- overview

func getOverview(k *call) {
	ask(k, k.s.deps.Handlers.Overview, query.Overview{Actor: k.actor}, k.showOverview)
}

// showOverview writes zeros for what comes with transactions.
func (k *call) showOverview(o query.ProgramOverview) Overview {
	return Overview{TotalPartners: o.Partners.All, TotalPartnersGrowth: growth(o.Partners),
		TotalSignups: o.Signups.All, TotalSignupsGrowth: growth(o.Signups),
		TotalClicks: o.Clicks.All, TotalClicksGrowth: growth(o.Clicks),
		TotalLeads: o.Leads.All, TotalLeadsGrowth: growth(o.Leads),
		OverviewProgramCurrentSettings: OverviewSettings{ProgramName: o.Settings.Name, ProgramType: "affiliate", ProgramTypeTitle: "Affiliate program",
			Currency: o.Settings.Currency, CookieLifetime: o.Settings.Program.CookieDays, PartnerPortalUrl: k.base() + "/portal"}}
}

// growth is by how many percent the last 30 days are above the 30 before, rounded; nil when those had none.
func growth(t query.Total) *int64 {
	if t.Before <= 0 {
		return nil
	}
	doubled := (t.Recent - t.Before) * 200 / t.Before
	if doubled >= 0 {
		doubled++
	} else {
		doubled--
	}
	percent := doubled / 2
	return &percent
}
