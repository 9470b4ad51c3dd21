// Package apptest runs the whole of Leadmill for tests: inside the test, or as processes that can be killed. Clients check
// every answer against openapi.yaml.
package apptest

import (
	"bytes"
	"context"
	"flag"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// AdminKey is the admin key of every app made here.
const AdminKey = "admin-key-of-the-tests-0123456789abcdef"

// processVar says to a test binary that it is to be Leadmill itself.
const processVar = "LEADMILL_APPTEST_PROCESS"

// MainAtOnce is Main with n tests at a time, whatever the number of processors: most of the time tests of the whole wait for
// ticks, mails, the database and other processes. Not too many, because each has pools of connections. The flag -parallel
// of go test overrides it.
func MainAtOnce(m *testing.M, n int) {
	if err := flag.Set("test.parallel", strconv.Itoa(n)); err != nil {
		panic(err)
	}
	Main(m)
}

// Main is the TestMain of packages that use this one: a process of Leadmill is the test binary once more.
func Main(m *testing.M) {
	if os.Getenv(processVar) == "" {
		os.Exit(m.Run())
	}
	go func() { // the test holds our standard input; when it is gone, so are we
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	leadmill.New(tellingByEnvironment()...).Run()
}

// EachEngine runs a test on every engine of this run, in parallel, each with a migrated database without data.
func EachEngine(t *testing.T, test func(t *testing.T, databaseURL string)) {
	t.Helper()
	each(t, migrated.URL, test)
}

// EachEmpty is EachEngine with databases that hold nothing at all: for tests of what an operator does first.
func EachEmpty(t *testing.T, test func(t *testing.T, databaseURL string)) {
	t.Helper()
	each(t, dbtest.URL, test)
}

func each(t *testing.T, database func(testing.TB, dbtest.Engine) string, test func(t *testing.T, databaseURL string)) {
	t.Helper()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			test(t, database(t, e))
		})
	}
}

// Config is what apps of tests are started with.
func Config(databaseURL string) leadmill.Config {
	return leadmill.Config{
		HTTPAddr: "127.0.0.1:0", DatabaseURL: databaseURL, AdminKey: AdminKey, BatchMax: 256,
		MailFrom: "Leadmill <leadmill@example.com>",
	}
}

// App is a Leadmill that runs.
type App struct {
	URL         string
	DatabaseURL string
	Logs        *Log
}

// Start runs a Leadmill inside the test until the test ends.
func Start(t testing.TB, databaseURL string, o leadmill.StartOptions, modules ...leadmill.Module) *App {
	t.Helper()
	return StartConfig(t, Config(databaseURL), o, modules...)
}

// StartConfig is Start with settings.
func StartConfig(t testing.TB, c leadmill.Config, o leadmill.StartOptions, modules ...leadmill.Module) *App {
	t.Helper()
	a := &App{DatabaseURL: c.DatabaseURL, Logs: &Log{}}
	if c.MailDir == "" {
		c.MailDir = t.TempDir()
	}
	o.Logs = a.Logs
	// Not the test's own context: it ends before the clean-up functions run.
	i, err := leadmill.New(modules...).Start(context.Background(), c, o)
	if err != nil {
		t.Fatalf("start leadmill: %v", err)
	}
	a.URL = i.URL()
	t.Cleanup(func() {
		if err := i.Stop(); err != nil {
			t.Errorf("leadmill ended with %v", err)
		}
		if t.Failed() {
			t.Logf("end of leadmill's log:\n%s", a.Logs.Tail())
		}
	})
	return a
}

// Process is a Leadmill in a process of its own.
type Process struct {
	App

	Output *Log // standard output
	cmd    *exec.Cmd
	ended  chan error
}

// Run starts a process with arguments and settings ("LEADMILL_LOG_LEVEL=debug") and returns when it listens.
func Run(t testing.TB, databaseURL string, args []string, settings ...string) *Process {
	t.Helper()
	p := Launch(t, databaseURL, args, settings...)
	p.Listen(t)
	return p
}

// Listen waits until a process listens and learns its address.
func (p *Process) Listen(t testing.TB) {
	t.Helper()
	deadline := time.After(Patience)
	for {
		changed := p.Output.changed()
		if url, ok := p.Output.find("Leadmill listens on "); ok {
			p.URL = url
			return
		}
		select {
		case <-changed:
		case err := <-p.ended:
			p.ended <- err
			t.Fatalf("leadmill %v ended: %v\n%s", p.cmd.Args[1:], err, p.Logs.Tail())
		case <-deadline:
			t.Fatalf("leadmill %v does not listen after %v:\n%s", p.cmd.Args[1:], Patience, p.Logs.Tail())
		}
	}
}

// Launch starts a process and does not wait for anything.
func Launch(t testing.TB, databaseURL string, args []string, settings ...string) *Process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{App: App{DatabaseURL: databaseURL, Logs: &Log{}}, Output: &Log{}, ended: make(chan error, 1)}
	p.cmd = exec.CommandContext(context.Background(), self, args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "LEADMILL_") {
			p.cmd.Env = append(p.cmd.Env, v)
		}
	}
	p.cmd.Env = append(p.cmd.Env, processVar+"=1", "LEADMILL_HTTP_ADDR=127.0.0.1:0", "LEADMILL_ADMIN_KEY="+AdminKey,
		"LEADMILL_DATABASE_URL="+databaseURL)
	p.cmd.Env = append(p.cmd.Env, settings...)
	p.cmd.Stdout, p.cmd.Stderr = p.Output, p.Logs
	hold, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() {
		p.Kill()
		_ = hold.Close()
		if t.Failed() {
			t.Logf("end of the log of leadmill %v:\n%s", args, p.Logs.Tail())
		}
	})
	return p
}

// Kill ends the process with SIGKILL and waits until it is dead. A dead process is no error.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	p.ended <- <-p.ended
}

// Wait returns the exit code of a process that ends by itself.
func (p *Process) Wait(t testing.TB) int {
	t.Helper()
	select {
	case err := <-p.ended:
		p.ended <- err
	case <-time.After(Patience):
		t.Fatalf("leadmill has not ended after %v:\n%s", Patience, p.Logs.Tail())
	}
	return p.cmd.ProcessState.ExitCode()
}

// Stop ends the process as an operator does and fails the test when it does not end well.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := p.Wait(t); code != 0 {
		t.Errorf("leadmill ended with exit code %d:\n%s", code, p.Logs.Tail())
	}
}

// Log keeps what was written to it.
type Log struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	wake chan struct{}
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wake != nil {
		close(l.wake)
		l.wake = nil
	}
	return l.buf.Write(p)
}

func (l *Log) changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wake == nil {
		l.wake = make(chan struct{})
	}
	return l.wake
}

// find returns what follows a text up to the end of its line.
func (l *Log) find(start string) (string, bool) {
	_, rest, ok := strings.Cut(l.String(), start)
	if !ok {
		return "", false
	}
	line, _, ended := strings.Cut(rest, "\n")
	return line, ended
}

// String returns everything.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Tail returns the last lines.
func (l *Log) Tail() string {
	s := l.String()
	return s[max(0, len(s)-4000):]
}

// Patience bounds every wait for something that must happen. It only keeps a test from hanging: how quick a machine is
// under load says nothing about the product, so a test that is about time counts, or compares with a wait of its own.
const Patience = 3 * time.Minute

// Eventually waits until a condition holds, and fails the test with what it last said when Patience ends.
func Eventually(t testing.TB, condition func() error) {
	t.Helper()
	deadline := time.After(Patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("after %v: %v", Patience, err)
		case <-tick.C:
		}
	}
}

// Parallel calls do n times at once and returns when all are done.
func Parallel(n int, do func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	all.Wait()
}
