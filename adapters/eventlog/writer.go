package eventlog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	wsql "github.com/ThreeDotsLabs/watermill-sql/v4/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/leadmill/leadmill/adapters/eventlog/segment"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	"github.com/leadmill/leadmill/application"
)

// insertPending tells the sequencer of the segments of the preceding INSERT. Their ids are not below LAST_INSERT_ID(). Where the
// server does not count by one, several servers hand out ids, and those of one aggregate could descend.
const insertPending = "INSERT INTO event_pending (first_id, seller_id, tx, segments) SELECT LAST_INSERT_ID(), ?, ?, ? FROM DUAL " +
	"WHERE @@auto_increment_increment = 1"

const (
	segmentWidth = 6       // columns
	maxStatement = 4 << 20 // bytes before compression in one statement, more when a single event has more
)

// ErrIncrement says that the server's auto_increment_increment is not 1.
var ErrIncrement = errors.New("the database server's auto_increment_increment must be 1")

// Writer appends events to the log inside the transaction that causes them. It has no state.
type Writer struct {
	sequenced bool
	segments  int // in one statement
}

// NewWriter returns a Writer to databases of an engine.
func NewWriter(d dialect.Dialect) *Writer {
	return &Writer{d.Sequenced(), min(d.MaxParams(), maxStretches*stretchWidth) / segmentWidth}
}

// Append writes events through watermill's publisher bound to tx: those of a seller in their order, as one segment, or more when they
// exceed its bounds. All segments go into one INSERT, or more when they exceed 4 MiB or the engine's parameters. Each INSERT is followed by a row for the sequencer, or by the
// positions if the engine has a single writer. Without events it does nothing. Errors are the driver's, wrapped, or ErrIncrement.
// After committing tx the caller must notify the committed Signal.
func (w *Writer) Append(ctx context.Context, tx *sql.Tx, events []application.EventRecord) error {
	for segments := cut(bySeller(events)); len(segments) > 0; {
		n := w.oneStatement(segments)
		s := &schema{segments: segments[:n], tx: rand.Int64()} //nolint:gosec // tells apart what is written at the same time
		if err := publish(ctx, tx, s); err != nil {
			return fmt.Errorf("append events: %w", err)
		}
		if w.sequenced {
			if ok, err := lease.Matched(ctx, tx, insertPending, segments[0][0].SellerID, s.tx, n); err != nil {
				return fmt.Errorf("append events: %w", err)
			} else if !ok {
				return fmt.Errorf("append events: %w", ErrIncrement)
			}
		} else if err := place(ctx, tx, s.stretches); err != nil {
			return fmt.Errorf("append events: %w", err)
		}
		segments = segments[n:]
	}
	return nil
}

// bySeller puts the events of each seller together, without changing their order.
func bySeller(events []application.EventRecord) []application.EventRecord {
	order := map[string]int{}
	for i := range events {
		if _, known := order[events[i].SellerID]; !known {
			order[events[i].SellerID] = len(order)
		}
	}
	if len(order) < 2 {
		return events
	}
	events = slices.Clone(events)
	slices.SortStableFunc(events, func(a, b application.EventRecord) int { return order[a.SellerID] - order[b.SellerID] })
	return events
}

// cut divides events into those of each segment.
func cut(events []application.EventRecord) (segments [][]application.EventRecord) {
	for len(events) > 0 {
		n := segment.Fits(events)
		segments = append(segments, events[:n])
		events = events[n:]
	}
	return segments
}

// oneStatement is how many of the segments go into one statement; at least one.
func (w *Writer) oneStatement(segments [][]application.EventRecord) int {
	size := 0
	for n, events := range segments {
		for i := range events {
			size += segment.Size(&events[i])
		}
		if n > 0 && size > maxStatement || n == w.segments {
			return n
		}
	}
	return len(segments)
}

// place gives the segments of the last INSERT their positions, on an engine with a single writer: its ids have no gap.
func place(ctx context.Context, tx *sql.Tx, all []stretch) error {
	events := int64(0)
	for i := range all {
		events += int64(all[i].events)
	}
	var last, lastID int64
	if err := tx.QueryRowContext(ctx, "UPDATE event_sequence SET last_position = last_position + ? WHERE id = 1 "+
		"RETURNING last_position, last_insert_rowid()", events).Scan(&last, &lastID); err != nil {
		return fmt.Errorf("move the sequence: %w", err)
	}
	next := last - events + 1
	for i := range all {
		all[i].first, all[i].id = next, lastID-int64(len(all)-1-i)
		next += int64(all[i].events)
	}
	return insertPositions(ctx, tx, all)
}

func publish(ctx context.Context, tx *sql.Tx, s *schema) error {
	publisher, err := wsql.NewPublisher(wsql.TxFromStdSQL(tx), wsql.PublisherConfig{SchemaAdapter: s}, nil)
	if err != nil {
		return err
	}
	n := 0
	for _, events := range s.segments {
		n += len(events)
	}
	// One array holds all messages, and they have no metadata maps, because this runs for every lead.
	messages, pointers := make([]message.Message, 0, n), make([]*message.Message, 0, n)
	for _, events := range s.segments {
		for i := range events {
			messages = append(messages, message.Message{UUID: events[i].ID, Payload: events[i].Payload})
			pointers = append(pointers, &messages[len(messages)-1])
		}
	}
	messages[0].SetContext(ctx)
	return publisher.Publish(Topic, pointers...)
}

// schema writes watermill messages into event_segments. It is made for one call: it takes what a message does not say from the
// event in its place.
type schema struct {
	segments  [][]application.EventRecord
	tx        int64
	stretches []stretch // what was inserted, without ids and positions
}

var errOtherMessages = errors.New("not the messages this schema was made for")

// InsertQuery implements wsql.SchemaAdapter.
func (s *schema) InsertQuery(p wsql.InsertQueryParams) (wsql.Query, error) {
	n := len(s.segments)
	if n == 0 {
		return wsql.Query{}, errOtherMessages
	}
	s.stretches = make([]stretch, n)
	args := make([]any, 0, segmentWidth*n)
	next := 0
	for i, events := range s.segments {
		for j := range events {
			if next == len(p.Msgs) || p.Msgs[next].UUID != events[j].ID {
				return wsql.Query{}, errOtherMessages
			}
			next++
		}
		st := stretch{seller: events[0].SellerID, events: len(events), at: events[0].OccurredAt.UnixMicro(), types: segment.Types(events)}
		s.stretches[i] = st
		args = append(args, st.seller, s.tx, st.events, st.at, int64(st.types), segment.Encode(events))
	}
	if next != len(p.Msgs) {
		return wsql.Query{}, errOtherMessages
	}
	return wsql.Query{Query: "INSERT INTO event_segments (seller_id, tx, events, at, types, body) VALUES " + rowsOf(n, segmentWidth), Args: args}, nil
}

// The rest of the interface serves watermill's own subscriber, which loses messages on MySQL: see Subscriber.
var errPublishOnly = errors.New("the log is only written through watermill's publisher")

// SelectQuery implements wsql.SchemaAdapter.
func (*schema) SelectQuery(wsql.SelectQueryParams) (wsql.Query, error) {
	return wsql.Query{}, errPublishOnly
}

// UnmarshalMessage implements wsql.SchemaAdapter.
func (*schema) UnmarshalMessage(wsql.UnmarshalMessageParams) (wsql.Row, error) {
	return wsql.Row{}, errPublishOnly
}

// SchemaInitializingQueries implements wsql.SchemaAdapter.
func (*schema) SchemaInitializingQueries(wsql.SchemaInitializingQueriesParams) ([]wsql.Query, error) {
	return nil, errPublishOnly
}

// SubscribeIsolationLevel implements wsql.SchemaAdapter.
func (*schema) SubscribeIsolationLevel() sql.IsolationLevel { return sql.LevelReadCommitted }
