package consolehttp

import (
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
)

type leadsContent struct {
	*Visit

	Leads    application.List[marketquery.MarketplaceLead]
	Buyers   []marketquery.Buyer
	Statuses []Option
	Category []Option
	Buyer    []Option
	Filtered bool
	Searched bool // no more than so many were looked at
}

// leadFilters are the parameters of the list of leads.
var leadFilters = []string{"status", "category", "state", "buyer", "supplier", "key", "from", "to"}

// askedLeads reads the filters of the page's address.
func askedLeads(v *Visit) (marketquery.MarketplaceLeads, error) {
	var wrong fault.Violations
	q := marketquery.MarketplaceLeads{
		Actor: v.Who(), Status: v.Query("status"), Category: v.Query("category"), BuyerID: v.Query("buyer"), PartnerID: v.Query("supplier"), KeyID: v.Query("key"),
	}
	var err error
	if s := v.Query("state"); s != "" {
		q.State, err = contact.ParseUSState(strings.ToUpper(s))
		wrong.AddErr("state", err)
	}
	q.From, q.To = v.day("from", 0, &wrong), v.day("to", 1, &wrong)
	page, err := v.Paged()
	if err != nil {
		wrong.AddErr("after", err)
	}
	q.Page = page
	return q, wrong.Err()
}

// day reads a day of the seller's zone, as the moment at which it begins, or some days later.
func (v *Visit) day(name string, later int, wrong *fault.Violations) time.Time {
	s := v.Query(name)
	if s == "" {
		return time.Time{}
	}
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		wrong.Add(name, fault.InvalidValue, "must be a day, such as 2026-05-02")
		return time.Time{}
	}
	return calendar.StartOf(d.AddDate(0, 0, later), v.Zone())
}

// leads shows the leads that were asked for, the newest first.
func leads(v *Visit) {
	content := leadsContent{Visit: v}
	for _, name := range leadFilters {
		v.Form.Fill(name, v.Query(name))
		content.Filtered = content.Filtered || v.Query(name) != ""
	}
	_, buyers, err := v.buyerNames()
	if err != nil {
		v.Fail(err)
		return
	}
	campaigns, err := v.campaigns()
	if err != nil {
		v.Fail(err)
		return
	}
	content.Buyer = []Option{{Label: "Any"}}
	for _, b := range buyers {
		content.Buyer = append(content.Buyer, Option{Value: b.ID, Label: b.Name})
	}
	content.Category = []Option{{Label: "Any"}}
	seen := map[string]bool{}
	for _, c := range campaigns {
		if !seen[c.Category] {
			content.Category = append(content.Category, Option{Value: c.Category, Label: c.Category})
		}
		seen[c.Category] = true
	}
	content.Statuses = []Option{{Label: "Any"}}
	for _, s := range marketquery.LeadStatuses() {
		content.Statuses = append(content.Statuses, Option{Value: s, Label: newStatus(s).Word})
	}
	q, err := askedLeads(v)
	if err == nil {
		content.Leads, err = Ask[application.List[marketquery.MarketplaceLead]](v, q)
	}
	if err != nil {
		v.ShowAgain("leads", content, err)
		return
	}
	content.Searched = q.Searches() && content.Leads.Next != "" && len(content.Leads.Items) < q.Page.Limit
	v.Show("leads", content)
}

// exportTime is how long sending a list may take.
const exportTime = 30 * time.Minute

// leadsSheet sends the leads that were asked for, as a file.
func leadsSheet(v *Visit) {
	q, err := askedLeads(v)
	if err != nil {
		v.Fail(err)
		return
	}
	names, _, err := v.buyerNames()
	if err != nil {
		v.Fail(err)
		return
	}
	v.call.Extend(exportTime)
	q.Page = application.Page{}
	sheet := v.call.Sheet("leads.csv", "id", "received_at", "status", "reason", "category", "state", "supplier", "key", "external_id", "buyers", "price", "payout", "currency", "test")
	_, err = Ask[int64](v, marketquery.ExportLeads{MarketplaceLeads: q, More: sheet.Flush, Tell: func(l marketquery.MarketplaceLead) error {
		var buyers []string
		for _, s := range l.Sales {
			if s.Live {
				buyers = append(buyers, names(s.BuyerID))
			}
		}
		sheet.Text(l.ID).Time(l.CreatedAt).Text(l.Status).Text(l.Code).Text(l.Category).Text(l.State).Text(l.PartnerID).Text(l.KeyID).Text(l.ExternalID).
			Text(strings.Join(buyers, "; ")).Number(l.Price.Format(v.Currency())).Number(l.Payout.Format(v.Currency())).Text(v.Currency().Code())
		if l.Test {
			sheet.Text("yes")
		} else {
			sheet.Text("")
		}
		return sheet.Row()
	}})
	sheet.End(err)
}

// Sheet is where the leads of the page are a file.
func (c leadsContent) Sheet() string {
	return strings.Replace(c.With("after", ""), "/console/leads", "/console/leads.csv", 1)
}

// LiveSales are the sales of a lead that count.
func (leadsContent) LiveSales(l marketquery.MarketplaceLead) []marketquery.Sale { return liveSales(l) }

func liveSales(l marketquery.MarketplaceLead) []marketquery.Sale {
	var live []marketquery.Sale
	for _, s := range l.Sales {
		if s.Live {
			live = append(live, s)
		}
	}
	return live
}
