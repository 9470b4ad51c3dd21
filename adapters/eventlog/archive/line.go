package archive

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/leadmill/leadmill/application"
)

// Segment is one segment of the log as the archive keeps it.
type Segment struct {
	ID       int64 // in event_segments
	SellerID string
	First    int64 // position of its first event
	Count    int   // of events
	// Events are the segment's; nil when they are not known, because the segment cannot be read.
	Events []application.StoredEvent
	// At, Types and Body are the stored ones of a segment without Events: microseconds, the mask of its types, and the bytes, nil when
	// there are none.
	At    int64
	Types uint64
	Body  []byte
}

// Last is the position of its last event.
func (s *Segment) Last() int64 { return s.First + int64(s.Count) - 1 }

// Equal reports whether both say the same.
func (s *Segment) Equal(o *Segment) bool {
	if s.ID != o.ID || s.SellerID != o.SellerID || s.First != o.First || s.Count != o.Count || len(s.Events) != len(o.Events) ||
		s.At != o.At || s.Types != o.Types || !bytes.Equal(s.Body, o.Body) {
		return false
	}
	for i := range s.Events {
		a, b := s.Events[i], o.Events[i]
		if !bytes.Equal(a.Payload, b.Payload) || !a.OccurredAt.Equal(b.OccurredAt) {
			return false
		}
		a.Payload, b.Payload, a.OccurredAt, b.OccurredAt = nil, nil, time.Time{}, time.Time{}
		if a.Position != b.Position || a.ID != b.ID || a.SellerID != b.SellerID || a.AggregateType != b.AggregateType || a.AggregateID != b.AggregateID ||
			a.AggregateVersion != b.AggregateVersion || a.Type != b.Type || a.Trail != b.Trail {
			return false
		}
	}
	return true
}

// Exact reports whether JSON can repeat a segment's events to the byte. Of another one the bytes are to be kept.
func Exact(events []application.StoredEvent) bool {
	for i := range events {
		e := &events[i]
		for _, s := range []string{e.ID, e.SellerID, e.Type, e.AggregateType, e.AggregateID, e.Trail.CorrelationID, e.Trail.CausationID, e.Trail.Traceparent} {
			if !utf8.ValidString(s) {
				return false
			}
		}
		if year := e.OccurredAt.UTC().Year(); year < 0 || year > 9999 {
			return false
		}
	}
	return true
}

const (
	sourcePrefix = "/sellers/"
	timeFormat   = "2006-01-02T15:04:05.000000Z"
)

// line is what a line holds. Unreadable is that of a segment whose bytes are kept, and is alone then.
type line struct {
	SpecVersion      string          `json:"specversion"`
	ID               string          `json:"id"`
	Source           string          `json:"source"`
	Type             string          `json:"type"`
	Subject          string          `json:"subject"`
	Time             string          `json:"time"`
	DataContentType  string          `json:"datacontenttype"`
	Data             json.RawMessage `json:"data,omitempty"`
	DataBase64       *[]byte         `json:"data_base64,omitempty"`
	Sequence         string          `json:"sequence"`
	Segment          int64           `json:"segment"`
	AggregateType    string          `json:"aggregatetype"`
	AggregateVersion int64           `json:"aggregateversion"`
	CorrelationID    string          `json:"correlationid,omitempty"`
	CausationID      string          `json:"causationid,omitempty"`
	Traceparent      string          `json:"traceparent,omitempty"`

	Stored *stored `json:"stored,omitempty"`
}

// stored is a segment whose bytes are kept.
type stored struct {
	Segment  int64   `json:"segment"`
	SellerID string  `json:"seller_id"`
	First    int64   `json:"first"`
	Events   int     `json:"events"`
	At       int64   `json:"at"`
	Types    uint64  `json:"types,string"`
	Body     *[]byte `json:"body"` // null when there are none
}

// appendLines appends the lines of a segment.
func appendLines(b []byte, s *Segment) ([]byte, error) {
	if s.Events == nil {
		st := &stored{Segment: s.ID, SellerID: s.SellerID, First: s.First, Events: s.Count, At: s.At, Types: s.Types}
		if s.Body != nil {
			st.Body = &s.Body
		}
		text, err := json.Marshal(map[string]*stored{"stored": st})
		if err != nil {
			return b, err
		}
		return append(append(b, text...), '\n'), nil
	}
	for i := range s.Events {
		var err error
		if b, err = appendEvent(b, s.ID, &s.Events[i]); err != nil {
			return b, err
		}
	}
	return b, nil
}

// appendEvent appends the line of an event. A payload that can stand in a line is written as it is.
func appendEvent(b []byte, segment int64, e *application.StoredEvent) ([]byte, error) {
	l := line{
		SpecVersion: "1.0", ID: e.ID, Source: sourcePrefix + e.SellerID, Type: e.Type, Subject: e.AggregateID,
		Time: e.OccurredAt.UTC().Format(timeFormat), DataContentType: "application/json", Sequence: fmt.Sprintf("%020d", e.Position),
		Segment: segment, AggregateType: e.AggregateType, AggregateVersion: e.AggregateVersion,
		CorrelationID: e.Trail.CorrelationID, CausationID: e.Trail.CausationID, Traceparent: e.Trail.Traceparent,
	}
	asItIs := plain(e.Payload)
	if !asItIs {
		payload := append([]byte{}, e.Payload...)
		l.DataBase64 = &payload
	}
	text, err := json.Marshal(&l)
	if err != nil {
		return b, err
	}
	if asItIs { // json.Marshal would write it otherwise
		b = append(append(b, text[:len(text)-1]...), `,"data":`...)
		return append(append(b, e.Payload...), '}', '\n'), nil
	}
	return append(append(b, text...), '\n'), nil
}

// plain reports whether a payload can stand in a line as it is.
func plain(payload []byte) bool {
	return json.Valid(payload) && utf8.Valid(payload) && !bytes.ContainsAny(payload, "\n\r") && len(bytes.TrimSpace(payload)) == len(payload)
}

// event reads a line of an event.
func (l *line) event() (application.StoredEvent, error) {
	e := application.StoredEvent{EventRecord: application.EventRecord{
		ID: l.ID, AggregateType: l.AggregateType, AggregateID: l.Subject, AggregateVersion: l.AggregateVersion, Type: l.Type, Payload: l.Data,
		Trail: application.Trail{CorrelationID: l.CorrelationID, CausationID: l.CausationID, Traceparent: l.Traceparent},
	}}
	if l.DataBase64 != nil {
		e.Payload = *l.DataBase64
	}
	var ok bool
	if e.SellerID, ok = strings.CutPrefix(l.Source, sourcePrefix); !ok {
		return e, fmt.Errorf("source %q", l.Source)
	}
	var err error
	if e.Position, err = strconv.ParseInt(l.Sequence, 10, 64); err != nil {
		return e, fmt.Errorf("sequence %q", l.Sequence)
	}
	if e.OccurredAt, err = time.Parse(timeFormat, l.Time); err != nil {
		return e, fmt.Errorf("time %q", l.Time)
	}
	return e, nil
}
