package dbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options say how to start a server.
type Options struct {
	// Engine is MySQL or MariaDB.
	Engine Engine
	// Port on 127.0.0.1 to listen on. 0 picks a free one.
	Port int
	// Dir is the folder, which must exist, in which the server's own folder is made. "" is the system's temporary
	// folder. Servers in containers keep only their log there.
	Dir string
	// Args are further server options, such as --max-connections=1000. All others have the server's defaults, with
	// the binary log on.
	Args []string
}

// Server is a private database server on 127.0.0.1 with a data directory of its own. It ends with the process that
// started it, however that ends. Its methods may be called from several goroutines.
type Server struct {
	engine Engine
	prog   program
	port   int
	args   []string
	dir    string // log, socket and data; removed by Stop
	name   string // of the container and its volume

	mu      sync.Mutex
	process *exec.Cmd // nil when it is not running
	guard   *guard    // nil once stopped
}

// live keeps every running server reachable: its guard takes a closed pipe, and so a collected one, for our death.
var live sync.Map

const stopTimeout = 60 * time.Second

// Start starts a server with a fresh data directory and returns when it answers. The context ends the start, not the
// server. Errors tell the end of the server's log.
func Start(ctx context.Context, o Options) (*Server, error) {
	prog, err := programOf(o.Engine)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(o.Dir, "leadmill-db-")
	if err != nil {
		return nil, err
	}
	s := &Server{engine: o.Engine, prog: prog, port: o.Port, args: o.Args, dir: dir, name: filepath.Base(dir)}
	if s.guard, err = s.startGuard(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	live.Store(s, nil)
	if err := s.first(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", o.Engine, err), s.Stop())
	}
	return s, nil
}

// first starts the server for the first time, on another port when somebody took the one it found free.
func (s *Server) first(ctx context.Context) error {
	if s.prog.image == "" {
		template, err := s.prog.template(ctx)
		if err != nil {
			return err
		}
		if err := copyData(template, s.data()); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	anyPort := s.port == 0
	for attempt := 1; ; attempt++ {
		if anyPort {
			port, err := freePort()
			if err != nil {
				return err
			}
			s.port = port
		}
		err := s.launch(ctx)
		if err == nil {
			return nil
		}
		taken := errors.Is(err, errOtherServer) || strings.Contains(strings.ToLower(err.Error()), "address already in use") ||
			strings.Contains(err.Error(), "port is already allocated")
		if !anyPort || !taken || attempt == 5 {
			return err
		}
		if err := s.end(syscall.SIGKILL); err != nil {
			return err
		}
	}
}

// freePort picks a port below the range that systems give to outgoing connections: a client that redials a killed
// server in that range can get its port, or even connect to itself.
func freePort() (int, error) {
	for range 100 {
		port := 20000 + rand.IntN(12000)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		return port, l.Close()
	}
	return 0, errors.New("no free port between 20000 and 32000")
}

// Engine returns MySQL or MariaDB.
func (s *Server) Engine() Engine { return s.engine }

// Port returns the TCP port on 127.0.0.1. It stays the same over restarts.
func (s *Server) Port() int { return s.port }

// PID returns the number of the server's process, to see what it uses; 0 when it does not run, or runs in a container.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil || s.prog.image != "" {
		return 0
	}
	return s.process.Process.Pid
}

// URL returns the Leadmill database URL of a database of this server, or of the server itself when db is "". The user
// is root.
func (s *Server) URL(db string) string {
	u := url.URL{
		Scheme: "mysql", User: url.UserPassword("root", rootPassword),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), Path: "/" + db,
	}
	return u.String()
}

// CreateDatabase makes an empty database with the server's default character set. The name goes into SQL as it is.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	return execute(ctx, s.URL(""), "CREATE DATABASE "+name)
}

// Open returns a pool of connections to a database of this server, or to none when db is "", with the driver's
// defaults: for looking at the database from outside the product. The caller closes it.
func (s *Server) Open(db string) (*sql.DB, error) { return open(s.URL(db)) }

// Kill ends the server with SIGKILL and waits until it is dead. The data stays. A dead server is no error.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end(syscall.SIGKILL)
}

// Restart starts the server again on the same port and data, and returns when it answers. A server that still runs is
// shut down cleanly first.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.guard == nil {
		return errors.New("the server was stopped and its data removed")
	}
	if err := s.end(syscall.SIGTERM); err != nil {
		return err
	}
	return s.launch(ctx)
}

// Pause halts the server without closing its connections, like a machine that hangs. It returns an error when the
// server is not running.
func (s *Server) Pause() error { return s.signal(syscall.SIGSTOP, "pause") }

// Resume lets a paused server go on.
func (s *Server) Resume() error { return s.signal(syscall.SIGCONT, "unpause") }

func (s *Server) signal(sig syscall.Signal, verb string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.process == nil:
		return errors.New("the server is not running")
	case s.prog.image != "":
		return docker(verb, s.name)
	default:
		return s.process.Process.Signal(sig)
	}
}

// Stop ends the server for good and removes its data. Stopping again does nothing.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.guard == nil {
		return nil
	}
	err := s.end(syscall.SIGKILL) // what is thrown away needs no orderly end
	if err == nil && s.prog.image == "" {
		err = s.guard.watch(0) // the number may soon be somebody else's
	}
	err = errors.Join(err, s.guard.release())
	s.guard = nil
	live.Delete(s)
	return err
}

// LogTail returns the end of the server's own log.
func (s *Server) LogTail() string {
	f, err := os.Open(s.log())
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }() // only read
	const most = 4096
	if info, err := f.Stat(); err == nil && info.Size() > most {
		if _, err := f.Seek(-most, io.SeekEnd); err != nil {
			return err.Error()
		}
	}
	tail, err := io.ReadAll(f)
	if err != nil {
		return err.Error()
	}
	return string(tail)
}

func (s *Server) log() string  { return filepath.Join(s.dir, "log") }
func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// launch starts the process and waits until the server answers. The caller holds mu.
func (s *Server) launch(ctx context.Context) error {
	// A new log each time: its end tells why this start failed.
	log, err := os.Create(s.log())
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has its own copy
	command := s.command()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = processAttributes(s.prog.image == "")
	if err := cmd.Start(); err != nil {
		return err
	}
	s.process = cmd
	if s.prog.image == "" {
		if err := s.guard.watch(cmd.Process.Pid); err != nil {
			return err
		}
	}
	return s.ready(ctx)
}

func (s *Server) ready(ctx context.Context) error {
	// Somebody else's server may have taken the port a moment before ours, and would answer in its place.
	place := s.data()
	if s.prog.image != "" {
		place = s.name
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := checkServer(ctx, s.engine, s.URL(""), place)
		if err == nil || errors.Is(err, errOtherServer) {
			return err
		}
		if exited(s.process) {
			s.process = nil
			// Its number is free from now on: the guard must not aim at it.
			if s.prog.image == "" {
				err = s.guard.watch(0)
			}
			return errors.Join(fmt.Errorf("it exited:\n%s", s.LogTail()), err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w (%w)\n%s", ctx.Err(), err, s.LogTail())
		case <-tick.C:
		}
	}
}

func (s *Server) command() []string {
	if s.prog.image != "" {
		command := []string{
			"docker", "run", "--rm", "--name", s.name, "--hostname", s.name,
			"--volume", s.name + ":/var/lib/mysql", "--publish", fmt.Sprintf("127.0.0.1:%d:3306", s.port), "--env", "MYSQL_ROOT_PASSWORD=" + rootPassword, s.prog.image,
		}
		return append(append(command, s.settings()...), s.args...)
	}
	command := append(slices.Clip(s.prog.command),
		"--datadir="+s.data(), "--port="+strconv.Itoa(s.port), "--bind-address=127.0.0.1",
		"--socket="+filepath.Join(s.dir, "sock"), "--pid-file="+filepath.Join(s.dir, "pid"))
	command = append(append(command, asUser()...), s.settings()...)
	return append(command, s.args...)
}

// settings are the few that differ from the server's defaults.
func (s *Server) settings() []string {
	if s.engine == MariaDB {
		return []string{"--log-bin=binlog"} // MySQL has it on by default
	}
	return []string{"--mysqlx=OFF", "--secure-file-priv="} // a second listener, and a folder that may not exist
}

// end ends the process with the signal, SIGKILL when that takes too long, and waits for it. The caller holds mu.
func (s *Server) end(sig syscall.Signal) error {
	if s.process == nil {
		return nil
	}
	if s.prog.image != "" {
		verb := "stop"
		if sig == syscall.SIGKILL {
			verb = "kill"
		}
		if err := docker(verb, s.name); err != nil && !exited(s.process) {
			// The container never came up; its client is all there is.
			_ = s.process.Process.Kill()
		}
	} else if err := s.process.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	late := time.AfterFunc(stopTimeout, func() { _ = s.process.Process.Kill() })
	defer late.Stop()
	_ = s.process.Wait() // says only that a signal ended it
	s.process = nil
	return nil
}

func docker(args ...string) error {
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("docker %s: %w: %s", args[0], err, strings.TrimSpace(string(out)))
	}
	return nil
}

// exited reports whether the process has ended, and collects it when it has.
func exited(cmd *exec.Cmd) bool {
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WNOHANG, nil)
	if pid == cmd.Process.Pid || errors.Is(err, syscall.ECHILD) {
		_ = cmd.Wait() // frees what it holds; that the process is gone is known
		return true
	}
	return false
}

// guard is a small shell that outlives us: when its input closes, which happens however we end, it kills the server
// and removes the data.
type guard struct {
	cmd   *exec.Cmd
	input *os.File
}

// Each line of input is the process to kill, 0 for none.
const guardScript = `trap '' INT TERM HUP
pid=0
while read -r line; do pid=$line; done
[ "$pid" = 0 ] || kill -KILL "$pid"
if [ -n "$2" ]; then
	docker rm --force "$2"
	docker volume rm --force "$2"
fi
tries=0
until rm -rf -- "$1" || [ $tries -ge 50 ]; do tries=$((tries + 1)); sleep 0.1; done
`

func (s *Server) startGuard() (*guard, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	container := ""
	if s.prog.image != "" {
		container = s.name
	}
	cmd := exec.Command("sh", "-c", guardScript, "guard", s.dir, container)
	cmd.Stdin = r
	cmd.SysProcAttr = processAttributes(false)
	err = errors.Join(cmd.Start(), r.Close())
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return &guard{cmd: cmd, input: w}, nil
}

func (g *guard) watch(pid int) error {
	_, err := fmt.Fprintln(g.input, pid)
	return err
}

// release lets the guard do its work and waits for it.
func (g *guard) release() error {
	return errors.Join(g.input.Close(), g.cmd.Wait())
}
