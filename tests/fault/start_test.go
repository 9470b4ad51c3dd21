package fault_test

import (
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// servers are the engines of this run that have a server.
func servers(t *testing.T) []dbtest.Engine {
	t.Helper()
	engines := slices.DeleteFunc(dbtest.Engines(), func(e dbtest.Engine) bool { return e == dbtest.SQLite })
	if len(engines) == 0 {
		t.Skip("SQLite has no server")
	}
	return engines
}

// TestTheStartTellsWhatWaitingDoesNotChange ends at once, with one sentence.
func TestTheStartTellsWhatWaitingDoesNotChange(t *testing.T) {
	t.Parallel()
	for _, e := range servers(t) {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			databaseURL := migrated.URL(t, e)
			for name, c := range map[string]struct {
				change func(u *url.URL)
				says   string
			}{
				"a wrong password":    {func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "wr0ng-secret") }, "its server knows no such user with this password"},
				"an unknown user":     {func(u *url.URL) { u.User = url.UserPassword("nobody", "wr0ng-secret") }, "its server knows no such user with this password"},
				"an unknown database": {func(u *url.URL) { u.Path = "/no_such_database" }, "its server has no database of this name"},
			} {
				for _, args := range [][]string{{"serve"}, {"doctor"}, {"migrate", "up"}} {
					t.Run(name+" "+args[0], func(t *testing.T) {
						t.Parallel()
						u, err := url.Parse(databaseURL)
						if err != nil {
							t.Fatal(err)
						}
						c.change(u)
						began := time.Now()
						p := apptest.Launch(t, u.String(), args)
						code, took, said := p.Wait(t), time.Since(began), p.Logs.String()
						if code != 1 || took > 10*time.Second {
							t.Errorf("exit code %d after %v", code, took)
						}
						if !strings.Contains(said, c.says) || !strings.Contains(said, "LEADMILL_DATABASE_URL") || strings.Contains(said, "wr0ng") {
							t.Errorf("it says %s", said)
						}
					})
				}
			}
		})
	}
}

// TestTheStartWaitsForWhatMayCome waits for a port where nothing listens and a name that nothing has, says so, and ends when it is told to.
func TestTheStartWaitsForWhatMayCome(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, host := range map[string]string{"a closed port": closed, "an unknown host": "no-such-host.invalid:3306"} {
		for _, args := range [][]string{{"serve"}, {"migrate", "up"}} {
			t.Run(name+" "+args[0], func(t *testing.T) {
				t.Parallel()
				p := apptest.Launch(t, "mysql://lead:s3cret@"+host+"/mill", args)
				apptest.Eventually(t, func() error {
					if said := p.Logs.String(); !strings.Contains(said, host) || !strings.Contains(said, "waited for") {
						return errDown
					}
					return nil
				})
				process, err := os.FindProcess(p.PID())
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				if err := process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				code, took, said := p.Wait(t), time.Since(began), p.Logs.String()
				if took > 5*time.Second || code != 1 || !strings.Contains(said, "told to stop while waiting for the database") || strings.Contains(said, "s3cret") {
					t.Errorf("exit code %d %v after SIGTERM: %s", code, took, said)
				}
			})
		}
	}
}

// TestACommandLineTakesAnyTextForAName gives names that nothing has, which MySQL refuses to look for.
func TestACommandLineTakesAnyTextForAName(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s := apptest.NewShop(t, &apptest.Run(t, databaseURL, []string{"serve"}).App, nil)
		for _, args := range [][]string{
			{"keys", "list", "--seller", "größe"},
			{"keys", "create", "--seller", "größe"},
			{"keys", "revoke", "--seller", "größe", "key"},
			{"keys", "revoke", "--seller", s.Code, "schlüssel"},
			{"keys", "create", "--seller", s.Code, "--scope", "supplier", "--partner", "größe"},
			{"keys", "create", "--seller", s.Code, "--scope", "form", "--origin", "https://example.com", "--campaign", "größe"},
			{"events", "forget", "größe"},
			{"events", "skip-segment", "1", "--consumer", "größe", "--reason", "x"},
			{"events", "retry", "größe"},
			{"jobs", "run", "größe"},
		} {
			p := apptest.Launch(t, databaseURL, args)
			code, said := p.Wait(t), p.Logs.String()
			if code == 0 || strings.Contains(said, "database error") || strings.Contains(said, "collation") || strings.Contains(said, "sqlstore") {
				t.Errorf("%v ends with %d and says %s", args, code, said)
			}
		}
	})
}
