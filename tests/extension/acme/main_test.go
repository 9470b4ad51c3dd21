package acme

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// Processes of the tests are Acme's program: this test binary, with the same settings. Some have a module of the tests besides.
func TestMain(m *testing.M) {
	modules := []leadmill.Module{Module(FromEnvironment())}
	if url := os.Getenv("LEADMILL_X_SHIFTS_URL"); url != "" {
		modules = append(modules, shifts(url))
	}
	if n, err := strconv.Atoi(os.Getenv("LEADMILL_X_LONG")); err == nil {
		modules = append(modules, long(n))
	}
	leadmilltest.Main(m, modules...)
}

// shifts is a job that closes cases at once and each second, in place of old ones each night, and says so to a URL.
func shifts(url string) leadmill.Module {
	return leadmill.NewModule("shifts", leadmill.AsJob("shifts-close-cases", application.Every(time.Second), func(d leadmill.Deps) func(context.Context) error {
		closeCases, listener := newCloseOldCases(d, Settings{}), newCRM(newHTTPClient(), Settings{CRM: url})
		return func(ctx context.Context) error {
			return errors.Join(closeCases(ctx), listener.React(ctx, application.StoredEvent{}))
		}
	}))
}

// long is a module with n migrations. Each makes a table and a column, and adds a row to the table of the first one.
func long(n int) leadmill.Module {
	files := fstest.MapFS{"0001_steps.sql": {Data: []byte("CREATE TABLE x_long_steps (step BIGINT NOT NULL);\n")}}
	for i := 2; i <= n; i++ {
		files[fmt.Sprintf("%04d_step.sql", i)] = &fstest.MapFile{Data: fmt.Appendf(nil,
			"CREATE TABLE x_long_%d (id BIGINT NOT NULL PRIMARY KEY);\nINSERT INTO x_long_steps (step) VALUES (%d);\nALTER TABLE x_long_%d ADD COLUMN note VARCHAR(20);\n", i, i, i)}
	}
	return leadmill.NewModule("long", leadmill.AsMigrations(files, "."))
}

// settings are those of most tests: no service is asked.
var settings = Settings{MinimumAge: 18, CaseLasts: 30 * 24 * time.Hour}

// start runs a Leadmill with Acme's module inside the test.
func start(t *testing.T, databaseURL string, s Settings) *leadmilltest.App {
	t.Helper()
	return leadmilltest.StartWith(t, leadmilltest.Options{DatabaseURL: databaseURL}, Module(s))
}

// serve starts Acme's program.
func serve(t *testing.T, databaseURL string, environment ...string) *leadmilltest.Process {
	t.Helper()
	return leadmilltest.StartProcess(t, leadmilltest.ProcessOptions{DatabaseURL: databaseURL, Settings: environment})
}

// run runs a command of Acme's program to its end and returns what it prints.
func run(t *testing.T, databaseURL string, args ...string) string {
	t.Helper()
	p := leadmilltest.LaunchProcess(t, leadmilltest.ProcessOptions{DatabaseURL: databaseURL, Args: args})
	if code := p.Wait(t); code != 0 {
		t.Fatalf("acme %s ends with %d:\n%s", strings.Join(args, " "), code, p.Logs.Tail())
	}
	return p.Output.String()
}

// lines returns the lines of a log that contain a text.
func lines(log *leadmilltest.Log, text string) (found []string) {
	for line := range bytes.Lines([]byte(log.String())) {
		if bytes.Contains(line, []byte(text)) {
			found = append(found, string(line))
		}
	}
	return found
}
