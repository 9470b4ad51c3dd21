package sqlstore

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/script"
)

// Module is the migrations of a team's module.
//
// Files has numbered SQL, such as 0001_cases.sql: at its root what is for both engines, in the folders mysql and sqlite what is
// for one. A number is there once at the root, or once in each folder. "-- +goose Up" and "-- +goose Down" are understood; a
// file without them goes up. A line "-- +leadmill additive" says that builds which do not have the file can work beside it, as
// long as an upgrade takes or one is taken back: it only adds tables, and columns that may be left out. CheckMigrations says what a
// statement may be.
type Module struct {
	Name  string // 1 to 20 of a-z, 0-9 and _, a letter first
	Files fs.FS
}

// Modules are the modules of a build.
type Modules []Module

var (
	moduleName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,19}$`)
	fileName   = regexp.MustCompile(`^([0-9]{1,9})_[A-Za-z0-9_-]+\.sql$`)
)

// prefix is what the names of the module's tables, indexes and views begin with.
func (m Module) prefix() string { return "x_" + m.Name + "_" }

// versions is the table where leadmill keeps which of the module's migrations were run.
func (m Module) versions() string { return m.prefix() + "migrations" }

// migration is one migration of a module for one engine.
type migration struct {
	version    int64
	name       string // of the file
	additive   bool   // builds without it can work beside it
	statements []script.Statement
}

// additive is the line by which a file says so.
var additive = regexp.MustCompile(`(?m)^-- \+leadmill additive\s*$`)

// CheckMigrations reports everything that is wrong with the migrations of modules, for both engines, without a database: one
// problem on a line, with the module, the file, the beginning of the statement and the name at fault.
//
// What a module creates, alters, drops or renames, and every table that it reads, writes or refers to, must have a name that
// begins with x_<module>_. It may CREATE, ALTER and DROP tables, indexes and views, RENAME and TRUNCATE tables, and INSERT,
// REPLACE, UPDATE and DELETE rows, and nothing else. On MySQL, keys and constraints that ALTER TABLE adds need names.
func CheckMigrations(modules ...Module) error {
	var problems []error
	for i, m := range modules {
		for _, other := range modules[:i] {
			if strings.HasPrefix(m.prefix(), other.prefix()) || strings.HasPrefix(other.prefix(), m.prefix()) {
				problems = append(problems, fmt.Errorf("modules %q and %q: tables of one could have names of the other's, because one name begins with the other: rename one",
					other.Name, m.Name))
			}
		}
		seen := map[string]bool{}
		for _, engine := range []string{"mysql", "sqlite"} {
			_, err := m.read(engine)
			for _, p := range lines(err) {
				if seen[p.Error()] { // a file for both engines
					continue
				}
				seen[p.Error()] = true
				problems = append(problems, fmt.Errorf("module %q: %w", m.Name, p))
			}
		}
	}
	return errors.Join(problems...)
}

// lines returns the errors that errors.Join has joined.
func lines(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// read returns the module's migrations for an engine in their order. The error joins all problems.
func (m Module) read(engine string) ([]migration, error) {
	files, problems := m.files(engine)
	var all []migration
	for _, version := range slices.Sorted(maps.Keys(files)) {
		name := files[version]
		text, err := fs.ReadFile(m.Files, name)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
			continue
		}
		statements, err := script.Read(engine, m.prefix(), m.versions(), string(text))
		for _, p := range lines(err) {
			problems = append(problems, fmt.Errorf("%s: %w", name, p))
		}
		all = append(all, migration{version, name, additive.Match(text), statements})
	}
	return all, errors.Join(problems...)
}

// files returns the names of the module's files for an engine by their numbers.
func (m Module) files(engine string) (map[int64]string, []error) {
	if !moduleName.MatchString(m.Name) {
		return nil, []error{errors.New("a module with migrations has a name of 1 to 20 of a-z, 0-9 and _, a letter first")}
	}
	if m.Files == nil {
		return nil, []error{errors.New("has no files")}
	}
	both, problems := m.folder(".")
	own, more := m.folder(engine)
	problems = append(problems, more...)
	others := map[string]string{"mysql": "sqlite", "sqlite": "mysql"}[engine]
	other, more := m.folder(others)
	problems = append(problems, more...)
	for _, version := range slices.Sorted(maps.Keys(both)) {
		for _, folder := range []map[int64]string{own, other} {
			if name, twice := folder[version]; twice {
				problems = append(problems, fmt.Errorf("%s: %s has this number already, for both engines", name, both[version]))
			}
		}
	}
	for _, version := range slices.Sorted(maps.Keys(own)) {
		if _, there := other[version]; !there {
			problems = append(problems, fmt.Errorf("%s: the folder %s has no file of this number", own[version], others))
		}
		both[version] = own[version]
	}
	if len(both)+len(other) == 0 && len(problems) == 0 {
		problems = append(problems, errors.New("has no file like 0001_name.sql at the root of its files"))
	}
	return both, problems
}

// folder returns the names of the files of a folder by their numbers; none when there is no such folder.
func (m Module) folder(dir string) (map[int64]string, []error) {
	entries, err := fs.ReadDir(m.Files, dir)
	if err != nil && (dir == "." || !errors.Is(err, fs.ErrNotExist)) {
		return nil, []error{err}
	}
	files := map[int64]string{}
	var problems []error
	for _, e := range entries {
		if e.IsDir() && dir == "." && (e.Name() == "mysql" || e.Name() == "sqlite") {
			continue
		}
		name := path.Join(dir, e.Name())
		number := fileName.FindStringSubmatch(e.Name())
		if e.IsDir() || number == nil {
			problems = append(problems, fmt.Errorf("%s: is no file like 0001_name.sql and none of the folders mysql and sqlite; "+
				"AsMigrations takes the name of the folder that has them", name))
			continue
		}
		version, err := strconv.ParseInt(number[1], 10, 64)
		switch other, twice := files[version]; {
		case err != nil || version == 0:
			problems = append(problems, fmt.Errorf("%s: numbers begin with 1", name))
		case twice:
			problems = append(problems, fmt.Errorf("%s: %s has this number already", name, other))
		default:
			files[version] = name
		}
	}
	return files, problems
}
