package leadmilltest

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
)

// processVar says to a test binary that it is to be Leadmill itself.
const processVar = "LEADMILL_TEST_PROCESS"

// isMain says that this binary can be run again as a process, because its TestMain calls Main.
var isMain atomic.Bool

// Main runs the tests of a package and exits. It is the TestMain of packages that use [StartProcess] or [LaunchProcess]:
//
//	func TestMain(m *testing.M) { leadmilltest.Main(m, acme.Module) }
//
// A process of Leadmill is the test binary once more, in which Main runs a Leadmill with these modules in place of the tests.
func Main(m *testing.M, modules ...leadmill.Module) { os.Exit(MainCode(m, modules...)) }

// MainCode is Main for a TestMain that has more to do when the tests have run: it returns the code to exit with. In a process of Leadmill it does not
// return.
func MainCode(m *testing.M, modules ...leadmill.Module) int {
	if os.Getenv(processVar) == "" {
		isMain.Store(true)
		return m.Run()
	}
	go func() { // the test holds our standard input; when it is gone, so are we
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	leadmill.New(modules...).Run()
	return 0
}

// ProcessOptions say what a process of Leadmill is started with. The zero ProcessOptions serve the API on a database of the
// test's own.
type ProcessOptions struct {
	// DatabaseURL is the database to run on; empty is a migrated SQLite file of the test's own.
	DatabaseURL string
	// Args are the arguments of the command line; none is serve.
	Args []string
	// Settings are variables of the environment, such as "LEADMILL_LOG_LEVEL=debug". Those of the test's own environment that
	// begin with LEADMILL_ do not reach the process.
	Settings []string
	// Stderr is what the process has for its standard error, in place of App.Logs, such as a pipe that nobody reads.
	Stderr *os.File
}

// Process is a Leadmill in a process of its own.
type Process struct {
	App

	Output *Log // standard output; App.Logs is standard error

	cmd   *exec.Cmd
	ended chan error
}

// PID returns the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// StartProcess starts a Leadmill in a process of its own and returns when it listens. The process ends with the test. The
// package's TestMain must be [Main], which says what modules it has.
func StartProcess(t testing.TB, o ProcessOptions) *Process {
	t.Helper()
	p := LaunchProcess(t, o)
	p.Listen(t)
	return p
}

// LaunchProcess is StartProcess that waits for nothing: for commands that end by themselves, such as "doctor", and for tests of
// the start.
func LaunchProcess(t testing.TB, o ProcessOptions) *Process {
	t.Helper()
	if !isMain.Load() {
		t.Fatal("leadmilltest: a process needs func TestMain(m *testing.M) { leadmilltest.Main(m, modules...) } in the package")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if o.DatabaseURL == "" {
		o.DatabaseURL = Database(t, "sqlite")
	}
	if len(o.Args) == 0 {
		o.Args = []string{"serve"}
	}
	p := &Process{App: *newApp(t, o.DatabaseURL), Output: &Log{}, ended: make(chan error, 1)}
	p.cmd = exec.CommandContext(context.Background(), self, o.Args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "LEADMILL_") {
			p.cmd.Env = append(p.cmd.Env, v)
		}
	}
	settings := append([]string{
		"LEADMILL_HTTP_ADDR=127.0.0.1:0", "LEADMILL_ADMIN_KEY=" + AdminKey, "LEADMILL_DATABASE_URL=" + o.DatabaseURL,
		"LEADMILL_MAIL_DIR=" + t.TempDir(), "LEADMILL_DRAIN=0s",
	}, o.Settings...)
	p.cmd.Env = append(append(p.cmd.Env, processVar+"=1"), settings...)
	for _, v := range settings { // the last of a name counts
		switch name, value, _ := strings.Cut(v, "="); name {
		case "LEADMILL_DATABASE_URL":
			p.DatabaseURL = value
		case "LEADMILL_ADMIN_KEY":
			p.AdminKey = value
		case "LEADMILL_MAIL_DIR":
			p.Mails = NewMailSink(value)
		}
	}
	p.cmd.Stdout, p.cmd.Stderr = p.Output, p.Logs
	if o.Stderr != nil {
		p.cmd.Stderr = o.Stderr
	}
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
			t.Logf("end of the log of leadmill %v:\n%s", o.Args, p.Logs.Tail())
		}
	})
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

// Kill ends the process with SIGKILL, as a crash does, and waits until it is dead. A dead process is no error. What it worked on
// alone, its projections and reactions, goes on in another process when its leases end, after about 10 seconds.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	p.ended <- <-p.ended
}

// Wait returns the exit code of a process that ends by itself. It ends the test when the process goes on for [Patience].
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
