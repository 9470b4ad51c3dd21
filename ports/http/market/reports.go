package markethttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// ReportHandlers are the commands and queries that the routes of reports call.
type ReportHandlers struct {
	CampaignReport bus.Handler[marketquery.CampaignReport, []marketquery.CampaignReportRow]
}

func (h Handlers) reportRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/reports/campaigns", Needs: application.Program, Handle: h.reportCampaigns},
	}
}

func (h Handlers) reportCampaigns(k *httpport.Call) {
	values := k.Query()
	q, err := marketquery.CampaignReport{Actor: k.Actor(), From: values.Get("from"), To: values.Get("to"), GroupBy: values.Get("group_by")}.Check()
	if err != nil {
		k.Fail(err)
		return
	}
	httpport.Ask(k, h.CampaignReport, q, httpport.Each(func(r marketquery.CampaignReportRow) ReportRow {
		c := k.Currency()
		d := ReportRow{
			Day: httpport.TextOrNil(r.Day), Category: httpport.TextOrNil(r.Category), Supplier: httpport.TextOrNil(r.Supplier), Buyer: httpport.TextOrNil(r.Buyer),
			Leads: LeadCounts{Sold: r.Leads.Sold}, SoldGross: r.SoldGross, SoldNet: r.SoldNet, Revenue: httpport.Amount(r.Revenue, c),
			Payout: httpport.Amount(r.Payout, c), Margin: httpport.Amount(r.Margin, c),
		}
		if r.AcceptanceRate != "" {
			rate := Decimal(r.AcceptanceRate)
			d.AcceptanceRate = &rate
		}
		if q.GroupBy != marketquery.ByBuyer {
			d.Leads.Submitted, d.Leads.Pending, d.Leads.Duplicate = &r.Leads.Submitted, &r.Leads.Pending, &r.Leads.Duplicate
			d.Leads.Rejected, d.Leads.Unsold = &r.Leads.Rejected, &r.Leads.Unsold
		}
		return d
	}))
}
