package markethttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// usageRoutes show how much is used of the caps of buyers and campaigns.
func (h Handlers) usageRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/buyers/:id/usage", Needs: application.Program, Handle: httpport.Parameters{}.Reading(h.buyerUsage)},
		{Method: http.MethodGet, Path: "/v1/campaigns/:id/usage", Needs: application.Program, Handle: httpport.Parameters{}.Reading(h.campaignUsage)},
	}
}

func (h Handlers) buyerUsage(k *httpport.Call) {
	httpport.Ask(k, h.BuyerUsage, marketquery.BuyerUsage{Actor: k.Actor(), ID: k.Param("id")}, showUsage(k))
}

func (h Handlers) campaignUsage(k *httpport.Call) {
	httpport.Ask(k, h.CampaignUsage, marketquery.CampaignUsage{Actor: k.Actor(), ID: k.Param("id")}, showUsage(k))
}

func (h Handlers) contractUsage(k *httpport.Call) {
	q := marketquery.ContractUsage{Actor: k.Actor(), CampaignID: k.Param("id"), ID: k.Param("contract_id")}
	httpport.Ask(k, h.ContractUsage, q, showUsage(k))
}

func showUsage(k *httpport.Call) func([]marketquery.Usage) []Usage {
	return httpport.Each(func(u marketquery.Usage) Usage {
		c := k.Currency()
		d := Usage{
			Window: u.Window, Leads: UsageLeads{Used: u.Used}, Budget: UsageBudget{Used: httpport.Amount(u.Spent, c)},
			ResetsAt: httpport.TimestampOrNil(u.ResetsAt),
		}
		if u.HasLeads {
			d.Leads.Limit = &u.Leads
		}
		if u.HasBudget {
			limit := httpport.Amount(u.Budget, c)
			d.Budget.Limit = &limit
		}
		return d
	})
}
