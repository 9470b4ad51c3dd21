package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
)

// Events asks for a seller's public events behind a position (docs/events.md).
type Events struct {
	application.Actor

	After  int64
	UpTo   int64  // the last position that is looked at, nothing is waited for; 0: the head of the log, also as it moves
	LogID  string // which log After is of; empty: not said
	Limit  int
	Types  []string      // empty: all public types
	Wait   time.Duration // how long to wait for Min events
	Min    int           // how many events to wait for; 0: one, or Limit when there is a Linger
	Linger time.Duration // how long to gather from the first event on; 0: until Wait is over
}

// Enough is how many events are enough to be answered at once.
func (e Events) Enough() int {
	switch {
	case e.Min > 0:
		return min(e.Min, e.Limit)
	case e.Linger > 0:
		return e.Limit
	default:
		return min(1, e.Limit)
	}
}

// Needs implements application.Message.
func (Events) Needs() application.Scope { return application.Program }

// EventPage is events in the order of their positions. Next is the last position that was looked at, in the log LogID.
type EventPage struct {
	Events []application.StoredEvent
	Next   int64
	LogID  string
}
