package mail_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/mail"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

// files returns the names in a directory, hidden ones too.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestFile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data", "mail")
	var logged bytes.Buffer
	f, err := mail.NewFile(dir, sender, clock.NewManual(noon), slog.New(slog.NewJSONHandler(&logged, nil)))
	require.NoError(t, err)
	assert.NoDirExists(t, dir, "nothing is made before there is a mail")

	require.NoError(t, f.Send(t.Context(), aMail()))
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	const name = "20260304T120506.789000Z-evt_01JABCDEFGHJKMNPQRSTVWXYZ0.eml"
	require.Equal(t, []string{name}, files(t, dir))
	path := filepath.Join(dir, name)
	info, err = os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	var line map[string]any
	require.NoError(t, json.Unmarshal(logged.Bytes(), &line), "one line")
	delete(line, "time")
	assert.Equal(t, map[string]any{"level": "INFO", "msg": "mail written to a file", "file": path}, line)

	// The file equals what a server would get, except for the boundary, which differs for each mail.
	r := new(relay).start(t, nil, false)
	require.NoError(t, mailer(t, "smtp://"+r.addr+"?tls=none").Send(t.Context(), aMail()))
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, unbound(string(r.got()[0].data)), unbound(string(written)))
	assert.Contains(t, read(t, written).Text, token)
}

// unbound replaces the boundary and the line ends after the last one.
func unbound(text string) string {
	boundary := regexp.MustCompile(`boundary=([0-9a-f]+)`).FindStringSubmatch(text)
	if boundary == nil {
		return "no boundary"
	}
	return strings.TrimRight(strings.ReplaceAll(text, boundary[1], "BOUNDARY"), "\r\n")
}

func TestFileNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := clock.NewManual(noon)
	f, err := mail.NewFile(dir, "", c, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	for _, id := range []string{"a/b", "a-b", "a\\b", "../../x", "evt:1", "é", strings.Repeat("x", 500), strings.Repeat("x", 501), "a\x00b"} {
		a := aMail()
		a.ID = id
		require.NoError(t, f.Send(t.Context(), a))
	}
	names := files(t, dir)
	assert.Len(t, names, 9, "different ids have different names, all in the directory")
	for _, name := range names {
		assert.Regexp(t, `^20260304T120506\.789000Z-[A-Za-z0-9_-]{1,64}\.eml$`, name)
	}
	written, err := os.ReadFile(filepath.Join(dir, names[0]))
	require.NoError(t, err)
	assert.Equal(t, "leadmill@localhost", read(t, written).From, "without a sender")

	a := aMail()
	a.ID = "a-b"
	c.Advance(time.Microsecond)
	require.NoError(t, f.Send(t.Context(), a))
	assert.Len(t, files(t, dir), 10, "another time is another file")
}

func TestFileRefuses(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "mail")
	discard := slog.New(slog.DiscardHandler)
	_, err := mail.NewFile(dir, "nobody", clock.NewManual(noon), discard)
	require.ErrorContains(t, err, "must be an ASCII email address")
	f, err := mail.NewFile(dir, sender, clock.NewManual(noon), discard)
	require.NoError(t, err)

	a := aMail()
	a.To = "john@people.example\r\nBcc: x@evil.example"
	err = f.Send(t.Context(), a)
	require.ErrorIs(t, err, application.ErrMailRefused)
	discreet(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, f.Send(ctx, aMail()), application.ErrUnavailable)
	require.NoDirExists(t, dir)

	require.NoError(t, os.WriteFile(dir, nil, 0o600))
	err = f.Send(t.Context(), aMail())
	require.ErrorIs(t, err, syscall.ENOTDIR)
	assert.Equal(t, fault.Unavailable, fault.KindOf(err))
	discreet(t, err)
}

func TestFileThatCannotGetItsName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := mail.NewFile(dir, sender, clock.NewManual(noon), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	const name = "20260304T120506.789000Z-evt_1.eml"
	require.NoError(t, os.MkdirAll(filepath.Join(dir, name, "in the way"), 0o700))
	a := aMail()
	a.ID = "evt_1"
	require.ErrorIs(t, f.Send(t.Context(), a), application.ErrUnavailable)
	assert.Equal(t, []string{name}, files(t, dir), "nothing temporary is left")
}

func TestFileConcurrently(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := mail.NewFile(dir, sender, clock.NewManual(noon), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			a := aMail()
			a.ID = fmt.Sprintf("evt_%d", i%32) // every mail twice
			a.Text = strings.Repeat(a.ID+"\n", 2000)
			assert.NoError(t, f.Send(t.Context(), a))
		})
	}
	all.Wait()
	names := files(t, dir)
	require.Len(t, names, 32)
	for _, name := range names {
		written, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		l := read(t, written)
		id := strings.TrimSuffix(strings.TrimPrefix(l.Header.Get("Message-ID"), "<"), "@seller.example>")
		assert.Equal(t, "20260304T120506.789000Z-"+id+".eml", name)
		assert.Equal(t, strings.Repeat(id+"\n", 2000), l.Text)
	}
}
