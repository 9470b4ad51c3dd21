package eventlog

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/projection"
)

// RunnerConfig sizes a Runner.
type RunnerConfig struct {
	Batch    int           // events in one transaction; 1,000 when zero
	Attempts int           // how often an event is tried before it is parked; 5 when zero
	Backoff  Backoff       // between attempts; 100 ms to 5 s when zero
	Gather   time.Duration // from the first event to the transaction; 200 ms when zero
	Idle     time.Duration // between two writes of a cursor that passes by events of other types; 2 s when zero
	Quiet    time.Duration // the same when no events come any more; 100 ms when zero
	Lease    LeaseConfig
	Logger   *slog.Logger
}

// Runner keeps projections up to date. Only one instance at a time works on a projection. What a projection writes and its
// cursor are committed together, so each event counts exactly once.
type Runner struct {
	*Consumers

	reader      *Reader
	clock       application.Clock
	config      RunnerConfig
	projections []*follower
}

// follower is one projection of a Runner.
type follower struct {
	projection.Projection

	name     string
	wanted   Wanted
	log      *slog.Logger
	mu       sync.Mutex
	prepared bool
}

// NewRunner returns a Runner. It fails when the name of a projection is malformed or used twice.
func NewRunner(db *dialect.DB, reader *Reader, clock application.Clock, projections []projection.Projection, c RunnerConfig) (*Runner, error) {
	if c.Batch <= 0 {
		c.Batch = 1000
	}
	if c.Attempts <= 0 {
		c.Attempts = 5
	}
	c.Backoff = c.Backoff.or(100*time.Millisecond, 5*time.Second)
	c.Gather, c.Idle, c.Quiet = cmp.Or(c.Gather, gatherFigures), cmp.Or(c.Idle, idle), cmp.Or(c.Quiet, quiet)
	c.Lease = c.Lease.WithDefaults()
	c.Logger = loggerOr(c.Logger)
	r := &Runner{Consumers: NewConsumers(db, reader.head), reader: reader, clock: clock, config: c}
	for _, p := range projections {
		name := p.Name()
		if err := lease.CheckName("consumer", name); err != nil {
			return nil, err
		}
		if r.find(name) != nil {
			return nil, fmt.Errorf("two projections are named %q", name)
		}
		wanted := NewWanted(name, nil)
		if s, ok := p.(projection.Selective); ok {
			wanted = NewWanted(name, s.Types())
			wanted.Wants = s.Wants
		}
		r.projections = append(r.projections, &follower{
			Projection: p, name: name, wanted: wanted, log: c.Logger.With(slog.String("projection", name)),
		})
	}
	return r, nil
}

func (r *Runner) find(name string) *follower {
	i := slices.IndexFunc(r.projections, func(f *follower) bool { return f.name == name })
	if i < 0 {
		return nil
	}
	return r.projections[i]
}

// ErrUnknownProjection says that this program has no projection of that name.
var ErrUnknownProjection = errors.New("unknown projection")

// Run works until ctx ends, which is no error. Then it gives up the current batch and releases the leases, so that another
// instance continues at once. The Head must be running.
func (r *Runner) Run(ctx context.Context) error {
	var group sync.WaitGroup
	for _, f := range r.projections {
		group.Go(func() {
			for failures := 0; ctx.Err() == nil; {
				err := r.once(ctx, f)
				switch {
				case ctx.Err() != nil:
				case errors.Is(err, errLeaseLost):
					f.log.InfoContext(ctx, "event log: projection goes on elsewhere or anew")
					failures = 0
				case err != nil:
					failures++
					f.log.WarnContext(ctx, "event log: projection waits", slog.Any("error", err), slog.Int("failures", failures))
					_ = lease.Pause(ctx, r.config.Backoff.delay(failures))
				default:
					failures = 0
					_ = r.reader.leases.Wait(ctx, f.name, r.config.Lease)
				}
			}
		})
	}
	group.Wait()
	return nil
}

// once tries to get the projection's lease and works with it until an error or the end of ctx. It returns nil at once when
// another instance has the lease.
func (r *Runner) once(ctx context.Context, f *follower) error {
	if err := r.prepare(ctx, f); err != nil {
		return err
	}
	l, err := tryLease(ctx, r.db, r.reader.leases, r.config.Lease, f.log, f.name)
	if l == nil {
		return err
	}
	return r.hold(ctx, f, l, math.MaxInt64)
}

// Names returns the names of the projections in alphabetical order.
func (r *Runner) Names() []string {
	names := make([]string, len(r.projections))
	for i, f := range r.projections {
		names[i] = f.name
	}
	slices.Sort(names)
	return names
}

// Prepare enters the projections that this installation does not know yet, so that from now on no event that they need is archived. It
// fails with application.ErrUnavailable, or an *ArchivedError when the first events are no longer in the log.
func (r *Runner) Prepare(ctx context.Context) error {
	for _, f := range r.projections {
		if err := r.prepare(ctx, f); err != nil {
			return describe(r.db, "prepare projection "+f.name, err)
		}
	}
	return nil
}

// CatchUp applies all events up to the log's head at the time of the call, and returns when every projection has them; for a
// projection that another instance works on, it waits for that instance. Failed events are parked. Call Sequencer.Drain
// before, because only numbered events are below the head.
func (r *Runner) CatchUp(ctx context.Context) error {
	head, err := r.head.Read(ctx)
	if err != nil {
		return err
	}
	if err := r.Prepare(ctx); err != nil {
		return err
	}
	for _, f := range r.projections {
		if err := r.catchUp(ctx, f, head); err != nil {
			return describe(r.db, "catch up projection "+f.name, err)
		}
	}
	return nil
}

func (r *Runner) catchUp(ctx context.Context, f *follower, head int64) error {
	for {
		var position int64
		if err := r.db.Reader.QueryRowContext(ctx, "SELECT position FROM event_consumers WHERE name = ?", f.name).Scan(&position); err != nil {
			return fmt.Errorf("read consumer %s: %w", f.name, err)
		}
		if position >= head {
			return nil
		}
		l, err := tryLease(ctx, r.db, r.reader.leases, r.config.Lease, f.log, f.name)
		if err != nil {
			return err
		}
		if l != nil {
			if err := r.hold(ctx, f, l, head); err != nil && !errors.Is(err, errLeaseLost) {
				return err
			}
			continue
		}
		if err := lease.Pause(ctx, min(r.config.Lease.Retry, 100*time.Millisecond)); err != nil {
			return err
		}
	}
}

func (r *Runner) prepare(ctx context.Context, f *follower) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.prepared {
		return nil
	}
	if err := ensureConsumer(ctx, r.db, f.name, 0); err != nil {
		return err
	}
	f.prepared = true
	return nil
}

// hold works with a lease up to a position, and releases it. It returns nil when the position is reached.
func (r *Runner) hold(ctx context.Context, f *follower, l *cursor, upTo int64) error {
	defer l.release(ctx)
	held, stop := l.keep(ctx, false) // not strict, because every write checks the fence
	defer stop()
	position := l.position // above l.position while events that the projection does not want were passed by
	defer func() { r.passed(ctx, l, position) }()
	var due <-chan time.Time // when the position is to be stored at the latest
	for position < upTo {
		if upTo == math.MaxInt64 {
			if quiet, err := r.await(held, position, due); err != nil {
				return err
			} else if quiet {
				if err := l.move(held, r.db.Writer, position); err != nil {
					return cause(held, err)
				}
				l.position, due = position, nil
				continue
			}
		}
		events, next, err := r.reader.Read(held, position, upTo, r.config.Batch, f.wanted)
		if err != nil {
			return cause(held, err)
		}
		if next == position {
			return fmt.Errorf("no events between cursor %d and the log's head", position)
		}
		if len(events) > 0 {
			if err := r.applyAll(held, f, l, events, next); err != nil {
				return cause(held, err)
			}
			due = nil
		} else if due == nil {
			due = time.After(r.config.Idle)
		}
		position = next
	}
	return nil
}

// await waits for events behind a position, and for others that come soon after the first of them. It reports true when the
// position is to be stored first: when it is due, or when no events came for a while.
func (r *Runner) await(ctx context.Context, position int64, due <-chan time.Time) (store bool, err error) {
	var quiet <-chan time.Time
	if due != nil {
		quiet = time.After(r.config.Quiet)
	}
	for {
		moved := r.head.moved.Version()
		head := r.head.Current()
		select {
		case <-due:
			return true, nil
		default:
		}
		if head > position {
			if head-position < int64(r.config.Batch) {
				err = lease.Pause(ctx, r.config.Gather)
			}
			return false, cause(ctx, err)
		}
		select {
		case <-r.head.moved.After(moved):
		case <-quiet:
			return true, nil
		case <-due:
			return true, nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// passed stores a position up to which the projection wants nothing, before its lease is released. If it cannot, another owner passes
// by these events once more.
func (r *Runner) passed(ctx context.Context, l *cursor, position int64) {
	if position <= l.position {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if l.move(ctx, r.db.Writer, position) == nil {
		l.position = position
	}
}

// applyAll applies events and moves the cursor to next, up to which they are all that the projection wants.
func (r *Runner) applyAll(ctx context.Context, f *follower, l *cursor, events []application.StoredEvent, next int64) error {
	for chunk := range slices.Chunk(events, r.config.Batch) {
		to := next
		if last := &chunk[len(chunk)-1]; last != &events[len(events)-1] {
			to = last.Position
		}
		if err := r.apply(ctx, f, l, chunk, to); err != nil {
			return err
		}
	}
	return nil
}

// cause returns why a context ended in place of an error that this end caused.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// apply applies events to the projection, or parks them when they fail, and moves the cursor to a position that is not below the last of
// them. An error that it returns ends the lease; it is never the failure of an event.
func (r *Runner) apply(ctx context.Context, f *follower, l *cursor, events []application.StoredEvent, to int64) error {
	failures, attempts := 0, 0
	for {
		err := r.try(ctx, f, l, events, to)
		var own *applyError
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil || errors.Is(err, errLeaseLost):
			return err
		case !errors.As(err, &own) || transient(r.db, err):
			failures++
			f.log.WarnContext(ctx, "event log: batch will be tried again", slog.Any("error", err), slog.Int("failures", failures))
			if err := lease.Pause(ctx, r.config.Backoff.delay(failures)); err != nil {
				return err
			}
			// A commit whose answer was lost may have moved the cursor.
			if done, err := r.doneMeanwhile(ctx, l, to); done || err != nil {
				return err
			}
			continue
		case len(events) > 1:
			half := len(events) / 2
			if err := r.apply(ctx, f, l, events[:half], events[half-1].Position); err != nil {
				return err
			}
			return r.apply(ctx, f, l, events[half:], to)
		}
		e := &events[0]
		if attempts++; attempts < r.config.Attempts {
			f.log.WarnContext(ctx, "event log: event failed", eventAttrs(e, attempts, err)...)
			if err := lease.Pause(ctx, r.config.Backoff.delay(attempts)); err != nil {
				return err
			}
			continue
		}
		f.log.ErrorContext(ctx, "event log: event parked with its aggregate", eventAttrs(e, attempts, err)...)
		return r.parkPoison(ctx, f, l, e, to, attempts, err)
	}
}

func eventAttrs(e *application.StoredEvent, attempts int, err error) []any {
	return []any{
		slog.String("event_id", e.ID), slog.String("type", e.Type), slog.Int64("position", e.Position),
		slog.Int("attempts", attempts), slog.Any("error", err),
	}
}

// doneMeanwhile reads the cursor again and reports whether it is at to already.
func (r *Runner) doneMeanwhile(ctx context.Context, l *cursor, to int64) (bool, error) {
	before := l.position
	if err := l.reload(ctx); err != nil {
		if errors.Is(err, errLeaseLost) {
			return false, err
		}
		return false, nil // still unreachable: the next try fails and asks again
	}
	switch l.position {
	case before:
		return false, nil
	case to:
		return true, nil
	default:
		return false, errLeaseLost // give up the lease and start again from the stored cursor
	}
}

// applyError is an error of a projection, as opposed to one of the log's own statements.
type applyError struct{ err error }

func (e *applyError) Error() string { return e.err.Error() }
func (e *applyError) Unwrap() error { return e.err }

// safely runs fn and turns a panic into an error, whose stack it logs.
func safely(log *slog.Logger, fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			log.Error("event log: panic", slog.Any("error", err), slog.String("stack", string(debug.Stack())))
		}
	}()
	return fn()
}

// try applies events in one transaction. It parks the events of aggregates that have parked events.
func (r *Runner) try(ctx context.Context, f *follower, l *cursor, events []application.StoredEvent, to int64) error {
	return r.inTx(ctx, l, to, func(tx *sql.Tx) error {
		live, waiting, err := r.split(ctx, tx, f.name, events)
		if err != nil {
			return err
		}
		if len(waiting) > 0 {
			if err := park(ctx, tx, f.name, waiting, 0, waitsBehind, r.clock.Now()); err != nil {
				return err
			}
		}
		if len(live) == 0 {
			return nil
		}
		if err := safely(f.log, func() error { return f.Apply(ctx, tx, live) }); err != nil {
			return &applyError{err}
		}
		return nil
	})
}

// inTx runs fn in a transaction that moves the cursor. Its first statement locks the consumer's row, so that another owner,
// a Retry or a Replay has to wait.
func (r *Runner) inTx(ctx context.Context, l *cursor, to int64, fn func(tx *sql.Tx) error) error {
	tx, err := r.db.Writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := l.move(ctx, tx, to); err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		err = fmt.Errorf("commit: %w", err)
		if c := r.db.Classify(err); c == dialect.Data || c == dialect.Duplicate { // a constraint checked at the end
			return &applyError{err}
		}
		return err
	}
	l.position = to
	return nil
}

// split separates events of aggregates that have parked events (waiting) from the others (live).
func (r *Runner) split(ctx context.Context, tx queryer, consumer string, events []application.StoredEvent) (live, waiting []application.StoredEvent, err error) {
	parked, err := parkedAggregates(ctx, tx, consumer, "")
	if err != nil || len(parked) == 0 {
		return events, nil, err
	}
	set := make(map[aggregate]bool, len(parked))
	for _, a := range parked {
		set[a] = true
	}
	for i := range events {
		if set[aggregateOf(&events[i])] {
			waiting = append(waiting, events[i])
		} else {
			live = append(live, events[i])
		}
	}
	return live, waiting, nil
}

func (r *Runner) parkPoison(ctx context.Context, f *follower, l *cursor, e *application.StoredEvent, to int64, attempts int, reason error) error {
	for failures := 1; ; failures++ {
		err := r.inTx(ctx, l, to, func(tx *sql.Tx) error {
			return park(ctx, tx, f.name, []application.StoredEvent{*e}, attempts, shorten(reason.Error()), r.clock.Now())
		})
		if err == nil || ctx.Err() != nil || errors.Is(err, errLeaseLost) {
			return err
		}
		f.log.WarnContext(ctx, "event log: event not parked yet", slog.Any("error", err))
		if err := lease.Pause(ctx, r.config.Backoff.delay(failures)); err != nil {
			return err
		}
		if done, err := r.doneMeanwhile(ctx, l, to); done || err != nil {
			return err
		}
	}
}
