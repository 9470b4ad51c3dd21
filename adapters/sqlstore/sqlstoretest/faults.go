package sqlstoretest

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
)

// Faults sits between a pool and its driver: it counts statements and fails on purpose. The zero value lets all through.
type Faults struct {
	mu         sync.Mutex
	statements []string
	failures   []error
	before     func(query string) error
	commit     func(commit, rollback func() error) error
}

// Before sets what is asked before each statement; an error is returned in its place.
func (f *Faults) Before(fn func(query string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = fn
}

// Commit sets what is done in place of each commit; it must call one of its arguments.
func (f *Faults) Commit(fn func(commit, rollback func() error) error) {
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

func (f *Faults) sent(query string) error {
	f.mu.Lock()
	f.statements = append(f.statements, query)
	before := f.before
	f.mu.Unlock()
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
	return &conn{inner, c.f}, nil
}

type conn struct {
	driver.Conn

	f *Faults
}

var errNotDriver = errors.New("sqlstoretest: the driver lacks an interface")

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	inner, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return nil, errNotDriver
	}
	if err := c.f.sent(query); err != nil {
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
	if err := c.f.sent(query); err != nil {
		return nil, err
	}
	r, err := inner.QueryContext(ctx, query, args)
	c.f.failed(err)
	return r, err
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
	return transaction{t, c.f}, nil
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

	f *Faults
}

// Commit implements driver.Tx.
func (t transaction) Commit() error {
	t.f.mu.Lock()
	fn := t.f.commit
	t.f.mu.Unlock()
	if fn == nil {
		return t.Tx.Commit()
	}
	return fn(t.Tx.Commit, t.Tx.Rollback)
}
