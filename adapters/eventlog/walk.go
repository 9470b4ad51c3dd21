package eventlog

import (
	"context"
	"errors"
	"math"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
)

// Walk gives fn the events above after up to a position that is not above the log's head, in order, the types of a mask
// (eventsv1.Mask; all when it is 0): some thousand at once, those of whole segments. Segments that cannot be read are given to broken; without
// it they end the walk. It ends with the first error: of fn, of broken, of the database, or a *SegmentError.
func Walk(ctx context.Context, db *dialect.DB, after, upTo int64, mask uint64, fn func([]application.StoredEvent) error, broken func(*SegmentError) error) error {
	if mask == 0 {
		mask = allTypes
	}
	for after < upTo {
		all, err := stretches(ctx, db, "", after, upTo)
		if err != nil || len(all) == 0 {
			return err
		}
		for len(all) > 0 {
			n := together(all, mask, math.MaxInt, decodeStep)
			read, err := decodeEach(ctx, db.Reader, all[:n], mask)
			if err != nil {
				return err
			}
			if err := give(read, after, upTo, fn, broken); err != nil {
				return err
			}
			after, all = all[n-1].last(), all[n:]
		}
	}
	return nil
}

func give(read []decoded, after, upTo int64, fn func([]application.StoredEvent) error, broken func(*SegmentError) error) error {
	var events []application.StoredEvent
	for i := range read {
		var e *SegmentError
		if errors.As(read[i].err, &e) && broken != nil {
			if err := broken(e); err != nil {
				return err
			}
		} else if read[i].err != nil {
			return read[i].err
		}
		for _, e := range read[i].list {
			if e.Position > after && e.Position <= upTo {
				events = append(events, e)
			}
		}
	}
	if len(events) == 0 {
		return nil
	}
	return fn(events)
}

// Unnumbered returns the events that are committed and have no position yet, in the order of their segments: those have the position 0.
// tx reads in one snapshot. On an engine with a single writer there are none.
func Unnumbered(ctx context.Context, d dialect.Dialect, tx Queryer) (events []application.StoredEvent, err error) {
	if !d.Sequenced() {
		return nil, nil
	}
	inserts, err := pending(ctx, tx, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	all, err := segmentsOf(ctx, tx, inserts)
	if err != nil {
		return nil, err
	}
	if events, err = decode(ctx, tx, nil, all, allTypes); err != nil {
		return nil, err
	}
	for i := range events {
		events[i].Position = 0
	}
	return events, nil
}
