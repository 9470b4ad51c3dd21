package leadmilltest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/event"
)

// UpdateGolden is the environment variable that, when it is not empty, has Golden write files in place of comparing them.
const UpdateGolden = "LEADMILL_TEST_UPDATE"

// Golden fixes what a team's events look like to their readers. For each event it compares what would be stored with the
// committed file <type>.json in dir, and validates both, and the definition's example, against the JSON Schema of its
// definition. It also fails when definitions would be refused at the start, or one of them has no event.
//
// With LEADMILL_TEST_UPDATE=1 it writes the files, but not over one that has a member the event lost or gives another type:
// that breaks readers, so publish the next version of the type beside it.
func Golden(t testing.TB, dir string, definitions []eventsv1.Definition, events ...event.Event) {
	t.Helper()
	for _, err := range golden(dir, definitions, events, os.Getenv(UpdateGolden) != "") {
		t.Error(err)
	}
}

// golden returns everything that is wrong.
func golden(dir string, definitions []eventsv1.Definition, events []event.Event, update bool) (wrong []error) {
	catalogue, err := eventsv1.NewCatalogue(definitions...)
	if err != nil {
		return []error{err}
	}
	missing := map[string]bool{}
	for _, d := range definitions {
		missing[d.Type] = true
		if len(d.Example) > 0 {
			wrong = append(wrong, named(d.Type+": its example", validate(d, d.Example))...)
		}
	}
	for _, e := range events {
		d, ok := catalogue.Definition(e.EventType())
		if !ok {
			wrong = append(wrong, fmt.Errorf("%s: the event %T has no definition", e.EventType(), e))
			continue
		}
		delete(missing, d.Type)
		wrong = append(wrong, named(d.Type, compare(filepath.Join(dir, d.Type+".json"), d, e, update))...)
	}
	for _, d := range definitions {
		if missing[d.Type] {
			wrong = append(wrong, fmt.Errorf("%s: no event of this type is given", d.Type))
		}
	}
	return wrong
}

func named(what string, err error) []error {
	if err == nil {
		return nil
	}
	return []error{fmt.Errorf("%s: %w", what, err)}
}

// compare compares an event with its file, or writes the file.
func compare(path string, d eventsv1.Definition, e event.Event, update bool) error {
	translate, err := application.TranslateTeamEvents(noon{}, application.TeamEvent{Go: reflect.TypeOf(e), Definition: d})
	if err != nil {
		return err
	}
	stored, _, err := translate(e)
	if err != nil {
		return err
	}
	if err := validate(d, stored.Payload); err != nil {
		return fmt.Errorf("the event: %w", err)
	}
	var now bytes.Buffer
	if err := json.Indent(&now, stored.Payload, "", "  "); err != nil {
		return err
	}
	now.WriteByte('\n')
	committed, err := os.ReadFile(path)
	absent := errors.Is(err, fs.ErrNotExist)
	switch {
	case err != nil && !absent:
		return err
	case !absent:
		if err := validate(d, committed); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if bytes.Equal(committed, now.Bytes()) {
			return nil
		}
		if err := keeps(committed, now.Bytes()); err != nil {
			return fmt.Errorf("%s: %w: that breaks readers, so publish the next version of the type beside this one", path, err)
		}
	}
	if update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, now.Bytes(), 0o644)
	}
	if absent {
		return fmt.Errorf("%s is missing: run the test with %s=1", path, UpdateGolden)
	}
	return fmt.Errorf("%s is not current: run the test with %s=1; the event is now\n%s", path, UpdateGolden, now.Bytes())
}

// validate holds JSON against the schema of a definition.
func validate(d eventsv1.Definition, data []byte) error {
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(d.Schema))
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	name := d.Type + ".json"
	if err := c.AddResource(name, schema); err != nil {
		return err
	}
	compiled, err := c.Compile(name)
	if err != nil {
		return err
	}
	return compiled.Validate(value)
}

// keeps returns an error when JSON lost a member of what it was before, or a member has another type.
func keeps(before, now []byte) error {
	var old, current any
	if err := errors.Join(json.Unmarshal(before, &old), json.Unmarshal(now, &current)); err != nil {
		return err
	}
	return same("", old, current)
}

func same(at string, old, now any) error {
	if old == nil || now == nil { // null says nothing of the type
		return nil
	}
	if reflect.TypeOf(old) != reflect.TypeOf(now) {
		return fmt.Errorf("%s has another type", at)
	}
	switch old := old.(type) {
	case map[string]any:
		current, _ := now.(map[string]any)
		names := make([]string, 0, len(old))
		for name := range old {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			value, there := current[name]
			if !there {
				return fmt.Errorf("%s.%s is gone", at, name)
			}
			if err := same(at+"."+name, old[name], value); err != nil {
				return err
			}
		}
	case []any:
		if current, _ := now.([]any); len(old) > 0 && len(current) > 0 {
			return same(at+"[]", old[0], current[0])
		}
	}
	return nil
}

// noon is a clock that stands still: when an event happened is not in its data.
type noon struct{}

// Now implements application.Clock.
func (noon) Now() time.Time { return time.Date(2025, 5, 2, 12, 0, 0, 0, time.UTC) }
