package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
)

// Events asks for a seller's public events behind a position (docs/events.md).
type Events struct {
	application.Actor

	After int64
	Limit int
	Types []string      // empty: all public types
	Wait  time.Duration // how long to wait for the first event
}

// Needs implements application.Message.
func (Events) Needs() application.Scope { return application.Program }

// EventPage is events in the order of their positions. Next is the last position that was looked at.
type EventPage struct {
	Events []application.StoredEvent
	Next   int64
}
