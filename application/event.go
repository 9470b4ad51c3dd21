package application

import "time"

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
