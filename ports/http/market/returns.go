package markethttp

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// ReturnHandlers are the commands and queries that the routes of sales and their returns call, and those by which an operator changes a
// lead that is not sold.
type ReturnHandlers struct {
	Sales            bus.Handler[marketquery.Sales, application.List[marketquery.SoldLead]]
	SaleByID         bus.Handler[marketquery.SaleByID, marketquery.SoldLead]
	RequestReturn    bus.Handler[marketcommand.RequestReturn, application.Done]
	Returns          bus.Handler[marketquery.Returns, application.List[marketquery.Return]]
	ReturnByID       bus.Handler[marketquery.ReturnByID, marketquery.Return]
	ApproveReturn    bus.Handler[marketcommand.ApproveReturn, application.Done]
	RejectReturn     bus.Handler[marketcommand.RejectReturn, application.Done]
	RedistributeLead bus.Handler[marketcommand.RedistributeLead, application.Done]
	RejectMarketLead bus.Handler[marketcommand.RejectMarketLead, application.Done]
	ChangeLeadPrice  bus.Handler[marketcommand.ChangeLeadPrice, application.Done]
}

func (h Handlers) returnRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/sales", Needs: application.Program, Handle: httpport.ReadingList(ofSales, h.listSales)},
		{Method: http.MethodGet, Path: "/v1/sales/:id", Needs: application.Program, Handle: httpport.Parameters{}.Reading(h.getSale)},
		{Method: http.MethodPost, Path: "/v1/sales/:id/returns", Needs: application.Program, Handle: h.requestReturn},
		{Method: http.MethodGet, Path: "/v1/returns", Needs: application.Program, Handle: httpport.ReadingList(httpport.Parameters{Names: []string{"status"}}, h.listReturns)},
		{Method: http.MethodGet, Path: "/v1/returns/:id", Needs: application.Program, Handle: httpport.Parameters{}.Reading(h.getReturn)},
		{Method: http.MethodPost, Path: "/v1/returns/:id/approve", Needs: application.Program, Handle: h.approveReturn},
		{Method: http.MethodPost, Path: "/v1/returns/:id/reject", Needs: application.Program, Handle: h.rejectReturn},
		{Method: http.MethodPost, Path: "/v1/marketplace/leads/:lead_id/redistribute", Needs: application.Program, Handle: h.redistributeLead},
		{Method: http.MethodPost, Path: "/v1/marketplace/leads/:lead_id/reject", Needs: application.Program, Handle: h.rejectLead},
		{Method: http.MethodPut, Path: "/v1/marketplace/leads/:lead_id/price", Needs: application.Program, Handle: h.changeLeadPrice},
	}
}

func showSale(k *httpport.Call) func(marketquery.SoldLead) SoldLead {
	return func(s marketquery.SoldLead) SoldLead {
		c := k.Currency()
		return SoldLead{
			Id: s.ID, LeadId: s.LeadID, CampaignId: s.CampaignID, ContractId: s.ContractID, BuyerId: s.BuyerID, Status: s.Status,
			Price: httpport.Amount(s.Price, c), Payout: httpport.Amount(s.Payout, c), SoldAt: Timestamp(s.SoldAt), Delivery: s.Delivery,
		}
	}
}

func showReturn(k *httpport.Call) func(marketquery.Return) Return {
	return func(r marketquery.Return) Return {
		c := k.Currency()
		return Return{
			Id: r.ID, SaleId: r.SaleID, LeadId: r.LeadID, CampaignId: r.CampaignID, ContractId: r.ContractID, BuyerId: r.BuyerID,
			Reason: r.Reason, Note: httpport.TextOrNil(r.Note), Status: r.Status, Automatic: r.Automatic, DecisionNote: httpport.TextOrNil(r.DecisionNote),
			Price: httpport.Amount(r.Price, c), Payout: httpport.Amount(r.Payout, c), SoldAt: Timestamp(r.SoldAt),
			RequestedAt: Timestamp(r.RequestedAt), DecidedAt: httpport.TimestampOrNil(r.DecidedAt),
		}
	}
}

// showReturnRules shows how sales to a buyer are given back.
func showReturnRules(b marketquery.Buyer) (windowDays *int, rules *BuyerReturns) {
	if b.Returns.Window.Own {
		windowDays = &b.Returns.Window.Days
	}
	a := b.Returns.AutoApprove
	if len(a.Reasons) == 0 {
		return windowDays, nil
	}
	rules = &BuyerReturns{AutoApprove: &AutoApprove{SharePercent: Decimal(a.Share.String()), Days: a.Days}}
	for _, reason := range a.Reasons {
		rules.AutoApprove.Reasons = append(rules.AutoApprove.Reasons, string(reason))
	}
	return windowDays, rules
}

// fillReturnRules binds how sales to a buyer are given back.
func fillReturnRules(o *httpport.Object, d *marketcommand.BuyerDetails) {
	if o.IsNull("return_window_days") {
		d.ReturnWindow = &marketcommand.ReturnWindow{}
	}
	var days *int
	if httpport.FillInteger(o, "return_window_days", &days); days != nil {
		d.ReturnWindow = &marketcommand.ReturnWindow{Own: true, Days: *days}
	}
	if o.IsNull("returns") {
		d.AutoApprove = &marketcommand.AutoApprove{}
	}
	o.Nested("returns", func(o *httpport.Object) {
		if o.IsNull("auto_approve") {
			d.AutoApprove = &marketcommand.AutoApprove{}
		}
		o.Nested("auto_approve", func(o *httpport.Object) { d.AutoApprove = autoApprove(o) })
	})
}

func autoApprove(o *httpport.Object) *marketcommand.AutoApprove {
	var rule marketcommand.AutoApprove
	for _, name := range []string{"share_percent", "reasons", "days"} {
		if !o.Has(name) {
			o.Violate(name, fault.Required, "is required")
		}
	}
	if share := o.Number("share_percent"); share != "" {
		var err error
		rule.Share, err = money.ParsePercent(share)
		o.AddErr("share_percent", err)
	}
	reasons, _ := o.Texts("reasons")
	for _, reason := range reasons {
		rule.Reasons = append(rule.Reasons, marketcommand.ReturnReason(reason))
	}
	days := &rule.Days
	if httpport.FillInteger(o, "days", &days); days != nil {
		rule.Days = *days
	}
	return &rule
}

// oneOf refuses a parameter that is none of some values.
func oneOf(v *fault.Violations, name, value string, values []string) string {
	if value != "" && !slices.Contains(values, value) {
		last := len(values) - 1
		v.Add(name, fault.InvalidValue, "must be "+strings.Join(values[:last], ", ")+" or "+values[last])
	}
	return value
}

// ofSales are what the list of sales takes.
var ofSales = httpport.Parameters{Names: []string{"lead", "buyer", "contract", "status", "from", "to"}}

func (h Handlers) listSales(k *httpport.Call) {
	httpport.List(k, h.Sales, func(p application.Page, values url.Values, v *fault.Violations) marketquery.Sales {
		return marketquery.Sales{
			Actor: k.Actor(), LeadID: values.Get("lead"), BuyerID: values.Get("buyer"), ContractID: values.Get("contract"),
			Status: oneOf(v, "status", values.Get("status"), marketquery.SaleStatuses()),
			From:   moment(values, "from", 0, v), To: moment(values, "to", 1, v), Page: p,
		}
	}, showSale(k))
}

func (h Handlers) getSale(k *httpport.Call) {
	httpport.Ask(k, h.SaleByID, marketquery.SaleByID{Actor: k.Actor(), ID: k.Param("id")}, showSale(k))
}

func (h Handlers) requestReturn(k *httpport.Call) {
	c := marketcommand.RequestReturn{Actor: k.Actor(), SaleID: k.Param("id")}
	b, ok := k.Bind(httpport.Required, func(b *httpport.Body) { c.Reason, c.Note = b.Object.Text("reason"), b.Object.Text("note") })
	if ok {
		c.Once = httpport.Once(b, http.StatusCreated, showReturn(k))
		httpport.Do(b, h.RequestReturn, c)
	}
}

func (h Handlers) listReturns(k *httpport.Call) {
	httpport.List(k, h.Returns, func(p application.Page, values url.Values, v *fault.Violations) marketquery.Returns {
		return marketquery.Returns{Actor: k.Actor(), Status: oneOf(v, "status", values.Get("status"), marketquery.ReturnStatuses()), Page: p}
	}, showReturn(k))
}

func (h Handlers) getReturn(k *httpport.Call) {
	httpport.Ask(k, h.ReturnByID, marketquery.ReturnByID{Actor: k.Actor(), ID: k.Param("id")}, showReturn(k))
}

func (h Handlers) approveReturn(k *httpport.Call) {
	c := marketcommand.ApproveReturn{Actor: k.Actor(), ID: k.Param("id")}
	b, ok := k.Bind(httpport.Optional, func(b *httpport.Body) { c.Note, c.Redistribute = b.Object.Text("note"), b.Object.Bool("redistribute") })
	if ok {
		c.Once = httpport.Once(b, http.StatusOK, showReturn(k))
		httpport.Do(b, h.ApproveReturn, c)
	}
}

func (h Handlers) rejectReturn(k *httpport.Call) {
	c := marketcommand.RejectReturn{Actor: k.Actor(), ID: k.Param("id")}
	b, ok := k.Bind(httpport.Optional, func(b *httpport.Body) { c.Note = b.Object.Text("note") })
	if ok {
		c.Once = httpport.Once(b, http.StatusOK, showReturn(k))
		httpport.Do(b, h.RejectReturn, c)
	}
}

func (h Handlers) redistributeLead(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.RedistributeLead, marketcommand.RedistributeLead{Actor: k.Actor(), ID: k.Param("lead_id"), Once: httpport.Once(b, http.StatusOK, showLead(k))})
	}
}

func (h Handlers) rejectLead(k *httpport.Call) {
	if b, ok := k.Bind(httpport.Optional, nil); ok {
		httpport.Do(b, h.RejectMarketLead, marketcommand.RejectMarketLead{Actor: k.Actor(), ID: k.Param("lead_id"), Once: httpport.Once(b, http.StatusOK, showLead(k))})
	}
}

func (h Handlers) changeLeadPrice(k *httpport.Call) {
	c := marketcommand.ChangeLeadPrice{Actor: k.Actor(), ID: k.Param("lead_id")}
	b, ok := k.Bind(httpport.Required, func(b *httpport.Body) {
		for _, name := range []string{"price", "was"} {
			if !b.Has(name) && !b.IsNull(name) {
				b.Violate(name, fault.Required, "is required; null: none")
			}
		}
		c.Price, c.Was = b.Money("price", money.ParseNonNegative), b.Money("was", money.ParseNonNegative)
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusOK, showLead(k))
		httpport.Do(b, h.ChangeLeadPrice, c)
	}
}
