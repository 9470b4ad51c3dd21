package campaign

import "github.com/leadmill/leadmill/domain/fault"

const (
	// defaultReturnWindow is for how many days a sale can be given back where nobody says it.
	defaultReturnWindow = 7
	maxReturnWindow     = 365
)

// Returns says how sales of the campaign's leads are given back: for how many days after a sale, never with zero, unless the buyer has a
// window of its own, and whether a lead whose sales are all returned waits for another buyer.
type Returns struct {
	WindowDays int
	Resell     bool
}

// DefaultReturns is what holds for a campaign that does not say it.
func DefaultReturns() Returns { return Returns{WindowDays: defaultReturnWindow} }

// Returns says how sales of the campaign's leads are given back.
func (c *Campaign) Returns() Returns { return c.s.Returns }

// apply takes over what an operator says; what is wrong is added to v.
func (r *Returns) apply(d Definition, v *fault.Violations) {
	if d.ReturnWindowDays != nil {
		if *d.ReturnWindowDays < 0 || *d.ReturnWindowDays > maxReturnWindow {
			v.Add("return_window_days", fault.InvalidValue, "must be between 0 and 365")
		}
		r.WindowDays = *d.ReturnWindowDays
	}
	if d.ResellReturned != nil {
		r.Resell = *d.ResellReturned
	}
}
