package leadmill

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// usingCommands are all commands that use a database and may neither make nor migrate one.
var usingCommands = [][]string{
	{"migrate", "status"},
	{"keys", "create", "--seller", "ACME1234"},
	{"keys", "list", "--seller", "ACME1234"},
	{"keys", "revoke", "key_1", "--seller", "ACME1234"},
	{"keys", "rotate", "key_1", "--seller", "ACME1234"},
	{"people", "invite", "--seller", "ACME1234", "--email", "ann@example.com"},
	{"people", "list", "--seller", "ACME1234"},
	{"people", "remove", "person_1", "--seller", "ACME1234"},
	{"people", "reset-second-factor", "--email", "ann@example.com"},
	{"backup", "copy.db"},
	{"doctor"},
	{"doctor", "--sizes"},
	{"events", "replay", "campaign-report"},
	{"events", "status"},
	{"events", "parked"},
	{"events", "parked", "list"},
	{"events", "parked", "retry", "campaign-report"},
	{"events", "parked", "skip", "campaign-report", "1", "--reason", "lost"},
	{"events", "tail", "--no-follow"},
	{"events", "retry", "campaign-report"},
	{"events", "skip-segment", "1", "--consumer", "campaign-report", "--reason", "lost"},
	{"events", "forget", "crm"},
	{"events", "restore"},
	{"events", "rebase"},
	{"erasures", "export", "erased.jsonl"},
	{"erasures", "apply", "erased.jsonl"},
	{"jobs"},
	{"jobs", "run", "purge"},
	{"greet", "Ann"},
}

// otherCommands make a database, or use none.
var otherCommands = []string{"serve", "demo", "migrate up", "restore", "healthcheck", "bench", "sandbox buyer", "mcp", "version"}

// listed tells what is below a folder, with modes.
func listed(t *testing.T, folder string) (found []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == folder {
			return err
		}
		info, err := e.Info()
		found = append(found, strings.TrimPrefix(path, folder+string(filepath.Separator))+" "+info.Mode().String())
		return err
	}))
	return found
}

func run(t *testing.T, app *App, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, problems bytes.Buffer
	code = app.Main(t.Context(), args, &out, &problems)
	return code, out.String(), problems.String()
}

// TestOnlyServeDemoAndMigrateMakeADatabase is not parallel, like all that set variables of the environment.
func TestOnlyServeDemoAndMigrateMakeADatabase(t *testing.T) {
	app := New(NewModule("acme", AsCLI(greetCommand, newGreet)))
	for _, c := range allCommands(app.command(&bytes.Buffer{}, &bytes.Buffer{}, nil)) {
		path := strings.TrimPrefix(c.CommandPath(), "leadmill ")
		if c.HasSubCommands() && path != "jobs" || path == "help" || path == "leadmill" {
			continue
		}
		assert.True(t, slices.Contains(otherCommands, path) || slices.ContainsFunc(usingCommands, func(args []string) bool {
			return strings.HasPrefix(strings.Join(args, " "), path)
		}), "%q is not tested here", path)
	}
	for _, c := range []struct {
		name, url, want string
		prepare         func(t *testing.T, folder string)
	}{
		{"a missing folder", "", "no such file", func(*testing.T, string) {}},
		{"a missing file", "sqlite:there.db", "no such file", func(*testing.T, string) {}},
		{"an empty file", "sqlite:empty.db", `leadmill migrate up`, func(t *testing.T, folder string) {
			t.Helper()
			require.NoError(t, os.WriteFile(filepath.Join(folder, "empty.db"), nil, 0o600))
		}},
		{"a folder", "sqlite:.", "is a folder", func(*testing.T, string) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder, err := filepath.EvalSymlinks(t.TempDir())
			require.NoError(t, err)
			t.Chdir(folder)
			t.Setenv("LEADMILL_DATABASE_URL", c.url)
			t.Setenv("LEADMILL_ARCHIVE_DIR", folder)
			c.prepare(t, folder)
			file := strings.TrimPrefix(c.url, "sqlite:")
			if file == "" {
				file = "data/leadmill.db"
			}
			before := listed(t, folder)
			for _, args := range usingCommands {
				code, stdout, stderr := run(t, app, args...)
				if c.name == "an empty file" && args[0] == "migrate" {
					assert.Zero(t, code, "%v tells what there is", args)
					assert.NotContains(t, stdout, "true")
				} else {
					assert.Equal(t, 1, code, "%v: %s", args, stderr)
					assert.Contains(t, stderr, c.want, "%v", args)
					assert.Empty(t, stdout, "%v", args)
				}
				first, _, _ := strings.Cut(stderr, "\n")
				assert.Equal(t, "Database: sqlite:"+filepath.Join(folder, file), first, "%v", args)
				assert.Equal(t, before, listed(t, folder), "%v changed what is there", args)
			}
		})
	}
}

func TestMigrateUpMakesItsFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes there")
	}
	folder := t.TempDir()
	t.Setenv("LEADMILL_DATABASE_URL", "sqlite:"+filepath.Join(folder, "a", "b", "leadmill.db"))
	code, _, stderr := run(t, New(), "migrate", "up")
	require.Zero(t, code, stderr)
	assert.Equal(t, []string{"a drwx------", "a/b drwx------", "a/b/leadmill.db -rw-------"}, listed(t, folder))
}

func TestACommandThatUsesADatabaseMakesNoAdminKey(t *testing.T) {
	databaseURL := "sqlite:" + filepath.Join(t.TempDir(), "leadmill.db")
	t.Setenv("LEADMILL_DATABASE_URL", databaseURL)
	t.Setenv("LEADMILL_ADMIN_KEY", "")
	for _, args := range [][]string{{"migrate", "up"}, {"events", "status"}, {"doctor"}} {
		code, _, stderr := run(t, New(), args...)
		require.Zero(t, code, "%v: %s", args, stderr)
	}
	db, err := dialect.Open(databaseURL, dialect.Options{Existing: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, sqlstore.CheckVersion(t.Context(), db))
	var n int
	require.NoError(t, db.Reader.GetContext(t.Context(), &n, "SELECT COUNT(*) FROM installation WHERE name = ?", adminKeyName))
	assert.Zero(t, n, "the key would be printed to nobody")
}

func TestAVariableThatWasMeantToBeASetting(t *testing.T) {
	t.Setenv("LEADMILL_DATABSE_URL", "mysql://u:secret@db/x")
	t.Setenv("LEADMILL_ADMIN_KEYS", "secret")
	for _, args := range [][]string{{"serve"}, {"demo"}, {"doctor"}, {"migrate", "up"}, {"version"}} {
		code, stdout, stderr := run(t, New(), args...)
		assert.Equal(t, 2, code, "%v", args)
		assert.Empty(t, stdout, "%v", args)
		assert.Equal(t, "leadmill: LEADMILL_ADMIN_KEYS is no setting; is LEADMILL_ADMIN_KEY meant?\n"+
			"leadmill: LEADMILL_DATABSE_URL is no setting; is LEADMILL_DATABASE_URL meant?\n", stderr, "%v", args)
	}
}

func TestVariablesThatAreNoSettings(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"LEADMILL_DATABASE_URL":     "known",
		"LEADMILL_URL":              "known", // of clients
		"LEADMILL_KEY":              "known",
		"LEADMILL_TEST_ENGINES":     "known",
		"LEADMILL_X_CRM_URL":        "known",
		"LEADMILL":                  "known",
		"PATH":                      "known",
		"LEADMILL_PORT":             "another", // as Kubernetes sets for a service of this name
		"LEADMILL_SERVICE_HOST":     "another",
		"LEADMILL_PORT_8080_TCP":    "another",
		"LEADMILL_DATABASE_URL_OLD": "another",
		"LEADMILL_DATABASE_URI":     "wrong",
		"LEADMILL_HTTP_ADRR":        "wrong",
		"LEADMILL_MAILDIR":          "wrong",
		"LEADMILL_BATCHMAXX":        "wrong",
	} {
		others, err := unknownSettings([]string{name + "=secret"})
		got := "known"
		switch {
		case err != nil:
			got = "wrong"
			assert.NotContains(t, err.Error(), "secret")
		case len(others) > 0:
			got = "another"
		}
		assert.Equal(t, want, got, name)
	}
}
