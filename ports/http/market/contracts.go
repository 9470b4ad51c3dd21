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
		{Method: http.MethodGet, Path: "/v1/campaigns/:id/contracts", Needs: application.Program, Handle: httpport.ReadingList(httpport.Parameters{}, h.listContracts)},
		{Method: http.MethodPost, Path: "/v1/campaigns/:id/contracts", Needs: application.Program, Handle: h.createContract},
		{Method: http.MethodGet, Path: "/v1/campaigns/:id/contracts/:contract_id", Needs: application.Program, Handle: httpport.Parameters{}.Reading(h.getContract)},
		{Method: http.MethodPut, Path: "/v1/campaigns/:id/contracts/:contract_id", Needs: application.Program, Handle: h.updateContract},
		{Method: http.MethodDelete, Path: "/v1/campaigns/:id/contracts/:contract_id", Needs: application.Program, Handle: h.deleteContract},
		{Method: http.MethodPost, Path: "/v1/campaigns/:id/contracts/:contract_id/pause", Needs: application.Program, Handle: h.pauseContract},
		{Method: http.MethodPost, Path: "/v1/campaigns/:id/contracts/:contract_id/resume", Needs: application.Program, Handle: h.resumeContract},
		{Method: http.MethodGet, Path: "/v1/campaigns/:id/contracts/:contract_id/usage", Needs: application.Program, Handle: httpport.Parameters{}.Reading(h.contractUsage)},
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
		d := Contract{
			Id: c.ID, CampaignId: c.CampaignID, BuyerId: c.BuyerID, Status: c.Status, Price: httpport.Amount(c.Price, k.Currency()),
			Priority: c.Priority, Weight: c.Weight, TimeZone: c.TimeZone, Caps: httpport.Each(showCap(k))(c.Caps), Filter: httpport.TextOrNil(c.Filter), Schedule: showSchedule(c.Schedule), Delivery: showContractDelivery(c), Bid: showBid(c),
			CreatedAt: Timestamp(c.CreatedAt), UpdatedAt: Timestamp(c.UpdatedAt),
		}
		if len(c.DedupeFields) > 0 {
			d.Dedupe = &CampaignDedupe{Fields: c.DedupeFields, Match: c.DedupeMatch, WindowDays: c.DedupeWindowDays}
		}
		return d
	}
}

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
		c.Once = httpport.OnceSecret(b, http.StatusCreated, showContract(k))
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
		c.Once = httpport.OnceSecret(b, http.StatusOK, showContract(k))
		httpport.Do(b, h.UpdateContract, c)
	}
}

func fillContract(o *httpport.Object, t *marketcommand.ContractTerms) {
	t.Price = o.Money("price", money.ParseNonNegative)
	httpport.FillInteger(o, "priority", &t.Priority)
	httpport.FillText(o, "time_zone", &t.TimeZone)
	httpport.FillInteger(o, "weight", &t.Weight)
	fillCaps(o, &t.Caps)
	if httpport.FillText(o, "filter", &t.Filter); o.IsNull("filter") {
		t.Filter = new("")
	}
	fillSchedule(o, &t.Schedule)
	if o.IsNull("dedupe") {
		t.Dedupe = &marketcommand.DedupeRule{}
	}
	o.Nested("dedupe", func(o *httpport.Object) { t.Dedupe = dedupeRule(o) })
	fillDelivery(o, &t.Delivery)
	fillBid(o, &t.Bid)
}

func showBid(c marketquery.Contract) *ContractBid {
	b := c.Bid
	if b == nil {
		return nil
	}
	d := &ContractBid{Url: b.URL, TimeoutMs: b.Timeout.Milliseconds()}
	if len(b.Fields) > 0 {
		d.Fields = &b.Fields
	}
	return d
}

// fillBid binds how the buyer of a contract is asked to bid. null is the default of a member, and nothing for the whole.
func fillBid(o *httpport.Object, into **marketcommand.BidTerms) {
	if o.IsNull("bid") {
		*into = &marketcommand.BidTerms{Forget: true}
		return
	}
	o.Nested("bid", func(o *httpport.Object) {
		t := &marketcommand.BidTerms{}
		httpport.FillText(o, "url", &t.URL)
		if httpport.FillInteger(o, "timeout_ms", &t.TimeoutMS); o.IsNull("timeout_ms") {
			t.TimeoutMS = new(int64(500))
		}
		t.Fields = textsByName(o, "fields")
		*into = t
	})
}

// fillCaps binds the caps of a contract, a buyer or a campaign.
func fillCaps(o *httpport.Object, caps **[]marketcommand.Cap) {
	httpport.FillObjects(o, "caps", caps, func(o *httpport.Object, limit *marketcommand.Cap) {
		limit.Window = calendar.Window(o.Text("window"))
		var leads *int64
		if httpport.FillInteger(o, "leads", &leads); leads != nil {
			limit.HasLeads, limit.Leads = true, *leads
		}
		if budget := o.Money("budget", money.ParseNonNegative); budget != nil {
			limit.HasBudget, limit.Budget = true, *budget
		}
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
