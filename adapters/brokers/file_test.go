package brokers_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/adapters/brokers"
	"github.com/leadmill/leadmill/adapters/clock"
)

// written returns the ids of the events in a folder's files, in their order, and the names of the files.
func written(t *testing.T, folder string) (ids, names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		names = append(names, filepath.Base(file))
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			var e struct{ ID string }
			if err := json.Unmarshal(line, &e); err != nil || !bytes.HasSuffix(line, []byte("\n")) {
				t.Errorf("%s has the line %q: %v", file, line, err)
			}
			ids = append(ids, e.ID)
		}
	}
	return ids, names
}

func TestFilesHaveAnEventALine(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "new", "events")
	r := relayTo(t, "file:"+folder, nil, nil, clock.NewManual(noon))
	if err := r.React(t.Context(), anEvent("lead_1", 2)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "events-2026-05-02-000001.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"datacontenttype": "application/json", "aggregateversion": 2.0, "data": map[string]any{"lead_id": "lead_1", "n": 2.0},
	}
	for name, value := range attributes {
		if name != "aggregateversion" {
			want[name] = value
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestFilesOfManyAtOnce(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var both sync.WaitGroup
	for range 2 { // of one folder, as an instance that has not noticed yet that another took over
		r := relayTo(t, "file:"+folder, nil, nil, nil)
		both.Go(func() { sendAll(t, r, 20, 1, 25) })
	}
	both.Wait()
	ids, names := written(t, folder)
	arrived(t, ids, 20, 25)
	if len(ids) != 1000 || len(names) > 2 {
		t.Errorf("%d lines in %v", len(ids), names)
	}
}

// A process that died while it wrote left half a line: the event was not taken, and comes again.
func TestAnIncompleteLastLineIsTakenAway(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		left string
		kept int
	}{
		"half a line":           {`{"id":"evt_lead_1_1"}` + "\n" + `{"id":"evt_lea`, 1},
		"nothing but half one":  {`{"id":"evt_lea`, 0},
		"whole":                 {`{"id":"evt_lead_1_1"}` + "\n", 1},
		"empty":                 {"", 0},
		"a long line":           {`{"id":"evt_lead_1_1"}` + "\n" + strings.Repeat("x", 200_000), 1},
		"a line behind a block": {`{"id":"evt_lead_1_1","x":"` + strings.Repeat("x", 200_000) + `"}` + "\n" + `{"`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			file := filepath.Join(folder, "events-2026-05-02-000003.jsonl")
			if err := os.WriteFile(file, []byte(c.left), 0o600); err != nil {
				t.Fatal(err)
			}
			r := relayTo(t, "file:"+folder, nil, nil, clock.NewManual(noon))
			sendAll(t, r, 1, c.kept+1, 2)
			ids, names := written(t, folder)
			arrived(t, ids, 1, c.kept+2)
			if len(names) != 1 {
				t.Errorf("files %v", names)
			}
		})
	}
}

// What somebody else left behind while the file was open is taken away too.
func TestFilesThatOthersTouchAreLookedAtAgain(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	hands := clock.NewManual(noon)
	r := relayTo(t, "file:"+folder, nil, nil, hands)
	sendAll(t, r, 1, 1, 1)
	file := filepath.Join(folder, "events-2026-05-02-000001.jsonl")
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"half`); err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	sendAll(t, r, 1, 2, 1)
	ids, _ := written(t, folder)
	arrived(t, ids, 1, 2)
	if err := os.Remove(file); err != nil { // by whoever read it
		t.Fatal(err)
	}
	sendAll(t, r, 1, 3, 1)
	if ids, names := written(t, folder); len(ids) != 1 || ids[0] != "evt_lead_1_3" || len(names) != 1 || names[0] == filepath.Base(file) {
		t.Errorf("%v in %v", ids, names)
	}
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	sendAll(t, r, 1, 4, 1)
	if ids, _ := written(t, folder); len(ids) != 1 || ids[0] != "evt_lead_1_4" {
		t.Errorf("%v in a folder that was removed", ids)
	}
}

func TestFilesBeginAnewByDayAndBySize(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	hands := clock.NewManual(noon)
	r := relayTo(t, "file:"+folder, nil, nil, hands)
	brokers.SetFileSize(r, 1500)
	sendAll(t, r, 1, 1, 9)
	hands.Step(24 * time.Hour)
	sendAll(t, r, 1, 10, 1)
	hands.Step(-48 * time.Hour) // the order of the files stays that of the events
	sendAll(t, r, 1, 11, 1)
	ids, names := written(t, folder)
	arrived(t, ids, 1, 11)
	want := []string{
		"events-2026-05-02-000001.jsonl", "events-2026-05-02-000002.jsonl", "events-2026-05-02-000003.jsonl", "events-2026-05-03-000001.jsonl",
	}
	if d := cmp.Diff(want, names); d != "" {
		t.Error(d)
	}
}

// A folder that cannot be written is an outage: told once, and the events wait.
func TestAFolderThatIsNotThere(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(folder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log logged
	r := relayTo(t, "file:"+folder, &log, nil, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		sendAll(t, r, 5, 1, 4)
	}()
	eventually(t, func() error {
		if n := r.Failing(); n != 5 {
			return fmt.Errorf("%d events are tried again", n)
		}
		return nil
	})
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	<-done
	ids, _ := written(t, folder)
	arrived(t, ids, 5, 4)
	if out, in := log.count("does not take events"), log.count("takes events again"); out != 1 || in != 1 || r.Failing() != 0 {
		t.Errorf("the outage is told %d times, its end %d times, and %d fail", out, in, r.Failing())
	}
}
