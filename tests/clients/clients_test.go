// Package clients drives the built binary with clients that are not ours: generators and validators of its documents, what these
// generate, the requests of Partnero's PHP library, and pages that a browser opens; and with ours, of sdk, whose example consumers keep what they do in
// MySQL. scripts/test-setup.sh clients installs the packages in .cache/clients and .cache/sdk; tests/chromium finds the browser, tests/dbtest the database.
package clients_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds everything that is waited for.
const patience = 4 * time.Minute

const adminKey = "lm_admin_0123456789abcdef0123456789abcdef"

// installed is where the packages of npm are.
var installed = filepath.Join("..", "..", ".cache", "clients", "node_modules")

// binary is the program as a release has it, and shared the folder of all tests in which it stands.
var binary, shared string

func TestMain(m *testing.M) {
	code, err := build(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func build(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "leadmill")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	shared, binary = dir, filepath.Join(dir, "leadmill")
	compile := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-o", binary, "./cmd/leadmill")
	compile.Dir, compile.Env, compile.Stderr = filepath.Join("..", ".."), append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
	if err := compile.Run(); err != nil {
		return 0, fmt.Errorf("build leadmill: %w", err)
	}
	if err := os.Setenv("LEADMILL_BINARY", binary); err != nil { // for the tests of our own clients
		return 0, err
	}
	return m.Run(), nil
}

// server is the binary while it serves an empty SQLite file.
type server struct {
	address, printed string
	environment      []string // in which its other commands find its database
	kill             func()   // ends it as a crash does
}

// serve returns the address of a server.
func serve(t *testing.T) string {
	t.Helper()
	return start(t, "serve", listens).address
}

const listens = "Leadmill listens on "

// start runs a command of the binary that serves until the test ends, and returns when it has printed a line that begins so.
func start(t *testing.T, command, last string) server {
	t.Helper()
	return startIn(t, environment(t), command, last)
}

// environment is one in which a server serves an empty SQLite file.
func environment(t *testing.T) (list []string) {
	t.Helper()
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "LEADMILL_") {
			list = append(list, v)
		}
	}
	dir := t.TempDir()
	return append(list, "LEADMILL_HTTP_ADDR=127.0.0.1:0", "LEADMILL_DRAIN=0s", "LEADMILL_OUTBOUND_ALLOW=127.0.0.1/32", "LEADMILL_ADMIN_KEY="+adminKey,
		"LEADMILL_DATABASE_URL=sqlite:"+filepath.Join(dir, "leadmill.db"), "LEADMILL_MAIL_DIR="+dir)
}

// startIn is start in an environment.
func startIn(t *testing.T, environment []string, command, last string) (s server) {
	t.Helper()
	c := exec.CommandContext(t.Context(), binary, strings.Fields(command)...)
	c.Env, s.environment = environment, environment
	var log strings.Builder
	c.Stderr = &log
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	wait := sync.OnceFunc(func() { _ = c.Wait() })
	s.kill = func() {
		_ = c.Process.Kill()
		wait()
	}
	t.Cleanup(func() { // the test's context has ended, and with it the server
		wait()
		if t.Failed() {
			t.Logf("leadmill's log:\n%s", log.String())
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		s.printed += lines.Text() + "\n"
		if address, ok := strings.CutPrefix(lines.Text(), listens); ok {
			s.address = address
		}
		if strings.HasPrefix(lines.Text(), last) {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return s
		}
	}
	t.Fatalf("leadmill ended before it printed %q:\n%s", last, s.printed)
	return s
}

// documents downloads what the server serves into a folder.
func documents(t *testing.T, server, dir string) {
	t.Helper()
	for _, name := range []string{"openapi.yaml", "asyncapi.yaml"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server+"/"+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if err := errors.Join(err, answer.Body.Close()); err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %v", name, answer.StatusCode, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// workshop is a folder of the test's own with a copy of what is in a folder here.
func workshop(t *testing.T, of string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(of)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// npm is a workshop in which the packages of npm are.
func npm(t *testing.T) string {
	t.Helper()
	modules, err := filepath.Abs(installed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(modules); err != nil {
		t.Fatalf("%v: make test-setup PKG=./tests/clients installs them", err)
	}
	dir := workshop(t, "typescript")
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// run runs a command in a folder and returns what it prints. A command that fails ends the test.
func run(t *testing.T, dir, server string, command ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if tool := filepath.Join("node_modules", ".bin", command[0]); dir != "" {
		if _, err := os.Stat(filepath.Join(dir, tool)); err == nil {
			command[0] = "." + string(filepath.Separator) + tool
		}
	}
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Dir = dir
	c.Env = append(os.Environ(), "LEADMILL_URL="+server, "LEADMILL_KEY="+adminKey, "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", command, err, out)
	}
	return string(out)
}

func contains(t *testing.T, what, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) {
		t.Errorf("%s prints %q, want %q", what, got, want)
	}
}

// The linter takes both documents without a warning, and the validator the first; a planted mistake of each sort is found.
func TestTheServedDocumentsAreValid(t *testing.T) {
	t.Parallel()
	server, dir := serve(t), npm(t)
	documents(t, server, dir)
	contains(t, "redocly", run(t, dir, server, "redocly", "lint", "--config=redocly.yaml", "openapi.yaml", "asyncapi.yaml"), "Your API descriptions are valid.")
	contains(t, "swagger-parser", run(t, dir, server, "node", "validate.js", "openapi.yaml"), "Leadmill: ")

	text, err := os.ReadFile(filepath.Join(dir, "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for mistake, c := range map[string]struct{ from, to, tool string }{
		"no summary":   {"      summary: List buyers\n", "", "redocly"},
		"wrong status": {"status: sold, price", "status: gone, price", "redocly"},
		"no path":      {"\n  /livez:\n", "\n  livez:\n", "swagger-parser"},
	} {
		planted := strings.Replace(string(text), c.from, c.to, 1)
		if planted == string(text) {
			t.Errorf("%s: nothing to plant it in", mistake)
		}
		if err := os.WriteFile(filepath.Join(dir, "planted.yaml"), []byte(planted), 0o600); err != nil {
			t.Fatal(err)
		}
		command := []string{filepath.Join("node_modules", ".bin", "redocly"), "lint", "--config=redocly.yaml", "planted.yaml"}
		if c.tool == "swagger-parser" {
			command = []string{"node", "validate.js", "planted.yaml"}
		}
		tool := exec.CommandContext(t.Context(), command[0], command[1:]...)
		tool.Dir = dir
		if out, err := tool.CombinedOutput(); err == nil {
			t.Errorf("%s: %s finds nothing: %s", mistake, c.tool, out)
		}
	}
}

func TestAGeneratedTypeScriptClientSellsALead(t *testing.T) {
	t.Parallel()
	server, dir := serve(t), npm(t)
	documents(t, server, dir)
	run(t, dir, server, "openapi-typescript", "openapi.yaml", "--output", "openapi.ts")
	run(t, dir, server, "tsc", "--project", ".")
	contains(t, "the flow", run(t, dir, server, "node", filepath.Join("out", "flow.js")), "sold lead_")
}

func TestAGeneratedGoClientSellsALead(t *testing.T) {
	t.Parallel()
	server, dir := serve(t), workshop(t, "goclient")
	documents(t, server, dir)
	if err := os.MkdirAll(filepath.Join(dir, "client"), 0o700); err != nil {
		t.Fatal(err)
	}
	run(t, dir, server, "go", "tool", "oapi-codegen", "-config", "oapi-codegen.yaml", "openapi.yaml")
	run(t, dir, server, "go", "vet", ".")
	contains(t, "the flow", run(t, dir, server, "go", "run", "."), "sold lead_")
}

func TestPartnerosLibraryWithAnotherBaseURL(t *testing.T) {
	t.Parallel()
	contains(t, "the library", run(t, "php", serve(t), "php", "library.php"), "all as Partnero's library expects")
}
