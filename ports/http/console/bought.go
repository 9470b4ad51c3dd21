package consolehttp

import (
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

type boughtContent struct {
	*BuyerPortal

	Leads   application.List[marketquery.BoughtLead]
	OfMonth string
}

// bought is the question for the leads of a month, such as 2026-11, or for all.
func (b *BuyerPortal) bought(month string) (marketquery.BoughtLeads, error) {
	q := marketquery.BoughtLeads{Actor: b.Who(), BuyerID: b.Buyer.ID}
	if month == "" {
		return q, nil
	}
	first, err := time.Parse("2006-01", month)
	if err != nil {
		var wrong fault.Violations
		wrong.Add("month", fault.InvalidValue, "must be a month such as 2026-11")
		return q, wrong.Err()
	}
	q.From, q.To = calendar.StartOf(first, b.Zone()), calendar.StartOf(first.AddDate(0, 1, 0), b.Zone())
	return q, nil
}

// boughtLeads shows the leads that the buyer bought, the newest first.
func boughtLeads(b *BuyerPortal) {
	content := boughtContent{BuyerPortal: b, OfMonth: b.Query("month")}
	b.Form.Fill("month", content.OfMonth)
	q, err := b.bought(content.OfMonth)
	if err == nil {
		q.Page, err = b.Paged()
	}
	if err == nil {
		content.Leads, err = Ask[application.List[marketquery.BoughtLead]](b.Visit, q)
	}
	if err != nil {
		b.ShowAgain("bought", content, err)
		return
	}
	b.Show("bought", content)
}

// boughtLeadsSheet sends the leads of a month, or all, with what they hold of people, as a file. It is asked for by a form, so that it is a change in
// the audit trail. Fields that no lead of the first page has are in the last column.
func boughtLeadsSheet(b *BuyerPortal) {
	q, err := b.bought(b.Form.Text("month"))
	if err != nil {
		b.Fail(err)
		return
	}
	b.call.Extend(exportTime)
	var sheet *httpport.Sheet
	var names []string
	_, err = Do[int64](b.Visit, marketcommand.ExportBoughtLeads{BoughtLeads: q, Begin: func(fields []string) error {
		names = fields
		columns := []string{"sold_at", "sale_id", "lead_id", "campaign", "category", "state", "status", "price", "currency"}
		for _, name := range fields {
			columns = append(columns, "fields."+name)
		}
		sheet = b.call.Sheet("leads.csv", append(columns, "other_fields")...)
		return nil
	}, Tell: func(l marketquery.BoughtLead) error {
		sheet.Time(l.SoldAt).Text(l.SaleID).Text(l.LeadID).Text(l.CampaignName).Text(l.Category).Text(l.State).Text(l.Status).
			Number(l.Price.Format(b.Currency())).Text(b.Currency().Code())
		for _, name := range names {
			sheet.Text(l.Fields.Text(name))
		}
		var others []string
		for _, name := range l.Fields.Names() {
			if !slices.Contains(names, name) {
				others = append(others, name+": "+l.Fields.Text(name))
			}
		}
		return sheet.Text(strings.Join(others, "; ")).Row()
	}})
	if sheet == nil {
		b.Fail(err)
		return
	}
	sheet.End(err)
}

type boughtLeadContent struct {
	*BuyerPortal

	Lead     marketquery.BoughtLead
	Returned []marketquery.Return // of this sale
	Fields   []FieldShown
	Revealed bool
}

// CanReturn reports whether the lead can be given back now.
func (c boughtLeadContent) CanReturn() bool {
	return c.Lead.Status == saleCaptured && c.Now().Before(c.Lead.ReturnUntil)
}

// saleCaptured is the status of a sale that nobody wants to give back.
const saleCaptured = "captured"

func boughtLeadOf(b *BuyerPortal) (boughtLeadContent, error) {
	c := boughtLeadContent{BuyerPortal: b}
	var err error
	if c.Lead, err = Ask[marketquery.BoughtLead](b.Visit, marketquery.BoughtLeadBySale{Actor: b.Who(), BuyerID: b.Buyer.ID, SaleID: b.Param("id")}); err != nil {
		return c, err
	}
	all, err := Ask[[]marketquery.Return](b.Visit, marketquery.ReturnsOfBuyer{Actor: b.Who(), BuyerID: b.Buyer.ID})
	c.Returned = slices.DeleteFunc(all, func(r marketquery.Return) bool { return r.SaleID != c.Lead.SaleID })
	c.Fields = shownFields(c.Lead.Fields, mask)
	return c, err
}

// boughtLead shows a lead that the buyer bought, with its fields masked.
func boughtLead(b *BuyerPortal) {
	content, err := boughtLeadOf(b)
	if err != nil {
		b.Fail(err)
		return
	}
	b.Show("bought_lead", content)
}

// revealBoughtLead shows the fields of a lead. It is asked for by a form, so that it is a change in the audit trail and in no address.
func revealBoughtLead(b *BuyerPortal) {
	content, err := boughtLeadOf(b)
	if err != nil {
		b.Fail(err)
		return
	}
	revealed, err := Do[marketquery.BoughtLead](b.Visit, marketcommand.RevealBoughtLead{Actor: b.Who(), BuyerID: b.Buyer.ID, SaleID: content.Lead.SaleID, LeadID: content.Lead.LeadID})
	if err != nil {
		b.ShowAgain("bought_lead", content, err)
		return
	}
	content.Revealed = true
	content.Fields = shownFields(revealed.Fields, func(_, value string) string { return value })
	b.Show("bought_lead", content)
}

// Reasons are why the lead can be given back, as a field.
func (c boughtLeadContent) Reasons() Field {
	f := c.Labelled("reason", c.say("buyer.reason"))
	for _, code := range returnReasons {
		f.Options = append(f.Options, Option{Value: code, Label: c.Reason(code), Chosen: code == f.Value})
	}
	return f
}

func askReturnBought(b *BuyerPortal) {
	content, err := boughtLeadOf(b)
	if err != nil {
		b.Fail(err)
		return
	}
	b.Show("bought_return", content)
}

// returnBought asks for the price of a lead back.
func returnBought(b *BuyerPortal) {
	content, err := boughtLeadOf(b)
	if err != nil {
		b.Fail(err)
		return
	}
	_, err = Do[application.Done](b.Visit, marketcommand.RequestReturn{
		Actor: b.Who(), SaleID: content.Lead.SaleID, Reason: b.Form.Text("reason"), Note: b.Form.Text("note"), Once: Once[marketquery.Return](b.Visit),
	})
	if err != nil {
		b.ShowAgain("bought_return", content, err)
		return
	}
	b.Done(buyerPath+"/leads/"+content.Lead.SaleID, b.say("buyer.return_asked"))
}

type ownReturnsContent struct {
	*BuyerPortal

	Returns []marketquery.Return
}

// ownReturns shows what the buyer gave back, those that are not decided first.
func ownReturns(b *BuyerPortal) {
	all, err := Ask[[]marketquery.Return](b.Visit, marketquery.ReturnsOfBuyer{Actor: b.Who(), BuyerID: b.Buyer.ID})
	if err != nil {
		b.Fail(err)
		return
	}
	b.Show("own_returns", ownReturnsContent{b, all})
}
