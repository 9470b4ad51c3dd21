package dialect

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The bounds of what a connection keeps prepared. A longer text has a list of many parameters, which has another length the
// next time.
const (
	keptStatements = 128
	keptText       = 2048
)

// unplanned hides the numbers behind LIMIT and OFFSET: SQLite plans a statement for them, and so prepares it anew each time they are given. What it
// has to add up first is not planned for.
var unplanned = strings.NewReplacer("LIMIT ?", "LIMIT ?+0", "OFFSET ?", "OFFSET ?+0")

// EachRow ends a statement that is run once for each row of its arguments.
const EachRow = " /* each row */"

// sqliteConn is what the driver's connections do.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// sqliteStmt is what the driver's statements do.
type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// sqliteRows is what the driver's results do.
type sqliteRows interface {
	driver.Rows
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypeNullable
	driver.RowsColumnTypePrecisionScale
	driver.RowsColumnTypeScanType
}

// preparing is a connection that keeps its statements prepared: SQLite runs in this process, and parsing a text takes it
// longer than running a short statement. The statements used last are kept. SQLite prepares one anew by itself when the
// schema has changed.
type preparing struct {
	sqliteConn

	// written is set for the writer and counts its statements, each row of EachRow as one. They are short, so they run to their end when
	// a context ends; the driver would start a goroutine for each to interrupt it.
	written *atomic.Int64
	kept    []keptStatement // the one used last stands last; none that is running
}

type keptStatement struct {
	text string
	stmt sqliteStmt
}

// How the writer waits for the lock that another process has: SQLite waits without an ear for the context, so that it does so in short
// steps, for 5 seconds in all.
const (
	busyStep  = "PRAGMA busy_timeout(200)"
	busySteps = 25
)

// unlocked runs a statement again while another process has the lock, until the context ends.
func (c *preparing) unlocked(ctx context.Context, run func() error) error {
	for step := 1; ; step++ {
		err := run()
		if c.written == nil || step == busySteps || ctx.Err() != nil || !busy(err) {
			return err
		}
	}
}

// busy reports whether an error says that another process has the lock.
func busy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_BUSY
}

// BeginTx implements driver.ConnBeginTx.
func (c *preparing) BeginTx(ctx context.Context, o driver.TxOptions) (tx driver.Tx, err error) {
	err = c.unlocked(ctx, func() error {
		tx, err = c.sqliteConn.BeginTx(ctx, o)
		return err
	})
	return tx, err
}

// take returns the statement of a text, which nobody else has until it is put back; nil for a text that is not kept.
func (c *preparing) take(ctx context.Context, text string) (sqliteStmt, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(text) > keptText {
		return nil, nil
	}
	for i, k := range slices.Backward(c.kept) {
		if k.text == text {
			c.kept = slices.Delete(c.kept, i, i+1)
			return k.stmt, nil
		}
	}
	stmt, err := c.PrepareContext(ctx, unplanned.Replace(text))
	if err != nil {
		return nil, err
	}
	return stmt.(sqliteStmt), nil
}

// patient returns the context in which a statement runs.
func (c *preparing) patient(ctx context.Context) context.Context {
	if c.written != nil {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

func (c *preparing) put(text string, stmt sqliteStmt) error {
	var err error
	if len(c.kept) == keptStatements {
		err = c.kept[0].stmt.Close()
		c.kept = slices.Delete(c.kept, 0, 1)
	}
	c.kept = append(c.kept, keptStatement{text, stmt})
	return err
}

// ExecContext implements driver.ExecerContext.
func (c *preparing) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	stmt, err := c.take(ctx, text)
	if stmt == nil {
		if err != nil {
			return nil, err
		}
		return c.sqliteConn.ExecContext(ctx, text, args)
	}
	var r driver.Result
	rows := 1
	if strings.HasSuffix(text, EachRow) {
		width := strings.Count(text, "?")
		rows = len(args) / width
		r, err = execRows(c.patient(ctx), stmt, width, args)
	} else {
		err = c.unlocked(ctx, func() error {
			r, err = stmt.ExecContext(c.patient(ctx), args)
			return err
		})
	}
	if c.written != nil {
		c.written.Add(int64(rows))
	}
	if err != nil {
		return nil, errors.Join(err, stmt.Close())
	}
	return r, c.put(text, stmt)
}

// execRows runs a statement once for each row of as many arguments as it has placeholders. It stops at the first row that fails.
func execRows(ctx context.Context, stmt sqliteStmt, width int, args []driver.NamedValue) (driver.Result, error) {
	var n int64
	for row := range slices.Chunk(args, width) {
		for i := range row {
			row[i].Ordinal = i + 1
		}
		if _, err := stmt.ExecContext(ctx, row); err != nil {
			return nil, err
		}
		n++
	}
	return driver.RowsAffected(n), nil
}

// QueryContext implements driver.QueryerContext.
func (c *preparing) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	stmt, err := c.take(ctx, text)
	if stmt == nil {
		if err != nil {
			return nil, err
		}
		return c.sqliteConn.QueryContext(ctx, text, args)
	}
	rows, err := stmt.QueryContext(c.patient(ctx), args)
	if err != nil {
		return nil, errors.Join(err, stmt.Close())
	}
	return &preparedRows{rows.(sqliteRows), c, text, stmt}, nil
}

// Close implements driver.Conn.
func (c *preparing) Close() error {
	var errs []error
	for _, k := range c.kept {
		errs = append(errs, k.stmt.Close())
	}
	c.kept = nil
	return errors.Join(append(errs, c.sqliteConn.Close())...)
}

// preparedRows puts their statement back when they are closed.
type preparedRows struct {
	sqliteRows

	conn *preparing
	text string
	stmt sqliteStmt
}

// Close implements driver.Rows.
func (r *preparedRows) Close() error {
	if r.stmt == nil {
		return nil
	}
	stmt := r.stmt
	r.stmt = nil
	if err := r.sqliteRows.Close(); err != nil {
		return errors.Join(err, stmt.Close())
	}
	return r.conn.put(r.text, stmt)
}
