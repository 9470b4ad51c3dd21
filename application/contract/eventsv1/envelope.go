package eventsv1

import (
	"encoding/json"
	"strconv"
	"time"
)

// Envelope is a CloudEvents 1.0 event in structured JSON, with Leadmill's extensions.
type Envelope struct {
	SpecVersion     string          `json:"specversion"`     // always 1.0
	ID              string          `json:"id"`              // the event's id, the same however the event is delivered
	Source          string          `json:"source"`          // /sellers/<code>
	Type            string          `json:"type"`            // such as lead.sold.v1
	Subject         string          `json:"subject"`         // the aggregate's id
	Time            Time            `json:"time"`            // when it happened
	DataContentType string          `json:"datacontenttype"` // always application/json
	DataSchema      string          `json:"dataschema"`      // URL of the JSON Schema of data
	Data            json.RawMessage `json:"data"`            // as it is stored in the log

	Sequence         string `json:"sequence"`                // position in the log: 20 digits, zero-padded
	AggregateVersion int64  `json:"aggregateversion"`        // how many events the aggregate has, this one included
	CorrelationID    string `json:"correlationid,omitempty"` // what the events of one request share
	CausationID      string `json:"causationid,omitempty"`   // what caused the event
	Traceparent      string `json:"traceparent,omitempty"`   // W3C trace context
}

// Occurrence is what an Envelope is made from.
type Occurrence struct {
	ID         string
	SellerCode string
	Type       string
	Subject    string // the aggregate's id
	Time       time.Time
	Data       []byte // JSON, used as it is
	Position   int64  // in the log, from 1

	AggregateVersion                        int64
	CorrelationID, CausationID, Traceparent string // empty when there is none

	// BaseURL is where this server is reached, such as https://leads.example.com; a slash at its end does not matter.
	BaseURL string
}

// NewEnvelope puts an event into its envelope. Source: docs/events.md, and
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md.
func NewEnvelope(o Occurrence) Envelope {
	return Envelope{
		SpecVersion: "1.0", ID: o.ID, Source: "/sellers/" + o.SellerCode, Type: o.Type, Subject: o.Subject,
		Time: Time{o.Time.UTC()}, DataContentType: "application/json", DataSchema: SchemaURL(o.BaseURL, o.Type), Data: o.Data,
		Sequence: Sequence(o.Position), AggregateVersion: o.AggregateVersion, CorrelationID: o.CorrelationID,
		CausationID: o.CausationID, Traceparent: o.Traceparent,
	}
}

// SchemaURL returns the URL of the JSON Schema of a type on a server.
func SchemaURL(baseURL, typ string) string {
	for baseURL != "" && baseURL[len(baseURL)-1] == '/' {
		baseURL = baseURL[:len(baseURL)-1]
	}
	return baseURL + "/schemas/" + typ + ".json"
}

// Sequence returns a position as 20 digits, so that it orders as text.
func Sequence(position int64) string {
	return string(appendDigits(make([]byte, 0, 20), int(max(position, 0)), 20))
}

// AppendJSON appends the envelope as JSON with Data in it byte for byte. Data must be valid JSON; empty data becomes null.
func (e Envelope) AppendJSON(b []byte) []byte {
	b = append(b, `{"specversion":`...)
	b = appendString(b, e.SpecVersion)
	b = append(b, `,"id":`...)
	b = appendString(b, e.ID)
	b = append(b, `,"source":`...)
	b = appendString(b, e.Source)
	b = append(b, `,"type":`...)
	b = appendString(b, e.Type)
	b = append(b, `,"subject":`...)
	b = appendString(b, e.Subject)
	b = append(b, `,"time":`...)
	b = e.Time.appendJSON(b)
	b = append(b, `,"datacontenttype":`...)
	b = appendString(b, e.DataContentType)
	b = append(b, `,"dataschema":`...)
	b = appendString(b, e.DataSchema)
	b = append(b, `,"data":`...)
	if len(e.Data) == 0 {
		b = append(b, "null"...)
	} else {
		b = append(b, e.Data...)
	}
	b = append(b, `,"sequence":`...)
	b = appendString(b, e.Sequence)
	b = append(b, `,"aggregateversion":`...)
	b = strconv.AppendInt(b, e.AggregateVersion, 10)
	b = appendOptional(b, `,"correlationid":`, e.CorrelationID)
	b = appendOptional(b, `,"causationid":`, e.CausationID)
	b = appendOptional(b, `,"traceparent":`, e.Traceparent)
	return append(b, '}')
}

func appendOptional(b []byte, member, value string) []byte {
	if value == "" {
		return b
	}
	return appendString(append(b, member...), value)
}
