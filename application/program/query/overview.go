package query

import (
	"github.com/leadmill/leadmill/application"
)

// Overview asks for the totals of the actor's program.
type Overview struct{ application.Actor }

// Needs implements application.Message.
func (Overview) Needs() application.Scope { return application.Program }

// Total is how many there are in all, how many came in the last 30 days, and how many in the 30 days before these.
type Total struct{ All, Recent, Before int64 }

// ProgramOverview is the totals of a program, as far as the projection is, and some of its settings. CookieDays is how many
// days a browser remembers a visit through a referral link.
type ProgramOverview struct {
	Partners, Signups, Clicks, Leads Total
	Name, Currency                   string // of the seller; the currency as its ISO 4217 code
	CookieDays                       int
}
