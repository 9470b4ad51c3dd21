// Package backup copies SQLite databases to files and back, while instances work on them. Databases of servers are copied by the tools of
// their servers.
//
// Stability: unsupported; it may change at any time.
package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// ErrExists says that there is a file where one shall be made: none is ever written over.
var ErrExists = errors.New("is there already, and no file is written over")

// beside are the ends of the names of files that SQLite keeps beside a database. With those of another database a copy would be damaged.
var beside = []string{"-wal", "-shm", "-journal"}

// Write copies the database of a file, as it is at one moment, to a file that is not there. It is complete when it gets its name, which is
// checked by SQLite before, and for its owner alone. ErrExists, or an error of SQLite or of the file system: then nothing is left behind.
func Write(ctx context.Context, database, file string) error {
	return place(file, func(to string) error {
		if err := dialect.CopySQLite(ctx, database, to, false); err != nil {
			return fmt.Errorf("copy the database: %w", err)
		}
		return check(ctx, to)
	})
}

// Restore copies the database of a backup to a file that is not there or is empty, and makes the folders above it, for their owner alone. Before
// the file gets its name it is checked by SQLite, then by prepare, which may change it. ErrExists, also because of what SQLite left there
// of another database; or an error of SQLite, of prepare or of the file system: then there is no database.
func Restore(ctx context.Context, file, database string, prepare func(file string) error) error {
	if info, err := os.Stat(file); err != nil {
		return err
	} else if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file", file)
	} else if info.Size() == 0 {
		return fmt.Errorf("%s is empty", file)
	}
	info, err := os.Lstat(database)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > 0) {
		return fmt.Errorf("%s %w", database, ErrExists)
	}
	for _, end := range beside {
		if _, err := os.Lstat(database + end); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(fmt.Errorf("%s %w: move away what is left of the database that was there", database+end, ErrExists), err)
		}
	}
	if info != nil {
		if err := os.Remove(database); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(database), 0o700); err != nil {
		return err
	}
	return place(database, func(to string) error {
		if err := dialect.CopySQLite(ctx, file, to, true); err != nil {
			return fmt.Errorf("copy %s: %w", file, err)
		}
		if err := check(ctx, to); err != nil {
			return err
		}
		return prepare(to)
	})
}

func check(ctx context.Context, file string) error {
	if err := dialect.CheckSQLite(ctx, file); err != nil {
		return fmt.Errorf("check the copy: %w", err)
	}
	return nil
}

// place makes a file under its name, empty at first so that nobody else takes it, and puts in its place what write wrote to a file of
// another name in the same folder.
func place(file string, write func(to string) error) (err error) {
	placed, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the operator's own path
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s %w", file, ErrExists)
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file))
		}
	}()
	if err := placed.Close(); err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(file), ".leadmill-*.part") // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			for _, end := range append([]string{""}, beside...) {
				_ = os.Remove(part.Name() + end)
			}
		}
	}()
	if err := part.Close(); err != nil {
		return err
	}
	if err := write(part.Name()); err != nil {
		return err
	}
	for _, end := range beside {
		if _, err := os.Lstat(part.Name() + end); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(fmt.Errorf("the copy is not one file: there is %s", part.Name()+end), err)
		}
	}
	if err := syncFile(part.Name()); err != nil {
		return err
	}
	if err := os.Rename(part.Name(), file); err != nil {
		return err
	}
	if runtime.GOOS == "windows" { // which has no such thing for folders
		return nil
	}
	return syncFile(filepath.Dir(file))
}

func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_RDONLY, 0) //nolint:gosec // the operator's own path
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
