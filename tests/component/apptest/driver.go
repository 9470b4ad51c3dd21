package apptest

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
)

// Driver sits between a pool and its database: it sees every statement and can stand in the way of commits. The zero value
// lets all through.
type Driver struct {
	mu        sync.Mutex
	statement func(query string)
	commit    func(statements []string, commit, rollback func() error) error
}

// OnStatement sets what is told of statements outside of transactions.
func (d *Driver) OnStatement(f func(query string)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.statement = f
}

// OnCommit sets what happens in place of commits. It is given the transaction's statements and must call commit or
// rollback. nil lets commits through again.
func (d *Driver) OnCommit(f func(statements []string, commit, rollback func() error) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.commit = f
}

// Wrap is for leadmill.StartOptions.
func (d *Driver) Wrap(c driver.Connector) driver.Connector { return wrapped{c, d} }

type wrapped struct {
	driver.Connector

	d *Driver
}

// Connect implements driver.Connector.
func (w wrapped) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := w.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: inner, d: w.d}, nil
}

// conn is used by one goroutine at a time, as database/sql promises.
type conn struct {
	driver.Conn

	d  *Driver
	in *transaction
}

type transaction struct {
	driver.Tx

	c          *conn
	statements []string
}

var errDriver = errors.New("apptest: the driver lacks an interface")

func (c *conn) sent(query string) {
	if c.in != nil {
		c.in.statements = append(c.in.statements, query)
		return
	}
	c.d.mu.Lock()
	f := c.d.statement
	c.d.mu.Unlock()
	if f != nil {
		f(query)
	}
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	inner, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return nil, errDriver
	}
	r, err := inner.ExecContext(ctx, query, args)
	if !errors.Is(err, driver.ErrSkip) { // else it comes again as a prepared statement
		c.sent(query)
	}
	return r, err
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	inner, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return nil, errDriver
	}
	r, err := inner.QueryContext(ctx, query, args)
	if !errors.Is(err, driver.ErrSkip) {
		c.sent(query)
	}
	return r, err
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	inner, ok := c.Conn.(driver.ConnPrepareContext)
	if !ok {
		return nil, errDriver
	}
	c.sent(query)
	return inner.PrepareContext(ctx, query)
}

// BeginTx implements driver.ConnBeginTx.
func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	inner, ok := c.Conn.(driver.ConnBeginTx)
	if !ok {
		return nil, errDriver
	}
	t, err := inner.BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	c.in = &transaction{Tx: t, c: c}
	return c.in, nil
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

// Commit implements driver.Tx.
func (t *transaction) Commit() error {
	t.c.in = nil
	t.c.d.mu.Lock()
	f := t.c.d.commit
	t.c.d.mu.Unlock()
	if f == nil {
		return t.Tx.Commit()
	}
	return f(t.statements, t.Tx.Commit, t.Tx.Rollback)
}

// Rollback implements driver.Tx.
func (t *transaction) Rollback() error {
	t.c.in = nil
	return t.Tx.Rollback()
}
