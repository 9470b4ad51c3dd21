package feedhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// EventsScope is the scope of keys that read events and do nothing else.
const EventsScope = application.Scope("events")

// also are the key scopes that may read events beside program keys.
var also = []application.Scope{EventsScope}

const (
	// heartbeat is how often a stream says that it is there, while it has nothing to say: proxies close connections that are silent for a
	// minute, many for half of one.
	heartbeat = 15 * time.Second
	// reconnect is how long a client waits before it comes back, in milliseconds.
	reconnect = "2000"
	// eventStream is the type of https://html.spec.whatwg.org/multipage/server-sent-events.html.
	eventStream = "text/event-stream"
	lastEventID = "Last-Event-ID"
)

var streamParameters = []string{"after", "log_id", "types"}

func (h Handlers) streamEvents(k *httpport.Call) {
	var v fault.Violations
	q := h.streamOf(k.StrictQuery(&v, streamParameters...), k.Request().Header, &v)
	if err := v.Err(); err != nil {
		k.Fail(err)
		return
	}
	q.Actor = k.Actor()
	events, err := h.EventStream.Handle(k.Context(), q)
	if err != nil {
		if errors.Is(err, feedquery.ErrTooManyStreams) {
			k.Writer().Header().Set("Retry-After", "5")
		}
		failEvents(k, err)
		return
	}
	defer events.Close()
	base := h.Base()
	ours := base != ""
	if !ours {
		base = k.Base()
	}
	encode := func(e *application.StoredEvent) []byte { return dataOf(e, q.SellerCode, base) }
	out, ctx, release := k.Push(eventStream)
	defer release()
	s := sending{out: out, events: events, log: events.LogID()}
	err = s.begin()
	for err == nil {
		var list []feedquery.StreamedEvent
		if list, err = events.Next(ctx, heartbeat); err != nil {
			break
		}
		for _, e := range list {
			if !ours { // its schema has another address for each client
				e.Shared = nil
			}
			s.event(e.Position, e.Encoded(encode))
		}
		if len(list) == 0 {
			s.alive()
		}
		err = s.flush()
	}
	switch {
	case errors.Is(s.err, os.ErrDeadlineExceeded):
		k.Note("a reader of the event stream did not take what was sent", err)
	case ctx.Err() != nil || s.err != nil: // the client went away, its key was revoked, or the server stops
	case errors.Is(err, feedquery.ErrLogChanged), errors.Is(err, feedquery.ErrPositionArchived):
		k.Note("an event stream ended: its client is told why when it comes back", err)
	default:
		k.Warn("an event stream ended", err)
	}
}

// sending writes a stream in the format of server-sent events. After its first error it writes nothing.
type sending struct {
	out    *httpport.Push
	events feedquery.OpenStream
	log    string
	told   int64 // the position that the client knows
	head   []byte
	err    error
}

// begin tells the client where the stream is, so that it misses nothing when it loses the connection before the first event.
func (s *sending) begin() error {
	s.write([]byte("retry: " + reconnect + "\n"))
	s.position()
	return s.flush()
}

func (s *sending) event(position int64, data []byte) {
	s.told = position
	s.write(s.id(position))
	s.write(data)
}

// alive is a comment, and where the client is to go on when that has moved past events that are not for it. A block without data is no event
// to clients, but they remember its id.
func (s *sending) alive() {
	s.write([]byte(":\n"))
	if s.events.Position() > s.told {
		s.position()
		return
	}
	s.write([]byte("\n"))
}

func (s *sending) position() {
	s.told = s.events.Position()
	s.write(append(s.id(s.told), '\n'))
}

func (s *sending) id(position int64) []byte {
	s.head = append(append(append(s.head[:0], "id: "...), s.log...), ':')
	s.head = append(strconv.AppendInt(s.head, position, 10), '\n')
	return s.head
}

func (s *sending) write(b []byte) {
	if s.err == nil {
		_, s.err = s.out.Write(b)
	}
}

func (s *sending) flush() error {
	if s.err == nil {
		s.err = s.out.Flush()
	}
	return s.err
}

// dataOf is an event as the data of a block, with the line that ends the block.
func dataOf(e *application.StoredEvent, sellerCode, base string) []byte {
	b := Envelope(e, sellerCode, base).AppendJSON(append(make([]byte, 0, len(e.Payload)+600), "data: "...))
	if bytes.ContainsAny(b, "\r\n") { // a module wrote its data in lines, which would each be a field
		var line bytes.Buffer
		line.WriteString("data: ")
		if json.Compact(&line, b[len("data: "):]) == nil {
			b = line.Bytes()
		}
	}
	return append(b, "\n\n"...)
}

// Envelope puts an event of the log into its envelope. base is where this server is reached.
func Envelope(e *application.StoredEvent, sellerCode, base string) eventsv1.Envelope {
	return eventsv1.NewEnvelope(eventsv1.Occurrence{
		ID: e.ID, SellerCode: sellerCode, Type: e.Type, Subject: e.AggregateID,
		Time: e.OccurredAt, Data: e.Payload, Position: e.Position, AggregateVersion: e.AggregateVersion,
		CorrelationID: e.Trail.CorrelationID, CausationID: e.Trail.CausationID, Traceparent: e.Trail.Traceparent,
		BaseURL: base,
	})
}

// streamOf reads where a stream begins and what it holds. Where a client lost its connection goes before where it began.
func (h Handlers) streamOf(values url.Values, header http.Header, v *fault.Violations) feedquery.EventStream {
	q := feedquery.EventStream{LogID: values.Get("log_id"), Types: h.typesOf(values, v)}
	if values.Get("after") == "" {
		q.FromHead = true
		if q.LogID != "" {
			v.Add("log_id", fault.InvalidValue, "is the log that after is of: it needs after")
		}
	} else {
		q.After = number(values, v, "after", 0, maxPosition, 0, positionMessage)
	}
	if last := header.Get(lastEventID); last != "" {
		log, position, ok := strings.Cut(last, ":")
		n, err := strconv.ParseInt(position, 10, 64)
		if !ok || log == "" || err != nil || n < 0 || n > maxPosition {
			v.Add(lastEventID, fault.InvalidValue, "must be the id of an event of a stream: a log and a position, such as log_7f3c0e9a51d24b86a0c2d9e4f1b35a68:42")
			return q
		}
		q.FromHead, q.LogID, q.After = false, log, n
	}
	return q
}
