package archive_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/eventlog/archive"
	"github.com/leadmill/leadmill/application"
)

func event(position int64, change func(e *application.StoredEvent)) application.StoredEvent {
	e := application.StoredEvent{Position: position, EventRecord: application.EventRecord{
		ID: fmt.Sprintf("event_%d", position), SellerID: "seller_1", AggregateType: "lead", AggregateID: "lead_1", AggregateVersion: 2,
		Type: "lead.sold.v1", Payload: []byte(`{"lead_id":"lead_1"}`), OccurredAt: time.Date(2026, 1, 31, 5, 6, 7, 8000, time.UTC),
		Trail: application.Trail{CorrelationID: "request_1", CausationID: "event_0", Traceparent: "00-1-2-01"},
	}}
	if change != nil {
		change(&e)
	}
	return e
}

func write(t *testing.T, d *archive.Dir, all ...*archive.Segment) archive.File {
	t.Helper()
	w, err := d.Create("2026-01-31")
	require.NoError(t, err)
	for _, s := range all {
		require.NoError(t, w.Add(s))
	}
	f, err := w.Close()
	require.NoError(t, err)
	return f
}

func read(d *archive.Dir, f archive.File) (all []*archive.Segment, err error) {
	err = d.Read(f, func(s *archive.Segment) error {
		all = append(all, s)
		return nil
	})
	return all, err
}

// Files are read by later versions and by others: what a line looks like never changes.
func TestLines(t *testing.T) {
	t.Parallel()
	d, err := archive.Open(t.TempDir())
	require.NoError(t, err)
	f := write(
		t, d,
		&archive.Segment{ID: 7, SellerID: "seller_1", First: 41, Count: 2, Events: []application.StoredEvent{
			event(41, nil), event(42, func(e *application.StoredEvent) { e.Payload, e.Trail = []byte("\x00\n"), application.Trail{} }),
		}},
		&archive.Segment{ID: 8, SellerID: "seller_1", First: 43, Count: 3, At: 5, Types: 1<<63 | 1, Body: []byte("body")},
		&archive.Segment{ID: 9, SellerID: "seller_1", First: 46, Count: 1, At: 6, Types: 1},
	)
	text, err := os.ReadFile(filepath.Join(d.Path(), f.Name))
	require.NoError(t, err)
	z, err := zstd.NewReader(nil)
	require.NoError(t, err)
	defer z.Close()
	text, err = z.DecodeAll(text, nil)
	require.NoError(t, err)
	require.Equal(t, `{"specversion":"1.0","id":"event_41","source":"/sellers/seller_1","type":"lead.sold.v1","subject":"lead_1","time":"2026-01-31T05:06:07.000008Z","datacontenttype":"application/json","sequence":"00000000000000000041","segment":7,"aggregatetype":"lead","aggregateversion":2,"correlationid":"request_1","causationid":"event_0","traceparent":"00-1-2-01","data":{"lead_id":"lead_1"}}
{"specversion":"1.0","id":"event_42","source":"/sellers/seller_1","type":"lead.sold.v1","subject":"lead_1","time":"2026-01-31T05:06:07.000008Z","datacontenttype":"application/json","data_base64":"AAo=","sequence":"00000000000000000042","segment":7,"aggregatetype":"lead","aggregateversion":2}
{"stored":{"segment":8,"seller_id":"seller_1","first":43,"events":3,"at":5,"types":"9223372036854775809","body":"Ym9keQ=="}}
{"stored":{"segment":9,"seller_id":"seller_1","first":46,"events":1,"at":6,"types":"1","body":null}}
`, string(text))
	require.Equal(t, archive.File{
		Name: "events-2026-01-31-00000000000000000041.jsonl.zst", Day: "2026-01-31", First: 41, Last: 46, Segments: 3, Events: 6,
		Bytes: f.Bytes, SHA256: f.SHA256,
	}, f)
	for line := range strings.Lines(string(text)) {
		require.True(t, json.Valid([]byte(line)))
	}
}

func TestEverythingIsReadAsItWas(t *testing.T) {
	t.Parallel()
	d, err := archive.Open(filepath.Join(t.TempDir(), "a", "b"))
	require.NoError(t, err)
	var want []*archive.Segment
	next := int64(1)
	for i, payload := range [][]byte{
		[]byte(`{"a":1,  "b":"<\u00fc>\\ü "}`), []byte(` {"a":1}`), []byte("{\"a\":\n1}"), []byte("{\"a\":\"\xff\"}"),
		{},
		[]byte("null"), []byte(`"x"`),
		bytes.Repeat([]byte("long "), 100_000),
	} {
		s := &archive.Segment{ID: int64(10 + 2*i), SellerID: "seller_" + string(rune('a'+i%2)), First: next, Count: 2}
		for range 2 {
			s.Events = append(s.Events, event(next, func(e *application.StoredEvent) {
				e.SellerID, e.Payload, e.AggregateID = s.SellerID, payload, `q"\ü<>&`
				e.OccurredAt = time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
			}))
			next++
		}
		require.True(t, archive.Exact(s.Events))
		want = append(want, s)
	}
	want = append(want, &archive.Segment{ID: 99, SellerID: "s", First: next, Count: 1, At: -1, Types: 1 << 63, Body: []byte{}})
	f := write(t, d, want...)
	got, err := read(d, f)
	require.NoError(t, err)
	require.Len(t, got, len(want))
	for i := range want {
		require.True(t, want[i].Equal(got[i]), "%d: %+v", i, got[i])
	}
	require.False(t, got[0].Equal(got[1]))
	require.NotNil(t, got[len(got)-1].Body, "no bytes are not the same as none at all")
	require.False(t, archive.Exact([]application.StoredEvent{event(1, func(e *application.StoredEvent) { e.Trail.CorrelationID = "\xff" })}))
	require.False(t, archive.Exact([]application.StoredEvent{event(1, func(e *application.StoredEvent) { e.OccurredAt = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) })}))
}

func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	d, err := archive.Open(t.TempDir())
	require.NoError(t, err)
	f := write(t, d, &archive.Segment{ID: 7, SellerID: "seller_1", First: 1, Count: 1, Events: []application.StoredEvent{event(1, nil)}})
	for name, other := range map[string]func(f *archive.File){
		"no file":             func(f *archive.File) { f.Name = "other" },
		"another checksum":    func(f *archive.File) { f.SHA256 = strings.Repeat("0", 64) },
		"another beginning":   func(f *archive.File) { f.First = 2 },
		"another end":         func(f *archive.File) { f.Last = 2 },
		"another segment sum": func(f *archive.File) { f.Segments = 2 },
	} {
		g := f
		other(&g)
		_, err := read(d, g)
		require.ErrorIs(t, err, archive.ErrDamaged, name)
	}
	path := filepath.Join(d.Path(), f.Name)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	text[len(text)/2] ^= 1
	require.NoError(t, os.WriteFile(path, text, 0o600))
	all, err := read(d, f)
	require.ErrorIs(t, err, archive.ErrDamaged)
	require.Empty(t, all, "nothing of a file with another checksum is given away")
}

func TestManifest(t *testing.T) {
	t.Parallel()
	d, err := archive.Open(t.TempDir())
	require.NoError(t, err)
	files, err := d.Files()
	require.NoError(t, err)
	require.Empty(t, files)
	second := archive.File{Name: "b", Day: "2026-01-03", First: 5, Last: 6, Segments: 1, Events: 2}
	first := archive.File{Name: "a", Day: "2026-01-01", First: 1, Last: 4, Segments: 1, Events: 4}
	require.NoError(t, d.Add(second))
	require.NoError(t, d.Add(first))
	for _, wrong := range []archive.File{
		{Name: "c", First: 4, Last: 4, Events: 1},
		{Name: "", First: 9, Last: 9, Events: 1},
		{Name: "../c", First: 9, Last: 9, Events: 1},
		{Name: "c", First: 9, Last: 8},
		{Name: "c", First: 9, Last: 9, Events: 2},
		{Name: "c", First: 0, Last: 0, Events: 1},
	} {
		require.ErrorIs(t, d.Add(wrong), archive.ErrManifest, "%+v", wrong)
	}
	files, err = d.Files()
	require.NoError(t, err)
	require.Equal(t, []archive.File{first, second}, files)

	for words, want := range map[string][]archive.File{
		"": {first, second}, "b": {second}, "2026-01-01": {first}, "2026-01-01..2026-01-31": {first, second}, "2026-01-02..2026-01-31 b": {second},
		"b a": {first, second},
	} {
		got, err := archive.Choose(files, strings.Fields(words))
		require.NoError(t, err, words)
		require.Equal(t, want, got, words)
	}
	for _, word := range []string{"c", "2026-01-02", "2026-01-03..2026-01-01", "..", "2026-01-01..", "01-03"} {
		_, err := archive.Choose(files, []string{word})
		require.ErrorContains(t, err, word)
	}

	manifest := filepath.Join(d.Path(), "manifest.json")
	for _, text := range []string{"", "{", `{"version":2}`, `{"version":1,"files":[{"file":"a","first":2,"last":1}]}`} {
		require.NoError(t, os.WriteFile(manifest, []byte(text), 0o600))
		_, err := d.Files()
		require.ErrorIs(t, err, archive.ErrManifest, text)
		require.ErrorIs(t, d.Add(first), archive.ErrManifest, "a manifest that cannot be read is not written over")
	}
}

func TestOpenSaysThatFilesCannotBeMade(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := archive.Open(filepath.Join(file, "below"))
	require.ErrorContains(t, err, "make the folder of the archive")
}

func TestCleanRemovesWhatIsHalfWritten(t *testing.T) {
	t.Parallel()
	d, err := archive.Open(t.TempDir())
	require.NoError(t, err)
	w, err := d.Create("2026-01-31")
	require.NoError(t, err)
	require.NoError(t, w.Add(&archive.Segment{ID: 7, First: 1, Count: 1, Events: []application.StoredEvent{event(1, nil)}}))
	require.ErrorContains(t, w.Add(&archive.Segment{ID: 8, First: 3, Count: 1, Events: []application.StoredEvent{event(3, nil)}}), "position 3 follows 1")
	require.NoError(t, d.Clean())
	left, err := os.ReadDir(d.Path())
	require.NoError(t, err)
	require.Empty(t, left)
	w.Abort()
}

// Each writes a file of its own, through a Dir of its own, as processes do.
func TestTwoWhoWriteLoseNoFile(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 10
	folder := t.TempDir()
	var all sync.WaitGroup
	var inside, refused atomic.Int64
	for n := range writers {
		all.Go(func() {
			d, err := archive.Open(folder)
			if !assert.NoError(t, err) {
				return
			}
			for i := 0; i < each; {
				unlock, ok, err := d.Lock()
				if !assert.NoError(t, err) {
					return
				}
				if !ok {
					refused.Add(1)
					runtime.Gosched()
					continue
				}
				assert.EqualValues(t, 1, inside.Add(1), "who has the lock")
				first := int64(1 + n*each + i)
				assert.NoError(t, d.Clean())
				w, err := d.Create("2026-01-31")
				if assert.NoError(t, err) {
					assert.NoError(t, w.Add(&archive.Segment{ID: first, SellerID: "seller_1", First: first, Count: 1, Events: []application.StoredEvent{event(first, nil)}}))
					f, err := w.Close()
					assert.NoError(t, err)
					assert.NoError(t, d.Add(f))
				}
				inside.Add(-1)
				unlock()
				i++
			}
		})
	}
	all.Wait()
	d, err := archive.Open(folder)
	require.NoError(t, err)
	files, err := d.Files()
	require.NoError(t, err)
	require.Len(t, files, writers*each)
	for _, f := range files {
		require.NoError(t, d.Verify(f))
	}
	t.Logf("refused %d times", refused.Load())
}

func TestALockEndsWithWhoHasIt(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	open := func() *archive.Dir {
		d, err := archive.Open(folder)
		require.NoError(t, err)
		return d
	}
	unlock, ok, err := open().Lock()
	require.NoError(t, err)
	require.True(t, ok)
	_, ok, err = open().Lock()
	require.NoError(t, err)
	require.False(t, ok)
	unlock()
	unlock, ok, err = open().Lock()
	require.NoError(t, err)
	require.True(t, ok)
	unlock()
}
