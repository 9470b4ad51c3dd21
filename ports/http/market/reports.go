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
	Earnings       bus.Handler[marketquery.Earnings, []marketquery.Earning]
}

func (h Handlers) reportRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/reports/campaigns", Needs: application.Program, Handle: httpport.Parameters{Names: []string{"from", "to", "group_by"}}.Reading(h.reportCampaigns)},
		{Method: http.MethodGet, Path: "/v1/partners/:id/earnings", Needs: application.Program, Handle: httpport.Parameters{Names: []string{"from", "to"}}.Reading(h.getEarnings)},
	}
}

func (h Handlers) reportCampaigns(k *httpport.Call) {
	values := k.Query()
	q, err := marketquery.CampaignReport{Actor: k.Actor(), From: values.Get("from"), To: values.Get("to"), GroupBy: values.Get("group_by")}.Check()
	if err != nil {
		k.Fail(err)
		return
	}
	if k.Prefers(httpport.TypeJSON, httpport.TypeCSV) == httpport.TypeCSV {
		h.sendReport(k, q)
		return
	}
	httpport.Ask(k, h.CampaignReport, q, httpport.Each(func(r marketquery.CampaignReportRow) ReportRow {
		c := k.Currency()
		d := ReportRow{
			Hour: httpport.TextOrNil(r.Hour), Day: httpport.TextOrNil(r.Day), Category: httpport.TextOrNil(r.Category),
			Supplier: httpport.TextOrNil(r.Supplier), SupplierName: httpport.TextOrNil(r.SupplierName), Buyer: httpport.TextOrNil(r.Buyer), BuyerName: httpport.TextOrNil(r.BuyerName),
			Contract: httpport.TextOrNil(r.Contract), State: httpport.TextOrNil(r.State), Reason: httpport.TextOrNil(r.Reason),
			Leads: LeadCounts{Sold: r.Leads.Sold}, SoldGross: r.SoldGross, SoldNet: r.SoldNet, Revenue: httpport.Amount(r.Revenue, c),
			Payout: httpport.Amount(r.Payout, c), Margin: httpport.Amount(r.Margin, c),
			Returned: ReportReturned{Sales: r.Returned.Sales, Revenue: httpport.Amount(r.Returned.Revenue, c), Payout: httpport.Amount(r.Returned.Payout, c)},
		}
		if r.AcceptanceRate != "" {
			rate := Decimal(r.AcceptanceRate)
			d.AcceptanceRate = &rate
		}
		if !q.OfSales() {
			d.Leads.Submitted, d.Leads.Pending, d.Leads.Duplicate = &r.Leads.Submitted, &r.Leads.Pending, &r.Leads.Duplicate
			d.Leads.Rejected, d.Leads.Unsold, d.Leads.Returned = &r.Leads.Rejected, &r.Leads.Unsold, &r.Leads.Returned
		}
		return d
	}))
}

// sendReport answers a report as a table.
func (h Handlers) sendReport(k *httpport.Call, q marketquery.CampaignReport) {
	rows, err := h.CampaignReport.Handle(k.Context(), q)
	if err != nil {
		k.Fail(err)
		return
	}
	c := k.Currency()
	sheet := k.Sheet("report.csv", "hour", "day", "category", "supplier", "supplier_name", "buyer", "buyer_name", "contract", "state", "reason", "submitted", "pending",
		"sold", "duplicate", "rejected", "unsold", "returned", "sold_gross", "sold_net", "revenue", "payout", "margin", "returned_revenue", "returned_payout",
		"currency", "acceptance_rate")
	for _, r := range rows {
		for _, text := range []string{r.Hour, r.Day, r.Category, r.Supplier, r.SupplierName, r.Buyer, r.BuyerName, r.Contract, r.State, r.Reason} {
			sheet.Text(text)
		}
		n := r.Leads
		if q.OfSales() {
			sheet.Number("").Number("").Int(n.Sold).Number("").Number("").Number("").Number("")
		} else {
			sheet.Int(n.Submitted).Int(n.Pending).Int(n.Sold).Int(n.Duplicate).Int(n.Rejected).Int(n.Unsold).Int(n.Returned)
		}
		sheet.Int(r.SoldGross).Int(r.SoldNet).Number(r.Revenue.Format(c)).Number(r.Payout.Format(c)).Number(r.Margin.Format(c))
		_ = sheet.Number(r.Returned.Revenue.Format(c)).Number(r.Returned.Payout.Format(c)).Text(c.Code()).Number(r.AcceptanceRate).Row()
	}
	sheet.End(nil)
}
