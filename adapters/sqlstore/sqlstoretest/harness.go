// Package sqlstoretest is what every engine must pass. It has the harness, faults on purpose, and the suite of what concerns all
// rooms: transactions with their events, locks and failures. The suites of the rooms are in the packages below it.
//
// Stability: unsupported; it may change at any time.
package sqlstoretest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/eventlog/segment"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/event"
)

// Harness is a store on an empty, migrated database of its own.
type Harness struct {
	DB     *dialect.DB
	Store  *sqlstore.Store
	Faults *Faults
	Woken  *atomic.Int64
	URL    string
}

// New migrates an empty database and opens a store on it that closes with the test.
func New(t *testing.T, databaseURL string) *Harness {
	t.Helper()
	h := &Harness{Faults: &Faults{}, Woken: &atomic.Int64{}, URL: databaseURL}
	h.DB = h.Open(t, dialect.Options{MaxConnections: 32, Wrap: h.Faults.Wrap})
	require.NoError(t, sqlstore.Migrate(t.Context(), h.DB))
	h.Store = sqlstore.New(h.DB, eventlog.NewWriter(h.DB), wake{h.Woken}, &ids{}, translate)
	h.Faults.Statements()
	h.Faults.Failures()
	return h
}

// Open opens the harness's database once more, with options of its own, until the test ends.
func (h *Harness) Open(t *testing.T, o dialect.Options) *dialect.DB {
	t.Helper()
	db, err := dialect.Open(h.URL, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// Concurrent reports whether transactions that write run side by side.
func (h *Harness) Concurrent() bool { return h.DB.Name() != "sqlite" }

// Deadlock is how MySQL and MariaDB say that a transaction was ended because it waited for one that waits for it.
func Deadlock() error {
	return &mysql.MySQLError{Number: 1213, Message: "Deadlock found when trying to get lock"}
}

// Retryable returns errors after which a transaction must be run again.
func (h *Harness) Retryable(t *testing.T) map[string]error {
	t.Helper()
	if h.Concurrent() {
		return map[string]error{
			"deadlock":      Deadlock(),
			"lock timeout":  &mysql.MySQLError{Number: 1205, Message: "Lock wait timeout exceeded"},
			"lost snapshot": &mysql.MySQLError{Number: 1020, Message: "Record has changed since last read"},
		}
	}
	return map[string]error{"busy": busy(t)}
}

// busy makes SQLite say that it is busy: its errors cannot be made by hand.
func busy(t *testing.T) error {
	t.Helper()
	name := "file:" + (&url.URL{Path: filepath.Join(t.TempDir(), "busy.db")}).EscapedPath() + "?_txlock=immediate"
	one, err := sql.Open("sqlite", name)
	require.NoError(t, err)
	defer func() { require.NoError(t, one.Close()) }()
	two, err := sql.Open("sqlite", name)
	require.NoError(t, err)
	defer func() { require.NoError(t, two.Close()) }()
	tx, err := one.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	_, err = two.BeginTx(t.Context(), nil)
	require.Error(t, err)
	return err
}

// lost is how the driver says that the connection broke.
func (h *Harness) lost() error {
	if h.Concurrent() {
		return mysql.ErrInvalidConn
	}
	return driver.ErrBadConn
}

// Locked reports whether another transaction holds the row (on SQLite: the database).
func (h *Harness) Locked(t *testing.T, table, id string) bool {
	t.Helper()
	other, err := dialect.Open(h.URL, dialect.Options{MaxConnections: 1})
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	conn, err := other.Writer.Connx(context.Background())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	if !h.Concurrent() {
		_, err = conn.ExecContext(context.Background(), "PRAGMA busy_timeout = 0")
		require.NoError(t, err)
		_, err = conn.ExecContext(context.Background(), "BEGIN IMMEDIATE")
	} else {
		_, err = conn.ExecContext(context.Background(), "BEGIN")
		require.NoError(t, err)
		where := "seller_id = 'seller_1' AND id = ?"
		if table == "sellers" || strings.HasPrefix(table, "x_") {
			where = "id = ?"
		}
		var found []string
		err = conn.SelectContext(context.Background(), &found, "SELECT id FROM "+table+" WHERE "+where+" FOR UPDATE NOWAIT", id)
	}
	if err != nil {
		return true
	}
	_, err = conn.ExecContext(context.Background(), "ROLLBACK")
	require.NoError(t, err)
	return false
}

// Do runs fn in a unit of work that must succeed.
func (h *Harness) Do(t *testing.T, fn func(ctx context.Context, tx *sqlstore.Tx) error) {
	t.Helper()
	require.NoError(t, h.Store.Do(t.Context(), fn))
}

// Exec changes the database behind the store's back.
func (h *Harness) Exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	_, err := h.DB.Writer.ExecContext(context.Background(), statement, args...)
	require.NoError(t, err)
}

// Count returns how many rows a table has.
func (h *Harness) Count(t *testing.T, table string) int {
	t.Helper()
	var n int
	require.NoError(t, h.DB.Reader.GetContext(context.Background(), &n, "SELECT COUNT(*) FROM "+table))
	return n
}

// EventRow is what tests look at of most events.
type EventRow struct {
	EventID, SellerID, AggregateType, AggregateID string
	AggregateVersion                              int64
	Type, Correlation                             string
}

// Events returns the log, in the order it was written.
func (h *Harness) Events(t *testing.T) []EventRow {
	t.Helper()
	var rows []EventRow
	for _, e := range h.Records(t) {
		rows = append(rows, EventRow{e.ID, e.SellerID, e.AggregateType, e.AggregateID, e.AggregateVersion, e.Type, e.Trail.CorrelationID})
	}
	return rows
}

// Records is Events with all that the log keeps.
func (h *Harness) Records(t *testing.T) []application.EventRecord {
	t.Helper()
	var segments []struct {
		Seller string `db:"seller_id"`
		Events int    `db:"events"`
		Body   []byte `db:"body"`
	}
	require.NoError(t, h.DB.Reader.SelectContext(context.Background(), &segments, "SELECT seller_id, events, body FROM event_segments ORDER BY id"))
	var records []application.EventRecord
	for _, s := range segments {
		events, err := segment.Decode(nil, s.Body, s.Seller, 1, s.Events, math.MaxUint64)
		require.NoError(t, err)
		for _, e := range events {
			records = append(records, e.EventRecord)
		}
	}
	return records
}

// Forget empties the log but for what the first transaction wrote.
func (h *Harness) Forget(t *testing.T) {
	t.Helper()
	var first int64
	require.NoError(t, h.DB.Reader.GetContext(context.Background(), &first, "SELECT MIN(id) FROM event_segments"))
	h.Exec(t, "DELETE FROM event_versions")
	h.Exec(t, "DELETE FROM event_segments WHERE id > ?", first)
	h.Exec(t, "DELETE FROM event_positions WHERE segment_id > ?", first)
	if h.DB.Sequenced() {
		h.Exec(t, "DELETE FROM event_pending WHERE first_id > ?", first)
	}
	h.Exec(t, "UPDATE event_sequence SET last_position = COALESCE((SELECT MAX(first_position + events - 1) FROM event_positions), 0)")
}

func translate(e event.Event) (application.Published, error) {
	return application.Published{Type: e.EventType() + ".v1", Payload: []byte("{}"), At: Now}, nil
}

type wake struct{ n *atomic.Int64 }

// Notify implements application.Wake.
func (w wake) Notify() { w.n.Add(1) }

type ids struct{ n atomic.Int64 }

// New implements application.IDs.
func (i *ids) New(prefix string) string { return fmt.Sprintf("%s_%08d", prefix, i.n.Add(1)) }

// Now is the time of all tests.
var Now = time.Date(2026, 3, 1, 12, 0, 0, 123_456_000, time.UTC)

// fill gives every field of a value, down to the elements of slices and maps, a value of its own that is not zero.
type fill struct{ n int64 }

func (f *fill) value(v reflect.Value) {
	f.n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("v%d", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(f.n + 1000)
	case reflect.Uint8:
		v.SetUint(uint64(f.n%200 + 1))
	case reflect.Array:
		for i := range v.Len() {
			f.value(v.Index(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.value(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			f.value(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.value(key)
			f.value(value)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(Now.Add(time.Duration(f.n) * time.Microsecond)))
			return
		}
		for _, field := range v.Fields() {
			f.value(field)
		}
	default:
		panic("sqlstoretest: fill does not know " + v.Type().String())
	}
}

// Filled returns a T in which every field has a value of its own, so that a field that is not stored is found.
func Filled[T any](start int64) T {
	var v T
	f := fill{n: start}
	f.value(reflect.ValueOf(&v).Elem())
	return v
}

// zeroField returns the name of a field that is zero, down to the elements of slices; "" when there is none.
func zeroField(v reflect.Value, name string) string {
	switch {
	case v.IsZero():
		return name
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			if z := zeroField(v.Index(i), fmt.Sprintf("%s[%d]", name, i)); z != "" {
				return z
			}
		}
	case v.Kind() == reflect.Pointer:
		return zeroField(v.Elem(), name)
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
		for i := range v.NumField() {
			if z := zeroField(v.Field(i), strings.TrimPrefix(name+"."+v.Type().Field(i).Name, ".")); z != "" {
				return z
			}
		}
	}
	return ""
}

// RequireFull asserts that no field of a value is zero: a test that stores it would not see that the field is lost.
func RequireFull(t *testing.T, v any) {
	t.Helper()
	require.Empty(t, zeroField(reflect.ValueOf(v), ""), "the test must give every field a value")
}
