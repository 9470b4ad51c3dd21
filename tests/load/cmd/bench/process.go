package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startPatience = time.Minute
	stopPatience  = 45 * time.Second
)

// The commands that are measured.
const (
	commandLeadmill  = "github.com/leadmill/leadmill/cmd/leadmill"
	commandConsumers = "github.com/leadmill/leadmill/tests/load/cmd/consumers"
	commandPeer      = "github.com/leadmill/leadmill/tests/load/peer/pocketbase"
)

// compile builds a command of the module in a folder as Leadmill is shipped, and puts the binary into dir.
func compile(ctx context.Context, module, command, dir string) (string, error) {
	binary, err := filepath.Abs(filepath.Join(dir, command[strings.LastIndexByte(command, '/')+1:]))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "nomsgpack", "-o", binary, command)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s does not build: %w\n%s", command, err, out)
	}
	return binary, nil
}

// doctor runs the binary's own audit.
func doctor(ctx context.Context, binary, databaseURL string) error {
	cmd := exec.CommandContext(ctx, binary, "doctor")
	cmd.Env = append(os.Environ(), "LEADMILL_DATABASE_URL="+databaseURL)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("leadmill doctor: %w\n%s", err, out)
	}
	return nil
}

// process is a running service.
type process struct {
	cmd            *exec.Cmd
	base, adminKey string
	stderr         bytes.Buffer // to be read once it ended
	ended          bool
}

// start starts Leadmill, with further settings if there are any, and returns when it listens.
func start(ctx context.Context, binary, databaseURL string, batch int, more ...string) (*process, error) {
	p := &process{adminKey: rand.Text() + rand.Text()}
	p.cmd = exec.CommandContext(ctx, binary, "serve")
	p.cmd.Env = append(os.Environ(), "LEADMILL_DATABASE_URL="+databaseURL, "LEADMILL_HTTP_ADDR=127.0.0.1:0", "LEADMILL_ADMIN_KEY="+p.adminKey,
		"LEADMILL_LOG_LEVEL=warn", "LEADMILL_PUBLIC_URL=", "LEADMILL_BATCH_MAX="+strconv.Itoa(batch))
	p.cmd.Env = append(p.cmd.Env, more...)
	return p, p.start()
}

// start starts the command and waits for the line that says where it listens.
func (p *process) start() error {
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	late := time.AfterFunc(startPatience, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if _, base, says := strings.Cut(lines.Text(), " listens on "); says {
			p.base = base
			return nil
		}
	}
	p.ended = true
	return fmt.Errorf("the service did not start: %w\n%s", p.cmd.Wait(), p.stderr.String())
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the service as an operator does.
func (p *process) stop() error {
	if p.ended {
		return nil
	}
	p.ended = true
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return errors.Join(err, p.cmd.Wait())
	}
	late := time.AfterFunc(stopPatience, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("the service ended badly: %w\n%s", err, tail(p.stderr.Bytes()))
	}
	return nil
}

// logs ends the service and returns what it logged, for an error.
func (p *process) logs() error {
	err := p.stop()
	if text := tail(p.stderr.Bytes()); text != "" {
		err = errors.Join(err, fmt.Errorf("the service's log:\n%s", text))
	}
	return err
}

func tail(log []byte) string {
	const most = 4000
	return strings.TrimSpace(string(log[max(0, len(log)-most):]))
}
