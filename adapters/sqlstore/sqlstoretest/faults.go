package sqlstoretest

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// Faults sits between a pool and its driver: it counts statements and fails on purpose. The zero value lets all through.
type Faults struct {
	mu         sync.Mutex
	statements []string
	failures   []error
	before     func(query string) error
	behind     func(query string) error
	outside    func(query string)
	told       func(Statement)
	committing func([]Statement)
	commit     func(statements []string, commit, rollback func() error) error
}

// Statement is a statement as it was sent.
type Statement struct {
	Query string
	Args  []driver.NamedValue
}

// Told sets what is told of each statement before it is sent.
func (f *Faults) Told(fn func(Statement)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = fn
}

// Committing sets what is told of the statements of each transaction before its commit.
func (f *Faults) Committing(fn func([]Statement)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.committing = fn
}

// Before sets what is asked before each statement; an error is returned in its place.
func (f *Faults) Before(fn func(query string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = fn
}

// Behind sets what is asked when a query has been answered; an error comes behind the first row.
func (f *Faults) Behind(fn func(query string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.behind = fn
}

// Outside sets what is told of each statement outside of transactions.
func (f *Faults) Outside(fn func(query string)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outside = fn
}

// Commit sets what is done in place of each commit. It is given the transaction's statements and must call commit or
// rollback. nil lets commits through again.
func (f *Faults) Commit(fn func(statements []string, commit, rollback func() error) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commit = fn
}

// Statements returns the statements sent since the last call.
func (f *Faults) Statements() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.statements
	f.statements = nil
	return s
}

// Failures returns the errors of statements since the last call.
func (f *Faults) Failures() []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.failures
	f.failures = nil
	return e
}

// Wrap is for dialect.Options.
func (f *Faults) Wrap(c driver.Connector) driver.Connector { return connector{c, f} }

// sent records a statement. One that is run for each row of its arguments is recorded as one of many rows, as other engines are sent it.
func (c *conn) sent(query string, args []driver.NamedValue) error {
	f := c.f
	if text, each := strings.CutSuffix(query, dialect.EachRow); each {
		_, row, _ := strings.Cut(text, " VALUES ")
		query = text + strings.Repeat(","+row, len(args)/strings.Count(row, "?")-1)
	}
	f.mu.Lock()
	f.statements = append(f.statements, query)
	before, outside, told, committing := f.before, f.outside, f.told, f.committing
	f.mu.Unlock()
	if told != nil {
		told(Statement{query, args})
	}
	switch {
	case c.in != nil:
		c.in.statements = append(c.in.statements, query)
		if committing != nil {
			c.in.sent = append(c.in.sent, Statement{query, args})
		}
	case outside != nil:
		outside(query)
	}
	if before == nil {
		return nil
	}
	return before(query)
}

func (f *Faults) failed(err error) {
	if err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.failures = append(f.failures, err)
	}
}

type connector struct {
	driver.Connector

	f *Faults
}

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: inner, f: c.f}, nil
}

// conn is used by one goroutine at a time, as database/sql promises.
type conn struct {
	driver.Conn

	f  *Faults
	in *transaction
}

var errNotDriver = errors.New("sqlstoretest: the driver lacks an interface")

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	inner, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return nil, errNotDriver
	}
	if err := c.sent(query, args); err != nil {
		return nil, err
	}
	r, err := inner.ExecContext(ctx, query, args)
	c.f.failed(err)
	return r, err
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	inner, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return nil, errNotDriver
	}
	if err := c.sent(query, args); err != nil {
		return nil, err
	}
	r, err := inner.QueryContext(ctx, query, args)
	c.f.failed(err)
	c.f.mu.Lock()
	behind := c.f.behind
	c.f.mu.Unlock()
	if err != nil || behind == nil {
		return r, err
	}
	return &brokenRows{Rows: r, err: behind(query)}, nil
}

// brokenRows fail behind the first row, unless there is no error.
type brokenRows struct {
	driver.Rows

	err error
	n   int
}

// Next implements driver.Rows.
func (r *brokenRows) Next(dest []driver.Value) error {
	if r.n++; r.n > 1 && r.err != nil {
		return r.err
	}
	return r.Rows.Next(dest)
}

// BeginTx implements driver.ConnBeginTx.
func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	inner, ok := c.Conn.(driver.ConnBeginTx)
	if !ok {
		return nil, errNotDriver
	}
	t, err := inner.BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	c.in = &transaction{Tx: t, c: c}
	return c.in, nil
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if inner, ok := c.Conn.(driver.ConnPrepareContext); ok {
		return inner.PrepareContext(ctx, query)
	}
	return c.Prepare(query)
}

// CheckNamedValue implements driver.NamedValueChecker.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if inner, ok := c.Conn.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// ResetSession implements driver.SessionResetter.
func (c *conn) ResetSession(ctx context.Context) error {
	if inner, ok := c.Conn.(driver.SessionResetter); ok {
		return inner.ResetSession(ctx)
	}
	return nil
}

// IsValid implements driver.Validator.
func (c *conn) IsValid() bool {
	if inner, ok := c.Conn.(driver.Validator); ok {
		return inner.IsValid()
	}
	return true
}

type transaction struct {
	driver.Tx

	c          *conn
	statements []string
	sent       []Statement
}

// Commit implements driver.Tx.
func (t *transaction) Commit() error {
	t.c.in = nil
	t.c.f.mu.Lock()
	fn, committing := t.c.f.commit, t.c.f.committing
	t.c.f.mu.Unlock()
	if committing != nil {
		committing(t.sent)
	}
	if fn == nil {
		return t.Tx.Commit()
	}
	return fn(t.statements, t.Tx.Commit, t.Tx.Rollback)
}

// Rollback implements driver.Tx.
func (t *transaction) Rollback() error {
	t.c.in = nil
	return t.Tx.Rollback()
}
