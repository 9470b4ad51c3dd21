package dbtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const helperVar = "LEADMILL_DBTEST_HELPER"

// TestMain also plays the process that is killed while it holds a server.
func TestMain(m *testing.M) {
	if e := os.Getenv(helperVar); e != "" {
		s, err := Start(context.Background(), Options{Engine: Engine(e)})
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println(s.dir, s.process.Process.Pid)
		select {}
	}
	os.Exit(m.Run())
}

func serverEngines(t *testing.T) []Engine {
	t.Helper()
	engines := slices.DeleteFunc(Engines(), func(e Engine) bool { return e == SQLite })
	if len(engines) == 0 {
		t.Skip("only sqlite is covered by this run")
	}
	return engines
}

func TestURLIsAnEmptyDatabaseThatIsDropped(t *testing.T) {
	t.Parallel()
	for _, e := range serverEngines(t) {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			admin, err := AdminURL(e)
			if err != nil {
				t.Fatal(err)
			}
			var made []string
			t.Run("use", func(t *testing.T) {
				a, b := URL(t, e), URL(t, e)
				if a == b {
					t.Fatalf("two calls gave the same database %s", a)
				}
				if err := execute(t.Context(), a, "CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)"); err != nil {
					t.Fatal(err)
				}
				if err := execute(t.Context(), b, "SELECT * FROM t"); err == nil {
					t.Fatal("one database shows the other's table")
				}
				made = append(made, a, b)
			})
			if err := execute(t.Context(), admin, "SELECT 1"); err != nil {
				t.Fatal(err)
			}
			for _, u := range made {
				if err := execute(t.Context(), u, "SELECT 1"); err == nil || !strings.Contains(err.Error(), "Unknown database") {
					t.Errorf("after the test, its database answers %v, want Unknown database", err)
				}
			}
		})
	}
}

func TestURLOfSQLiteIsAFreshFile(t *testing.T) {
	t.Parallel()
	a, b := URL(t, SQLite), URL(t, SQLite)
	if a == b {
		t.Fatalf("two calls gave the same file %s", a)
	}
	path, ok := strings.CutPrefix(a, "sqlite:")
	if !ok || filepath.Base(path) != "leadmill.db" {
		t.Fatalf("URL is %q, want sqlite:<dir>/leadmill.db", a)
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the file is there before anybody made it: %v", err)
	}
}

func TestServerSurvivesKill(t *testing.T) {
	t.Parallel()
	for _, e := range serverEngines(t) {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			s := StartServer(t, e)
			if err := s.CreateDatabase(t.Context(), "shop"); err != nil {
				t.Fatal(err)
			}
			err := execute(t.Context(), s.URL("shop"), "CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (42)")
			if err != nil {
				t.Fatal(err)
			}
			port := s.Port()
			if err := s.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := execute(t.Context(), s.URL("shop"), "SELECT 1"); err == nil {
				t.Fatal("a killed server answers")
			}
			for range 2 { // after a kill, and after a clean end
				if err := s.Restart(t.Context()); err != nil {
					t.Fatal(err)
				}
				if s.Port() != port {
					t.Fatalf("port %d became %d", port, s.Port())
				}
				var id, logs int
				db, err := s.Open("shop")
				if err != nil {
					t.Fatal(err)
				}
				err = db.QueryRowContext(t.Context(), "SELECT id, @@log_bin FROM t").Scan(&id, &logs)
				if err := errors.Join(err, db.Close()); err != nil {
					t.Fatal(err)
				}
				if id != 42 || logs != 1 {
					t.Fatalf("id %d, log_bin %d; want 42 and 1", id, logs)
				}
			}
			if err := s.Stop(); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("the data is still there: %v", err)
			}
			if err := s.Restart(t.Context()); err == nil {
				t.Fatal("a stopped server was restarted")
			}
		})
	}
}

func TestPausedServerHangs(t *testing.T) {
	t.Parallel()
	e := serverEngines(t)[0]
	s := StartServer(t, e)
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := execute(ctx, s.URL(""), "SELECT 1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a paused server gives %v, want a deadline exceeded", err)
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := execute(t.Context(), s.URL(""), "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Pause(); err == nil {
		t.Fatal("a killed server was paused")
	}
}

func TestServerEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	e := serverEngines(t)[0]
	if p, err := programOf(e); err == nil && p.image != "" {
		t.Skip("the server is in a container: its process is not ours to look at")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	helper := exec.CommandContext(t.Context(), self)
	helper.Env = append(os.Environ(), helperVar+"="+string(e))
	out, err := helper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var dir string
	var pid int
	if _, err := fmt.Sscan(line, &dir, &pid); err != nil {
		t.Fatalf("the helper says %q: %v", line, err)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the server does not run: %v", err)
	}
	if err := helper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = helper.Wait() // says only that it was killed
	ctx, cancel := context.WithTimeout(t.Context(), readyTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) && !running(pid) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("left behind: data %v, server running %v", err, running(pid))
		case <-tick.C:
		}
	}
}

// running does not count a process that is dead but not yet collected by whoever inherited it.
func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

func TestStartTellsWhyItFailed(t *testing.T) {
	t.Parallel()
	e := serverEngines(t)[0]
	dir := t.TempDir()
	_, err := Start(t.Context(), Options{Engine: e, Dir: dir, Args: []string{"--no-such-option"}})
	if err == nil || !strings.Contains(err.Error(), "no-such-option") {
		t.Fatalf("error is %v, want the server's own words", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Fatalf("a failed start left %v (%v)", left, err)
	}
}

//nolint:paralleltest // it sets the environment
func TestEnginesFollowTheEnvironment(t *testing.T) {
	for list, want := range map[string][]Engine{
		"sqlite":                  {SQLite},
		"SQLite, mysql , mariadb": {SQLite, MySQL, MariaDB},
		"":                        {""},
		"sqlite,oracle":           {SQLite, "oracle"},
	} {
		t.Setenv(enginesVar, list)
		if got := Engines(); !slices.Equal(got, want) {
			t.Errorf("%q gives %q, want %q", list, got, want)
		}
	}
}

// fatal stands in for a test that is expected to fail.
type fatal struct {
	testing.TB
	message string
}

func (f *fatal) Helper() {}
func (f *fatal) Fatalf(format string, args ...any) {
	f.message = fmt.Sprintf(format, args...)
	panic(f)
}

func TestEngineThatCannotBeHadFailsTheTest(t *testing.T) {
	t.Parallel()
	for _, e := range []Engine{"", "oracle"} {
		for name, use := range map[string]func(testing.TB){
			"URL":         func(tb testing.TB) { URL(tb, e) },
			"StartServer": func(tb testing.TB) { StartServer(tb, e) },
		} {
			f := &fatal{TB: t}
			func() {
				defer func() { _ = recover() }()
				use(f)
			}()
			if !strings.Contains(f.message, fmt.Sprintf("engine %q", string(e))) {
				t.Errorf("%s of engine %q ends with %q, want it to fail and name the engine", name, e, f.message)
			}
		}
	}
}

func TestGivenServer(t *testing.T) {
	const secret = "s3cret@/"
	t.Setenv("LEADMILL_TEST_MYSQL_DSN", "me:"+secret+"@tcp(db.example:3307)/ignored?tls=skip-verify")
	got, err := givenURL(MySQL)
	if err != nil {
		t.Fatal(err)
	}
	want := "mysql://" + url.UserPassword("me", secret).String() + "@db.example:3307/?tls=skip-verify"
	if got != want {
		t.Errorf("URL is %q, want %q", got, want)
	}
	cfg, err := config(withDatabase(got, "shop"))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Addr != "db.example:3307" || cfg.User != "me" || cfg.Passwd != secret || cfg.DBName != "shop" ||
		cfg.TLSConfig != "skip-verify" {
		t.Errorf("the settings lost something on the way: %s", cfg.FormatDSN())
	}

	t.Setenv("LEADMILL_TEST_MYSQL_DSN", "me:"+secret+"@unix(/run/sock)/")
	if _, err := givenURL(MySQL); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("a socket gives %v, want an error without the password", err)
	}

	t.Setenv("LEADMILL_TEST_MYSQL_DSN", "")
	for given, ok := range map[string]bool{
		"mysql://me:pw@127.0.0.1:3306/": true,
		"mysql://me:pw@127.0.0.1":       true,
		"me:pw@tcp(127.0.0.1:3306)/":    false,
		"postgres://me:pw@127.0.0.1/":   false,
		"mysql://127.0.0.1:3306/":       false,
	} {
		t.Setenv("LEADMILL_TEST_MYSQL_URL", given)
		got, err := givenURL(MySQL)
		if (err == nil) != ok || err == nil && !strings.HasSuffix(got, "/") {
			t.Errorf("%q gives %q, %v", given, got, err)
		}
	}
}
