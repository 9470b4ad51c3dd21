package brokers

import (
	"strconv"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
)

// The names of attributes of CloudEvents that sinks use by themselves.
const (
	attributeSource      = "source"
	attributeType        = "type"
	attributeSubject     = "subject"
	attributeContentType = "datacontenttype"
)

// newMessage returns an event as a message: its id is the event's, its metadata are the attributes of the CloudEvent, and its payload is the data, or
// the whole CloudEvent as JSON when it is structured.
func newMessage(e *application.StoredEvent, sellerCode, base string, structured bool) *message.Message {
	envelope := eventsv1.NewEnvelope(eventsv1.Occurrence{
		ID: e.ID, SellerCode: sellerCode, Type: e.Type, Subject: e.AggregateID, Time: e.OccurredAt, Data: e.Payload, Position: e.Position,
		AggregateVersion: e.AggregateVersion, CorrelationID: e.Trail.CorrelationID, CausationID: e.Trail.CausationID, Traceparent: e.Trail.Traceparent,
		BaseURL: base,
	})
	payload := e.Payload
	if structured {
		payload = envelope.AppendJSON(make([]byte, 0, len(e.Payload)+600))
	}
	m := message.NewMessage(e.ID, payload)
	at, _ := envelope.Time.MarshalJSON() // which has no error, and quotes
	for name, value := range map[string]string{
		"specversion": envelope.SpecVersion, "id": envelope.ID, attributeSource: envelope.Source, attributeType: envelope.Type, attributeSubject: envelope.Subject,
		"time": strings.Trim(string(at), `"`), attributeContentType: envelope.DataContentType, "dataschema": envelope.DataSchema, "sequence": envelope.Sequence,
		"aggregateversion": strconv.FormatInt(envelope.AggregateVersion, 10), "correlationid": envelope.CorrelationID,
		"causationid": envelope.CausationID, "traceparent": envelope.Traceparent,
	} {
		if value != "" {
			m.Metadata[name] = value
		}
	}
	return m
}

// sellerCode is the code of the seller in the source of an event.
func sellerCode(m *message.Message) string {
	return strings.TrimPrefix(m.Metadata[attributeSource], "/sellers/")
}

const hexDigits = "0123456789ABCDEF"

// encode makes a value of a header of an attribute, as the bindings to HTTP and NATS say: what is not visible ASCII, and spaces, quotes and percent
// signs, are percent-encoded.
func encode(value string) string {
	plain := true
	for i := range len(value) {
		if special(value[i]) {
			plain = false
			break
		}
	}
	if plain {
		return value
	}
	var b strings.Builder
	for i := range len(value) {
		c := value[i]
		if special(c) {
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func special(c byte) bool { return c <= ' ' || c > '~' || c == '"' || c == '%' }
