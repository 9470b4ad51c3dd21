// Package grow brings the rows of an earlier release into tables of another form. A migration is a list of steps. A step that
// copies takes some thousand rows at a time, in the order of a key, and writes how far it is in the same transaction, so that a
// process that goes on after a kill goes on there. Every other step can be done twice.
//
// The old tables are renamed before anything is copied: what an instance of the earlier release would still write fails then,
// in place of being left behind. An old table is dropped when all its rows were copied.
//
// On SQLite all is one transaction of the caller's, and a kill begins anew.
//
// Stability: unsupported; it may change at any time.
package grow

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

//go:embed ddl
var ddl embed.FS

// Migration is one migration of the list that it shares with the SQL files.
type Migration struct {
	Version int64
	Name    string // as migrate status shows it: "0008_event_segments.go"

	steps func(*run) ([]step, error)
}

// All returns the migrations in their order.
func All() []Migration {
	return []Migration{
		{8, "0008_event_segments.go", eventSegments},
		{9, "0009_lean.go", lean},
	}
}

// Up runs the migration, or goes on with it. Nobody else may do so at the same time; a process that does it nevertheless fails
// and changes nothing that was copied. pool is the database; on SQLite each of its connections must be in the one transaction
// that the caller ends. log is told how far it is every few seconds.
func (m Migration) Up(ctx context.Context, db *dialect.DB, pool *sql.DB, log *slog.Logger) error {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	r := &run{db: db, pool: pool, log: log.With(slog.String("migration", m.Name)), version: m.Version, tick: tick.C}
	steps, err := m.steps(r)
	if err == nil {
		err = r.all(ctx, steps)
	}
	if err != nil {
		return fmt.Errorf("%s: %w; what is done stays done: run it again", m.Name, dialect.Redact(err))
	}
	return nil
}

// step is one step of a migration. The name is stored and must be unique in it.
type step struct {
	name string
	do   func(ctx context.Context, r *run, p *progress) error
}

// progress is how far a step is: place is the last key that was copied, in a form of the step's own.
type progress struct {
	step  string
	place string
	rows  int64
	about int64 // how many rows it will be; 0 when that is not known
}

type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// run is one run of a migration.
type run struct {
	db      *dialect.DB
	pool    *sql.DB
	log     *slog.Logger
	version int64
	rows    int64            // of all steps of this run
	tick    <-chan time.Time // says when to tell how far it is
}

// The rows stay when a migration is done: a step whose answer was lost is known by them.
var stepTable = map[string]string{
	"mysql": "CREATE TABLE IF NOT EXISTS migration_steps (version BIGINT NOT NULL, step VARCHAR(64) NOT NULL, place VARCHAR(600) NOT NULL, " +
		"rows_done BIGINT NOT NULL, finished TINYINT NOT NULL, PRIMARY KEY (version, step)) ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin",
	"sqlite": "CREATE TABLE IF NOT EXISTS migration_steps (version INTEGER NOT NULL, step TEXT NOT NULL CHECK (length(step) <= 64), " +
		"place TEXT NOT NULL CHECK (length(place) <= 600), rows_done INTEGER NOT NULL, finished INTEGER NOT NULL, PRIMARY KEY (version, step)) STRICT",
}

var errElsewhere = errors.New("another process runs the same migration")

func (r *run) sqlite() bool { return r.db.Name() == "sqlite" }

func (r *run) all(ctx context.Context, steps []step) error {
	if _, err := r.pool.ExecContext(ctx, stepTable[r.db.Name()]); err != nil {
		return err
	}
	for _, s := range steps {
		p := &progress{step: s.name}
		var finished bool
		err := r.pool.QueryRowContext(ctx, "SELECT place, rows_done, finished FROM migration_steps WHERE version = ? AND step = ?", r.version, s.name).
			Scan(&p.place, &p.rows, &finished)
		if errors.Is(err, sql.ErrNoRows) {
			_, err = r.pool.ExecContext(ctx, "INSERT INTO migration_steps (version, step, place, rows_done, finished) VALUES (?, ?, '', 0, 0)", r.version, s.name)
		}
		if err != nil {
			return err
		}
		if finished {
			continue
		}
		if err := s.do(ctx, r, p); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if err := r.record(ctx, r.pool, p, "finished = 1"); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if r.rows > 0 {
		r.log.InfoContext(ctx, "the migration is done", slog.Int64("rows", r.rows))
	}
	return nil
}

// record writes how far a step is, unless it is not as far as this process knows.
func (r *run) record(ctx context.Context, q querier, p *progress, set string, args ...any) error {
	result, err := q.ExecContext(ctx, "UPDATE migration_steps SET "+set+" WHERE version = ? AND step = ? AND place = ? AND finished = 0",
		append(args, r.version, p.step, p.place)...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(errElsewhere, err)
	}
	return nil
}

// chunk is one transaction of a step that copies: it writes rows and moves the step to a place behind them, or neither.
func (r *run) chunk(ctx context.Context, p *progress, place string, rows int64, write func(q querier) error) (err error) {
	var q querier = r.pool
	if !r.sqlite() {
		tx, err := r.pool.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		q = tx
	}
	// First, because it locks the row: of two processes one waits here and then finds another place.
	if err := r.record(ctx, q, p, "place = ?, rows_done = rows_done + ?", place, rows); err != nil {
		return err
	}
	if err := write(q); err != nil {
		return err
	}
	if tx, ok := q.(*sql.Tx); ok {
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	p.place, p.rows, r.rows = place, p.rows+rows, r.rows+rows
	r.tell(ctx, p)
	return nil
}

const tellEvery = 3 * time.Second

func (r *run) tell(ctx context.Context, p *progress) {
	select {
	case <-r.tick:
		r.log.InfoContext(ctx, "migrating", slog.String("step", p.step), slog.Int64("rows", p.rows), slog.Int64("of_about", max(p.about, p.rows)))
	default:
	}
}

// change runs a statement that changes the schema. On MySQL it waits some seconds for transactions that have the tables open.
func (r *run) change(ctx context.Context, statement string) error {
	if r.sqlite() {
		_, err := r.pool.ExecContext(ctx, statement)
		return err
	}
	conn, err := r.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, "SET SESSION lock_wait_timeout = 20"); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, statement)
	_, reset := conn.ExecContext(context.WithoutCancel(ctx), "SET SESSION lock_wait_timeout = DEFAULT")
	return errors.Join(err, reset)
}

func (r *run) exists(ctx context.Context, table string) (bool, error) {
	query := "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?"
	if r.sqlite() {
		query = "SELECT COUNT(*) FROM sqlite_master WHERE name = ?"
	}
	var n int
	err := r.pool.QueryRowContext(ctx, query, table).Scan(&n)
	return n > 0, err
}

// rowsOf returns about how many rows a table has; on MySQL as the statistics say.
func (r *run) rowsOf(ctx context.Context, table string) (n int64, err error) {
	if r.sqlite() {
		err = r.pool.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+table).Scan(&n)
		return n, err
	}
	err = r.pool.QueryRowContext(ctx, "SELECT COALESCE(MAX(table_rows), 0) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?",
		table).Scan(&n)
	return n, err
}

// old is the name of a table of the earlier release while its rows are copied.
func old(table string) string { return "old_" + table }

// setAside is the step that takes the old tables out of the way.
func setAside(tables ...string) step {
	return step{"set aside", func(ctx context.Context, r *run, _ *progress) error {
		for _, table := range tables {
			done, err := r.exists(ctx, old(table))
			if err != nil {
				return err
			}
			if done {
				continue
			}
			if err := r.change(ctx, "ALTER TABLE "+table+" RENAME TO "+old(table)); err != nil {
				return err
			}
		}
		return nil
	}}
}

// drop is the step that removes an old table.
func drop(table string) step {
	return step{"drop " + table, func(ctx context.Context, r *run, _ *progress) error {
		return r.change(ctx, "DROP TABLE IF EXISTS "+old(table))
	}}
}

// dropIndex is the step that removes an index that nothing needs any more.
func dropIndex(table, index string) step {
	return step{"drop " + index, func(ctx context.Context, r *run, _ *progress) error {
		if r.sqlite() {
			return r.change(ctx, "DROP INDEX IF EXISTS "+index)
		}
		var n int
		if err := r.pool.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ?",
			table, index).Scan(&n); err != nil || n == 0 {
			return err
		}
		return r.change(ctx, "ALTER TABLE "+table+" DROP KEY "+index)
	}}
}

// schema returns the steps that make the new tables, and the indexes that are made when they are full and the old indexes of
// the same names are gone.
func (r *run) schema(file string) (tables, indexes step, err error) {
	text, err := ddl.ReadFile(path.Join("ddl", r.db.Name(), file))
	if err != nil {
		return step{}, step{}, err
	}
	var before, after []string
	for statement := range strings.SplitSeq(string(text), ";\n") {
		_, body, ok := strings.Cut("\n"+statement, "\nCREATE ")
		switch {
		case !ok:
		case strings.HasPrefix(body, "TABLE "):
			before = append(before, "CREATE "+body)
		default:
			after = append(after, "CREATE "+body)
		}
	}
	run := func(name string, statements []string) step {
		return step{name, func(ctx context.Context, r *run, _ *progress) error {
			for _, s := range statements {
				if err := r.change(ctx, s); err != nil {
					return err
				}
			}
			return nil
		}}
	}
	return run("make tables", before), run("make indexes", after), nil
}
