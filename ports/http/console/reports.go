package consolehttp

import (
	"slices"
	"strings"
	"time"

	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

const (
	reportsPath     = consolePath + "/reports"
	reportTablePath = reportsPath + "/table"
)

type reportsContent struct {
	*Visit

	Query   marketquery.CampaignReport
	Rows    []ReportLine
	Total   ReportLine
	By      []string
	Charted bool
	Cut     bool // there are more rows than are shown
	Later   bool // the leads are counted once the page is there
	Part    bool // only the report is looked at
}

// ReportLine is a group of a report: Names are what it is grouped by, and Links where that leads.
type ReportLine struct {
	marketquery.CampaignReportRow

	Names []ReportName
	Gross money.Micros // the revenue before returns
}

// ReportName is what a group is called in one dimension.
type ReportName struct{ Text, Link string }

// Acceptance is the share of the group's leads that were sold.
func (l ReportLine) Acceptance() string { return percentOf(l.Leads.Sold, l.Leads.Submitted) }

// reportDays is how many days a report shows that names none.
const reportDays = 7

// mostReportLines is how many groups are shown; a sheet has them all.
const mostReportLines = 500

// ReportGroups are what reports can be grouped by.
func (reportsContent) ReportGroups() []Option { return reportGroups }

// Again are what the groups can be grouped by again.
func (reportsContent) Again() []Option {
	return append([]Option{{Label: "nothing else"}}, reportGroups...)
}

var reportGroups = []Option{
	{Value: marketquery.ByDay, Label: "day"},
	{Value: marketquery.ByHour, Label: "hour"},
	{Value: marketquery.ByCategory, Label: "category"},
	{Value: marketquery.BySupplier, Label: "supplier"},
	{Value: marketquery.ByBuyer, Label: "buyer"},
	{Value: marketquery.ByContract, Label: "contract"},
	{Value: marketquery.ByState, Label: "state"},
	{Value: marketquery.ByReason, Label: "reason"},
}

// askedReport reads what the address asks for: by day, of the last days, unless it says otherwise.
func askedReport(v *Visit) marketquery.CampaignReport {
	today := v.Now().In(v.Zone())
	q := marketquery.CampaignReport{Actor: v.Who(), From: v.Query("from"), To: v.Query("to"), GroupBy: v.Query("by")}
	if q.GroupBy == "" {
		q.GroupBy = marketquery.ByDay
	}
	if again := v.Query("again"); again != "" && again != q.GroupBy {
		q.GroupBy += "," + again
	}
	if q.To == "" {
		q.To = today.Format(time.DateOnly)
	}
	if q.From == "" {
		q.From = today.AddDate(0, 0, 1-reportDays).Format(time.DateOnly)
	}
	return q
}

// reports shows what became of leads, and what they were sold for. A report for which leads are counted one by one comes after its page, from
// reportTable.
func reports(v *Visit) {
	c := reportsOf(v)
	if !c.Query.Detailed() {
		c.show(v)
		return
	}
	if _, err := c.Query.Check(); err != nil {
		c.wrong(v, err)
		return
	}
	c.Later, c.Charted = true, len(c.By) == 1 && c.By[0] == marketquery.ByHour
	v.Show("reports", c)
}

// reportTable shows a report, whatever it takes.
func reportTable(v *Visit) {
	c := reportsOf(v)
	c.Part = v.call.Request().Header.Get("HX-Request") != ""
	c.show(v)
}

func reportsOf(v *Visit) reportsContent {
	q := askedReport(v)
	c := reportsContent{Visit: v, Query: q, By: q.Dimensions()}
	v.Form.Fill("from", q.From, "to", q.To, "by", c.By[0], "again", v.Query("again"))
	return c
}

// wrong shows what is wrong with what was asked for: in place of the report, where that is all that the browser takes of the page.
func (c reportsContent) wrong(v *Visit, err error) {
	err = renamed(err, func(member string) string {
		if member == "group_by" {
			return "by"
		}
		return member
	})
	if e := fault.As(err); c.Part && e != nil && e.Kind == fault.Invalid {
		v.Form.err = e
		v.Show("reports", c)
		return
	}
	v.ShowAgain("reports", c, err)
}

func (c reportsContent) show(v *Visit) {
	q := c.Query
	rows, err := Ask[[]marketquery.CampaignReportRow](v, q)
	if err != nil {
		c.wrong(v, err)
		return
	}
	if c.Total, err = totalOf(rows); err != nil {
		v.Fail(err)
		return
	}
	for _, r := range rows {
		c.Rows = append(c.Rows, v.reportLine(q, r))
	}
	if c.Cut = len(c.Rows) > mostReportLines; c.Cut {
		c.Rows = c.Rows[:mostReportLines]
	}
	c.Charted = len(c.By) == 1 && len(c.Rows) > 1 && slices.Contains([]string{marketquery.ByDay, marketquery.ByHour}, c.By[0])
	v.Show("reports", c)
}

// reportLine names a group.
func (v *Visit) reportLine(q marketquery.CampaignReport, r marketquery.CampaignReportRow) ReportLine {
	l := ReportLine{CampaignReportRow: r, Gross: r.Revenue + r.Returned.Revenue}
	for _, by := range q.Dimensions() {
		l.Names = append(l.Names, v.reportName(by, r))
	}
	return l
}

func (v *Visit) reportName(by string, r marketquery.CampaignReportRow) ReportName {
	orNone := func(text string) string {
		if text == "" {
			return "none"
		}
		return text
	}
	switch by {
	case marketquery.ByHour:
		if at, err := time.Parse(time.RFC3339, r.Hour); err == nil {
			return ReportName{Text: at.Format("2 Jan 15:04")}
		}
		return ReportName{Text: r.Hour}
	case marketquery.ByDay:
		if at, err := time.Parse(time.DateOnly, r.Day); err == nil {
			return ReportName{Text: at.Format("Mon 2 Jan")}
		}
		return ReportName{Text: r.Day}
	case marketquery.BySupplier:
		if r.Supplier == "" {
			return ReportName{Text: "no supplier"}
		}
		return ReportName{orNone(r.SupplierName), "/console/partners/" + r.Supplier}
	case marketquery.ByBuyer:
		return ReportName{orNone(r.BuyerName), "/console/buyers/" + r.Buyer}
	case marketquery.ByContract:
		return ReportName{orNone(r.BuyerName) + " " + v.Short(r.Contract), "/console/buyers/" + r.Buyer}
	case marketquery.ByState:
		return ReportName{Text: orNone(r.State)}
	case marketquery.ByReason:
		if r.Reason == "" {
			return ReportName{Text: "sold"}
		}
		return ReportName{Text: newStatus(r.Reason).Word}
	}
	return ReportName{Text: orNone(r.Category)}
}

// totalOf adds all groups up.
func totalOf(rows []marketquery.CampaignReportRow) (t ReportLine, err error) {
	for _, r := range rows {
		t.Leads.Submitted += r.Leads.Submitted
		t.Leads.Pending += r.Leads.Pending
		t.Leads.Sold += r.Leads.Sold
		t.Leads.Duplicate += r.Leads.Duplicate
		t.Leads.Rejected += r.Leads.Rejected
		t.Leads.Unsold += r.Leads.Unsold
		t.Leads.Returned += r.Leads.Returned
		t.SoldGross += r.SoldGross
		t.SoldNet += r.SoldNet
		for _, sum := range []struct {
			into *money.Micros
			of   money.Micros
		}{{&t.Revenue, r.Revenue}, {&t.Payout, r.Payout}, {&t.Margin, r.Margin}, {&t.Gross, r.Revenue}, {&t.Gross, r.Returned.Revenue}} {
			if *sum.into, err = sum.into.Add(sum.of); err != nil {
				return t, err
			}
		}
	}
	return t, nil
}

// Sheet is the address of the same report as a file.
func (c reportsContent) Sheet() string { return c.at(reportsPath + ".csv") }

// Table is the address of the same report, counted.
func (c reportsContent) Table() string { return c.at(reportTablePath) }

// at is another address with the same question.
func (c reportsContent) at(path string) string {
	if _, question, has := strings.Cut(c.Here(), "?"); has {
		return path + "?" + question
	}
	return path
}

// ReportSpan is days that many reports are of.
type ReportSpan struct {
	Name, Link string
	Current    bool
}

// Spans are such days, by the seller's clock; weeks begin on Mondays.
func (c reportsContent) Spans() []ReportSpan {
	now := c.Now().In(c.Zone())
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	week := day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
	month := day.AddDate(0, 0, 1-day.Day())
	var all []ReportSpan
	for _, s := range []struct {
		name     string
		from, to time.Time
	}{
		{"Last 7 days", day.AddDate(0, 0, 1-reportDays), day},
		{"Last week", week.AddDate(0, 0, -7), week.AddDate(0, 0, -1)},
		{"This month", month, day},
		{"Last month", month.AddDate(0, -1, 0), month.AddDate(0, 0, -1)},
	} {
		from, to := s.from.Format(time.DateOnly), s.to.Format(time.DateOnly)
		all = append(all, ReportSpan{Name: s.name, Link: c.With("from", from, "to", to), Current: c.Query.From == from && c.Query.To == to})
	}
	return all
}

// Titles are what the report is grouped by, as columns.
func (c reportsContent) Titles() []string {
	all := make([]string, len(c.By))
	for i, by := range c.By {
		all[i] = newStatus(by).Word
	}
	return all
}

// reportSheet is a report as a table, with the columns of the API's.
func reportSheet(v *Visit) {
	q := askedReport(v)
	rows, err := Ask[[]marketquery.CampaignReportRow](v, q)
	if err != nil {
		v.Fail(err)
		return
	}
	c := v.Currency()
	s := v.call.Sheet("report.csv", "hour", "day", "category", "supplier", "supplier_name", "buyer", "buyer_name", "contract", "state", "reason", "submitted", "pending",
		"sold", "duplicate", "rejected", "unsold", "returned", "sold_gross", "sold_net", "revenue", "payout", "margin", "returned_revenue", "returned_payout", "currency", "acceptance_rate")
	for _, r := range rows {
		for _, text := range []string{r.Hour, r.Day, r.Category, r.Supplier, r.SupplierName, r.Buyer, r.BuyerName, r.Contract, r.State, r.Reason} {
			s.Text(text)
		}
		n := r.Leads
		if q.OfSales() {
			s.Number("").Number("").Int(n.Sold).Number("").Number("").Number("").Number("")
		} else {
			s.Int(n.Submitted).Int(n.Pending).Int(n.Sold).Int(n.Duplicate).Int(n.Rejected).Int(n.Unsold).Int(n.Returned)
		}
		s.Int(r.SoldGross).Int(r.SoldNet).Number(r.Revenue.Format(c)).Number(r.Payout.Format(c)).Number(r.Margin.Format(c))
		if err = s.Number(r.Returned.Revenue.Format(c)).Number(r.Returned.Payout.Format(c)).Text(c.Code()).Number(r.AcceptanceRate).Row(); err != nil {
			break
		}
	}
	s.End(err)
}

// Plain writes an amount without signs and commas, for charts.
func (c reportsContent) Plain(m money.Micros) string { return m.Format(c.Currency()) }
