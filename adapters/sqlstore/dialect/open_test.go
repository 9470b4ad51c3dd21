package dialect_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

func TestDescribeTellsNoPassword(t *testing.T) {
	t.Parallel()
	here, err := os.Getwd()
	require.NoError(t, err)
	for databaseURL, want := range map[string]string{
		"mysql://lead:secret@db.example:3307/mill?tls=skip-verify": "mysql://lead@db.example:3307/mill",
		"mysql://lead@db/mill":            "mysql://lead@db/mill",
		"mysql://db/mill":                 "mysql://db/mill",
		"mysql://:secret@db/mill":         "mysql://db/mill",
		"mysql://lead:se%2Fcret@db/mill/": "mysql://lead@db/mill/",
		"sqlite:/var/lib/leadmill.db":     "sqlite:/var/lib/leadmill.db",
		"sqlite:///var/lib/leadmill.db":   "sqlite:/var/lib/leadmill.db",
		"sqlite:data/leadmill.db":         "sqlite:" + filepath.Join(here, "data", "leadmill.db"),
		"postgres://lead:secret@db/mill":  "unknown",
		"mysql://lead:secret@db":          "unknown",
		"secret":                          "unknown",
	} {
		assert.Equal(t, want, dialect.Describe(databaseURL), databaseURL)
	}
}

// A mistyped option must not leave a connection without encryption.
func TestUnknownOptionsAreRefused(t *testing.T) {
	t.Parallel()
	for databaseURL, says := range map[string]string{
		"mysql://u@h/x?tls=true": "", "mysql://u@h/x?tls=false": "", "mysql://u@h/x?tls=preferred": "", "mysql://u@h/x?tls=skip-verify": "",
		"mysql://u@h/x?tsl=true":           `has the option "tsl", which there is not; there is only tls`,
		"mysql://u@h/x?TLS=true":           `has the option "TLS", which there is not; there is only tls`,
		"mysql://u@h/x?timeout=1s":         `has the option "timeout", which there is not; there is only tls`,
		"mysql://u@h/x?tls=yes":            "has an option tls that is none of true, false, preferred, skip-verify",
		"mysql://u@h/x?tls":                "has an option tls that is none of true, false, preferred, skip-verify",
		"mysql://u@h/x?tls=true&tls=false": "has an option tls that is none of true, false, preferred, skip-verify",
		"mysql://u@h/x?tls=%zz":            "must be sqlite:<file> or mysql://user:password@host:port/name",
		"sqlite:data/x.db?mode=ro":         "must be sqlite:<file>, without options",
	} {
		err := dialect.CheckURL(databaseURL)
		_, opened := dialect.Open(databaseURL, dialect.Options{})
		if says == "" {
			require.NoError(t, err, databaseURL)
			require.NoError(t, opened, databaseURL)
			continue
		}
		require.EqualError(t, err, says, databaseURL)
		require.EqualError(t, opened, says, databaseURL)
		assert.Equal(t, "unknown", dialect.Describe(databaseURL))
	}
}

func TestExistingRefusesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, file := range []string{"none/leadmill.db", "leadmill.db"} {
		_, err := dialect.Open("sqlite:"+filepath.Join(folder, file), dialect.Options{Existing: true})
		require.ErrorIs(t, err, fs.ErrNotExist, file)
	}
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// A file that is taken away between opening and use is not made anew either.
func TestExistingMakesNoFileLater(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "leadmill.db")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	db, err := dialect.Open("sqlite:"+file, dialect.Options{Existing: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, os.Remove(file))
	require.Error(t, db.Ping(t.Context()))
	_, err = db.Writer.ExecContext(t.Context(), "CREATE TABLE t (a INTEGER) STRICT")
	require.Error(t, err)
	assert.NoFileExists(t, file)
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes there")
	}
	folder := t.TempDir()
	modes := func(file string) (modes []fs.FileMode) {
		db, err := dialect.Open("sqlite:"+file, dialect.Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, db.Close()) }()
		_, err = db.Writer.ExecContext(t.Context(), "CREATE TABLE t (a INTEGER) STRICT")
		require.NoError(t, err)
		for _, name := range []string{file, file + "-wal", file + "-shm", filepath.Dir(file)} {
			info, err := os.Stat(name)
			require.NoError(t, err)
			modes = append(modes, info.Mode().Perm())
		}
		return modes
	}
	assert.Equal(t, []fs.FileMode{0o600, 0o600, 0o600, 0o700}, modes(filepath.Join(folder, "a", "leadmill.db")))
	// What an operator made keeps the mode that it was given.
	shared := filepath.Join(folder, "shared", "leadmill.db")
	require.NoError(t, os.Mkdir(filepath.Dir(shared), 0o750))
	require.NoError(t, os.WriteFile(shared, nil, 0o600))
	require.NoError(t, os.Chmod(shared, 0o640)) //nolint:gosec // on purpose
	assert.Equal(t, []fs.FileMode{0o640, 0o640, 0o640, 0o750}, modes(shared))
}

// TestDeletedRowsAreNotInTheFile: what is erased does not stay in pages that other rows keep.
func TestDeletedRowsAreNotInTheFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "leadmill.db")
	db, err := dialect.Open("sqlite:"+file, dialect.Options{})
	require.NoError(t, err)
	for _, statement := range []string{
		"CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT) STRICT",
		"INSERT INTO people VALUES (1, 'kept@people.example'), (2, 'deleted@people.example'), (3, 'changed@people.example'), (4, 'kept too')",
		"DELETE FROM people WHERE id = 2",
		"UPDATE people SET email = '' WHERE id = 3",
		"PRAGMA wal_checkpoint(TRUNCATE)",
	} {
		_, err := db.Writer.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	require.NoError(t, db.Close())
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	for text, want := range map[string]bool{"kept@people.example": true, "deleted@people": false, "changed@people": false} {
		assert.Equal(t, want, bytes.Contains(content, []byte(text)), text)
	}
}
