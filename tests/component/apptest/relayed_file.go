package apptest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// RelayedToFiles returns the events in the files of a folder, in their order. A last line that is still being written is left out.
func RelayedToFiles(t testing.TB, folder string) (all []Relayed) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "events-*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			if !bytes.HasSuffix(line, []byte("\n")) {
				continue
			}
			var e map[string]any
			if err := json.Unmarshal(line, &e); err != nil {
				t.Fatalf("%s has the line %q: %v", file, line, err)
			}
			all = append(all, RelayedOf(func(name string) string { return fmt.Sprint(e[name]) }))
		}
	}
	return all
}
