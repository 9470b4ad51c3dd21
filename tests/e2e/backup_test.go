package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
)

// page is what the feed answers.
type page struct {
	Data  []json.RawMessage
	Next  int64
	LogID string `json:"log_id"`
	Code  string
	Head  int64
}

func feed(t *testing.T, c *apptest.Client, query string) (page, apptest.Answer) {
	t.Helper()
	var p page
	a := c.Do("GET", "/v1/events?limit=1000&"+query, nil)
	if err := json.Unmarshal(a.Body, &p); err != nil {
		t.Fatalf("the feed answers %s: %v", a, err)
	}
	return p, a
}

// writing posts leads with some clients at once until stop is called, which returns the ids of those that were answered.
func writing(s *apptest.Shop) (stop func() []string, answered func() []string) {
	ctx, cancel := context.WithCancel(context.Background())
	var clients sync.WaitGroup
	var mu sync.Mutex
	var ids []string
	answered = func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(ids)
	}
	for range 8 {
		clients.Go(func() {
			for ctx.Err() == nil {
				if l := s.Supplier.Do("POST", "/api/leads", s.Form()).Lead(); l.Status == "sold" {
					mu.Lock()
					ids = append(ids, l.ID)
					mu.Unlock()
				}
			}
		})
	}
	return func() []string {
		cancel()
		clients.Wait()
		return answered()
	}, answered
}

// checkRestored serves a restored database and checks that what was answered before the backup is there, that a consumer of the former log is
// told, and that work goes on.
func checkRestored(t *testing.T, databaseURL string, s *apptest.Shop, before []string, former page) {
	t.Helper()
	must(t, databaseURL, "doctor")
	p := apptest.Run(t, databaseURL, []string{"serve"})
	s = s.At(&p.App)
	for _, id := range before {
		if l := s.Lead(t, id); l["status"] != "sold" {
			t.Fatalf("lead %s, which was answered before the backup, is %v", id, l)
		}
	}
	for _, query := range []string{"after=0", fmt.Sprintf("after=%d", former.Next), "wait=25"} {
		if got, a := feed(t, s.Program, query+"&log_id="+former.LogID); a.Status != 409 || got.Code != "log_changed" || got.LogID == former.LogID || got.LogID == "" {
			t.Errorf("a consumer of the former log that asks for %s is answered %s", query, a)
		}
	}
	first, a := feed(t, s.Program, "after=0")
	if a.Status != 200 || len(first.Data) == 0 {
		t.Errorf("the restored log is answered %s", a)
	}
	s.Sell(t, s.Form())
	apptest.Open(t, databaseURL).Audit()
	if again, a := feed(t, s.Program, fmt.Sprintf("after=%d&log_id=%s", first.Next, first.LogID)); a.Status != 200 || again.LogID != first.LogID {
		t.Errorf("a consumer that took the new log is answered %s", a)
	}
	p.Stop(t)
	must(t, databaseURL, "doctor")
}

// soldSome waits until more leads were answered than before.
func soldSome(t *testing.T, answered func() []string, more int) []string {
	t.Helper()
	before := len(answered())
	apptest.Eventually(t, func() error {
		if n := len(answered()); n < before+more {
			return fmt.Errorf("%d leads were sold", n)
		}
		return nil
	})
	return answered()
}

func TestABackupBesideFullWritesIsRestoredElsewhere(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	databaseURL, file := "sqlite:"+filepath.Join(folder, "leadmill.db"), filepath.Join(folder, "backup.db")
	p := apptest.Run(t, databaseURL, []string{"serve"})
	s := apptest.NewShop(t, &p.App, nil, apptest.Rich)
	stop, answered := writing(s)
	before := soldSome(t, answered, 50)
	must(t, databaseURL, "backup", file)
	soldSome(t, answered, 50) // writes go on
	stop()
	if runtime.GOOS != "windows" {
		if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
			t.Errorf("the backup has mode %v: %v", info.Mode(), err)
		}
	}
	apptest.Open(t, databaseURL).Settle()
	former, _ := feed(t, s.Program, "after=0")

	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	database := filepath.Join(folder, "leadmill.db")
	for _, c := range []struct {
		want string
		args []string
	}{
		{"backup.db is there already", []string{"backup", file}},
		{"leadmill.db is there already", []string{"backup", database}},
		{"leadmill.db is there already", []string{"restore", file}},
		{"no such file", []string{"restore", filepath.Join(folder, "missing.db")}},
	} {
		if code, stdout, stderr := end(t, databaseURL, c.args); code != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("leadmill %v ended with %d, want %q:\n%s%s", c.args, code, c.want, stdout, stderr)
		}
	}
	if again, err := os.ReadFile(file); err != nil || string(again) != string(written) {
		t.Errorf("the backup was written over: %v", err)
	}
	p.Stop(t)
	must(t, databaseURL, "doctor")

	restored := "sqlite:" + filepath.Join(folder, "else", "where", "leadmill.db")
	if out := must(t, restored, "restore", file); !strings.Contains(out, "Its log is now log_") {
		t.Errorf("restore says\n%s", out)
	}
	checkRestored(t, restored, s, before, former)
	// A backup of what was restored, and back again.
	must(t, restored, "backup", filepath.Join(folder, "second.db"))
	third := "sqlite:" + filepath.Join(folder, "third", "leadmill.db")
	must(t, third, "restore", filepath.Join(folder, "second.db"))
	must(t, third, "doctor")
	if code, _, stderr := end(t, third, []string{"restore", filepath.Join(folder, "second.db")}); code != 1 || !strings.Contains(stderr, "is there already") {
		t.Errorf("a second restore ended with %d:\n%s", code, stderr)
	}
}

// The commands that docs/operations.md names, each with what loads what it wrote.
var dumps = [][2]string{
	{"mariadb-dump", "mariadb"},
	{"mysqldump", "mysql"},
}

func TestADumpOfAServerIsRestoredElsewhere(t *testing.T) {
	t.Parallel()
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		if !strings.HasPrefix(databaseURL, "mysql:") {
			t.Skip("SQLite has commands of ours")
		}
		folder := t.TempDir()
		for _, command := range []string{"backup", "restore"} {
			code, stdout, stderr := end(t, databaseURL, []string{command, filepath.Join(folder, "backup.db")})
			if code != 2 || !strings.Contains(stderr, "mysqldump") || !strings.Contains(stderr, "docs/operations.md") || stdout != "" {
				t.Errorf("leadmill %s ended with %d:\n%s%s", command, code, stdout, stderr)
			}
		}
		if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
			t.Errorf("what is refused leaves %v: %v", left, err)
		}
		engine := dbtest.MySQL
		if strings.Contains(t.Name(), string(dbtest.MariaDB)) {
			engine = dbtest.MariaDB
		}
		for _, programs := range dumps {
			t.Run(programs[0], func(t *testing.T) {
				t.Parallel()
				for _, name := range programs {
					out, err := exec.CommandContext(t.Context(), name, "--version").CombinedOutput()
					if ofMariaDB := strings.Contains(string(out), "MariaDB"); err != nil || ofMariaDB != strings.HasPrefix(name, "mariadb") || engine == dbtest.MariaDB && !ofMariaDB {
						t.Skipf("there is no %s of its own: %v %s", name, err, out)
					}
				}
				from, to := dbtest.URL(t, engine), dbtest.URL(t, engine)
				p := apptest.Run(t, from, []string{"serve"})
				s := apptest.NewShop(t, &p.App, nil, apptest.Rich)
				stop, answered := writing(s)
				before := soldSome(t, answered, 50)
				runDocumented(t, programs[0], from, filepath.Join(folder, programs[0]))
				soldSome(t, answered, 50)
				stop()
				apptest.Open(t, from).Settle()
				former, _ := feed(t, s.Program, "after=0")
				p.Stop(t)
				must(t, from, "doctor")
				runDocumented(t, programs[1], to, filepath.Join(folder, programs[0]))
				must(t, to, "events", "rebase")
				checkRestored(t, to, s, before, former)
			})
		}
	})
}

// runDocumented runs the line of docs/operations.md that begins with a program, in a folder, for the database of a URL.
func runDocumented(t *testing.T, program, databaseURL, folder string) {
	t.Helper()
	doc, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	line := ""
	for l := range strings.Lines(string(doc)) {
		if strings.HasPrefix(l, program+" --defaults-extra-file=leadmill.cnf ") {
			line = strings.TrimSpace(l)
		}
	}
	u, err := url.Parse(databaseURL)
	if err != nil || line == "" {
		t.Fatalf("docs/operations.md has no line with %s: %v", program, err)
	}
	host, port, err := net.SplitHostPort(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf("[client]\nprotocol=tcp\nhost=%s\nport=%s\nuser=%s\npassword=\"%s\"\n", host, port, u.User.Username(), password)
	if err := os.WriteFile(filepath.Join(folder, "leadmill.cnf"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	name := strings.Trim(u.Path, "/")
	for _, arrow := range []string{" >", " <"} {
		line = strings.Replace(line, " leadmill"+arrow, " "+name+arrow, 1)
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
}
