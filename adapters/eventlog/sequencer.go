package eventlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
)

// SequencerConfig sizes a Sequencer.
type SequencerConfig struct {
	Step    int           // inserts of segments in one transaction; 500 when zero
	Spacing time.Duration // least time between the starts of two steps; 5 ms when zero
	Gather  time.Duration // from the first commit to the step, so that a step takes many commits, unless a feed waits; 25 ms when zero
	Logger  *slog.Logger
}

// Sequencer gives committed events their positions: dense, without gaps, never changed. Any number of instances may run one;
// a row lock lets only one of them number at a time. On SQLite it has nothing to do, because the writer gives the positions.
type Sequencer struct {
	db        *dialect.DB
	committed *Signal
	head      *Head
	config    SequencerConfig
}

// NewSequencer returns a Sequencer that is woken by committed and tells head how far it numbered.
func NewSequencer(db *dialect.DB, committed *Signal, head *Head, c SequencerConfig) *Sequencer {
	if c.Step <= 0 {
		c.Step = 500
	}
	if c.Gather <= 0 {
		c.Gather = gather
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
		s.head.gather(ctx, s.config.Gather)
	}
}

// check checks the server setting without which ids may descend: ErrIncrement.
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

// step numbers the segments of about config.Step inserts in one transaction. It returns how many events it numbered and whether
// more are left.
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
	inserts, err := pending(ctx, tx, s.config.Step+1)
	if err != nil {
		return 0, false, err
	}
	if more = len(inserts) > s.config.Step; more {
		inserts = inserts[:s.config.Step]
	}
	all, err := segmentsOf(ctx, tx, inserts)
	if err != nil {
		return 0, false, err
	}
	next := last
	for i := range all {
		all[i].first = next + 1
		next = all[i].last()
	}
	if next > last {
		if err := insertPositions(ctx, tx, all); err != nil {
			return 0, false, err
		}
		if err := unpend(ctx, tx, last, next, len(inserts)); err != nil {
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

// insert is a row of event_pending: so many segments with the number tx, the first of which has the id first.
type insert struct {
	first, tx int64
	segments  int
}

// pending returns the first inserts that wait, so many at most.
func pending(ctx context.Context, tx queryer, most int) (all []insert, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT first_id, tx, segments FROM event_pending ORDER BY first_id LIMIT ?", most)
	if err != nil {
		return nil, fmt.Errorf("find pending segments: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var in insert
		if err := rows.Scan(&in.first, &in.tx, &in.segments); err != nil {
			return nil, fmt.Errorf("find pending segments: %w", err)
		}
		all = append(all, in)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("find pending segments: %w", err)
	}
	return all, nil
}

// segmentsOf returns the segments of inserts, without positions, by insert and id. Those of most inserts are one, and are read by
// one statement; the others are found by what their rows share.
func segmentsOf(ctx context.Context, tx queryer, inserts []insert) ([]stretch, error) {
	found := make(map[int64][]stretch, len(inserts))
	var single []any
	count := 0
	for _, in := range inserts {
		count += in.segments
		if in.segments == 1 {
			single = append(single, in.first)
			continue
		}
		all, err := readStretches(ctx, tx, "id >= ? AND tx = ? ORDER BY id LIMIT ?", in.first, in.tx, in.segments)
		if err != nil {
			return nil, err
		}
		found[in.first] = all
	}
	for chunk := range slices.Chunk(single, maxStretches) {
		all, err := readStretches(ctx, tx, "id IN "+marks(len(chunk)), chunk...)
		if err != nil {
			return nil, err
		}
		for i := range all {
			found[all[i].id] = all[i : i+1]
		}
	}
	out := make([]stretch, 0, count)
	for _, in := range inserts {
		if len(found[in.first]) != in.segments || found[in.first][0].id != in.first {
			return nil, fmt.Errorf("number segments: %d of the %d from %d on: %w", len(found[in.first]), in.segments, in.first, errMissing)
		}
		out = append(out, found[in.first]...)
	}
	return out, nil
}

func readStretches(ctx context.Context, tx queryer, where string, args ...any) ([]stretch, error) {
	rows, err := tx.QueryContext(ctx, "SELECT 0, seller_id, id, events, at, types FROM event_segments WHERE "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read pending segments: %w", err)
	}
	all, err := scanStretches(rows)
	if err != nil {
		return nil, fmt.Errorf("read pending segments: %w", err)
	}
	return all, nil
}

// unpend removes the pending inserts whose segments have positions above after, up to upTo. The order of the join and the
// forced key make the server look up these rows one by one. A scan, which it prefers while the table is small, would wait
// for rows that open transactions have locked.
func unpend(ctx context.Context, tx execer, after, upTo int64, inserts int) error {
	res, err := tx.ExecContext(ctx, "DELETE w FROM event_positions p STRAIGHT_JOIN event_pending w FORCE INDEX (PRIMARY) ON w.first_id = p.segment_id "+
		"WHERE p.first_position > ? AND p.first_position <= ?", after, upTo)
	if err != nil {
		return fmt.Errorf("remove pending segments: %w", err)
	}
	if got, err := res.RowsAffected(); err != nil || got != int64(inserts) {
		return fmt.Errorf("remove pending segments: %d of %d rows (%w)", got, inserts, errOrMissing(err))
	}
	return nil
}
