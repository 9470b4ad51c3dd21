package eventlog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	"github.com/leadmill/leadmill/application"
)

// Status says how far a consumer has come.
type Status struct {
	Consumer string
	Position int64 // of the last event that is done
	Lag      int64 // events of all types between Position and the log's head
	Owned    bool  // an instance holds its lease
	Fence    int64 // how often its owner changed
	Parked   int   // parked events, which wait for a Retry
	// Oldest is when the first event behind Position happened, of whatever type; zero when there is none.
	Oldest time.Time
}

// Parked is an event that a consumer could not handle, or a later event of the same aggregate, which waits for that one.
type Parked struct {
	Consumer      string
	Position      int64
	EventID, Type string
	SellerID      string
	AggregateType string
	AggregateID   string
	Attempts      int    // 0: never tried, because it waits for an earlier event
	Error         string // of the last attempt
	ParkedAt      time.Time
}

// Consumers reads the state of all consumers of a log: projections and reactions.
type Consumers struct {
	db   *dialect.DB
	head *Head
}

// NewConsumers returns the Consumers of a database's log.
func NewConsumers(db *dialect.DB, head *Head) *Consumers { return &Consumers{db, head} }

// Status returns the state of every consumer, by name: application.ErrUnavailable.
func (c *Consumers) Status(ctx context.Context) (list []Status, err error) {
	head, err := c.head.Read(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := c.db.Reader.QueryContext(ctx, "SELECT name, position, fence, "+lease.Held(c.db, 0)+
		", (SELECT COUNT(*) FROM event_parked p WHERE p.consumer = c.name)"+
		", (SELECT e.at FROM event_positions e WHERE e.first_position <= c.position + 1 ORDER BY e.first_position DESC LIMIT 1)"+
		" FROM event_consumers c ORDER BY name")
	if err != nil {
		return nil, describe(c.db, "read consumers", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var s Status
		var at *int64
		if err := rows.Scan(&s.Consumer, &s.Position, &s.Fence, &s.Owned, &s.Parked, &at); err != nil {
			return nil, describe(c.db, "read consumers", err)
		}
		if s.Lag = max(head-s.Position, 0); s.Lag > 0 && at != nil {
			s.Oldest = time.UnixMicro(*at).UTC()
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		return nil, describe(c.db, "read consumers", err)
	}
	return list, nil
}

// Lag returns how many events each consumer is behind the log's head, by name: application.ErrUnavailable.
func (c *Consumers) Lag(ctx context.Context) (map[string]int64, error) {
	list, err := c.Status(ctx)
	if err != nil {
		return nil, err
	}
	lag := make(map[string]int64, len(list))
	for _, s := range list {
		lag[s.Consumer] = s.Lag
	}
	return lag, nil
}

// CountParked returns how many events are parked, of all consumers together, up to a number: application.ErrUnavailable.
func (c *Consumers) CountParked(ctx context.Context, most int) (n int, err error) {
	err = c.db.Reader.QueryRowContext(ctx, "SELECT COUNT(*) FROM (SELECT position FROM event_parked LIMIT ?) parked", most).Scan(&n)
	if err != nil {
		return 0, describe(c.db, "count parked events", err)
	}
	return n, nil
}

// Parked returns the parked events of all consumers in the order of consumer and position: application.ErrUnavailable.
func (c *Consumers) Parked(ctx context.Context) (list []Parked, err error) {
	rows, err := c.db.Reader.QueryContext(ctx, "SELECT consumer, position, seller_id, aggregate_type, aggregate_id, attempts, error, parked_at "+
		"FROM event_parked ORDER BY consumer, position")
	if err != nil {
		return nil, describe(c.db, "read parked events", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var p Parked
		var at int64
		if err := rows.Scan(&p.Consumer, &p.Position, &p.SellerID, &p.AggregateType, &p.AggregateID, &p.Attempts, &p.Error, &at); err != nil {
			return nil, describe(c.db, "read parked events", err)
		}
		p.ParkedAt = time.UnixMicro(at).UTC()
		list = append(list, p)
	}
	if err := rows.Err(); err != nil {
		return nil, describe(c.db, "read parked events", err)
	}
	return list, c.name(ctx, list)
}

// name adds ids and types of the events.
func (c *Consumers) name(ctx context.Context, list []Parked) error {
	positions := make([]int64, len(list))
	for i := range list {
		positions[i] = list[i].Position
	}
	slices.Sort(positions)
	events, err := at(ctx, c.db.Reader, slices.Compact(positions))
	if err != nil {
		return describe(c.db, "read parked events", err)
	}
	for i := range list {
		p := &list[i]
		if j, ok := slices.BinarySearchFunc(events, p.Position, func(e application.StoredEvent, position int64) int {
			return cmp.Compare(e.Position, position)
		}); ok {
			p.EventID, p.Type = events[j].ID, events[j].Type
		}
	}
	return nil
}

// aggregate identifies an aggregate; its events are handled in order.
type aggregate struct{ seller, kind, id string }

func aggregateOf(e *application.StoredEvent) aggregate {
	return aggregate{e.SellerID, e.AggregateType, e.AggregateID}
}

const (
	ofAggregate = " WHERE consumer = ? AND seller_id = ? AND aggregate_type = ? AND aggregate_id = ?"
	// waitsBehind is the error text of an event that was parked without being tried.
	waitsBehind = "waits behind an earlier event of the same aggregate"
)

// parkedAggregates returns the aggregates with parked events of a consumer. The text and is a further condition, such as "
// AND …".
func parkedAggregates(ctx context.Context, db queryer, consumer, and string) (set []aggregate, err error) {
	rows, err := db.QueryContext(ctx, "SELECT seller_id, aggregate_type, aggregate_id FROM event_parked WHERE consumer = ?"+and+
		" GROUP BY seller_id, aggregate_type, aggregate_id ORDER BY MIN(position)", consumer)
	if err != nil {
		return nil, fmt.Errorf("read parked aggregates: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var a aggregate
		if err := rows.Scan(&a.seller, &a.kind, &a.id); err != nil {
			return nil, fmt.Errorf("read parked aggregates: %w", err)
		}
		set = append(set, a)
	}
	return set, rows.Err()
}

// parkedEvents returns the first parked events of an aggregate, in order.
func parkedEvents(ctx context.Context, db queryer, consumer string, a aggregate, limit int) ([]application.StoredEvent, error) {
	positions, err := parkedPositions(ctx, db, consumer, a, limit)
	if err != nil {
		return nil, fmt.Errorf("read parked events: %w", err)
	}
	events, err := at(ctx, db, positions)
	if err != nil {
		return nil, fmt.Errorf("read parked events: %w", err)
	}
	return events, nil
}

func parkedPositions(ctx context.Context, db queryer, consumer string, a aggregate, limit int) (positions []int64, err error) {
	rows, err := db.QueryContext(ctx, "SELECT position FROM event_parked"+ofAggregate+" ORDER BY position LIMIT ?", consumer, a.seller, a.kind, a.id, limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var p int64
		if err := rows.Scan(&p); err != nil {
			return nil, err
		}
		positions = append(positions, p)
	}
	return positions, rows.Err()
}

// park stores events as parked.
func park(ctx context.Context, db execer, consumer string, events []application.StoredEvent, attempts int, reason string, at time.Time) error {
	for len(events) > 0 {
		n := min(len(events), 1000)
		args := make([]any, 0, 8*n)
		for i := range events[:n] {
			e := &events[i]
			args = append(args, consumer, e.Position, e.SellerID, e.AggregateType, e.AggregateID, attempts, reason, at.UnixMicro())
		}
		var query strings.Builder
		query.WriteString("INSERT INTO event_parked (consumer, position, seller_id, aggregate_type, aggregate_id, attempts, error, parked_at) VALUES ")
		for i := range n {
			if i > 0 {
				query.WriteString(",")
			}
			query.WriteString("(?,?,?,?,?,?,?,?)")
		}
		if _, err := db.ExecContext(ctx, query.String(), args...); err != nil {
			return fmt.Errorf("park events: %w", err)
		}
		events = events[n:]
	}
	return nil
}

// unpark removes events from the parked ones.
func unpark(ctx context.Context, db execer, consumer string, events []application.StoredEvent) error {
	args := []any{consumer}
	for i := range events {
		args = append(args, events[i].Position)
	}
	if _, err := db.ExecContext(ctx, "DELETE FROM event_parked WHERE consumer = ? AND position IN "+marks(len(events)), args...); err != nil {
		return fmt.Errorf("remove parked events: %w", err)
	}
	return nil
}
