package sqlstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3/database"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/script"
)

// The table of a module's versions has a row for each migration that was begun: done is how many of its statements are done,
// running whether the next one was sent and its answer is not known, digest what the text of these statements hashes to. applied
// has the bit 1 when all are done, and the bit 2 when builds that do not have the migration can work beside it.
const (
	versionColumns = "(version BIGINT NOT NULL PRIMARY KEY, name VARCHAR(200) NOT NULL, done BIGINT NOT NULL, running BIGINT NOT NULL, " +
		"digest VARCHAR(64) NOT NULL, applied BIGINT NOT NULL)"
	mysqlVersions = versionColumns + " ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin"
)

func byName(modules []Module) []Module {
	return slices.SortedFunc(slices.Values(modules), func(a, b Module) int { return cmp.Compare(a.Name, b.Name) })
}

// progress is how far a migration is.
type progress struct {
	done                       int
	running, applied, additive bool
	digest                     string
}

// The bits of the column applied.
const (
	appliedBit  = 1
	additiveBit = 2
)

// bits is what the column applied has from the beginning of a migration.
func (m migration) bits() int64 {
	if m.additive {
		return additiveBit
	}
	return 0
}

// progress reads how far the module's migrations are; none when it has no table of versions.
func (m Module) progress(ctx context.Context, db *dialect.DB, conn database.DBTxConn) (map[int64]progress, error) {
	exists, err := hasTable(ctx, db, conn, m.versions())
	if err != nil || !exists {
		return nil, err
	}
	rows, err := conn.QueryContext(ctx, "SELECT version, done, running, digest, applied FROM "+m.versions())
	if err != nil {
		return nil, fmt.Errorf("read the schema's version: %w", err)
	}
	defer func() { _ = rows.Close() }()
	all := map[int64]progress{}
	for rows.Next() {
		var version, bits int64
		var p progress
		if err := rows.Scan(&version, &p.done, &p.running, &p.digest, &bits); err != nil {
			return nil, fmt.Errorf("read the schema's version: %w", err)
		}
		p.applied, p.additive = bits&appliedBit != 0, bits&additiveBit != 0
		all[version] = p
	}
	return all, rows.Err()
}

func (m Module) status(ctx context.Context, db *dialect.DB) ([]MigrationStatus, error) {
	files, problems := m.files(db.Name())
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	has, err := m.progress(ctx, db, db.Reader.DB)
	if err != nil {
		return nil, err
	}
	var list []MigrationStatus
	for _, version := range slices.Sorted(maps.Keys(files)) {
		list = append(list, MigrationStatus{Module: m.Name, Version: version, Name: files[version], Applied: has[version].applied})
	}
	return list, nil
}

func (m Module) checkVersion(ctx context.Context, db *dialect.DB) error {
	files, problems := m.files(db.Name())
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	has, err := m.progress(ctx, db, db.Reader.DB)
	if err != nil {
		return err
	}
	known, current := slices.Max(slices.Collect(maps.Keys(files))), int64(0)
	for v, p := range has {
		if beside := v > known && p.additive; !beside && (p.applied || v > known) {
			current = max(current, v)
		}
	}
	if current > known {
		return fmt.Errorf("its schema is version %d, newer than version %d that this leadmill knows: %w", current, known, ErrSchemaNewer)
	}
	for version := range files {
		if !has[version].applied {
			return fmt.Errorf("its schema is version %d, this leadmill needs version %d: %w", current, known, ErrSchemaOlder)
		}
	}
	return nil
}

// migrate runs what the database lacks of the module's migrations. On SQLite that is one transaction; on MySQL every
// statement is recorded before it is sent and after it is done, see run.
func (m Module) migrate(ctx context.Context, db *dialect.DB) (err error) {
	all, err := m.read(db.Name())
	if err != nil {
		return err
	}
	conn, err := db.Writer.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if db.Name() == "sqlite" {
		if err := beginExclusive(ctx, db, conn); err != nil {
			return err
		}
		err := m.all(ctx, db, conn, all)
		end := "COMMIT"
		if err != nil {
			end = "ROLLBACK"
		}
		_, ending := conn.ExecContext(context.WithoutCancel(ctx), end)
		return errors.Join(err, ending)
	}
	locker, err := newLocker(db)
	if err != nil {
		return err
	}
	if err := locker.Lock(ctx, db.Writer.DB); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, locker.Unlock(context.WithoutCancel(ctx), db.Writer.DB)) }()
	return m.all(ctx, db, conn, all)
}

// all runs migrations on a connection while nobody else does.
func (m Module) all(ctx context.Context, db *dialect.DB, conn *sql.Conn, all []migration) error {
	columns := versionColumns + " STRICT"
	if db.Name() != "sqlite" {
		columns = mysqlVersions
	} else {
		columns = strings.NewReplacer("BIGINT", "INTEGER", "VARCHAR(200)", "TEXT", "VARCHAR(64)", "TEXT").Replace(columns)
	}
	if _, err := conn.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+m.versions()+" "+columns); err != nil {
		return err
	}
	has, err := m.progress(ctx, db, conn)
	if err != nil {
		return err
	}
	latest := int64(0)
	for v := range has {
		latest = max(latest, v)
	}
	for _, one := range all {
		p, begun := has[one.version]
		switch {
		case p.applied:
			continue
		case !begun && one.version < latest:
			return fmt.Errorf("%s: the database has version %d already: give the file a higher number", one.name, latest)
		case !begun:
			if _, err := conn.ExecContext(ctx, fmt.Sprintf("INSERT INTO %s (version, name, done, running, digest, applied) VALUES (?, ?, 0, 0, '', ?)",
				m.versions()), one.version, one.name, one.bits()); err != nil {
				return err
			}
		}
		r := run{db: db, conn: conn, table: m.versions(), migration: one, progress: p}
		if err := r.up(ctx); err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
	}
	return nil
}

// run is one migration that is run.
//
// MySQL commits a statement that changes the schema by itself, so a process can be killed between the statement and the row
// that says that it is done. Therefore the row says before that the statement is on its way. Whoever goes on after a kill
// sends that statement again, and takes an answer that says that it was done before, such as a column that exists already, for
// success. That answer is only taken then, never at the first time. Package script lets nothing through that could be done
// twice without such an answer and would not be the same afterwards. Statements that change rows are in one transaction with
// the row that says so.
type run struct {
	db    *dialect.DB
	conn  *sql.Conn
	table string
	migration
	progress
}

var errElsewhere = errors.New("another process runs the same migration; run it again")

func (r *run) up(ctx context.Context) error {
	begun := r.done
	if r.running {
		begun++
	}
	if begun > len(r.statements) || begun > 0 && r.digest != digest(r.statements[:begun]) {
		return fmt.Errorf("its first %d statements were run already and are not what they were: restore them, and write what is new behind them", begun)
	}
	for ; r.done < len(r.statements); r.done++ {
		s := r.statements[r.done]
		if err := r.step(ctx, s); err != nil {
			return fmt.Errorf("%q: %w", script.Beginning(s.Text), err)
		}
	}
	return r.record(ctx, r.conn, "applied = ?", r.bits()|appliedBit)
}

// step runs the next statement.
func (r *run) step(ctx context.Context, s script.Statement) error {
	hash := digest(r.statements[:r.done+1])
	switch {
	case r.db.Name() == "sqlite": // all is one transaction
		if _, err := r.conn.ExecContext(ctx, s.Text); err != nil {
			return describe(s, err)
		}
		return r.record(ctx, r.conn, "done = done + 1, digest = ?", hash)
	case s.Data:
		return r.change(ctx, s, hash)
	}
	again := r.running
	if !again {
		if err := r.record(ctx, r.conn, "running = 1, digest = ?", hash); err != nil {
			return err
		}
		r.running = true
	}
	if _, err := r.conn.ExecContext(ctx, s.Text); err != nil && (!again || !doneBefore(err)) {
		var refused *mysql.MySQLError
		if errors.As(err, &refused) && r.db.Classify(err) != dialect.Lost { // the server answered: it is not done
			err = errors.Join(describe(s, err), r.record(context.WithoutCancel(ctx), r.conn, "running = 0, digest = ?", digest(r.statements[:r.done])))
		}
		return err
	}
	err := r.record(ctx, r.conn, "done = done + 1, running = 0")
	r.running = false
	return err
}

// change runs a statement that changes rows on MySQL.
func (r *run) change(ctx context.Context, s script.Statement, hash string) error {
	tx, err := r.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := r.record(ctx, tx, "done = done + 1, digest = ?", hash); err != nil { // locks the row first
		return err
	}
	if _, err := tx.ExecContext(ctx, s.Text); err != nil {
		return describe(s, err)
	}
	return tx.Commit()
}

// record writes how far the migration is, unless it is not as far as this process knows.
func (r *run) record(ctx context.Context, conn database.DBTxConn, set string, args ...any) error {
	result, err := conn.ExecContext(ctx, "UPDATE "+r.table+" SET "+set+" WHERE version = ? AND done = ? AND running = ?",
		append(args, r.version, r.done, r.running)...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(errElsewhere, err)
	}
	return nil
}

// digest is what statements hash to; empty for none.
func digest(statements []script.Statement) string {
	if len(statements) == 0 {
		return ""
	}
	h := sha256.New()
	for _, s := range statements {
		_, _ = h.Write(append([]byte(s.Text), 0))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// describe keeps values of rows out of an error; what the database says about a schema is the team's own text.
func describe(s script.Statement, err error) error {
	if s.Data {
		return dialect.Redact(err)
	}
	return err
}

// doneBefore reports whether MySQL or MariaDB says that a change of the schema was made before. See their references of errors.
func doneBefore(err error) bool {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Number {
	case 1050, 1051, // a table or view exists, or is gone
		1054,       // the column that is renamed is gone
		1060, 1061, // a column or a key exists
		1068,       // a primary key exists
		1091,       // what is dropped is gone
		1146,       // the table that is renamed is gone
		1176,       // the key that is renamed is gone
		1826, 3822, // a constraint exists
		3821, 3940: // a constraint is gone
		return true
	case 1005: // MariaDB: cannot create a table, because a foreign key exists
		return strings.Contains(e.Message, "errno: 121")
	}
	return false
}
