package eventlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
)

// Replay builds a projection again from the first event: in one transaction it empties the read model, moves the cursor to
// 0, forgets parked events and ends the lease of its owner. A Runner that runs, here or elsewhere, or CatchUp then applies
// everything again. It fails with ErrUnknownProjection, application.ErrUnavailable, or an *ArchivedError when the first events are no
// longer in the log.
func (r *Runner) Replay(ctx context.Context, name string) error {
	f := r.find(name)
	if f == nil {
		return fmt.Errorf("%w: %s", ErrUnknownProjection, name)
	}
	if err := r.prepare(ctx, f); err != nil {
		return describe(r.db, "replay "+name, err)
	}
	return describeOrNil(r.db, "replay "+name, r.again(ctx, func() error {
		tx, err := r.db.Writer.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		if err := reach(ctx, r.db, tx, name, 0); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE event_consumers SET position = 0, fence = fence + 1, owner = '', lease_until = 0 "+
			"WHERE name = ?", name); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM event_parked WHERE consumer = ?", name); err != nil {
			return err
		}
		if err := safely(f.log, func() error { return f.Reset(ctx, tx) }); err != nil {
			return err
		}
		return tx.Commit()
	}))
}

func describeOrNil(d dialect.Dialect, what string, err error) error {
	if err == nil {
		return nil
	}
	return describe(d, what, err)
}

// again is again with the Runner's pauses.
func (r *Runner) again(ctx context.Context, fn func() error) error {
	return again(ctx, r.db, r.config.Backoff, fn)
}

// Retry applies the parked events of a projection again, each aggregate's in order, and removes those that now succeed; it
// may run beside a Runner. An event that fails stays parked with its aggregate. It returns how many were applied; the error
// is ErrUnknownProjection or application.ErrUnavailable, or names the events that failed again.
func (r *Runner) Retry(ctx context.Context, name string) (applied int, err error) {
	f := r.find(name)
	if f == nil {
		return 0, fmt.Errorf("%w: %s", ErrUnknownProjection, name)
	}
	if err := r.prepare(ctx, f); err != nil {
		return 0, describe(r.db, "retry "+name, err)
	}
	parked, err := parkedAggregates(ctx, r.db.Reader, name, "")
	if err != nil {
		return 0, describe(r.db, "retry "+name, err)
	}
	var failed []error
	for _, a := range parked {
		n, err := r.retryAggregate(ctx, f, a)
		applied += n
		var own *applyError
		switch {
		case err == nil:
		case errors.As(err, &own) && !transient(r.db, err):
			failed = append(failed, err)
		default:
			return applied, describe(r.db, "retry "+name, err)
		}
	}
	return applied, errors.Join(failed...)
}

// RetryBehind is Retry for the aggregate of one parked event, which an operator skipped (Consumers.SkipParked): ErrUnknownProjection,
// application.ErrUnavailable, or the event that failed again. It is no error when nothing is parked there any more.
func (r *Runner) RetryBehind(ctx context.Context, name string, position int64) (applied int, err error) {
	f := r.find(name)
	if f == nil {
		return 0, fmt.Errorf("%w: %s", ErrUnknownProjection, name)
	}
	a, err := aggregateAt(ctx, r.db.Writer, name, position)
	if errors.Is(err, ErrNotParked) {
		return 0, nil
	}
	if err == nil {
		applied, err = r.retryAggregate(ctx, f, a)
	}
	var own *applyError
	if err == nil || errors.As(err, &own) && !transient(r.db, err) {
		return applied, err
	}
	return applied, describe(r.db, "retry "+name, err)
}

func (r *Runner) retryAggregate(ctx context.Context, f *follower, a aggregate) (applied int, err error) {
	if err := r.again(ctx, func() error { return dropSkipped(ctx, r.db.Writer, f.name, a) }); err != nil {
		return 0, err
	}
	for limit := 1000; ; {
		var events []application.StoredEvent
		err := r.again(ctx, func() (err error) {
			events, err = r.retrySome(ctx, f, a, limit)
			return err
		})
		var own *applyError
		switch {
		case err == nil && len(events) == 0:
			return applied, nil
		case err == nil:
			applied += len(events)
		case !errors.As(err, &own) || transient(r.db, err):
			return applied, err
		case len(events) > 1:
			limit = len(events) / 2
		default:
			e := &events[0]
			if _, recordErr := r.db.Writer.ExecContext(ctx, "UPDATE event_parked SET attempts = attempts + 1, error = ?, parked_at = ? "+
				"WHERE consumer = ? AND position = ?", shorten(err.Error()), r.clock.Now().UnixMicro(), f.name, e.Position); recordErr != nil {
				return applied, recordErr
			}
			return applied, fmt.Errorf("event %s at position %d: %w", e.ID, e.Position, err)
		}
	}
}

// retrySome applies the first parked events of an aggregate in one transaction and returns these events, also with an error.
func (r *Runner) retrySome(ctx context.Context, f *follower, a aggregate, limit int) (events []application.StoredEvent, err error) {
	tx, err := r.db.Writer.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	var position int64 // the row's lock keeps a Runner from parking or applying at the same time
	if err := tx.QueryRowContext(ctx, "SELECT position FROM event_consumers WHERE name = ?"+r.db.ForUpdate(), f.name).Scan(&position); err != nil {
		return nil, err
	}
	events, err = parkedEvents(ctx, tx, f.name, a, limit)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	if err := safely(f.log, func() error { return f.Apply(ctx, tx, events) }); err != nil {
		return events, &applyError{err}
	}
	if err := unpark(ctx, tx, f.name, events); err != nil {
		return events, err
	}
	return events, tx.Commit()
}
