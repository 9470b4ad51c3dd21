package eventlog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	wsql "github.com/ThreeDotsLabs/watermill-sql/v4/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	"github.com/leadmill/leadmill/application"
)

const (
	insertHead = "INSERT INTO events (event_id, seller_id, aggregate_type, aggregate_id, aggregate_version, type, payload, " +
		"metadata, occurred_at) VALUES "
	insertRow  = "(?,?,?,?,?,?,?,?,?),"
	columns    = 9
	maxRows    = 30_000 / columns // on every engine
	maxPayload = 8 << 20          // bytes in one statement; MariaDB takes packets of 16 MiB by default
)

// insertText is cut to the number of rows of a statement, so that writing an event builds no SQL text.
var insertText = insertHead + strings.Repeat(insertRow, maxRows)

// insertPending tells the sequencer of the events of the preceding INSERT. When the server counts by one, their ids are
// consecutive and LAST_INSERT_ID() is the first of them.
const insertPending = "INSERT INTO event_pending (first_id, events) SELECT LAST_INSERT_ID(), ? FROM DUAL WHERE @@auto_increment_increment = 1"

// ErrIncrement says that the server's auto_increment_increment is not 1.
var ErrIncrement = errors.New("the database server's auto_increment_increment must be 1")

// Writer appends events to the log inside the transaction that causes them. It has no state.
type Writer struct {
	sequenced bool
	rows      int // in one statement
}

// NewWriter returns a Writer to databases of an engine.
func NewWriter(d dialect.Dialect) *Writer {
	return &Writer{d.Sequenced(), min(d.MaxParams()/columns, maxRows)}
}

// Append writes events in their order with one INSERT (more when they exceed the engine's parameters or 8 MiB of payload),
// through watermill's publisher bound to tx, each followed by a row for the sequencer if the engine needs one. Without
// events it does nothing. Errors are the driver's, wrapped, or ErrIncrement. After committing tx the caller must notify the
// committed Signal.
func (w *Writer) Append(ctx context.Context, tx *sql.Tx, events []application.EventRecord) error {
	for len(events) > 0 {
		n := w.statementRows(events)
		if err := publish(ctx, tx, events[:n]); err != nil {
			return err
		}
		if w.sequenced {
			if ok, err := lease.Matched(ctx, tx, insertPending, n); err != nil {
				return fmt.Errorf("append events: %w", err)
			} else if !ok {
				return fmt.Errorf("append events: %w", ErrIncrement)
			}
		}
		events = events[n:]
	}
	return nil
}

// statementRows is how many of the events go into one statement; at least one.
func (w *Writer) statementRows(events []application.EventRecord) int {
	n, size := 0, 0
	for n < len(events) && n < w.rows {
		size += len(events[n].Payload)
		if n > 0 && size > maxPayload {
			break
		}
		n++
	}
	return n
}

func publish(ctx context.Context, tx *sql.Tx, events []application.EventRecord) error {
	publisher, err := wsql.NewPublisher(wsql.TxFromStdSQL(tx), wsql.PublisherConfig{SchemaAdapter: schema{events}}, nil)
	if err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	// One array holds all messages, and they have no metadata maps, because this runs for every lead.
	messages := make([]message.Message, len(events))
	pointers := make([]*message.Message, len(events))
	for i := range events {
		messages[i].UUID, messages[i].Payload = events[i].ID, events[i].Payload
		pointers[i] = &messages[i]
	}
	messages[0].SetContext(ctx)
	if err := publisher.Publish(Topic, pointers...); err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	return nil
}

// schema writes watermill messages into the events table. It is made for one call: it takes the columns besides id and
// payload from the record with the message's index.
type schema struct{ events []application.EventRecord }

// InsertQuery implements wsql.SchemaAdapter.
func (s schema) InsertQuery(p wsql.InsertQueryParams) (wsql.Query, error) {
	if len(p.Msgs) != len(s.events) || len(p.Msgs) == 0 || len(p.Msgs) > maxRows {
		return wsql.Query{}, errors.New("not the messages this schema was made for")
	}
	args := make([]any, 0, len(p.Msgs)*columns)
	meta := make([]byte, 0, 160*len(p.Msgs))
	var last row
	for i, m := range p.Msgs {
		e := &s.events[i]
		if m.UUID != e.ID {
			return wsql.Query{}, errors.New("not the messages this schema was made for")
		}
		if i == 0 || e.Trail != s.events[i-1].Trail {
			from := len(meta)
			meta = appendTrail(meta, e.Trail)
			last.metadata = meta[from:len(meta):len(meta)]
		}
		// Most of these values repeat from row to row. Boxing them again for each row would be most of the garbage.
		if i == 0 || e.SellerID != s.events[i-1].SellerID {
			last.seller = e.SellerID
		}
		if i == 0 || e.AggregateType != s.events[i-1].AggregateType {
			last.kind = e.AggregateType
		}
		if i == 0 || e.AggregateID != s.events[i-1].AggregateID {
			last.aggregate = e.AggregateID
		}
		if i == 0 || e.Type != s.events[i-1].Type {
			last.eventType = e.Type
		}
		if i == 0 || !e.OccurredAt.Equal(s.events[i-1].OccurredAt) {
			last.at = e.OccurredAt.UnixMicro()
		}
		args = append(args, e.ID, last.seller, last.kind, last.aggregate, e.AggregateVersion, last.eventType,
			[]byte(m.Payload), last.metadata, last.at)
	}
	return wsql.Query{Query: insertText[:len(insertHead)+len(p.Msgs)*len(insertRow)-1], Args: args}, nil
}

// row holds the boxed values of the previous row.
type row struct{ seller, kind, aggregate, eventType, metadata, at any }

// The rest of the interface serves watermill's own subscriber, which loses messages on MySQL: see Subscriber.
var errPublishOnly = errors.New("the events table is only written through watermill's publisher")

// SelectQuery implements wsql.SchemaAdapter.
func (schema) SelectQuery(wsql.SelectQueryParams) (wsql.Query, error) {
	return wsql.Query{}, errPublishOnly
}

// UnmarshalMessage implements wsql.SchemaAdapter.
func (schema) UnmarshalMessage(wsql.UnmarshalMessageParams) (wsql.Row, error) {
	return wsql.Row{}, errPublishOnly
}

// SchemaInitializingQueries implements wsql.SchemaAdapter.
func (schema) SchemaInitializingQueries(wsql.SchemaInitializingQueriesParams) ([]wsql.Query, error) {
	return nil, errPublishOnly
}

// SubscribeIsolationLevel implements wsql.SchemaAdapter.
func (schema) SubscribeIsolationLevel() sql.IsolationLevel { return sql.LevelReadCommitted }

type trailJSON struct {
	CorrelationID string `json:"correlation_id"`
	CausationID   string `json:"causation_id"`
	Traceparent   string `json:"traceparent"`
}

// appendTrail appends a trail as compact JSON without its empty members.
func appendTrail(b []byte, t application.Trail) []byte {
	b = append(b, '{')
	b = appendMember(b, application.MetaCorrelationID, t.CorrelationID)
	b = appendMember(b, application.MetaCausationID, t.CausationID)
	b = appendMember(b, application.MetaTraceparent, t.Traceparent)
	return append(b, '}')
}

func appendMember(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(append(append(b, '"'), name...), '"', ':')
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, err := json.Marshal(value)
			if err != nil { // a string always marshals
				quoted = []byte(`""`)
			}
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), value...), '"')
}
