package query

import (
	"math/big"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

// CampaignReport asks what became of a seller's leads that were submitted between two days, both inclusive, in the seller's
// time zone. From and To are YYYY-MM-DD; an empty one is no bound. An empty GroupBy is ByDay.
type CampaignReport struct {
	application.Actor

	From, To string
	GroupBy  string
}

// Needs implements application.Message.
func (CampaignReport) Needs() application.Scope { return application.Program }

// Check returns the query with its defaults, or fault.ErrValidation with the members at fault.
func (q CampaignReport) Check() (CampaignReport, error) {
	var v fault.Violations
	if q.GroupBy == "" {
		q.GroupBy = ByDay
	}
	if !slices.Contains([]string{ByDay, ByCategory, BySupplier, ByBuyer}, q.GroupBy) {
		v.Add("group_by", fault.InvalidValue, "must be day, category, supplier or buyer")
	}
	for _, d := range []struct{ field, value string }{{"from", q.From}, {"to", q.To}} {
		if _, err := time.Parse(time.DateOnly, d.value); d.value != "" && err != nil {
			v.Add(d.field, fault.InvalidValue, "must be a date such as 2025-05-02")
		}
	}
	if !v.Any() && q.From != "" && q.To != "" && q.To < q.From {
		v.Add("to", fault.InvalidValue, "must not be before from")
	}
	return q, v.Err()
}

// What a campaign report can be grouped by (docs/marketplace.md).
const (
	ByDay      = "day"
	ByCategory = "category"
	BySupplier = "supplier"
	ByBuyer    = "buyer"
)

// CampaignReportRow is one group of a report. Of Day, Category, Supplier (a partner's id) and Buyer (a buyer's id) only the
// one that the report is grouped by is filled. Money is in micro-units of the seller's currency.
type CampaignReportRow struct {
	Day, Category, Supplier, Buyer string
	Leads                          LeadCounts
	SoldGross, SoldNet             int64 // numbers of sales; SoldNet is without returned sales
	Revenue, Payout, Margin        money.Micros
	// AcceptanceRate is sold leads divided by submitted leads with 4 decimals, such as "0.6667". It is "0.0000" without
	// leads, and empty when grouped by buyer, because a lead that was not sold has no buyer.
	AcceptanceRate string
}

// LeadCounts counts leads by their current status. Grouped by buyer, only Sold is counted.
type LeadCounts struct{ Submitted, Pending, Sold, Duplicate, Rejected, Unsold int64 }

// NewCampaignReportRow makes the row of a group from what was counted.
func NewCampaignReportRow(groupBy, group string, leads LeadCounts, sales int64, revenue, payout money.Micros) (CampaignReportRow, error) {
	margin, err := revenue.Sub(payout)
	if err != nil {
		return CampaignReportRow{}, err
	}
	r := CampaignReportRow{
		Leads: leads, SoldGross: sales, SoldNet: sales, Revenue: revenue, Payout: payout, Margin: margin,
		AcceptanceRate: "0.0000",
	}
	if leads.Submitted > 0 {
		r.AcceptanceRate = big.NewRat(leads.Sold, leads.Submitted).FloatString(4)
	}
	switch groupBy {
	case ByDay:
		r.Day = group
	case ByCategory:
		r.Category = group
	case BySupplier:
		r.Supplier = group
	case ByBuyer:
		r.Buyer, r.AcceptanceRate = group, ""
	}
	return r, nil
}
