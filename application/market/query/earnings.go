package query

import (
	"strconv"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

// Earnings asks what a seller owes a partner for the leads that were submitted between two days, both inclusive, in the seller's time zone:
// partner.ErrNotFound. From and To are YYYY-MM-DD.
type Earnings struct {
	application.Actor

	PartnerID, From, To string
}

// Needs implements application.Message.
func (Earnings) Needs() application.Scope { return application.Program }

// The bounds of a report: how many days it may span where it is not read from sums, and how many rows it may have.
const (
	mostDays       = 366
	MostReportRows = 10_000
)

// Check returns fault.ErrValidation with the members at fault, or nil.
func (q Earnings) Check() error {
	var v fault.Violations
	checkDays(q.From, q.To, mostDays, &v)
	return v.Err()
}

// checkDays requires two days that are no more than some days apart.
func checkDays(from, to string, most int, v *fault.Violations) {
	var days [2]time.Time
	for i, d := range []struct{ field, value string }{{"from", from}, {"to", to}} {
		if d.value == "" {
			v.Add(d.field, fault.Required, "is required")
			continue
		}
		days[i] = checkDay(d.field, d.value, v)
	}
	switch {
	case v.Any():
	case days[1].Before(days[0]):
		v.Add("to", fault.InvalidValue, "must not be before from")
	case days[1].Sub(days[0]) >= time.Duration(most)*24*time.Hour:
		v.Add("to", fault.InvalidValue, "must be within "+strconv.Itoa(most)+" days")
	}
}

// checkDay requires a day of the years 1 to 9999, as contact.ParseDate does, and returns its midnight in UTC.
func checkDay(name, value string, v *fault.Violations) time.Time {
	d, err := contact.ParseDate(value)
	if err != nil {
		v.Add(name, fault.InvalidValue, "must be a date such as 2025-05-02")
	}
	return d.Start(time.UTC)
}

// ErrTooManyRows says that a report would have more than MostReportRows rows.
func ErrTooManyRows() error {
	var v fault.Violations
	v.Add("to", fault.InvalidValue, "is too far away: the report would have more than "+strconv.Itoa(MostReportRows)+" rows")
	return v.Err()
}

// Earning is what a partner earned by the leads of a day in a campaign, in micro-units of the seller's currency. Earned is for all sales,
// Returned what of it was taken back, and Owed the difference.
type Earning struct {
	Day, CampaignID, CampaignName string
	SoldGross, SoldNet            int64
	Earned, Returned, Owed        money.Micros
}

// NewEarning makes an Earning of what was counted: all sales, and those of them that were returned.
func NewEarning(day, campaignID, campaignName string, sold, returned SaleFigures) (Earning, error) {
	owed, err := sold.Payout.Sub(returned.Payout)
	return Earning{
		Day: day, CampaignID: campaignID, CampaignName: campaignName, SoldGross: sold.Sales, SoldNet: sold.Sales - returned.Sales,
		Earned: sold.Payout, Returned: returned.Payout, Owed: owed,
	}, err
}
