package query

import "github.com/leadmill/leadmill/application"

// ProgramDays asks for what came to the actor's program on each of the last days, today included, the oldest first. At least one, at most 366.
type ProgramDays struct {
	application.Actor

	Days int
}

// Needs implements application.Message.
func (ProgramDays) Needs() application.Scope { return application.Program }

// ProgramDay is what came on a day (YYYY-MM-DD, UTC), as far as the projection is. Leads that were taken back count below zero.
type ProgramDay struct {
	Day                              string
	Partners, Clicks, Signups, Leads int64
}
