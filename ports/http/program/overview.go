package programhttp

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	programquery "github.com/leadmill/leadmill/application/program/query"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// OverviewHandlers are the commands and queries that the routes of the overview call.
type OverviewHandlers struct {
	Overview bus.Handler[programquery.Overview, programquery.ProgramOverview]
}

func (h Handlers) overviewRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/program", Needs: application.Program, Handle: httpport.Parameters{InBody: true}.Reading(h.getOverview)},
		{Method: http.MethodGet, Path: "/v1/program/overview", Needs: application.Program, Handle: httpport.Parameters{InBody: true}.Reading(h.getOverview)},
	}
}

func (h Handlers) getOverview(k *httpport.Call) {
	httpport.Ask(k, h.Overview, programquery.Overview{Actor: k.Actor()}, showOverview(k))
}

// showOverview writes zeros for purchases and payouts, which are not supported yet.
func showOverview(k *httpport.Call) func(programquery.ProgramOverview) Overview {
	return func(o programquery.ProgramOverview) Overview {
		return Overview{
			TotalPartners: o.Partners.All, TotalPartnersGrowth: growth(o.Partners),
			TotalSignups: o.Signups.All, TotalSignupsGrowth: growth(o.Signups),
			TotalClicks: o.Clicks.All, TotalClicksGrowth: growth(o.Clicks),
			TotalLeads: o.Leads.All, TotalLeadsGrowth: growth(o.Leads),
			OverviewProgramCurrentSettings: OverviewSettings{
				ProgramName: o.Name, ProgramInitials: initials(o.Name), ProgramType: "affiliate", ProgramTypeTitle: "Affiliate program",
				Currency: o.Currency, CookieLifetime: o.CookieDays, PartnerPortalUrl: k.Base() + "/portal",
			},
		}
	}
}

// initials are the first letters of the first two words of a name that begin with a letter or a digit.
func initials(name string) string {
	var letters []rune
	for word := range strings.FieldsSeq(name) {
		if first, _ := utf8.DecodeRuneInString(word); unicode.IsLetter(first) || unicode.IsDigit(first) {
			letters = append(letters, unicode.ToUpper(first))
		}
	}
	return string(letters[:min(len(letters), 2)])
}

// growth is by how many percent the last 30 days are above the 30 before, rounded; nil when those had none.
func growth(t programquery.Total) *int64 {
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
