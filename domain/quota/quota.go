// Package quota holds the caps that limit what contracts, buyers and campaigns take in windows of time.
//
// Stability: experimental.
package quota

import (
	"slices"
	"strconv"
	"time"

	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

const maxLeads int64 = 1_000_000_000_000

// Cap limits what is taken in a window: a number of leads, a budget, or both. Without its Has flag there is no limit of that kind.
// Budget is in micro-units of the seller's currency.
type Cap struct {
	Window    calendar.Window
	HasLeads  bool
	Leads     int64
	HasBudget bool
	Budget    money.Micros
}

// Of returns the cap of a window among caps, if there is one.
func Of(caps []Cap, w calendar.Window) (Cap, bool) {
	for _, c := range caps {
		if c.Window == w {
			return c, true
		}
	}
	return Cap{}, false
}

// Spans returns the spans of the capped windows that run at t in a zone, an IANA name; what is no zone counts in UTC.
func Spans(caps []Cap, t time.Time, zone string) []calendar.Span {
	if len(caps) == 0 {
		return nil
	}
	at, err := calendar.ParseZone(zone)
	if err != nil {
		at = time.UTC
	}
	spans := make([]calendar.Span, len(caps))
	for i, c := range caps {
		spans[i] = calendar.SpanAt(c.Window, t, at)
	}
	return spans
}

// SameSpans reports whether what is counted in spans a can be read as what is counted in spans b.
func SameSpans(a, b []calendar.Span) bool {
	return slices.EqualFunc(a, b, func(a, b calendar.Span) bool {
		return a.Window == b.Window && a.Key == b.Key && a.Start.Equal(b.Start) && a.End.Equal(b.End)
	})
}

// Check returns caps with at most one a window, the shortest window first, and adds what is wrong with them to v (docs/marketplace.md).
func Check(caps []Cap, v *fault.Violations) []Cap {
	out := make([]Cap, 0, len(caps))
	if len(caps) > 10 {
		v.Add("caps", fault.InvalidValue, "must have at most one lead count and one budget a window")
		return nil
	}
	for n, c := range caps {
		at := func(member string) string { return "caps." + strconv.Itoa(n) + "." + member }
		if !slices.Contains(calendar.Windows(), c.Window) {
			v.Add(at("window"), fault.InvalidValue, "must be hour, day, week, month or total")
			continue
		}
		if !c.HasLeads && !c.HasBudget {
			v.Add(at("leads"), fault.Required, "or budget is required")
		}
		if c.HasLeads && (c.Leads < 0 || c.Leads > maxLeads) {
			v.Add(at("leads"), fault.InvalidValue, "must be between 0 and 1000000000000")
		}
		if c.HasBudget && c.Budget < 0 {
			v.Add(at("budget"), fault.InvalidValue, "must not be negative")
		}
		i := slices.IndexFunc(out, func(o Cap) bool { return o.Window == c.Window })
		if i < 0 {
			out = append(out, c)
			continue
		}
		if c.HasLeads && out[i].HasLeads || c.HasBudget && out[i].HasBudget {
			v.Add(at("window"), fault.Duplicate, "has this limit already")
		}
		if c.HasLeads {
			out[i].HasLeads, out[i].Leads = true, c.Leads
		}
		if c.HasBudget {
			out[i].HasBudget, out[i].Budget = true, c.Budget
		}
	}
	slices.SortFunc(out, func(a, b Cap) int {
		return slices.Index(calendar.Windows(), a.Window) - slices.Index(calendar.Windows(), b.Window)
	})
	return out
}

// Windows returns the windows of caps.
func Windows(caps []Cap) []calendar.Window {
	out := make([]calendar.Window, len(caps))
	for i, c := range caps {
		out[i] = c.Window
	}
	return out
}
