package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
)

const (
	// MaxParams bounds the parameters of one statement; SQLite allows 32,766, MySQL 65,535.
	MaxParams = 30_000
	// maxStatement bounds the bytes of texts and blobs in one statement: MariaDB takes packets of 16 MiB by default, and
	// escaping can double what is sent.
	maxStatement = 4 << 20
)

// Tx is one transaction. A statement that fails breaks it, unless its method says otherwise: nothing more is sent, and it is
// never committed, whatever the unit of work makes of the error.
type Tx struct {
	work  *Work
	q     *sqlx.Tx
	saved []saved
	// facts are events of no aggregate, written behind those of the saved ones.
	facts []application.EventRecord
	trail application.Trail // of the context that the transaction began with
	given []*sql.Rows       // that a team's statements were given
	told  []string          // the topics of Signal
	noted []string          // the ids of Note
	of    string            // the seller of NoteSeller
	// patience is how long a SELECT waits for a row that somebody else holds; 0 is as long as the database lets it.
	patience time.Duration
	// broken is the first failure that leaves the transaction in an unknown state. After a deadlock the server is outside
	// the transaction already and would commit each further statement by itself, so nothing is sent after it.
	broken error
}

// saved is an aggregate whose events are written just before the commit.
type saved struct {
	aggregate          application.EventSource
	kind, id, sellerID string
	trail              application.Trail
	team               bool // a team's module saved it
}

// Save has the events of an aggregate written just before the commit, behind those of the aggregates that were saved before
// it. kind is the aggregate type that its events carry. After the commit the events count as stored.
func (t *Tx) Save(a application.EventSource, kind, id, sellerID string, trail application.Trail) {
	t.saved = append(t.saved, saved{a, kind, id, sellerID, trail, false})
}

// Saved returns the ids of the aggregates of some kinds that were saved, in their order.
func (t *Tx) Saved(kinds ...string) []string {
	var ids []string
	for _, a := range t.saved {
		if slices.Contains(kinds, a.kind) && !slices.Contains(ids, a.id) {
			ids = append(ids, a.id)
		}
	}
	return ids
}

// Note names something that the transaction changes and that is no aggregate, for the audit trail.
func (t *Tx) Note(id string) { t.noted = append(t.noted, id) }

// NoteSeller names the seller whose things the transaction changes where no aggregate does, for the audit trail.
func (t *Tx) NoteSeller(id string) { t.of = id }

// Touched returns the ids of what the transaction changes: of the aggregates that were saved, and of what was noted. sellerID is that of the
// first aggregate, or else the one that was noted.
func (t *Tx) Touched() (sellerID string, ids []string) {
	sellerID, ids = t.of, slices.Clone(t.noted)
	for i, a := range t.saved {
		if i == 0 {
			sellerID = a.sellerID
		}
		if !slices.Contains(ids, a.id) {
			ids = append(ids, a.id)
		}
	}
	return sellerID, ids
}

// Append has events of no aggregate written just before the commit, behind those of all saved aggregates.
func (t *Tx) Append(facts ...application.EventRecord) { t.facts = append(t.facts, facts...) }

// Signal has who waits for a topic woken after the commit, see Work.OnSignal.
func (t *Tx) Signal(topic string) { t.told = append(t.told, topic) }

// records returns the events of all saved aggregates, in the order they were saved and recorded.
func (t *Tx) records() ([]application.EventRecord, error) {
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
			p, err := t.published(e)
			if err != nil {
				return nil, err
			}
			out = append(out, application.EventRecord{
				ID: t.work.ids.New("evt"), SellerID: a.sellerID, AggregateType: a.kind,
				AggregateID: a.id, AggregateVersion: version, Type: p.Type, Payload: p.Payload, OccurredAt: p.At, Trail: a.trail,
			})
		}
	}
	return append(out, t.facts...), nil
}

// published translates an event for the log.
func (t *Tx) published(e event.Event) (application.Published, error) {
	p, err := t.work.translate(e)
	switch {
	case err != nil:
		return application.Published{}, fmt.Errorf("translate %s: %w", e.EventType(), err)
	case !IsID(p.Type):
		return application.Published{}, fmt.Errorf("event type %q is not 1 to 64 visible ASCII characters", p.Type)
	default:
		return p, nil
	}
}

// outcome decides what a transaction that must not be committed ends with; err is what fn returned.
func (t *Tx) outcome(ctx context.Context, err error) error {
	if again, ok := errors.AsType[*retryError](t.broken); ok {
		return again // whatever fn made of it
	}
	if err == nil {
		return t.broken
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return application.ErrUnavailable.Because(err)
	}
	if t.broken == nil && dialect.FromDriver(err) && !isOurs(err) {
		return t.work.Failed(ctx, err)
	}
	return err
}

// isOurs reports whether an error of the database has been turned into one of the application's.
func isOurs(err error) bool {
	_, data := errors.AsType[*application.DataError](err)
	return data || fault.As(err) != nil
}

// ForUpdate is appended to a SELECT to lock its rows until the transaction ends.
func (t *Tx) ForUpdate() string { return t.work.db.ForUpdate() }

// UseKey is appended to a table's name to read it by one of its keys.
func (t *Tx) UseKey(key string) string { return t.work.db.UseKey(key) }

// MaxParams bounds the parameters of statements about what a batch sells: fewer than one may have where their time grows with the square.
func (t *Tx) MaxParams() int { return t.work.db.MaxParams() }

// PiecesOf is the function PiecesOf within MaxParams.
func (t *Tx) PiecesOf(refs []application.Ref) iter.Seq[[]application.Ref] {
	return piecesOf(refs, t.MaxParams()/2)
}

// DeleteByKey is the start of a DELETE that finds its rows by one of the table's keys, up to its WHERE.
func (t *Tx) DeleteByKey(table, key string) string { return t.work.db.DeleteByKey(table, key) }

// Exec runs one statement and returns how many rows it matched.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if t.broken != nil {
		return 0, t.broken
	}
	r, err := t.q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, t.fail(ctx, err)
	}
	n, err := r.RowsAffected()
	if err != nil {
		return 0, t.fail(ctx, err)
	}
	return n, nil
}

// Insert is Update for one new row.
func (t *Tx) Insert(ctx context.Context, table, query string, args ...any) (taken string, err error) {
	taken, _, err = t.Update(ctx, table, query, args...)
	return taken, err
}

// Update is Exec for a statement that a unique key may refuse: it returns the key's name as the migrations name it, "PRIMARY"
// for a primary key, and the transaction goes on.
func (t *Tx) Update(ctx context.Context, table, query string, args ...any) (taken string, matched int64, err error) {
	if t.broken != nil {
		return "", 0, t.broken
	}
	r, err := t.q.ExecContext(ctx, query, args...)
	if err != nil {
		if t.work.db.Classify(err) == dialect.Duplicate && ctx.Err() == nil {
			return t.work.db.DuplicateKey(err, table), 0, nil
		}
		return "", 0, t.fail(ctx, err)
	}
	if matched, err = r.RowsAffected(); err != nil {
		return "", 0, t.fail(ctx, err)
	}
	return "", matched, nil
}

// Unexpected breaks the transaction because a row exists already though nobody else can have made it: *application.DataError.
func (t *Tx) Unexpected(table, key string) error {
	return t.Refuse(&application.DataError{Err: fmt.Errorf("table %s: key %s exists already", table, key)})
}

// fail breaks the transaction with an error of the database.
func (t *Tx) fail(ctx context.Context, err error) error {
	return t.Refuse(t.work.Failed(ctx, err))
}

// Refuse breaks the transaction with an error of ours and returns it.
func (t *Tx) Refuse(err error) error {
	if t.broken == nil {
		t.broken = err
	}
	return err
}

// LostRace makes the unit of work run again: it then sees what the other one did.
func (t *Tx) LostRace() error {
	t.broken = Again(ErrLostRace)
	return t.broken
}

// patient returns a SELECT that locks rows as one that waits no longer than the transaction is patient.
func (t *Tx) patient(query string) string {
	if lock := t.ForUpdate(); t.patience > 0 && lock != "" && strings.HasSuffix(query, lock) {
		return t.work.db.Patient(query, t.patience)
	}
	return query
}

// All reads rows into a slice of structs with db tags, or of single values.
func (t *Tx) All(ctx context.Context, into any, query string, args ...any) error {
	if t.broken != nil {
		return t.broken
	}
	if err := t.q.SelectContext(ctx, into, t.patient(query), args...); err != nil {
		return t.fail(ctx, err)
	}
	return nil
}

// Get reads one row into a struct with db tags; found is false when there is none.
func (t *Tx) Get(ctx context.Context, into any, query string, args ...any) (found bool, err error) {
	if t.broken != nil {
		return false, t.broken
	}
	switch err := t.q.GetContext(ctx, into, t.patient(query), args...); {
	case err == nil:
		return true, nil
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	default:
		return false, t.fail(ctx, err)
	}
}

// InsertRows inserts n rows with one statement, or a few when they are too many or too large for one. row appends the
// values of row i to args; its error breaks the transaction. duplicate reports that a unique key refused a row, which breaks
// it too.
func (t *Tx) InsertRows(ctx context.Context, table, columns string, n int, row func(args []any, i int) ([]any, error)) (duplicate bool, err error) {
	width := strings.Count(columns, ",") + 1
	args := make([]any, 0, min(n*width, MaxParams))
	size := 0
	flush := func() (bool, error) {
		if t.broken != nil {
			return false, t.broken
		}
		_, err := t.q.ExecContext(ctx, t.work.db.InsertRows(table, columns, width, len(args)/width), args...)
		args, size = args[:0], 0
		if err != nil {
			return t.work.db.Classify(err) == dialect.Duplicate, t.fail(ctx, err)
		}
		return false, nil
	}
	for i := range n {
		before := len(args)
		if args, err = row(args, i); err != nil {
			return false, t.Refuse(err)
		}
		for _, a := range args[before:] {
			switch v := a.(type) {
			case string:
				size += len(v)
			case []byte:
				size += len(v)
			}
		}
		if len(args)+width > MaxParams || size > maxStatement || i == n-1 {
			if duplicate, err := flush(); err != nil {
				return duplicate, err
			}
		}
	}
	return false, nil
}
