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

	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/load"
)

const (
	settlePatience = time.Minute
	startPatience  = time.Minute
	stopPatience   = 45 * time.Second
)

// measurement is one run that was found complete.
type measurement struct {
	*load.Result

	lag time.Duration
	cpu time.Duration // of the service's process, for one lead
}

// compile builds the service of the module in a folder as it is shipped, and puts the binary into dir.
func compile(ctx context.Context, module, dir string) (string, error) {
	binary, err := filepath.Abs(filepath.Join(dir, "leadmill"))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "github.com/leadmill/leadmill/cmd/leadmill")
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("it does not build: %w\n%s", err, out)
	}
	return binary, nil
}

// measure runs the binary on an empty database, posts leads and counts them afterwards in every place.
func measure(ctx context.Context, s settings, of build, k key, server *dbtest.Server, dir string) (m measurement, err error) {
	databaseURL, remove, err := newDatabase(ctx, server, dir)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	p, err := start(ctx, of.binary, databaseURL, k.batch)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, p.stop()) }() // once more does nothing
	m.Result, err = load.Run(ctx, load.Options{BaseURL: p.base, AdminKey: p.adminKey, Connections: k.connections, Warmup: s.warmup, Duration: s.duration})
	if err != nil {
		return m, errors.Join(err, p.logs())
	}
	if err := m.Err(); err != nil {
		return m, errors.Join(err, p.logs())
	}
	if m.lag, err = m.Settle(ctx, settlePatience); err != nil {
		return m, errors.Join(err, p.logs())
	}
	if of.foreign {
		err = m.VerifyAPI(ctx)
	} else {
		_, err = m.Verify(ctx, databaseURL)
	}
	if err != nil {
		return m, err
	}
	if err := p.stop(); err != nil {
		return m, err
	}
	m.cpu = (p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()) / time.Duration(max(m.Sold, 1))
	return m, doctor(ctx, of.binary, databaseURL)
}

func drop(server *dbtest.Server, name string) error {
	db, err := server.Open("")
	if err != nil {
		return err
	}
	_, err = db.Exec("DROP DATABASE " + name)
	return errors.Join(err, db.Close())
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

// start starts the service and returns when it listens.
func start(ctx context.Context, binary, databaseURL string, batch int) (*process, error) {
	p := &process{adminKey: rand.Text() + rand.Text()}
	p.cmd = exec.CommandContext(ctx, binary, "serve")
	p.cmd.Env = append(os.Environ(), "LEADMILL_DATABASE_URL="+databaseURL, "LEADMILL_HTTP_ADDR=127.0.0.1:0", "LEADMILL_ADMIN_KEY="+p.adminKey,
		"LEADMILL_LOG_LEVEL=warn", "LEADMILL_PUBLIC_URL=", "LEADMILL_BATCH_MAX="+strconv.Itoa(batch))
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	late := time.AfterFunc(startPatience, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if base, ok := strings.CutPrefix(lines.Text(), "Leadmill listens on "); ok {
			p.base = base
			return p, nil
		}
	}
	return nil, fmt.Errorf("the service did not start: %w\n%s", p.cmd.Wait(), p.stderr.String())
}

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
