package dbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Template is a schema that databases of tests get by copying. It is made for real once per process and engine; a copy
// costs a fraction of that. Its methods may be called from several goroutines.
type Template struct {
	fill func(ctx context.Context, databaseURL string) error

	mu     sync.Mutex
	copies map[Engine]func() (image, error)
}

// image is what a database is copied from: the bytes of an SQLite file, or the statements that make the same tables,
// views and rows.
type image struct {
	file       []byte
	statements string
}

// NewTemplate returns the template that fill makes out of an empty database, which nobody else has open. fill must have
// closed the database when it returns.
func NewTemplate(fill func(ctx context.Context, databaseURL string) error) *Template {
	return &Template{fill: fill, copies: map[Engine]func() (image, error){}}
}

// URL is [URL] with the template's tables, views and rows in the database. It fails the test when the template cannot be
// made or copied.
func (p *Template) URL(t testing.TB, e Engine) string {
	t.Helper()
	databaseURL := URL(t, e)
	from, err := p.image(e)
	if err != nil {
		t.Fatalf("dbtest: make the template of %s: %v", e, err)
	}
	if e == SQLite {
		err = os.WriteFile(sqliteFile(databaseURL), from.file, 0o600)
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
		defer cancel()
		err = execute(ctx, databaseURL, from.statements)
	}
	if err != nil {
		t.Fatalf("dbtest: copy the template of %s: %v", e, err)
	}
	return databaseURL
}

// image makes the template of an engine at the first call.
func (p *Template) image(e Engine) (image, error) {
	p.mu.Lock()
	once := p.copies[e]
	if once == nil {
		once = sync.OnceValues(func() (image, error) {
			ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
			defer cancel()
			if e == SQLite {
				return p.sqlite(ctx)
			}
			return p.server(ctx, e)
		})
		p.copies[e] = once
	}
	p.mu.Unlock()
	return once()
}

func (p *Template) sqlite(ctx context.Context) (from image, err error) {
	dir, err := os.MkdirTemp("", "leadmill-template-")
	if err != nil {
		return image{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, "leadmill.db")
	if err := p.fill(ctx, "sqlite:"+file); err != nil {
		return image{}, err
	}
	// SQLite moves its log into the file when the last connection closes. What is still in the log would be lost.
	if _, err := os.Stat(file + "-wal"); err == nil {
		return image{}, errors.New("the database is still open")
	}
	from.file, err = os.ReadFile(file)
	return from, err
}

func (p *Template) server(ctx context.Context, e Engine) (from image, err error) {
	admin, err := AdminURL(e)
	if err != nil {
		return image{}, err
	}
	name := databaseStart + randomName()
	if err := execute(ctx, admin, "CREATE DATABASE "+name); err != nil {
		return image{}, err
	}
	defer func() { err = errors.Join(err, execute(ctx, admin, "DROP DATABASE "+name)) }()
	databaseURL := withDatabase(admin, name)
	if err := p.fill(ctx, databaseURL); err != nil {
		return image{}, err
	}
	from.statements, err = dump(ctx, databaseURL)
	return from, err
}

// dump writes the statements that make a database like this one in an empty one: its tables with their counters and
// rows, then its views. Routines, triggers and events are not among them.
func dump(ctx context.Context, databaseURL string) (statements string, err error) {
	db, err := open(databaseURL)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var b strings.Builder
	// Tables come in the order of their names, which may not be that of their foreign keys. A zero in a counting column
	// is a value here, not a wish for the next number.
	b.WriteString("SET SESSION foreign_key_checks = 0, sql_mode = 'NO_AUTO_VALUE_ON_ZERO';\n")
	for _, kind := range []struct{ named, show string }{{"BASE TABLE", "SHOW CREATE TABLE "}, {"VIEW", "SHOW CREATE VIEW "}} {
		names, err := texts(ctx, db, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = '"+
			kind.named+"' ORDER BY table_name")
		if err != nil {
			return "", err
		}
		for _, name := range names {
			made, err := texts(ctx, db, kind.show+quoted(name[0]))
			if err != nil {
				return "", err
			}
			b.WriteString(*made[0][1] + ";\n")
			if kind.named == "VIEW" {
				continue
			}
			rows, err := texts(ctx, db, "SELECT * FROM "+quoted(name[0]))
			if err != nil {
				return "", err
			}
			for _, row := range rows {
				b.WriteString("INSERT INTO " + quoted(name[0]) + " VALUES (" + literals(row) + ");\n")
			}
		}
	}
	return b.String(), nil
}

// texts returns the rows of a query with every value as text, nil for NULL.
func texts(ctx context.Context, db *sql.DB, query string) (all [][]*string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		row, into := make([]*string, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

func quoted(name *string) string { return "`" + strings.ReplaceAll(*name, "`", "``") + "`" }

var escape = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`)

func literals(row []*string) string {
	list := make([]string, len(row))
	for i, v := range row {
		if list[i] = "NULL"; v != nil {
			list[i] = fmt.Sprintf("'%s'", escape.Replace(*v))
		}
	}
	return strings.Join(list, ",")
}

func sqliteFile(databaseURL string) string { return strings.TrimPrefix(databaseURL, "sqlite:") }
