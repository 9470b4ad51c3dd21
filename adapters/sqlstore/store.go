// Package sqlstore stores aggregates, claims and answers in MySQL (or what speaks its protocol) and in SQLite. The SQL
// text is the same for both; what differs is in package dialect.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/event"
)

// EventWriter appends events to the log inside a transaction, in the order given.
type EventWriter interface {
	Append(ctx context.Context, tx *sql.Tx, events []application.EventRecord) error
}

// Translate turns a domain event into its public or internal contract: the versioned wire type ("lead.sold.v1"), the JSON
// and the time it occurred.
type Translate func(sellerID string, e event.Event) (typ string, payload []byte, occurredAt time.Time, err error)

// Store implements application.UnitOfWork on a migrated database.
type Store struct {
	db        *dialect.DB
	events    EventWriter
	wake      application.Wake
	ids       application.IDs
	translate Translate
}

var (
	_ application.UnitOfWork[application.Tx] = (*Store)(nil)
	_ application.ClickLog   = (*Store)(nil)
)

// New returns a Store on an open database. wake is told after every commit that wrote events.
func New(db *dialect.DB, events EventWriter, wake application.Wake, ids application.IDs, translate Translate) *Store {
	return &Store{db: db, events: events, wake: wake, ids: ids, translate: translate}
}

// maxAttempts bounds how often a unit of work is run in all (design §3).
const maxAttempts = 5

// Do implements application.UnitOfWork.
func (s *Store) Do(ctx context.Context, fn func(ctx context.Context, tx application.Tx) error) error {
	return s.attempts(ctx, func() error { return s.once(ctx, fn) })
}

// attempts runs once until it does not ask to be run again.
func (s *Store) attempts(ctx context.Context, once func() error) error {
	for attempt := 1; ; attempt++ {
		err := once()
		var again *retryError
		if !errors.As(err, &again) {
			return err
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
	timer := time.NewTimer(most/4 + rand.N(most))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// once runs fn in one transaction. It returns a *retryError when the transaction is worth another attempt.
func (s *Store) once(ctx context.Context, fn func(ctx context.Context, tx application.Tx) error) error {
	sqlTx, err := s.db.Writer.BeginTxx(ctx, nil)
	if err != nil {
		if s.db.Classify(err) == dialect.Retry {
			return &retryError{err}
		}
		return application.ErrUnavailable.Because(dialect.Redact(err))
	}
	t := &tx{s: s, q: sqlTx}
	open := true
	defer func() {
		if open { // an error, or fn panicked; the reason is what counts, not how the rollback went
			_ = sqlTx.Rollback()
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
		if err := s.events.Append(ctx, sqlTx.Tx, records); err != nil {
			return s.classified(ctx, err)
		}
	}
	open = false
	if err := sqlTx.Commit(); err != nil {
		return s.commitFailed(ctx, err)
	}
	for _, a := range t.saved {
		a.aggregate.Committed()
	}
	if len(records) > 0 {
		s.wake.Notify()
	}
	return nil
}

// commitFailed says what a failed commit means. Only what is known to have been refused may be run again.
func (s *Store) commitFailed(ctx context.Context, err error) error {
	if errors.Is(err, sql.ErrTxDone) || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return application.ErrUnavailable.Because(err) // database/sql did not send the commit
	}
	switch s.db.Classify(err) {
	case dialect.Retry:
		return &retryError{err}
	case dialect.Duplicate, dialect.Data:
		return &application.DataError{Err: dialect.Redact(err)}
	default:
		return &application.OutcomeUnknown{Err: dialect.Redact(err)}
	}
}

// classified turns an error of the database into one of the application's.
func (s *Store) classified(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, sql.ErrTxDone):
		return application.ErrUnavailable.Because(dialect.Redact(err))
	}
	switch s.db.Classify(err) {
	case dialect.Retry:
		return &retryError{dialect.Redact(err)}
	case dialect.Lost:
		return application.ErrUnavailable.Because(dialect.Redact(err))
	case dialect.Duplicate, dialect.Data:
		return &application.DataError{Err: dialect.Redact(err)}
	default:
		return fmt.Errorf("sqlstore: %w", dialect.Redact(err))
	}
}

// retryError says that the transaction can succeed when it is run again.
type retryError struct{ err error }

// Error implements error.
func (e *retryError) Error() string { return "run again: " + e.err.Error() }

// Unwrap returns the reason.
func (e *retryError) Unwrap() error { return e.err }

var (
	errLostRace = errors.New("somebody else took it at the same time")
	errGuard    = errors.New("sqlstore: a guard refused what was decided in memory")
)

// tx is one transaction.
type tx struct {
	s     *Store
	q     *sqlx.Tx
	saved []saved
	// facts are events of no aggregate, written behind those of the saved ones.
	facts []application.EventRecord
	// broken is the first failure that leaves the transaction in an unknown state. After a deadlock the server is outside
	// the transaction already and would commit each further statement by itself, so nothing is sent after it.
	broken error
}

// saved is an aggregate whose events are written just before the commit.
type saved struct {
	aggregate          aggregate
	kind, id, sellerID string
	trail              application.Trail
}

type aggregate interface {
	Pending() []event.Event
	StoredVersion() int64
	Committed()
}

func (t *tx) save(a aggregate, kind, id, sellerID string, trail application.Trail) {
	t.saved = append(t.saved, saved{a, kind, id, sellerID, trail})
}

// records returns the events of all saved aggregates, in the order they were saved and recorded.
func (t *tx) records() ([]application.EventRecord, error) {
	n := len(t.facts)
	for _, a := range t.saved {
		n += len(a.aggregate.Pending())
	}
	if n == 0 {
		return nil, nil
	}
	out := make([]application.EventRecord, 0, n)
	for _, a := range t.saved {
		version := a.aggregate.StoredVersion()
		for _, e := range a.aggregate.Pending() {
			version++
			typ, payload, at, err := t.s.translate(a.sellerID, e)
			if err != nil {
				return nil, fmt.Errorf("translate %s: %w", e.EventType(), err)
			}
			out = append(out, application.EventRecord{ID: t.s.ids.New("evt"), SellerID: a.sellerID, AggregateType: a.kind,
				AggregateID: a.id, AggregateVersion: version, Type: typ, Payload: payload, OccurredAt: at, Trail: a.trail})
		}
	}
	return append(out, t.facts...), nil
}

// outcome decides what a transaction that must not be committed ends with; err is what fn returned.
func (t *tx) outcome(ctx context.Context, err error) error {
	var again *retryError
	if errors.As(t.broken, &again) {
		return again // whatever fn made of it
	}
	if err == nil {
		return t.broken
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return application.ErrUnavailable.Because(err)
	}
	return err
}

// Sellers implements application.Tx.
func (t *tx) Sellers() application.SellerRepository { return sellers{t} }

// Keys implements application.Tx.
func (t *tx) Keys() application.KeyRepository { return keys{t} }

// Partners implements application.Tx.
func (t *tx) Partners() application.PartnerRepository { return partners{t} }

// Customers implements application.Tx.
func (t *tx) Customers() application.CustomerRepository { return customers{t} }

// Forms implements application.Tx.
func (t *tx) Forms() application.FormRepository { return forms{t} }

// Numbers implements application.Tx.
func (t *tx) Numbers() application.NumberRepository { return numbers{t} }

// Tokens implements application.Tx.
func (t *tx) Tokens() application.TokenRepository { return tokens{t} }

// Buyers implements application.Tx.
func (t *tx) Buyers() application.BuyerRepository { return buyers{t} }

// Campaigns implements application.Tx.
func (t *tx) Campaigns() application.CampaignRepository { return campaigns{t} }

// Leads implements application.Tx.
func (t *tx) Leads() application.LeadRepository { return leads{t} }

// Counters implements application.Tx.
func (t *tx) Counters() application.CounterRepository { return counters{t} }

// Claims implements application.Tx.
func (t *tx) Claims() application.ClaimRepository { return claims{t} }

// Idempotency implements application.Tx.
func (t *tx) Idempotency() application.IdempotencyRepository { return answers{t} }
