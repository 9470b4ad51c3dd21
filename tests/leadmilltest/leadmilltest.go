// Package leadmilltest runs the whole of Leadmill in the tests of a team's modules. It is public API, but experimental: what
// is here may still change between minor versions.
//
// A test starts an App with the modules under test, makes a seller, sells leads, and looks at what came of it:
//
//	func TestMinorsAreRefused(t *testing.T) {
//		app := leadmilltest.Start(t, acme.Module)
//		seller := app.Seller(t)
//		refused := seller.Sell(t, seller.Form().With("age", 17))
//		// refused.Status is "rejected", refused.Code the code of the rule
//		app.Events(t, "lead.rejected.v1") // one, once everybody has seen it
//		app.Doctor(t)                     // what is stored agrees
//	}
//
// What a test can have:
//
//   - an App inside the test, with [Start] or [StartWith]: a few milliseconds, on an SQLite file of its own, on a free port of
//     the loopback interface. [EachEngine] repeats a test on every engine that LEADMILL_TEST_ENGINES names.
//   - an App as a process of its own, with [StartProcess], to be stopped or killed.
//   - a [Clock] that only the test moves.
//   - a [Seller] with keys, a campaign and buyers, and a [Client] for every other route. Each answer is compared with the
//     OpenAPI document that the app serves, the team's routes with it.
//   - [App.Events], [App.WaitFor], [App.Settle] and [App.Doctor] for what happened.
//   - [App.Query] for the module's own tables.
//   - what goes out: [App.Mails] and a [HTTPSink].
//   - no App at all: [Facts] and [Candidates] for tests of rules and strategies, which are pure.
//   - the contracts of the ports that can be replaced: [TestMailer], [TestInvitationText], [TestPasswordHasher],
//     [TestRateLimiter] and [TestClock].
//
// Apps do not share anything, so tests may run in parallel. Whatever a function here starts ends with the test it was given.
// Functions that take a testing.TB end the test when they cannot do what they say, and so must be called from its goroutine;
// [Client.Do] may be called from any.
//
// Stability: experimental.
package leadmilltest

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/jobs"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/tests/dbtest/inspect"
)

// AdminKey is the admin key of every App, unless its settings say another.
const AdminKey = "admin-key-of-the-tests-0123456789abcdef"

// Options change what an App runs with. The zero Options change nothing.
type Options struct {
	// Clock replaces the system's clock, mostly by a [Clock].
	Clock application.Clock
	// DatabaseURL is the database to run on, such as one of [EachEngine]; empty is a migrated SQLite file of the test's own.
	// Apps on one database are instances of one installation.
	DatabaseURL string
	// Settings changes the settings, which come filled in: a free port of the loopback interface, the database, [AdminKey],
	// a folder of the test's own for mails, and the defaults of the environment's variables for the rest.
	Settings func(*leadmill.Config)
	// Logs receives the log in addition to [App.Logs].
	Logs io.Writer
	// Driver wraps the connector of the database's driver, to count statements or to make them fail.
	Driver func(driver.Connector) driver.Connector
}

// App is a Leadmill that runs: inside the test, or as a [Process].
type App struct {
	URL         string    // of the API, without a slash at its end
	DatabaseURL string    // of its database
	AdminKey    string    // opens /v1/sellers
	Logs        *Log      // all that it logged
	Mails       *MailSink // the mails that it wrote

	s *state
}

// state is what an App keeps for itself.
type state struct {
	t         testing.TB
	instance  *leadmill.Instance // nil for a process
	consumers []string

	mu       sync.Mutex
	stopped  bool
	sellers  []*Seller
	db       *dialect.DB
	document *document
}

// Start runs a Leadmill with modules inside the test, on an SQLite database of its own, until the test ends. It returns when
// the API answers.
func Start(t testing.TB, modules ...leadmill.Module) *App {
	t.Helper()
	return StartWith(t, Options{}, modules...)
}

// StartWith is Start with options.
func StartWith(t testing.TB, o Options, modules ...leadmill.Module) *App {
	t.Helper()
	c := o.config(t)
	a := newApp(t, c.DatabaseURL)
	a.AdminKey, a.Mails = c.AdminKey, NewMailSink(c.MailDir)
	logs := io.Writer(a.Logs)
	if o.Logs != nil {
		logs = io.MultiWriter(logs, o.Logs)
	}
	// Not the test's own context: it ends before the clean-up functions run.
	i, err := leadmill.New(modules...).Start(context.Background(), c, leadmill.StartOptions{Clock: o.Clock, Driver: o.Driver, Logs: logs})
	if err != nil {
		t.Fatalf("start leadmill: %v", err)
	}
	a.URL, a.s.instance, a.s.consumers = i.URL(), i, i.Consumers()
	t.Cleanup(func() {
		a.Stop(t)
		if t.Failed() {
			t.Logf("end of leadmill's log:\n%s", a.Logs.Tail())
		}
	})
	return a
}

// StartError returns why a Leadmill with modules does not start, and fails the test when it does: for tests of a module's own
// mistakes, such as a constructor that returns an error.
func StartError(t testing.TB, o Options, modules ...leadmill.Module) error {
	t.Helper()
	i, err := leadmill.New(modules...).Start(t.Context(), o.config(t), leadmill.StartOptions{Clock: o.Clock, Driver: o.Driver, Logs: o.Logs})
	if err == nil {
		t.Errorf("leadmill starts, and ended with %v", i.Stop())
	}
	return err
}

// config returns the settings of an App.
func (o Options) config(t testing.TB) leadmill.Config {
	if o.DatabaseURL == "" {
		o.DatabaseURL = Database(t, "sqlite")
	}
	c := leadmill.Config{
		HTTPAddr: "127.0.0.1:0", DatabaseURL: o.DatabaseURL, AdminKey: AdminKey, BatchMax: 256,
		MailDir: t.TempDir(), MailFrom: "Leadmill <leadmill@example.com>",
	}
	if o.Settings != nil {
		o.Settings(&c)
	}
	return c
}

func newApp(t testing.TB, databaseURL string) *App {
	return &App{DatabaseURL: databaseURL, AdminKey: AdminKey, Logs: &Log{}, s: &state{t: t}}
}

// Stop finishes the requests in work and stops an App that runs inside the test, which otherwise happens when the test ends.
// It fails the test when something went wrong while the App ran. Start another App with the same DatabaseURL to see how it
// goes on. Stopping it again does nothing.
func (a *App) Stop(t testing.TB) {
	t.Helper()
	a.s.mu.Lock()
	stopped := a.s.stopped
	a.s.stopped = true
	a.s.mu.Unlock()
	if stopped || a.s.instance == nil {
		return
	}
	if err := a.s.instance.Stop(); err != nil {
		t.Errorf("leadmill ended with %v", err)
	}
}

// RunJob runs a job now, whether it is due or not, and fails the test when the job fails. While it runs already, because it is due or
// another App has it, RunJob waits for the end of that and then runs it. A job that is due more often than every 10 seconds is not for
// RunJob: an App keeps it until it stops, this one or another, so RunJob waits for [Patience] and fails; wait for what the job does instead.
// The App must run inside the test.
func (a *App) RunJob(t testing.TB, name string) {
	t.Helper()
	if a.s.instance == nil {
		t.Fatalf("the job %s: the App is a process; use leadmill jobs run", name)
	}
	var err error
	Eventually(t, func() error {
		if err = a.s.instance.RunJob(t.Context(), name); errors.Is(err, jobs.ErrOwned) {
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatalf("the job %s: %v", name, err)
	}
}

// Query reads rows of the module's own tables, as the database has them: a SELECT with a ? for each argument. Each value is text,
// and NULL is empty. What Leadmill keeps in its tables is no public API and may change: the Client and Events tell it.
func (a *App) Query(t testing.TB, query string, args ...any) [][]string {
	t.Helper()
	db, err := a.database()
	if err != nil {
		t.Fatal(err)
	}
	found, err := inspect.Rows(context.Background(), db, query, args...)
	if err != nil {
		t.Fatalf("query %q: %v", query, err)
	}
	return found
}

// database opens the App's database at the first call, until the App's test ends.
func (a *App) database() (*dialect.DB, error) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	if a.s.db == nil {
		db, err := dialect.Open(a.DatabaseURL, dialect.Options{MaxConnections: 2})
		if err != nil {
			return nil, fmt.Errorf("open the app's database: %w", err)
		}
		a.s.t.Cleanup(func() { _ = db.Close() })
		a.s.db = db
	}
	return a.s.db, nil
}

func (a *App) remember(s *Seller) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.s.sellers = append(a.s.sellers, s)
}

func (a *App) known() []*Seller {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return slices.Clone(a.s.sellers)
}
