package leadmill

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHealthcheckAsksTheInstance(t *testing.T) {
	databaseURL := "sqlite:" + filepath.Join(t.TempDir(), "leadmill.db")
	i, err := New().Start(t.Context(), Config{HTTPAddr: "127.0.0.1:0", DatabaseURL: databaseURL, BatchMax: 1, MailDir: t.TempDir()}, StartOptions{})
	require.NoError(t, err)
	t.Setenv("LEADMILL_DATABASE_URL", "sqlite:"+filepath.Join(t.TempDir(), "none", "leadmill.db")) // it needs none
	t.Setenv("LEADMILL_HTTP_ADDR", strings.TrimPrefix(i.URL(), "http://"))
	for _, args := range [][]string{{"healthcheck"}, {"healthcheck", "--live"}, {"healthcheck", "--url", i.URL() + "/"}} {
		code, _, stderr := run(t, New(), args...)
		assert.Zero(t, code, "%v: %s", args, stderr)
		assert.Empty(t, stderr)
	}
	require.NoError(t, i.Stop())
	code, _, stderr := run(t, New(), "healthcheck")
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "refused")
}

func TestHealthcheckByTLS(t *testing.T) {
	dir := t.TempDir()
	files := map[string][]byte{}
	made := newPair(t, 1)
	files["LEADMILL_TLS_CERT"], files["LEADMILL_TLS_KEY"] = made.cert, made.key
	for name, content := range files {
		t.Setenv(name, filepath.Join(dir, name))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	i, err := New().Start(t.Context(), Config{
		HTTPAddr: "127.0.0.1:0", DatabaseURL: "sqlite:" + filepath.Join(dir, "leadmill.db"), BatchMax: 1, MailDir: dir,
		TLSCert: filepath.Join(dir, "LEADMILL_TLS_CERT"), TLSKey: filepath.Join(dir, "LEADMILL_TLS_KEY"),
	}, StartOptions{})
	require.NoError(t, err)
	t.Setenv("LEADMILL_HTTP_ADDR", strings.TrimPrefix(i.URL(), "https://"))
	code, _, stderr := run(t, New(), "healthcheck")
	assert.Zero(t, code, stderr)
	code, _, stderr = run(t, New(), "healthcheck", "--url", i.URL())
	assert.Equal(t, 1, code, "by an address that is given the certificate must be right")
	assert.Contains(t, stderr, "certificate")
	require.NoError(t, i.Stop())
}

func TestHealthcheckTellsWhatIsWrong(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	var asked atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.Path)
		if r.URL.Path == "/readyz" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(s.Close)
	for _, c := range []struct {
		addr, want, path string
		args             []string
		code             int
	}{
		{s.Listener.Addr().String(), "leadmill: /readyz answers 503\n", "/readyz", nil, 1},
		{s.Listener.Addr().String(), "", "/livez", []string{"--live"}, 0},
		{"0.0.0.0" + strings.TrimPrefix(s.Listener.Addr().String(), "127.0.0.1"), "", "/livez", []string{"--live"}, 0},
		{"127.0.0.1:0", "leadmill: LEADMILL_HTTP_ADDR does not say which port the instance has; use --url\n", "", nil, 2},
		{"127.0.0.1:0", "leadmill: --url must be an http or https URL such as http://127.0.0.1:8080, --timeout above 0\n", "", []string{"--url", "localhost"}, 2},
	} {
		t.Setenv("LEADMILL_HTTP_ADDR", c.addr)
		asked.Store("")
		code, _, stderr := run(t, New(), append([]string{"healthcheck"}, c.args...)...)
		assert.Equal(t, c.code, code, "%+v", c)
		assert.Equal(t, c.want, stderr, "%+v", c)
		assert.Equal(t, c.path, asked.Load(), "%+v", c)
	}
}

func TestHeadOfHealth(t *testing.T) {
	t.Parallel()
	i, err := New().Start(t.Context(), Config{
		HTTPAddr: "127.0.0.1:0", DatabaseURL: "sqlite:" + filepath.Join(t.TempDir(), "leadmill.db"), BatchMax: 1, MailDir: t.TempDir(),
	}, StartOptions{})
	require.NoError(t, err)
	for _, path := range []string{"/livez", "/readyz", "/readyz/"} {
		answer, err := http.Head(i.URL() + path)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		assert.Equal(t, http.StatusOK, answer.StatusCode, path)
	}
	require.NoError(t, i.Stop())
}

func TestLogsAreJSONWhenAsked(t *testing.T) {
	t.Parallel()
	var logs bytes.Buffer
	i, err := New().Start(t.Context(), Config{
		HTTPAddr: "127.0.0.1:0", DatabaseURL: "sqlite:" + filepath.Join(t.TempDir(), "leadmill.db"), BatchMax: 1, MailDir: t.TempDir(), LogFormat: "json",
	}, StartOptions{Logs: &logs})
	require.NoError(t, err)
	require.NoError(t, i.Stop())
	lines := strings.Split(strings.TrimSpace(logs.String()), "\n")
	assert.NotEmpty(t, lines)
	for _, line := range lines {
		var l struct{ Time, Level, Msg string }
		require.NoError(t, json.Unmarshal([]byte(line), &l), line)
		assert.NotEmpty(t, l.Time+l.Level)
		assert.NotEmpty(t, l.Msg)
	}
}
