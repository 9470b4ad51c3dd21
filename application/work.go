package application

import (
	"context"
	"errors"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
)

// Errors of the store. Their causes are for logs, never shown to a client.
var (
	// ErrUnavailable says that the database cannot be reached or is too busy, or that a lock was not free in time. Nothing
	// was changed.
	ErrUnavailable = fault.New(fault.Unavailable, "service_unavailable", "Service unavailable")
	// ErrOutcomeUnknown says that the connection was lost while committing: the change may or may not be stored.
	ErrOutcomeUnknown = fault.New(fault.Unavailable, "service_unavailable", "Service unavailable")
	// ErrConcurrentChange says that somebody else changed the same thing at the same time, again and again.
	ErrConcurrentChange = fault.New(fault.Conflict, "concurrent_change", "The object was changed at the same time. Try again.")
)

// DataError says that the database refused a value (a constraint, a range, an encoding), so the same command would fail
// again. The handler of a batch then searches for the command at fault.
type DataError struct{ Err error }

// Error implements error.
func (e *DataError) Error() string { return "data refused by the database: " + e.Err.Error() }

// Unwrap returns the driver's error.
func (e *DataError) Unwrap() error { return e.Err }

// DuplicateError says that a unique key refused a row of a team's own statement. Nothing of that statement was done, and the
// transaction goes on.
type DuplicateError struct {
	// Key is the name of the unique index, or "PRIMARY" for a primary key. Where a table's definition itself says UNIQUE it is
	// the first column's name on SQLite: make such keys by CREATE UNIQUE INDEX, then both engines know their name.
	Key string
}

// Error implements error.
func (e *DuplicateError) Error() string { return "a row with the same " + e.Key + " exists already" }

// OutcomeUnknownError is returned by UnitOfWork.Do when a commit was sent and its answer was lost.
type OutcomeUnknownError struct{ Err error }

// Error implements error.
func (e *OutcomeUnknownError) Error() string { return "outcome of commit unknown: " + e.Err.Error() }

// Unwrap returns ErrOutcomeUnknown, which gives the error its kind and code, and the driver's error.
func (e *OutcomeUnknownError) Unwrap() []error { return []error{ErrOutcomeUnknown, e.Err} }

// HeldError is returned by UnitOfWork.Do when somebody else held a row that the transaction needs, for longer than is waited for.
// Nothing was changed.
type HeldError struct{ Err error }

// Error implements error.
func (e *HeldError) Error() string { return "held by somebody else: " + e.Err.Error() }

// Unwrap returns ErrUnavailable, which gives the error its kind and code, and the driver's error.
func (e *HeldError) Unwrap() []error { return []error{ErrUnavailable, e.Err} }

// IsHeld reports whether an error is a *HeldError.
func IsHeld(err error) bool {
	_, held := errors.AsType[*HeldError](err)
	return held
}

// patient is the key under which a context says how long a transaction waits for a row.
type patient struct{}

// WithPatience returns a context in which UnitOfWork.Do waits about so long for a row that somebody else holds, once: then it
// returns *HeldError instead of running the closure again. A patience that ends sooner than the database lets a lock wait is kept for
// rows that are read in order to change them; the others are waited for as long as the database lets them.
func WithPatience(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, patient{}, d)
}

// PatienceOf returns what WithPatience gave a context; 0 when it gave none.
func PatienceOf(ctx context.Context) time.Duration {
	d, _ := ctx.Value(patient{}).(time.Duration)
	return d
}

// NestedWorkError says that a transaction was begun inside of another: a command sent, or Do called, with the context that Do
// gives its closure. The inner one would wait for locks that the outer one holds.
type NestedWorkError struct{}

// Error implements error.
func (*NestedWorkError) Error() string {
	return "a transaction cannot begin inside of another: send the command before it or after it"
}

// insideOfWork is the key under which the context of a closure says that a transaction is open.
type insideOfWork struct{}

// EnterWork returns the context that a UnitOfWork gives its closure. It fails with *NestedWorkError when ctx is that of another
// closure.
func EnterWork(ctx context.Context) (context.Context, error) {
	if ctx.Value(insideOfWork{}) != nil {
		return nil, &NestedWorkError{}
	}
	return context.WithValue(ctx, insideOfWork{}, true), nil
}

// UnitOfWork runs closures in transactions. T is what a closure sees of its transaction: the repositories that the commands
// of one room need.
//
// All transactions lock stored rows in the same order: seller, numbers, partner, customer, campaign, lead, buyer, counters,
// claims; each sorted by id. The response under an Idempotency-Key, a token that is consumed and the
// run of a seller's erasures are locked before all of these. Rows that the transaction itself inserts need no order, because no transaction that holds another lock waits for
// them. Events of saved aggregates are written last, just before the commit.
type UnitOfWork[T any] interface {
	// Do runs fn in one transaction and commits it. Deadlocks, lock timeouts and lost races for a claim run fn again (at
	// most 5 times in all, with jitter), so fn must not rely on anything from an earlier run. It returns fn's error
	// unchanged, ErrUnavailable (wrapped) when the database could not do it, *OutcomeUnknownError, *DataError, or
	// *HeldError, *NestedWorkError. An error of the database's driver that fn returns as it is means what it would mean from a repository.
	Do(ctx context.Context, fn func(ctx context.Context, tx T) error) error
}
