package eventlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
)

// SequencerConfig sizes a Sequencer.
type SequencerConfig struct {
	Step    int           // events in one transaction, more when a single INSERT wrote more; 5,000 when zero
	Spacing time.Duration // least time between the starts of two steps, so that a step takes many commits; 5 ms when zero
	Logger  *slog.Logger
}

// Sequencer gives committed events their positions: dense, without gaps, never changed. Any number of instances may run one;
// a row lock lets only one of them number at a time. On SQLite it has nothing to do, because the ids are the positions.
type Sequencer struct {
	db        *dialect.DB
	committed *Signal
	head      *Head
	config    SequencerConfig
}

// NewSequencer returns a Sequencer that is woken by committed and tells head how far it numbered.
func NewSequencer(db *dialect.DB, committed *Signal, head *Head, c SequencerConfig) *Sequencer {
	if c.Step <= 0 {
		c.Step = 5000
	}
	if c.Spacing <= 0 {
		c.Spacing = 5 * time.Millisecond
	}
	c.Logger = loggerOr(c.Logger)
	return &Sequencer{db: db, committed: committed, head: head, config: c}
}

// Run numbers events until ctx ends, which is no error. Errors of the database are logged and tried again with back-off. It
// returns ErrIncrement for a server whose auto_increment_increment is not 1.
func (s *Sequencer) Run(ctx context.Context) error {
	if !s.db.Sequenced() {
		<-ctx.Done()
		return nil
	}
	var seen uint64
	spacing := time.NewTimer(0)
	defer spacing.Stop()
	backoff := Backoff{Base: 50 * time.Millisecond, Max: 5 * time.Second}
	checked := false
	for failures := 0; ; {
		select {
		case <-spacing.C:
		case <-ctx.Done():
			return nil
		}
		spacing.Reset(s.config.Spacing)
		version := s.committed.Version()
		var more bool
		var err error
		if !checked {
			err = s.check(ctx)
			checked = err == nil
		}
		if err == nil {
			_, more, err = s.step(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrIncrement):
			return err
		case err != nil:
			failures++
			s.config.Logger.WarnContext(ctx, "event log: sequencer step failed", slog.Any("error", err), slog.Int("failures", failures))
			if lease.Pause(ctx, backoff.delay(failures)) != nil {
				return nil
			}
			continue
		case more:
			failures = 0
			continue
		}
		failures, seen = 0, version
		if _, err := s.committed.Wait(ctx, seen); err != nil {
			return nil
		}
	}
}

// check checks the server setting that the Writer relies on: ErrIncrement.
func (s *Sequencer) check(ctx context.Context) error {
	var increment int64
	if err := s.db.Writer.QueryRowContext(ctx, "SELECT @@auto_increment_increment").Scan(&increment); err != nil {
		return fmt.Errorf("read auto_increment_increment: %w", err)
	}
	if increment != 1 {
		return fmt.Errorf("%w, it is %d", ErrIncrement, increment)
	}
	return nil
}

// Drain numbers all events that are committed at the time of the call. On SQLite it only reads the head.
func (s *Sequencer) Drain(ctx context.Context) error {
	for more := s.db.Sequenced(); more; {
		var err error
		if _, more, err = s.step(ctx); err != nil {
			return describe(s.db, "number events", err)
		}
	}
	_, err := s.head.Read(ctx)
	return err
}

// step numbers about config.Step events in one transaction. It returns how many it numbered and whether more are left.
func (s *Sequencer) step(ctx context.Context) (n int64, more bool, err error) {
	tx, err := s.db.Writer.BeginTx(ctx, nil)
	if err != nil {
		return 0, false, err
	}
	defer func() { _ = tx.Rollback() }()
	var last int64
	if err := tx.QueryRowContext(ctx, "SELECT last_position FROM event_sequence WHERE id = 1"+s.db.ForUpdate()).Scan(&last); err != nil {
		return 0, false, fmt.Errorf("lock the sequence: %w", err)
	}
	// A read without locks sees only committed rows and does not wait. If it sees an event of an aggregate, it sees the
	// earlier ones too, because they were committed before this one was inserted.
	inserts, runs, more, err := s.pending(ctx, tx)
	if err != nil {
		return 0, false, err
	}
	next := last
	for chunk := range slices.Chunk(runs, maxRuns) {
		if next, err = number(ctx, tx, chunk, next); err != nil {
			return 0, false, err
		}
	}
	if next > last {
		if err := unpend(ctx, tx, last, next, inserts); err != nil {
			return 0, false, err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE event_sequence SET last_position = ? WHERE id = 1", next); err != nil {
			return 0, false, fmt.Errorf("move the sequence: %w", err)
		}
		if err := tx.Commit(); err != nil {
			return 0, false, fmt.Errorf("commit positions: %w", err)
		}
	}
	s.head.advance(next)
	return next - last, more, nil
}

// run is a span of ids without a gap, so that no event can appear inside it later.
type run struct{ first, last int64 }

const maxRuns = 64 // in one statement

// pending returns how many inserts the next step takes, the spans of their events, and whether more are left. A step takes
// whole inserts, at least one.
func (s *Sequencer) pending(ctx context.Context, tx queryer) (inserts int64, runs []run, more bool, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT first_id, events FROM event_pending ORDER BY first_id LIMIT ?", s.config.Step+1)
	if err != nil {
		return 0, nil, false, fmt.Errorf("find pending events: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for n := int64(0); rows.Next(); {
		var first, events int64
		if err := rows.Scan(&first, &events); err != nil {
			return 0, nil, false, fmt.Errorf("find pending events: %w", err)
		}
		if n += events; n > int64(s.config.Step) && inserts > 0 {
			more = true
			break
		}
		inserts++
		last := first + events - 1
		if k := len(runs) - 1; k >= 0 && runs[k].last+1 == first {
			runs[k].last = last
		} else {
			runs = append(runs, run{first, last})
		}
	}
	if err := rows.Err(); err != nil {
		return 0, nil, false, fmt.Errorf("find pending events: %w", err)
	}
	return inserts, runs, more, nil
}

// number gives the events of runs the positions after last, in one statement by primary key, and returns the last one.
func number(ctx context.Context, tx execer, runs []run, last int64) (int64, error) {
	var shift, where strings.Builder
	var shifts, spans []any
	var want int64
	for i, r := range runs {
		// position = id + (what the run's first event gets - its id)
		shift.WriteString(" WHEN id <= ? THEN ?")
		shifts = append(shifts, r.last, last+want+1-r.first)
		if i > 0 {
			where.WriteString(" OR ")
		}
		where.WriteString("id BETWEEN ? AND ?")
		spans = append(spans, r.first, r.last)
		want += r.last - r.first + 1
	}
	res, err := tx.ExecContext(ctx, "INSERT INTO event_positions (position, id, seller_id) SELECT id + CASE"+shift.String()+
		" END, id, seller_id FROM events WHERE "+where.String(), append(shifts, spans...)...)
	if err != nil {
		return 0, fmt.Errorf("number events: %w", err)
	}
	// There are fewer rows when the ids of an insert are not consecutive.
	if got, err := res.RowsAffected(); err != nil || got != want {
		return 0, fmt.Errorf("number events %d to %d: %d of %d rows (%w)", runs[0].first, runs[len(runs)-1].last, got, want, errOrMissing(err))
	}
	return last + want, nil
}

// unpend removes the pending inserts whose events have positions above after, up to upTo. The order of the join and the
// forced key make the server look up these rows one by one. A scan, which it prefers while the table is small, would wait
// for rows that open transactions have locked.
func unpend(ctx context.Context, tx execer, after, upTo int64, inserts int64) error {
	res, err := tx.ExecContext(ctx, "DELETE w FROM event_positions p STRAIGHT_JOIN event_pending w FORCE INDEX (PRIMARY) ON w.first_id = p.id "+
		"WHERE p.position > ? AND p.position <= ?", after, upTo)
	if err != nil {
		return fmt.Errorf("remove pending events: %w", err)
	}
	if got, err := res.RowsAffected(); err != nil || got != inserts {
		return fmt.Errorf("remove pending events: %d of %d rows (%w)", got, inserts, errOrMissing(err))
	}
	return nil
}
