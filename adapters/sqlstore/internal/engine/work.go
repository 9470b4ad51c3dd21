// Package engine holds what all rooms of the store are made with: units of work, the transaction that their repositories
// share, reads outside of transactions, and small helpers for SQL. It knows no table.
//
// Stability: unsupported; it may change at any time.
package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/event"
)

// EventWriter appends events to the log inside a transaction, in the order given.
type EventWriter interface {
	Append(ctx context.Context, tx *sql.Tx, events []application.EventRecord) error
}

// Translate turns a domain event into what the log keeps of it, as application.Translations do.
type Translate func(e event.Event) (application.Published, error)

// Work runs units of work on a migrated database.
type Work struct {
	db        *dialect.DB
	events    EventWriter
	wake      application.Wake
	ids       application.IDs
	translate Translate
	happened  func(event.Event)
	signals   map[string]func()

	purging sync.Mutex
	walk    int              // how many rows of a table one purge looks at
	places  map[string][]any // by table: the key where the last purge stopped
}

// NewWork returns a Work on an open database. wake is told after every commit that wrote events.
func NewWork(db *dialect.DB, events EventWriter, wake application.Wake, ids application.IDs, translate Translate) *Work {
	return &Work{db: db, events: events, wake: wake, ids: ids, translate: translate, walk: purgeWalk, places: map[string][]any{}, signals: map[string]func(){}}
}

// Observe has a function told of each event of an aggregate once it is committed: not of those whose commit was sent and not answered. It
// is called by many goroutines, and every commit waits for it. Call Observe before the first unit of work.
func (w *Work) Observe(happened func(event.Event)) { w.happened = happened }

// OnSignal has a function called after each commit of a transaction that told of a topic, see Tx.Signal: not of those whose commit was sent and
// not answered. Call OnSignal before the first unit of work.
func (w *Work) OnSignal(topic string, do func()) { w.signals[topic] = do }

// DB returns the database, for statements that need no transaction.
func (w *Work) DB() *dialect.DB { return w.db }

// NewID returns a new id with a prefix.
func (w *Work) NewID(prefix string) string { return w.ids.New(prefix) }

// maxAttempts bounds how often a unit of work is run in all.
const maxAttempts = 5

// Do runs fn in one transaction and commits it, as application.UnitOfWork promises.
func (w *Work) Do(ctx context.Context, fn func(ctx context.Context, t *Tx) error) error {
	inside, err := application.EnterWork(ctx)
	if err != nil {
		return err
	}
	return w.Attempts(ctx, func() error {
		return w.once(inside, fn)
	})
}

// Attempts runs once until it does not ask to be run again (see Again), at most 5 times: application.ErrUnavailable after
// the last, or *application.HeldError, also after the first when the context says how patient to be.
func (w *Work) Attempts(ctx context.Context, once func() error) error {
	for attempt := 1; ; attempt++ {
		err := once()
		var again *retryError
		if !errors.As(err, &again) {
			return err
		}
		held := again.held && (attempt == maxAttempts || application.PatienceOf(ctx) > 0)
		if held {
			return &application.HeldError{Err: again.err}
		}
		if attempt == maxAttempts {
			return application.ErrUnavailable.Because(again.err)
		}
		if err := pause(ctx, attempt); err != nil {
			return application.ErrUnavailable.Because(errors.Join(err, again.err))
		}
	}
}

// pause waits a few milliseconds, longer after each attempt and at random, so that two that met do not meet again.
func pause(ctx context.Context, attempt int) error {
	most := time.Millisecond << (attempt + 1)
	timer := time.NewTimer(most/4 + rand.N(most)) //nolint:gosec // jitter is no secret
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// once runs fn in one transaction. It returns a *retryError when the transaction is worth another attempt.
func (w *Work) once(ctx context.Context, fn func(ctx context.Context, t *Tx) error) (err error) {
	ctx, leave, err := w.db.Writes.Enter(ctx)
	if err != nil {
		return application.ErrUnavailable.Because(err)
	}
	defer func() { leave(err) }()
	sqlTx, err := w.db.Writer.BeginTxx(ctx, nil)
	if err != nil {
		if w.db.Classify(err) == dialect.Retry {
			return &retryError{err: err}
		}
		return application.ErrUnavailable.Because(dialect.Redact(err))
	}
	t := &Tx{work: w, q: sqlTx, trail: application.TrailOf(ctx), patience: application.PatienceOf(ctx)}
	defer t.closeGiven()
	open := true
	defer func() {
		if open { // an error, or fn panicked; the reason is what counts, not how the rollback went
			_ = ended(ctx, sqlTx.Rollback)
		}
	}()
	if err := fn(ctx, t); err != nil || t.broken != nil {
		return t.outcome(ctx, err)
	}
	records, err := t.records()
	if err != nil {
		return err
	}
	if len(records) > 0 {
		if err := t.keepVersions(ctx); err != nil {
			return t.outcome(ctx, err)
		}
		if err := w.events.Append(ctx, sqlTx.Tx, records); err != nil {
			return w.Failed(ctx, err)
		}
	}
	open = false
	if err := ended(ctx, sqlTx.Commit); err != nil {
		return w.commitFailed(ctx, err)
	}
	for _, a := range t.saved {
		if w.happened != nil {
			for _, e := range a.aggregate.Pending() {
				w.happened(e)
			}
		}
		a.aggregate.Committed()
	}
	if len(records) > 0 {
		w.wake.Notify()
	}
	for _, topic := range t.told {
		if do := w.signals[topic]; do != nil {
			do()
		}
	}
	return nil
}

// errNoAnswer says that the end of a transaction was sent and not answered in time.
var errNoAnswer = fmt.Errorf("the end of a transaction: %w", dialect.ErrStalled)

// ended ends a transaction, which database/sql does without a context: errNoAnswer when it takes longer than ctx allows, or the database is
// found to hang. That a client went away cuts off nothing, since the answer tells whether others are to be woken.
func ended(ctx context.Context, end func() error) error {
	done := make(chan error, 1)
	go func() { done <- end() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	if late := errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(context.Cause(ctx), dialect.ErrStalled); late {
		select {
		case err := <-done:
			return err
		default:
			return errNoAnswer
		}
	}
	return <-done
}

// commitFailed says what a failed commit means. Only what is known to have been refused may be run again.
func (w *Work) commitFailed(ctx context.Context, err error) error {
	if !errors.Is(err, errNoAnswer) && (errors.Is(err, sql.ErrTxDone) || ctx.Err() != nil && errors.Is(err, ctx.Err())) {
		return application.ErrUnavailable.Because(err) // database/sql did not send the commit
	}
	switch w.db.Classify(err) {
	case dialect.Retry:
		return &retryError{err: err}
	case dialect.Duplicate, dialect.Data:
		return &application.DataError{Err: dialect.Redact(err)}
	default:
		return &application.OutcomeUnknownError{Err: dialect.Redact(err)}
	}
}

// Failed turns an error of the database into one of the application's, or into one that asks for another attempt. nil stays
// nil.
func (w *Work) Failed(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, sql.ErrTxDone):
		return application.ErrUnavailable.Because(dialect.Redact(err))
	}
	switch w.db.Classify(err) {
	case dialect.Retry:
		return &retryError{dialect.Redact(err), dialect.Held(err)}
	case dialect.Lost:
		return application.ErrUnavailable.Because(dialect.Redact(err))
	case dialect.Duplicate, dialect.Data:
		return &application.DataError{Err: dialect.Redact(err)}
	default:
		return fmt.Errorf("sqlstore: %w", dialect.Redact(err))
	}
}

// retryError says that the transaction can succeed when it is run again.
type retryError struct {
	err  error
	held bool // somebody else held a row for too long
}

// Error implements error.
func (e *retryError) Error() string { return "run again: " + e.err.Error() }

// Unwrap returns the reason.
func (e *retryError) Unwrap() error { return e.err }

// Again returns an error that makes Attempts run its function again. err is the reason.
func Again(err error) error { return &retryError{err: err} }

// Errors between a repository and its transaction.
var (
	// ErrLostRace says that somebody else took or gave up at the same time what was looked for.
	ErrLostRace = errors.New("somebody else took it at the same time")
	// ErrGuard says that a guarded statement matched fewer rows than what was decided in memory allows.
	ErrGuard = errors.New("sqlstore: a guard refused what was decided in memory")
)
