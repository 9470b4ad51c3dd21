package markethttp

import (
	"net/http"
	"net/url"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// ContractHandlers are the commands and queries that the routes of contracts call.
type ContractHandlers struct {
	CreateContract bus.Handler[marketcommand.CreateContract, application.Done]
	UpdateContract bus.Handler[marketcommand.UpdateContract, application.Done]
	PauseContract  bus.Handler[marketcommand.PauseContract, application.Done]
	ResumeContract bus.Handler[marketcommand.ResumeContract, application.Done]
	DeleteContract bus.Handler[marketcommand.DeleteContract, application.Done]
	Contracts      bus.Handler[marketquery.Contracts, application.List[marketquery.Contract]]
	ContractByID   bus.Handler[marketquery.ContractByID, marketquery.Contract]
	ContractUsage  bus.Handler[marketquery.ContractUsage, []marketquery.Usage]
}

func (h Handlers) contractRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/campaigns/:id/contracts", Needs: application.Program, Handle: h.listContracts},
		{Method: http.MethodPost, Path: "/v1/campaigns/:id/contracts", Needs: application.Program, Handle: h.createContract},
		{Method: http.MethodGet, Path: "/v1/campaigns/:id/contracts/:contract_id", Needs: application.Program, Handle: h.getContract},
		{Method: http.MethodPut, Path: "/v1/campaigns/:id/contracts/:contract_id", Needs: application.Program, Handle: h.updateContract},
		{Method: http.MethodDelete, Path: "/v1/campaigns/:id/contracts/:contract_id", Needs: application.Program, Handle: h.deleteContract},
		{Method: http.MethodPost, Path: "/v1/campaigns/:id/contracts/:contract_id/pause", Needs: application.Program, Handle: h.pauseContract},
		{Method: http.MethodPost, Path: "/v1/campaigns/:id/contracts/:contract_id/resume", Needs: application.Program, Handle: h.resumeContract},
		{Method: http.MethodGet, Path: "/v1/campaigns/:id/contracts/:contract_id/usage", Needs: application.Program, Handle: h.contractUsage},
	}
}

func showCap(k *httpport.Call) func(marketquery.Cap) Cap {
	return func(c marketquery.Cap) Cap {
		d := Cap{Window: c.Window}
		if c.HasLeads {
			d.Leads = &c.Leads
		}
		if c.HasBudget {
			budget := httpport.Amount(c.Budget, k.Currency())
			d.Budget = &budget
		}
		return d
	}
}

func showContract(k *httpport.Call) func(marketquery.Contract) Contract {
	return func(c marketquery.Contract) Contract {
		return Contract{
			Id: c.ID, CampaignId: c.CampaignID, BuyerId: c.BuyerID, Status: c.Status, Price: httpport.Amount(c.Price, k.Currency()),
			Priority: c.Priority, Weight: 1, TimeZone: c.TimeZone, Caps: httpport.Each(showCap(k))(c.Caps), Delivery: Delivery{Mode: notify},
			CreatedAt: Timestamp(c.CreatedAt), UpdatedAt: Timestamp(c.UpdatedAt),
		}
	}
}

// notify is the only delivery there is: the buyer is told of its lead.
const notify = "notify"

func (h Handlers) listContracts(k *httpport.Call) {
	httpport.List(k, h.Contracts, func(p application.Page, _ url.Values, _ *fault.Violations) marketquery.Contracts {
		return marketquery.Contracts{Actor: k.Actor(), CampaignID: k.Param("id"), Page: p}
	}, showContract(k))
}

func (h Handlers) getContract(k *httpport.Call) {
	httpport.Ask(k, h.ContractByID, marketquery.ContractByID{Actor: k.Actor(), CampaignID: k.Param("id"), ID: k.Param("contract_id")}, showContract(k))
}

func (h Handlers) createContract(k *httpport.Call) {
	c := marketcommand.CreateContract{Actor: k.Actor(), CampaignID: k.Param("id")}
	b, ok := k.Bind(httpport.Required, func(b *httpport.Body) {
		c.Status, c.BuyerID = b.Text("status"), b.Text("buyer_id")
		fillContract(b.Object, &c.Terms)
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusCreated, showContract(k))
		httpport.Do(b, h.CreateContract, c)
	}
}

func (h Handlers) updateContract(k *httpport.Call) {
	c := marketcommand.UpdateContract{Actor: k.Actor(), CampaignID: k.Param("id"), ID: k.Param("contract_id")}
	b, ok := k.Bind(httpport.Required, func(b *httpport.Body) {
		b.Fixed("status", "is changed by pause and resume")
		b.Fixed("buyer_id", "never changes")
		fillContract(b.Object, &c.Terms)
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusOK, showContract(k))
		httpport.Do(b, h.UpdateContract, c)
	}
}

func fillContract(o *httpport.Object, t *marketcommand.ContractTerms) {
	t.Price = o.Money("price", money.ParseNonNegative)
	httpport.FillInteger(o, "priority", &t.Priority)
	httpport.FillText(o, "time_zone", &t.TimeZone)
	httpport.FillObjects(o, "caps", &t.Caps, func(o *httpport.Object, limit *marketcommand.Cap) {
		limit.Window = calendar.Window(o.Text("window"))
		var leads *int64
		if httpport.FillInteger(o, "leads", &leads); leads != nil {
			limit.HasLeads, limit.Leads = true, *leads
		}
		if budget := o.Money("budget", money.ParseNonNegative); budget != nil {
			limit.HasBudget, limit.Budget = true, *budget
		}
	})
	var weight *int64
	if httpport.FillInteger(o, "weight", &weight); weight != nil && *weight != 1 {
		o.Violate("weight", fault.NotSupported, "must be 1; weights are not supported yet")
	}
	o.NotYet("filter")
	o.NotYet("schedule")
	o.NotYet("dedupe")
	o.Nested("delivery", func(o *httpport.Object) {
		if mode := o.Text("mode"); mode != "" && mode != notify {
			o.Violate("mode", fault.NotSupported, "must be notify; other deliveries are not supported yet")
		}
		if format := o.Text("format"); format != "" && format != "json" {
			o.Violate("format", fault.NotSupported, "is not supported yet")
		}
		o.NotYet("url")
	})
}

func (h Handlers) pauseContract(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.PauseContract, marketcommand.PauseContract{
			Actor: k.Actor(), CampaignID: k.Param("id"), ID: k.Param("contract_id"),
			Once: httpport.Once(b, http.StatusOK, showContract(k)),
		})
	}
}

func (h Handlers) resumeContract(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.ResumeContract, marketcommand.ResumeContract{
			Actor: k.Actor(), CampaignID: k.Param("id"), ID: k.Param("contract_id"),
			Once: httpport.Once(b, http.StatusOK, showContract(k)),
		})
	}
}

func (h Handlers) deleteContract(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.DeleteContract, marketcommand.DeleteContract{
			Actor: k.Actor(), CampaignID: k.Param("id"), ID: k.Param("contract_id"),
			Once: httpport.OnceOK[marketquery.Contract](b),
		})
	}
}

func (h Handlers) contractUsage(k *httpport.Call) {
	q := marketquery.ContractUsage{Actor: k.Actor(), CampaignID: k.Param("id"), ID: k.Param("contract_id")}
	httpport.Ask(k, h.ContractUsage, q, httpport.Each(func(u marketquery.Usage) Usage {
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
	}))
}
