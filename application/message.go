package application

import (
	"strconv"
	"time"
)

// The names of the metadata of a message of the event log. The last three are left out when unknown.
const (
	MetaType             = "type"
	MetaSellerID         = "seller_id"
	MetaAggregateType    = "aggregate_type"
	MetaAggregateID      = "aggregate_id"
	MetaAggregateVersion = "aggregate_version" // decimal
	MetaPosition         = "position"          // decimal
	MetaOccurredAt       = "occurred_at"       // RFC 3339, UTC, microseconds
	MetaCorrelationID    = "correlation_id"
	MetaCausationID      = "causation_id"
	MetaTraceparent      = "traceparent"
)

const occurredAtLayout = "2006-01-02T15:04:05.000000Z07:00"

// Metadata returns the metadata of the event's message. The event's id and payload are not in it: they are the message's id
// and payload.
func (e *StoredEvent) Metadata() map[string]string {
	m := map[string]string{
		MetaType: e.Type, MetaSellerID: e.SellerID, MetaAggregateType: e.AggregateType, MetaAggregateID: e.AggregateID,
		MetaAggregateVersion: strconv.FormatInt(e.AggregateVersion, 10), MetaPosition: strconv.FormatInt(e.Position, 10),
		MetaOccurredAt: e.OccurredAt.Format(occurredAtLayout),
	}
	for name, value := range map[string]string{
		MetaCorrelationID: e.Trail.CorrelationID, MetaCausationID: e.Trail.CausationID, MetaTraceparent: e.Trail.Traceparent,
	} {
		if value != "" {
			m[name] = value
		}
	}
	return m
}

// EventOfMessage returns the event of a message with an id, the metadata that Metadata returns, and a payload. Members that
// are missing in the metadata or malformed are zero.
func EventOfMessage(id string, metadata map[string]string, payload []byte) StoredEvent {
	e := StoredEvent{EventRecord: EventRecord{
		ID: id, Type: metadata[MetaType], SellerID: metadata[MetaSellerID],
		AggregateType: metadata[MetaAggregateType], AggregateID: metadata[MetaAggregateID], Payload: payload,
		Trail: Trail{CorrelationID: metadata[MetaCorrelationID], CausationID: metadata[MetaCausationID], Traceparent: metadata[MetaTraceparent]},
	}}
	e.AggregateVersion, _ = strconv.ParseInt(metadata[MetaAggregateVersion], 10, 64)
	e.Position, _ = strconv.ParseInt(metadata[MetaPosition], 10, 64)
	if at, err := time.Parse(occurredAtLayout, metadata[MetaOccurredAt]); err == nil {
		e.OccurredAt = at.UTC()
	}
	return e
}
