package brokers_test

import (
	"context"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

// redisServer is a Redis of a test's own on 127.0.0.1, which ends with the test.
type redisServer struct {
	t       *testing.T
	port    int
	folder  string
	options []string
	process *exec.Cmd // nil when it does not run
}

// url is its address, with the password that it wants.
func (s *redisServer) url() string { return "redis://:secret@127.0.0.1:" + strconv.Itoa(s.port) + "/0" }

// startRedis starts one, which forgets what it had when it is killed unless options say otherwise, and returns when it answers.
func startRedis(t *testing.T, options ...string) *redisServer {
	t.Helper()
	s := &redisServer{t: t, port: freePort(t), folder: t.TempDir(), options: options}
	t.Cleanup(s.kill)
	s.start()
	return s
}

func (s *redisServer) start() {
	s.t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil { // Debian's package without the service has it under another name
		program, err = exec.LookPath("redis-check-rdb")
	}
	if err != nil {
		s.t.Fatalf("no Redis, run scripts/test-setup.sh redis: %v", err)
	}
	s.process = exec.CommandContext(context.Background(), program, append([]string{ // it ends by kill
		"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--requirepass", "secret", "--save", "", "--appendonly", "no", "--dir", s.folder,
	}, s.options...)...)
	s.process.Args[0] = "redis-server" // by which the program knows what it is
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	c := s.client()
	apptest.Eventually(s.t, func() error {
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
		defer cancel()
		return c.Ping(ctx).Err()
	})
}

// client returns a client of the test's own.
func (s *redisServer) client() *redis.Client {
	o, err := redis.ParseURL(s.url())
	if err != nil {
		s.t.Fatal(err)
	}
	c := redis.NewClient(o)
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// kill ends it without a word, and what it counted with it.
func (s *redisServer) kill() {
	if s.process != nil {
		_ = s.process.Process.Kill()
		_ = s.process.Wait()
		s.process = nil
	}
}

// hang stops it: connections are taken and nothing is answered, until goOn.
func (s *redisServer) hang() { s.signal(syscall.SIGSTOP) }

func (s *redisServer) goOn() { s.signal(syscall.SIGCONT) }

func (s *redisServer) signal(what syscall.Signal) {
	s.t.Helper()
	if err := s.process.Process.Signal(what); err != nil {
		s.t.Fatal(err)
	}
}
