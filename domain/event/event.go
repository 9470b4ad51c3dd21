// Package event holds what every aggregate shares about domain events: the form of an event and its recording.
//
// Stability: stable.
package event

import "time"

// Event is a fact that happened to an aggregate. Events are internal to the domain; what the world sees is their public
// contract in application/contract/eventsv1.
type Event interface {
	// EventType is the wire name without its version, such as "lead.sold". That of a team's event is the whole wire name,
	// such as "x.acme.lead_scored.v1".
	EventType() string
}

// Timed is an Event of a team that says itself when it happened. The time of any other is that at which it is stored.
type Timed interface {
	Event
	// OccurredAt is when it happened; the zero time is not known.
	OccurredAt() time.Time
}

// Recorder is embedded in an aggregate. It counts the aggregate's events and keeps the new ones until they are stored.
// The zero value is an aggregate without history.
type Recorder struct {
	stored  int64
	pending []Event
}

// Restored returns the Recorder of an aggregate that was stored with version events.
func Restored(version int64) Recorder { return Recorder{stored: version} }

// Record adds a new event.
func (r *Recorder) Record(e Event) { r.pending = append(r.pending, e) }

// Pending returns the events recorded since the aggregate was loaded. Reading does not clear them, because a transaction
// that is run again writes them again.
func (r *Recorder) Pending() []Event { return r.pending }

// StoredVersion is the number of events the aggregate had when it was loaded.
func (r *Recorder) StoredVersion() int64 { return r.stored }

// Version is the number of events of the aggregate, the pending ones included.
func (r *Recorder) Version() int64 { return r.stored + int64(len(r.pending)) }

// Committed marks the pending events as stored. Call it after the commit.
func (r *Recorder) Committed() {
	r.stored += int64(len(r.pending))
	r.pending = nil
}
