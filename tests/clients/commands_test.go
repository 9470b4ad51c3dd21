package clients_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// fence begins or ends a block of a page: what stands before it on its line, and what it is said to be.
var fence = regexp.MustCompile("^(\\s*)```(\\S*)$")

// notRun stands before commands that cannot be run here, with the reason.
var notRun = regexp.MustCompile(`^\s*<!-- not run: .+ -->$`)

// block is a block of a page.
type block struct {
	kind, text string
	line       int
	excused    bool
}

func blocksOf(t *testing.T, page string) (all []block) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, inside := "", false
	for n, line := range strings.Split(string(text), "\n") {
		switch m := fence.FindStringSubmatch(line); {
		case m != nil && !inside:
			all = append(all, block{kind: m[2], line: n + 1, excused: notRun.MatchString(before)})
			inside = true
		case m != nil:
			inside = false
		case inside:
			all[len(all)-1].text += line + "\n"
		}
		before = line
	}
	return all
}

// placeholder is a key or an id that a reader fills in, as they are shortened on the pages or written out.
var placeholder = regexp.MustCompile(`\b((?:lm_)?[a-z]+_)(?:…|[0-9A-HJKMNP-TV-Z]{26}\b)`)

// given is a key or an id in what commands print.
var given = regexp.MustCompile(`\b(?:(lm_[a-z]+_)[0-9A-Za-z_]+|([a-z]+_)[0-9A-HJKMNP-TV-Z]{26})\b`)

// reader is somebody who goes through a page with a shell. Ids and keys are those that were printed last.
type reader struct {
	t     *testing.T
	in    io.Writer
	out   *bufio.Scanner
	dir   string            // where it begins
	known map[string]string // by how it begins
}

const done = "the command has ended with "

// newReader opens a shell in an empty folder, in which leadmill is the binary and curl fails when the answer is an error.
func newReader(t *testing.T, environment []string) *reader {
	t.Helper()
	c := exec.CommandContext(context.WithoutCancel(t.Context()), "bash") // it ends when its input does, and ends what it started
	c.Dir = t.TempDir()
	c.Env = append(slices.Clone(environment), "PATH="+filepath.Dir(binary)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = c.Wait()
	})
	r := &reader{t: t, in: in, out: bufio.NewScanner(out), dir: c.Dir, known: map[string]string{}}
	r.out.Buffer(nil, 16<<20)
	_, _ = io.WriteString(in, "exec 2>&1; set -o pipefail; trap 'kill $(jobs -p); wait' EXIT; curl() { command curl -sS --fail-with-body \"$@\"; }\n")
	return r
}

// do runs a command as a reader types it, and ends the test when it fails.
func (r *reader) do(command string) (printed string) {
	r.t.Helper()
	command = placeholder.ReplaceAllStringFunc(command, func(text string) string {
		if last := r.known[placeholder.FindStringSubmatch(text)[1]]; last != "" {
			return last
		}
		return text
	})
	if _, err := fmt.Fprintf(r.in, "%s\nended=$?; echo; echo '%s'$ended\n", command, done); err != nil {
		r.t.Fatal(err)
	}
	var b strings.Builder
	for r.out.Scan() {
		if status, ended := strings.CutPrefix(r.out.Text(), done); ended {
			if status != "0" {
				r.t.Fatalf("%s\nends with %s:\n%s", command, status, b.String())
			}
			r.learn(b.String())
			return b.String()
		}
		b.WriteString(r.out.Text() + "\n")
	}
	r.t.Fatalf("%s\nends the shell (%v):\n%s", command, r.out.Err(), b.String())
	return ""
}

func (r *reader) learn(printed string) {
	for _, m := range given.FindAllStringSubmatch(printed, -1) {
		r.known[m[1]+m[2]] = m[0]
	}
}

// freeAddress is one that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// commands are the lines of a block, with those that a backslash continues.
func commands(text string) []string {
	return strings.Split(strings.TrimSpace(strings.ReplaceAll(text, "\\\n", "\\\r")), "\n")
}

// outcomes are what the commands of a page print at last, one after the other, as the page says.
var outcomes = map[string][]string{
	"README.md": {`"status":"sold","price":45.00`, `"type":"lead.sold.v1"`, `?aff=ref_123"`, `"customer_123"`},
	"marketplace.md": {
		`"status":"sold","price":31.50`, `"reason":"sold"`, `"status":"pending"`, `"code":"duplicate_lead"`, `"limit":1`,
		`"reason":"filter"`, `"reason":"schedule_closed"`, `"reason":"cap_day"`, `"outcome":"sold"`, `"status":"sold","price":90.00`,
		`"status":"approved"`, `"price":110.00,"payout":66.00`, `"opening_balance":0.00`, `"type":"return","amount":40.00,"balance_after":460.00`, `"closing_balance":460.00`,
		`"total":1000`, `"done":1000,"total":1000,"failed":0`, `"line":999,`, `"line":1001,`,
		`"request":"name: ***\nprice: 50.00\ntel: ***\nsource: ***`, `"status":"sold"`, `"status":"delivered"`, `"status":"pending"`,
		`"verdict":"unknown"`, `"status":"pending"`, `"status":"unknown"`, `"held":50.00`, `"status":"sold"`, `"status":"delivered"`, `"answer":"accepted"`,
		`"reserve_price":10.00`, `"price":12.00`, `"answer":"bid 20.00"`, `"status":"sold","price":12.00`, `"price":20.00`, `"name":"bid_reference"`,
	},
	"partner-program.md": {`?aff=ref_123"`, `"customer_123"`, `"alice.brown@example.com"`, `lm_site_`},
	"supplier-api.md":    {`"status":"sold","price":45.00`, `"status":"sold"`, `"status":"sold"`, `"code":"invalid_field"`, `"total":2`, `"line":2,"success":true`, `"success":true,"ping_id":"ping_`, `"created_at"`},
	"events.md": {
		`lm_events_`, `"status":"sold","price":45.00`, `{"data":[{"specversion":"1.0"`, `"type":"lead.sold.v1"`, "retry: 2000", "id: log_", `data: {"specversion":"1.0"`, `"type":"lead.sold.v1"`, " lead.submitted.v1 ACME1234 lead_", " lead.sold.v1 ACME1234 lead_",
		"counted lead.sold.v1 lead_", `"status":"sold"`, "counted lead.sold.v1 lead_", // from the feed
		"\nevt_", " earned ", "\nlog_", " earned ", // the stream
		`"status":204`, "counted lead.sold.v1 lead_", `"status":204`, "counted lead.sold.v1 lead_", // webhooks
		"\nevt_", " earned ", "\nevt_", " earned ", // NATS
		"counted lead.sold.v1 lead_", "\nevt_", " earned ", // Kafka
		"\nlead.sold.v1\n",      // Redis
		`"type":"lead.sold.v1"`, // files
	},
	"mcp.md":        {"lm_program_"},
	"operations.md": {"No breaches", "campaign-report", "purge", "is a copy of the database", "Its log is now log_"},
}

// TestTheCommandsOfTheDocuments types what the pages say, from their beginnings to their ends, against the demo. A block that says nothing
// about itself, or that is neither run nor says why, fails.
func TestTheCommandsOfTheDocuments(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../../README.md", "../../CONTRIBUTING.md", "../../SECURITY.md") {
		blocks := blocksOf(t, page)
		run := 0
		for _, b := range blocks {
			switch {
			case b.kind == "":
				t.Errorf("%s:%d: a block says not what it is: sh, or text when nobody types it", page, b.line)
			case b.kind == "sh" && !b.excused:
				run++
			case b.kind != "sh" && b.excused:
				t.Errorf("%s:%d: what is %s is not run anyway", page, b.line, b.kind)
			}
		}
		if run == 0 {
			continue
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			s := start(t, "demo", "curl ")
			r, buyer := newReader(t, s.environment), freeAddress(t)
			r.learn(s.printed + " " + adminKey)
			substitutes := []string{
				"\\\r", "\\\n", "http://127.0.0.1:8080", s.address, "https://leads.example.com", s.address, "127.0.0.1:8090", buyer, "YOUR_API_KEY", r.known["lm_supplier_"],
			}
			if filepath.Base(page) == "events.md" {
				substitutes = append(substitutes, others(t, r.dir)...)
			}
			printed := ""
			for _, b := range blocks {
				if b.kind != "sh" || b.excused {
					continue
				}
				for _, command := range commands(b.text) {
					printed += r.do(strings.NewReplacer(substitutes...).Replace(command))
				}
			}
			for _, want := range outcomes[filepath.Base(page)] {
				_, after, found := strings.Cut(printed, want)
				if !found {
					t.Fatalf("nothing prints %q, or not in this order; left is\n%s", want, printed)
				}
				printed = after
			}
		})
	}
}

// others starts what docs/events.md takes to be there, puts the clients into the folder of a reader, where they are in a clone, and returns what
// stands for what in commands.
func others(t *testing.T, dir string) (substitutes []string) {
	t.Helper()
	if err := os.CopyFS(filepath.Join(dir, "sdk", "go"), os.DirFS(goClient)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(typeScript(t), filepath.Join(dir, "sdk", "typescript")); err != nil {
		t.Fatal(err)
	}
	s, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(patience) {
		t.Fatal("the NATS server does not start")
	}
	crm, books, counted := newLedger(t), newLedger(t), newLedger(t)
	return []string{
		"crm:secret@tcp(127.0.0.1:3306)/crm", crm.dsn, "mysql://crm:secret@127.0.0.1:3306/crm", crm.url, "crm:secret@tcp(127.0.0.1:3306)/kafka", counted.dsn,
		"crm:secret@tcp(127.0.0.1:3306)/books", books.dsn, "mysql://crm:secret@127.0.0.1:3306/books", books.url,
		"127.0.0.1:4222", strings.TrimPrefix(s.ClientURL(), "nats://"), "127.0.0.1:9092", kafka(t), "127.0.0.1:6379", redis(t),
	}
}

// redis returns the address of a Redis.
func redis(t *testing.T) (address string) {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil { // Debian's package without the service has it under another name
		program, err = exec.LookPath("redis-check-rdb")
	}
	if err != nil {
		t.Fatalf("no Redis, run scripts/test-setup.sh redis: %v", err)
	}
	address = freeAddress(t)
	c := exec.CommandContext(t.Context(), program, "--port", address[strings.LastIndex(address, ":")+1:], "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir())
	c.Args[0] = "redis-server" // by which the program knows what it is
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Wait() }) // the test's context ended it
	return address
}
