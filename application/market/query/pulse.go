package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/money"
)

// Pulse asks how many leads a seller receives just now, and for each hour of some days what became of the leads that were received in it.
type Pulse struct {
	application.Actor

	// Days are the moments at which the days begin, in the zone whose hours they have; none: only what is received now.
	Days []time.Time
}

// Needs implements application.Message.
func (Pulse) Needs() application.Scope { return application.Program }

// The bounds of Pulse: up to how many leads of a day are counted by hours, and up to how many of the last minute.
const (
	MostPulsed   = 100_000
	MostOfMinute = 5_000
)

// PulseView is what Pulse answers. LastMinute is how many leads came in the last minute; where those are MostOfMinute or more, how
// many that is at the pace of the newest of them.
type PulseView struct {
	LastMinute int64
	Days       []PulseDay // as they were asked for
}

// PulseDay is a day by its hours. Complete is false, and Hours empty, for a day with more than MostPulsed leads.
type PulseDay struct {
	Complete bool
	Hours    []PulseHour
}

// PulseHour is what became of the leads of an hour that begins at Start. Revenue is of sales that count, in micro-units of the seller's
// currency.
type PulseHour struct {
	Start       time.Time
	Leads, Sold int64
	Revenue     money.Micros
}
