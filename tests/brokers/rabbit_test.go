package brokers_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

// rabbitServer is a RabbitMQ of a test's own on 127.0.0.1, which ends with the test.
type rabbitServer struct {
	t          *testing.T
	folder     string
	port, dist int
	names      int       // the port of its name server
	process    *exec.Cmd // nil when it does not run
}

func (s *rabbitServer) url() string {
	return "amqp://guest:guest@127.0.0.1:" + strconv.Itoa(s.port) + "/"
}

// rabbitProgram is Debian's, or the private copy of scripts/test-setup.sh.
func rabbitProgram(t *testing.T) string {
	t.Helper()
	for _, pattern := range []string{"../../.cache/rabbitmq/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server", "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server"} {
		found, err := filepath.Glob(pattern)
		if err == nil && len(found) > 0 {
			path, err := filepath.Abs(found[0])
			if err != nil {
				t.Fatal(err)
			}
			return path
		}
	}
	t.Fatal("no RabbitMQ, run scripts/test-setup.sh rabbitmq")
	return ""
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at, ok := l.Addr().(*net.TCPAddr)
	if err := l.Close(); err != nil || !ok {
		t.Fatal(err)
	}
	return at.Port
}

// startRabbit starts one and returns when it answers.
func startRabbit(t *testing.T) *rabbitServer {
	t.Helper()
	s := &rabbitServer{t: t, folder: t.TempDir(), port: freePort(t), dist: freePort(t), names: freePort(t)}
	for name, text := range map[string]string{
		"rabbitmq.conf": fmt.Sprintf("listeners.tcp.1 = 127.0.0.1:%d\ndistribution.listener.interface = 127.0.0.1\n", s.port), "plugins": "[].\n", "env": "",
	} {
		if err := os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names := exec.CommandContext(context.Background(), "epmd", "-port", strconv.Itoa(s.names), "-address", "127.0.0.1")
	if err := names.Start(); err != nil {
		t.Fatalf("no Erlang, run scripts/test-setup.sh rabbitmq: %v", err)
	}
	t.Cleanup(func() {
		_ = names.Process.Kill()
		_ = names.Wait()
	})
	t.Cleanup(s.kill)
	s.start()
	return s
}

func (s *rabbitServer) start() {
	s.t.Helper()
	s.process = exec.CommandContext(context.Background(), rabbitProgram(s.t)) // it ends by kill
	s.process.Dir = s.folder
	in := func(name string) string { return filepath.Join(s.folder, name) }
	s.process.Env = append(os.Environ(), "HOME="+s.folder, fmt.Sprintf("RABBITMQ_NODENAME=test%d@localhost", s.port), "RABBITMQ_MNESIA_BASE="+in("mnesia"),
		"RABBITMQ_LOG_BASE="+in("log"), "RABBITMQ_CONFIG_FILE="+in("rabbitmq.conf"), "RABBITMQ_ENABLED_PLUGINS_FILE="+in("plugins"), "RABBITMQ_CONF_ENV_FILE="+in("env"),
		"RABBITMQ_PID_FILE="+in("pid"), fmt.Sprintf("RABBITMQ_DIST_PORT=%d", s.dist), fmt.Sprintf("ERL_EPMD_PORT=%d", s.names), "ERL_EPMD_ADDRESS=127.0.0.1")
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the program is started by scripts
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	apptest.Eventually(s.t, func() error {
		c, err := amqp.Dial(s.url())
		if err != nil {
			return err
		}
		return c.Close()
	})
}

// kill ends it without a word.
func (s *rabbitServer) kill() {
	if s.process != nil {
		_ = syscall.Kill(-s.process.Process.Pid, syscall.SIGKILL)
		_ = s.process.Wait()
		s.process = nil
	}
}

// hang stops it: connections are taken and nothing is answered, until goOn.
func (s *rabbitServer) hang() { s.signal(syscall.SIGSTOP) }

func (s *rabbitServer) goOn() { s.signal(syscall.SIGCONT) }

func (s *rabbitServer) signal(what syscall.Signal) {
	s.t.Helper()
	if err := syscall.Kill(-s.process.Process.Pid, what); err != nil {
		s.t.Fatal(err)
	}
}

// queued takes what is in a queue.
func (s *rabbitServer) queued(queue string) (all []amqp.Delivery) {
	s.t.Helper()
	c, err := amqp.Dial(s.url())
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	ch, err := c.Channel()
	if err != nil {
		s.t.Fatal(err)
	}
	for {
		d, there, err := ch.Get(queue, true)
		if err != nil {
			s.t.Fatal(err)
		}
		if !there {
			return all
		}
		all = append(all, d)
	}
}
