package query

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
)

// Events asks for a seller's public events behind a position (api/events.md, "Ways to read them").
type Events struct {
	application.Actor

	After int64
	Limit int
	Types []string      // empty: all public types
	Wait  time.Duration // how long to wait for the first event
}

// EventPage is events in the order of their positions. Next is the last position that was looked at.
type EventPage struct {
	Events []application.StoredEvent
	Next   int64
}

// EventReader is the read side of the event log.
type EventReader interface {
	Events(ctx context.Context, q Events) (EventPage, error)
}
