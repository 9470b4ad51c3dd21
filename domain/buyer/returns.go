package buyer

import (
	"slices"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/returns"
)

const (
	// MaxReturnWindowDays bounds for how many days sales can be given back.
	MaxReturnWindowDays = 365

	maxAutoApproveDays = 365
)

// ReturnRules are how sales to a buyer can be given back. The zero rules are none of its own.
type ReturnRules struct {
	Window      ReturnWindow
	AutoApprove AutoApprove
}

// ReturnWindow is for how many days a sale to the buyer can be given back; zero days: never. The zero window is what the campaign says.
type ReturnWindow struct {
	Own  bool
	Days int
}

// AutoApprove is the rule by which a return is approved at once: it has one of the reasons, and with it no more returns were approved in the
// last days, by whomever and of sales of whatever age, than a share of the sales to the buyer in these days. So nobody gives more back by
// waiting until a sale is older than that. The zero rule approves none.
type AutoApprove struct {
	Share   money.Percent
	Reasons []returns.Reason
	Days    int
}

// checked returns the window as it is kept; what is wrong is added to v.
func (w ReturnWindow) checked(v *fault.Violations) ReturnWindow {
	if w.Own && (w.Days < 0 || w.Days > MaxReturnWindowDays) {
		v.Add("return_window_days", fault.InvalidValue, "must be between 0 and 365")
	}
	return w
}

// checked returns the rule as it is kept; what is wrong is added to v.
func (a AutoApprove) checked(v *fault.Violations) AutoApprove {
	if len(a.Reasons) == 0 && a.Share == 0 && a.Days == 0 {
		return AutoApprove{}
	}
	if a.Share <= 0 || a.Share > money.Hundred {
		v.Add("returns.auto_approve.share_percent", fault.InvalidValue, "must be more than 0 and at most 100")
	}
	if a.Days < 1 || a.Days > maxAutoApproveDays {
		v.Add("returns.auto_approve.days", fault.InvalidValue, "must be between 1 and 365")
	}
	if len(a.Reasons) == 0 {
		v.Add("returns.auto_approve.reasons", fault.Required, "is required")
	}
	kept := make([]returns.Reason, 0, len(a.Reasons))
	for _, reason := range a.Reasons {
		if !reason.Known() {
			v.Add("returns.auto_approve.reasons", fault.InvalidValue, "must be reasons of returns")
			break
		}
		if !slices.Contains(kept, reason) {
			kept = append(kept, reason)
		}
	}
	a.Reasons = kept
	return a
}

// Returns returns the rules by which sales to the buyer are given back.
func (b *Buyer) Returns() ReturnRules { return b.s.Returns }

// Within returns for how long a sale can be given back of a campaign that says so many days. Zero: never.
func (w ReturnWindow) Within(campaignDays int) time.Duration {
	days := campaignDays
	if w.Own {
		days = w.Days
	}
	return time.Duration(days) * 24 * time.Hour
}

// Since returns from when on sales count by when they were made and returns by when they were approved; ok is false when the rule approves no return with this reason.
func (a AutoApprove) Since(reason returns.Reason, now time.Time) (since time.Time, ok bool) {
	return now.AddDate(0, 0, -a.Days), slices.Contains(a.Reasons, reason)
}

// Sales returns how many sales there must be for one more return to be approved when so many are returned already.
func (a AutoApprove) Sales(returned int64) int64 {
	if a.Share <= 0 {
		return 0
	}
	share := int64(a.Share)
	return ((returned+1)*int64(money.Hundred) + share - 1) / share
}
