package eventlog

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// SequencerConfig sizes a Sequencer.
type SequencerConfig struct {
	Step    int           // events in one transaction; 5,000 when zero
	Spacing time.Duration // least time between the starts of two steps, so that a step takes many commits; 5 ms when zero
	Logger  *slog.Logger
}

// Sequencer gives committed events their positions: dense, without gaps, never changed. Any number of instances may run
// one; a row lock puts their steps in a row. On SQLite it has nothing to do.
type Sequencer struct {
	db        *dialect.DB
	committed *Signal
	head      *Head
	config    SequencerConfig
}

// NewSequencer returns a Sequencer that is woken by committed and tells head.
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

// Run numbers events until ctx ends, which is no error. Errors of the database are logged and tried again with back-off.
func (s *Sequencer) Run(ctx context.Context) error {
	if !sequenced(s.db) {
		<-ctx.Done()
		return nil
	}
	var seen uint64
	spacing := time.NewTimer(0)
	defer spacing.Stop()
	backoff := Backoff{Base: 50 * time.Millisecond, Max: 5 * time.Second}
	for failures := 0; ; {
		select {
		case <-spacing.C:
		case <-ctx.Done():
			return nil
		}
		spacing.Reset(s.config.Spacing)
		version := s.committed.Version()
		n, err := s.Step(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			failures++
			s.config.Logger.WarnContext(ctx, "event log: sequencer step failed", slog.Any("error", err), slog.Int("failures", failures))
			if pause(ctx, backoff.delay(failures)) != nil {
				return nil
			}
			continue
		case n == s.config.Step:
			failures = 0
			continue
		}
		failures, seen = 0, version
		if _, err := s.committed.Wait(ctx, seen); err != nil {
			return nil
		}
	}
}

// Drain numbers all events that are committed now. On SQLite it only reads the head.
func (s *Sequencer) Drain(ctx context.Context) error {
	for sequenced(s.db) {
		n, err := s.Step(ctx)
		if err != nil {
			return describe(s.db, "number events", err)
		}
		if n < s.config.Step {
			break
		}
	}
	_, err := s.head.Read(ctx)
	return err
}

// Step numbers up to one step of events in one transaction and returns how many it numbered.
func (s *Sequencer) Step(ctx context.Context) (n int, err error) {
	if !sequenced(s.db) {
		return 0, nil
	}
	tx, err := s.db.Writer.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }()
	var last int64
	if err := tx.QueryRowContext(ctx, "SELECT last_position FROM event_sequence WHERE id = 1"+s.db.ForUpdate()).Scan(&last); err != nil {
		return 0, fmt.Errorf("lock the sequence: %w", err)
	}
	// A plain read sees committed rows only and waits for nobody. Of one aggregate, whoever sees the later event sees the
	// earlier one too, because that was committed before the later was inserted.
	runs, n, err := s.unnumbered(ctx, tx)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		s.head.advance(last)
		return 0, nil
	}
	next := last
	for chunk := range slices.Chunk(runs, maxRuns) {
		var err error
		if next, err = number(ctx, tx, chunk, next); err != nil {
			return 0, err
		}
	}
	if _, err := tx.ExecContext(ctx, "UPDATE event_sequence SET last_position = ? WHERE id = 1", next); err != nil {
		return 0, fmt.Errorf("move the sequence: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("commit positions: %w", err)
	}
	s.head.advance(next)
	return n, nil
}

// run is a span of ids without a hole, so that no event can turn up inside it later.
type run struct{ first, last int64 }

const maxRuns = 64

func (s *Sequencer) unnumbered(ctx context.Context, tx queryer) (runs []run, n int, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT id FROM events WHERE position IS NULL ORDER BY id LIMIT ?", s.config.Step)
	if err != nil {
		return nil, 0, fmt.Errorf("find unnumbered events: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, 0, fmt.Errorf("find unnumbered events: %w", err)
		}
		if k := len(runs) - 1; k >= 0 && runs[k].last+1 == id {
			runs[k].last = id
		} else {
			runs = append(runs, run{id, id})
		}
		n++
	}
	if err := rows.Err(); err != nil {
		return nil, 0, fmt.Errorf("find unnumbered events: %w", err)
	}
	return runs, n, nil
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
	res, err := tx.ExecContext(ctx, "UPDATE events SET position = id + CASE"+shift.String()+" END WHERE "+where.String(),
		append(shifts, spans...)...)
	if err != nil {
		return 0, fmt.Errorf("number events: %w", err)
	}
	if got, err := res.RowsAffected(); err != nil || got != want {
		return 0, fmt.Errorf("number events: %d of %d rows (%w)", got, want, errOrMissing(err))
	}
	return last + want, nil
}
