package query

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

// CampaignReport asks what became of a seller's leads that were submitted between two days, both inclusive, in the seller's
// time zone. From and To are YYYY-MM-DD; an empty one is no bound. GroupBy is one dimension or two with a comma between them; empty is ByDay.
//
// Reports by day, category, supplier and buyer are read from sums that follow the events, a moment behind. Those by hour, contract, state and
// reason are read from the leads and the sales themselves, for at most DetailDays days and MostDetailed leads.
type CampaignReport struct {
	application.Actor

	From, To string
	GroupBy  string
}

// Needs implements application.Message.
func (CampaignReport) Needs() application.Scope { return application.Program }

// The bounds of a report by hour, contract, state or reason.
const (
	DetailDays   = 31
	MostDetailed = 200_000
)

// Check returns the query with its defaults, or fault.ErrValidation with the members at fault.
func (q CampaignReport) Check() (CampaignReport, error) {
	var v fault.Violations
	if q.GroupBy == "" {
		q.GroupBy = ByDay
	}
	by := q.Dimensions()
	known := func(d string) bool { return slices.Contains(reportDimensions, d) }
	if len(by) > 2 || !known(by[0]) || len(by) == 2 && (!known(by[1]) || by[0] == by[1]) {
		v.Add("group_by", fault.InvalidValue, "must be one of "+strings.Join(reportDimensions, ", ")+", or two of them with a comma between them")
	}
	if !v.Any() && q.Detailed() {
		checkDays(q.From, q.To, DetailDays, &v)
		return q, v.Err()
	}
	for _, d := range []struct{ field, value string }{{"from", q.From}, {"to", q.To}} {
		if d.value != "" {
			checkDay(d.field, d.value, &v)
		}
	}
	if !v.Any() && q.From != "" && q.To != "" && q.To < q.From {
		v.Add("to", fault.InvalidValue, "must not be before from")
	}
	return q, v.Err()
}

// Dimensions returns what the report is grouped by: one or two.
func (q CampaignReport) Dimensions() []string { return strings.Split(q.GroupBy, ",") }

// Detailed reports whether the report is not read from sums.
func (q CampaignReport) Detailed() bool {
	return q.by(ByHour, ByContract, ByState, ByReason)
}

// OfSales reports whether the report is only of sales, because leads that were not sold have no such dimension.
func (q CampaignReport) OfSales() bool { return q.by(ByBuyer, ByContract) }

func (q CampaignReport) by(some ...string) bool {
	return slices.ContainsFunc(q.Dimensions(), func(d string) bool { return slices.Contains(some, d) })
}

// ErrTooManyLeads says that a detailed report would look at more than MostDetailed leads.
func ErrTooManyLeads() error {
	var v fault.Violations
	v.Add("to", fault.InvalidValue, "is too far away: these days have more than "+strconv.Itoa(MostDetailed)+" leads")
	return v.Err()
}

var reportDimensions = []string{ByHour, ByDay, ByCategory, BySupplier, ByBuyer, ByContract, ByState, ByReason}

// What a campaign report can be grouped by (docs/marketplace.md).
const (
	ByHour     = "hour"
	ByDay      = "day"
	ByCategory = "category"
	BySupplier = "supplier"
	ByBuyer    = "buyer"
	ByContract = "contract"
	ByState    = "state"
	ByReason   = "reason"
)

// CampaignReportRow is one group of a report. Of Hour (when it began, with its offset, such as 2025-05-02T13:00:00-05:00), Day, Category,
// Supplier (a partner's id), Buyer, Contract (ids), State and Reason (the code of a lead that is not sold) those that the report is grouped by are
// filled. A contract has its buyer beside it. Money is in micro-units of the seller's currency.
type CampaignReportRow struct {
	Hour, Day, Category     string
	Supplier, SupplierName  string
	Buyer, BuyerName        string
	Contract, State, Reason string
	Leads                   LeadCounts
	SoldGross, SoldNet      int64        // numbers of sales; SoldNet is without returned sales
	Revenue, Payout, Margin money.Micros // of all sales but returned ones
	Returned                SaleFigures  // what was given back
	// AcceptanceRate is sold leads divided by submitted leads with 4 decimals, such as "0.6667". It is "0.0000" without
	// leads, and empty when grouped by buyer, because a lead that was not sold has no buyer.
	AcceptanceRate string
}

// LeadCounts counts leads by their current status. Grouped by buyer, only Sold is counted.
type LeadCounts struct{ Submitted, Pending, Sold, Duplicate, Rejected, Unsold, Returned int64 }

// SaleFigures are how many sales there were and their money, in micro-units of the seller's currency.
type SaleFigures struct {
	Sales           int64
	Revenue, Payout money.Micros
}

// NewRow makes the row of a group, which has a value for each dimension, from what was counted: all sales, and those of them that were returned.
func (q CampaignReport) NewRow(group []string, leads LeadCounts, sold, returned SaleFigures) (CampaignReportRow, error) {
	revenue, err := sold.Revenue.Sub(returned.Revenue)
	if err != nil {
		return CampaignReportRow{}, err
	}
	payout, err := sold.Payout.Sub(returned.Payout)
	if err != nil {
		return CampaignReportRow{}, err
	}
	margin, err := revenue.Sub(payout)
	if err != nil {
		return CampaignReportRow{}, err
	}
	r := CampaignReportRow{
		Leads: leads, SoldGross: sold.Sales, SoldNet: sold.Sales - returned.Sales, Revenue: revenue, Payout: payout, Margin: margin, Returned: returned,
		AcceptanceRate: "0.0000",
	}
	if leads.Submitted > 0 {
		r.AcceptanceRate = big.NewRat(leads.Sold, leads.Submitted).FloatString(4)
	}
	if q.OfSales() {
		r.AcceptanceRate = ""
	}
	for i, d := range q.Dimensions() {
		*map[string]*string{
			ByHour: &r.Hour, ByDay: &r.Day, ByCategory: &r.Category, BySupplier: &r.Supplier, ByBuyer: &r.Buyer, ByContract: &r.Contract,
			ByState: &r.State, ByReason: &r.Reason,
		}[d] = group[i]
	}
	return r, nil
}
