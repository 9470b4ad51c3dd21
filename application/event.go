package application

import (
	"time"

	"github.com/leadmill/leadmill/domain/event"
)

// EventRecord is an event on its way into the log: Payload is the JSON of its public (or internal) contract and holds no
// personal data.
type EventRecord struct {
	ID               string
	SellerID         string
	AggregateType    string
	AggregateID      string
	AggregateVersion int64
	Type             string // such as "lead.sold.v1"
	Payload          []byte
	OccurredAt       time.Time
	Trail            Trail
}

// StoredEvent is an event read from the log. Position orders all events of the installation.
type StoredEvent struct {
	EventRecord
	Position int64
}

// EventSource is an aggregate whose events are still to be written. An aggregate has these methods by embedding an
// event.Recorder.
type EventSource interface {
	// Pending returns the events that are not stored yet, in their order. It is read just before the commit.
	Pending() []event.Event
	// StoredVersion is the number of events that the aggregate had when it was loaded: the version in its row.
	StoredVersion() int64
	// Committed is called after the commit: the pending events are stored.
	Committed()
}

// Subject is what the events of a team's own aggregate are about. Together its members name one aggregate: its events are
// numbered 1, 2, 3 and so on in the log.
type Subject struct {
	Kind     string // of aggregate, 1 to 16 of a-z, 0-9 and _, such as "case"; none of Leadmill's own, such as "lead"
	ID       string // of the aggregate, 1 to 64 visible ASCII characters
	SellerID string // of the seller that it belongs to
	Trail    Trail  // that of the command's context when it is the zero Trail
}
