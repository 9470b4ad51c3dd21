package distribution

import (
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/money"
)

// WindowUsage is what a contract used in one window of time that runs now. Spent is in micro-units of the seller's currency.
// Limit is the contract's cap in the window; without its Has flags nothing is limited.
type WindowUsage struct {
	Window calendar.Window
	Used   int64
	Spent  money.Micros
	Limit  campaign.Cap
}

// LeadsLeft returns how many leads fit under the cap, never less than zero; limited is false when the window has no cap of
// leads.
func (w WindowUsage) LeadsLeft() (n int64, limited bool) {
	if !w.Limit.HasLeads {
		return 0, false
	}
	return max(0, w.Limit.Leads-w.Used), true
}

// BudgetLeft returns what is left of the budget in micro-units, never less than zero; limited is false when the window has
// no budget.
func (w WindowUsage) BudgetLeft() (m money.Micros, limited bool) {
	if !w.Limit.HasBudget {
		return 0, false
	}
	return max(0, w.Limit.Budget-w.Spent), true
}

// Usage is what a contract used in its windows: in each that has a cap, and in calendar.Total in any case. It is read-only.
// The zero Usage has no windows.
type Usage struct{ counters *[]*Counter }

// NewUsage returns a Usage of windows, for candidates that a test makes.
func NewUsage(windows ...WindowUsage) Usage {
	counters := make([]*Counter, len(windows))
	for i, w := range windows {
		counters[i] = &Counter{Span: calendar.Span{Window: w.Window}, Limit: w.Limit, Used: w.Used, Spent: w.Spent}
	}
	return Usage{&counters}
}

// Of returns what was used in a window; ok is false when the contract does not count in that window.
func (u Usage) Of(window calendar.Window) (w WindowUsage, ok bool) {
	for _, n := range u.all() {
		if n.Span.Window == window {
			return n.usage(), true
		}
	}
	return WindowUsage{}, false
}

// Windows returns what was used in every window, the shortest first.
func (u Usage) Windows() []WindowUsage {
	out := make([]WindowUsage, len(u.all()))
	for i, n := range u.all() {
		out[i] = n.usage()
	}
	return out
}

func (u Usage) all() []*Counter {
	if u.counters == nil {
		return nil
	}
	return *u.counters
}

func (c *Counter) usage() WindowUsage {
	return WindowUsage{Window: c.Span.Window, Used: c.Used, Spent: c.Spent, Limit: c.Limit}
}
