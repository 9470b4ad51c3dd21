package query

import (
	"context"
	"sync"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

var (
	// ErrTooManyStreams says that a key has as many open streams as one may have.
	ErrTooManyStreams = fault.New(fault.TooMany, "too_many_streams", "The API key has too many open streams")
	// ErrStreamsFull says that the instance has as many open streams as it takes.
	ErrStreamsFull = fault.New(fault.Unavailable, "streams_full", "The server has as many open streams as it takes")
)

// EventStream asks for a seller's public events, one after the other, also those that will happen. The result is closed when it is no
// longer read.
type EventStream struct {
	application.Actor

	FromHead bool  // only what happens from now on; After and LogID are not said
	After    int64 // otherwise: what is behind this position
	LogID    string
	Types    []string // empty: all public types
}

// Needs implements application.Message.
func (EventStream) Needs() application.Scope { return application.Program }

// OpenStream is a seller's events from a position on. One goroutine uses it.
type OpenStream interface {
	// LogID is the log that positions are of.
	LogID() string
	// Position is up to where events were given: the stream goes on behind it, also when it is opened again.
	Position() int64
	// Next returns the next events. It waits for them up to d; then there are none, but Position may have moved. It fails when ctx ends, with
	// its cause, or when the stream cannot go on: application.ErrUnavailable, *LogError, *ArchivedError.
	Next(ctx context.Context, d time.Duration) ([]StreamedEvent, error)
	// Close ends the stream.
	Close()
}

// StreamedEvent is an event that streams may share. It is not to be changed.
type StreamedEvent struct {
	*application.StoredEvent
	// Shared keeps what was made of the event for all streams that share it; nil for an event of one stream.
	Shared *Encoding
}

// Encoding is an event as it goes over the wire, made once. The zero value is ready.
type Encoding struct {
	once sync.Once
	text []byte
}

// Encoded returns what encode makes of the event. For an event that streams share it is called once, by the first of them, so it must be
// the same for all, and what it returns is not to be changed.
func (e StreamedEvent) Encoded(encode func(*application.StoredEvent) []byte) []byte {
	if e.Shared == nil {
		return encode(e.StoredEvent)
	}
	e.Shared.once.Do(func() { e.Shared.text = encode(e.StoredEvent) })
	return e.Shared.text
}
