package engine

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"sync"
)

// buffer is a result that was read to its end. It becomes *sql.Rows again through a driver that does nothing else.
type buffer struct {
	columns []string
	types   []string // the names of the columns' types
	values  [][]any
}

// newBuffer reads rows to their end.
func newBuffer(rows *sql.Rows) (*buffer, error) {
	b := &buffer{}
	columns, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	for _, c := range columns {
		b.columns, b.types = append(b.columns, c.Name()), append(b.types, c.DatabaseTypeName())
	}
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		b.values = append(b.values, values)
	}
	return b, rows.Err()
}

// memory is a database of buffers: it answers a query with the buffer that is its argument.
var memory = sync.OnceValue(func() *sql.DB { return sql.OpenDB(memoryConnector{}) })

// rows returns the buffer as rows, which do not end with the context.
func (b *buffer) rows(ctx context.Context) (*sql.Rows, error) {
	return memory().QueryContext(context.WithoutCancel(ctx), "", b)
}

type memoryConnector struct{}

// Connect implements driver.Connector.
func (memoryConnector) Connect(context.Context) (driver.Conn, error) { return memoryConn{}, nil }

// Driver implements driver.Connector.
func (memoryConnector) Driver() driver.Driver { return memoryDriver{} }

type memoryDriver struct{}

// Open implements driver.Driver.
func (memoryDriver) Open(string) (driver.Conn, error) { return memoryConn{}, nil }

type memoryConn struct{}

var errMemory = errors.New("sqlstore: rows in memory are only read")

// Prepare implements driver.Conn.
func (memoryConn) Prepare(string) (driver.Stmt, error) { return nil, errMemory }

// Begin implements driver.Conn.
func (memoryConn) Begin() (driver.Tx, error) { return nil, errMemory }

// Close implements driver.Conn.
func (memoryConn) Close() error { return nil }

// CheckNamedValue implements driver.NamedValueChecker: a buffer is an argument.
func (memoryConn) CheckNamedValue(*driver.NamedValue) error { return nil }

// QueryContext implements driver.QueryerContext.
func (memoryConn) QueryContext(_ context.Context, _ string, args []driver.NamedValue) (driver.Rows, error) {
	b, ok := args[0].Value.(*buffer)
	if !ok {
		return nil, errMemory
	}
	return &memoryRows{buffer: b}, nil
}

type memoryRows struct {
	*buffer

	at int
}

// Columns implements driver.Rows.
func (r *memoryRows) Columns() []string { return r.columns }

// ColumnTypeDatabaseTypeName implements driver.RowsColumnTypeDatabaseTypeName.
func (r *memoryRows) ColumnTypeDatabaseTypeName(i int) string { return r.types[i] }

// Close implements driver.Rows. The transaction keeps the rows, but not what was in them.
func (r *memoryRows) Close() error {
	r.values = nil
	return nil
}

// Next implements driver.Rows.
func (r *memoryRows) Next(dest []driver.Value) error {
	if r.at >= len(r.values) {
		return io.EOF
	}
	for i, v := range r.values[r.at] {
		dest[i] = v
	}
	r.at++
	return nil
}
