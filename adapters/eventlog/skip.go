package eventlog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/leadmill/leadmill/adapters/eventlog/segment"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
)

// Errors of Skip.
var (
	ErrUnknownConsumer = errors.New("the log has no such consumer")
	ErrUnknownSegment  = errors.New("the log has no such segment")
	ErrReadable        = errors.New("the segment can be read, so that nothing has to be skipped")
	ErrNotParked       = errors.New("the consumer has no such parked event")
)

// Skip lets a consumer go on without a segment that cannot be read, or without the events in it whose types this build does not know, and keeps the reason and the time. What the segment said is lost for
// the consumer. It returns the positions of the segment's first and last event. To say it again is no error. It fails with ErrUnknownConsumer,
// ErrUnknownSegment, ErrReadable or application.ErrUnavailable.
func (c *Consumers) Skip(ctx context.Context, consumer string, segmentID int64, reason string, at time.Time) (first, last int64, err error) {
	s, err := c.damaged(ctx, consumer, segmentID)
	switch {
	case errors.Is(err, ErrUnknownConsumer), errors.Is(err, ErrUnknownSegment), errors.Is(err, ErrReadable):
		return 0, 0, err
	case err != nil:
		return 0, 0, describe(c.db, "skip a segment", err)
	}
	if _, err := c.db.Writer.ExecContext(ctx, "INSERT INTO event_skipped (consumer, segment_id, reason, skipped_at) VALUES (?,?,?,?)",
		consumer, segmentID, shorten(reason), at.UnixMicro()); err != nil && c.db.Classify(err) != dialect.Duplicate {
		return 0, 0, describe(c.db, "skip a segment", err)
	}
	return s.first, s.last(), nil
}

// SkipParked lets a consumer go on without an event that it could not handle, and keeps the reason and the time, under the event's position as a
// negative number in place of a segment. The later events of its aggregate are to be delivered again: those of a reaction by the instance that
// works on it, those of a projection by Runner.RetryBehind. To say it again is no error. It fails with ErrNotParked or application.ErrUnavailable.
func (c *Consumers) SkipParked(ctx context.Context, consumer string, position int64, reason string, at time.Time) error {
	if lease.CheckName("consumer", consumer) != nil {
		return fmt.Errorf("%w: %s at position %d", ErrNotParked, consumer, position)
	}
	err := inTransaction(ctx, c.db, func(tx transaction) error {
		a, err := aggregateAt(ctx, tx, consumer, position)
		if err != nil {
			return err
		}
		var there bool
		if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM event_skipped WHERE consumer = ? AND segment_id = ?)", consumer, -position).Scan(&there); err != nil {
			return err
		}
		if !there {
			if _, err := tx.ExecContext(ctx, "INSERT INTO event_skipped (consumer, segment_id, reason, skipped_at) VALUES (?,?,?,?)",
				consumer, -position, shorten(reason), at.UnixMicro()); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, "UPDATE event_parked SET parked_at = 0"+ofAggregate, consumer, a.seller, a.kind, a.id)
		return err
	})
	if errors.Is(err, ErrNotParked) {
		return err
	}
	return describeOrNil(c.db, "skip a parked event", err)
}

// aggregateAt returns the aggregate of a parked event: ErrNotParked.
func aggregateAt(ctx context.Context, db rowQueryer, consumer string, position int64) (a aggregate, err error) {
	err = db.QueryRowContext(ctx, "SELECT seller_id, aggregate_type, aggregate_id FROM event_parked WHERE consumer = ? AND position = ?", consumer, position).
		Scan(&a.seller, &a.kind, &a.id)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%w: %s at position %d", ErrNotParked, consumer, position)
	}
	return a, err
}

// dropSkipped removes the parked events of an aggregate that an operator skipped.
func dropSkipped(ctx context.Context, db execer, consumer string, a aggregate) error {
	if _, err := db.ExecContext(ctx, "DELETE FROM event_parked"+ofAggregate+" AND -position IN (SELECT segment_id FROM event_skipped WHERE consumer = ? AND segment_id < 0)",
		consumer, a.seller, a.kind, a.id, consumer); err != nil {
		return fmt.Errorf("remove skipped events: %w", err)
	}
	return nil
}

// damaged returns where a segment that cannot be read stands.
func (c *Consumers) damaged(ctx context.Context, consumer string, segmentID int64) (stretch, error) {
	if lease.CheckName("consumer", consumer) != nil {
		return stretch{}, fmt.Errorf("%w: %s", ErrUnknownConsumer, consumer)
	}
	var there bool
	if err := c.db.Reader.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM event_consumers WHERE name = ?)", consumer).Scan(&there); err != nil {
		return stretch{}, err
	}
	if !there {
		return stretch{}, fmt.Errorf("%w: %s", ErrUnknownConsumer, consumer)
	}
	rows, err := c.db.Reader.QueryContext(ctx, "SELECT "+stretchColumns+" FROM event_positions WHERE segment_id = ?", segmentID)
	if err != nil {
		return stretch{}, err
	}
	all, err := scanStretches(rows)
	if err != nil {
		return stretch{}, err
	}
	if len(all) == 0 {
		return stretch{}, fmt.Errorf("%w: %d", ErrUnknownSegment, segmentID)
	}
	s := all[0]
	found, err := bodies(ctx, c.db.Reader, s.seller, []int64{segmentID})
	if err != nil {
		return stretch{}, err
	}
	if body, there := found[segmentID]; there {
		events, err := segment.Decode(nil, body, s.seller, s.first, s.events, allTypes)
		if err == nil && !slices.ContainsFunc(events, func(e application.StoredEvent) bool { return !eventsv1.Known(e.Type) }) {
			return stretch{}, fmt.Errorf("%w: %d", ErrReadable, segmentID)
		}
	}
	return s, nil
}
