package acme_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patience bounds every wait for a process. A lease of a killed process takes ten seconds to end.
const patience = 3 * time.Minute

var workDir string // holds the program while the tests run

// compile makes Acme's program as a team would: with go build.
var compile = sync.OnceValues(func() (string, error) {
	program := filepath.Join(workDir, "acme")
	out, err := exec.Command("go", "build", "-o", program, "./cmd").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build ./cmd: %w\n%s", err, out)
	}
	return program, nil
})

func acmeProgram(t *testing.T) string {
	t.Helper()
	program, err := compile()
	require.NoError(t, err)
	return program
}

// command prepares a program with settings and nothing else of Leadmill's in its environment.
func command(t *testing.T, program, databaseURL string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program, args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "LEADMILL_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "LEADMILL_DATABASE_URL="+databaseURL, "LEADMILL_HTTP_ADDR=127.0.0.1:0")
	return cmd
}

// output runs a command to its end and returns what it printed and its exit code.
func output(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	require.NoError(t, cmd.Start())
	stuck := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return out.String(), problems.String(), cmd.ProcessState.ExitCode()
}

// process is a program that serves.
type process struct {
	t       *testing.T
	cmd     *exec.Cmd
	url     string
	printed []string // lines of standard output up to the address
	logs    *lockedBuffer
	ended   chan error
}

// serve starts a program and returns when it printed the last line that it prints before it waits.
func serve(t *testing.T, last string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, logs: &lockedBuffer{}, ended: make(chan error, 1)}
	cmd.Stderr = p.logs
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scan := bufio.NewScanner(stdout); scan.Scan(); {
			lines <- scan.Text()
		}
		p.ended <- cmd.Wait()
	}()
	t.Cleanup(p.kill)
	deadline := time.After(patience)
	for {
		select {
		case line, running := <-lines:
			require.True(t, running, "it ended before it served:\n%s", p.logs)
			p.printed = append(p.printed, line)
			if url, ok := strings.CutPrefix(line, "Leadmill listens on "); ok {
				p.url = url
			}
			if strings.HasPrefix(line, last) {
				go func() {
					for range lines { // nothing is expected; a full pipe would stop it
					}
				}()
				return p
			}
		case <-deadline:
			require.Fail(t, "it does not serve", p.logs.String())
		}
	}
}

// line returns what follows a word at the start of a printed line.
func (p *process) line(start string) string {
	p.t.Helper()
	for _, line := range p.printed {
		if rest, ok := strings.CutPrefix(line, start); ok {
			return strings.TrimSpace(rest)
		}
	}
	require.Fail(p.t, "not printed: "+start, strings.Join(p.printed, "\n"))
	return ""
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	p.ended <- <-p.ended
}

// stop ends the process as a supervisor does. It must end by itself, without an error.
func (p *process) stop() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-p.ended:
		p.ended <- err
		require.NoError(p.t, err, p.logs.String())
	case <-time.After(patience):
		require.Fail(p.t, "it does not end", p.logs.String())
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// client speaks to a process with one key.
type client struct {
	t        *testing.T
	url, key string
}

// try sends a request and reports whether an answer came.
func (c client) try(method, path string, body any) (status int, answer map[string]any, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	r, err := http.NewRequestWithContext(context.Background(), method, c.url+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, err
	}
	return response.StatusCode, answer, json.Unmarshal(raw, &answer)
}

// send sends a request whose answer must have a status.
func (c client) send(want int, method, path string, body any) map[string]any {
	c.t.Helper()
	status, answer, err := c.try(method, path, body)
	require.NoError(c.t, err)
	require.Equal(c.t, want, status, "%s %s: %v", method, path, answer)
	return answer
}

func data(t *testing.T, answer map[string]any) map[string]any {
	t.Helper()
	d, ok := answer["data"].(map[string]any)
	require.True(t, ok, "%v", answer)
	return d
}

func text(t *testing.T, object map[string]any, name string) string {
	t.Helper()
	s, ok := object[name].(string)
	assert.True(t, ok, "%s of %v", name, object)
	return s
}
