package leadmilltest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/event"
)

type scored struct {
	LeadID string `json:"lead_id"`
	Score  int    `json:"score"`
	Why    any    `json:"why,omitempty"`
}

func (scored) EventType() string { return "x.acme.lead_scored.v1" }

type other struct{ scored }

func (other) EventType() string { return "x.acme.other.v1" }

func definition() eventsv1.Definition {
	return eventsv1.Definition{
		Type: "x.acme.lead_scored.v1", Example: []byte(`{"lead_id":"lead_1","score":3}`),
		Schema: []byte(`{"type":"object","required":["lead_id","score"],"properties":{"lead_id":{"type":"string"},
			"score":{"type":"integer","minimum":1},"why":{}}}`),
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "golden")
	path := filepath.Join(dir, "x.acme.lead_scored.v1.json")
	check := func(update bool, d []eventsv1.Definition, events ...event.Event) string {
		err := errors.Join(golden(dir, d, events, update)...)
		if err == nil {
			return ""
		}
		return err.Error()
	}
	own := []eventsv1.Definition{definition()}
	first := scored{LeadID: "lead_1", Score: 3, Why: []any{map[string]any{"rule": "age"}}}
	assert.Contains(t, check(false, own, first), "is missing: run the test with LEADMILL_TEST_UPDATE=1")
	assert.Empty(t, check(true, own, first))
	assert.Empty(t, check(false, own, first))
	assert.Empty(t, check(false, own, &first))
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.JSONEq(t, `{"lead_id":"lead_1","score":3,"why":[{"rule":"age"}]}`, string(written))

	second := first
	second.Score = 4
	assert.Contains(t, check(false, own, second), "is not current: run the test with LEADMILL_TEST_UPDATE=1; the event is now\n{")
	assert.Empty(t, check(true, own, second))
	assert.Empty(t, check(false, own, second))

	// What breaks readers is never written.
	for name, why := range map[string]any{
		".why is gone": nil, ".why has another type": "age", ".why[] has another type": []any{"age"},
		".why[].rule is gone": []any{map[string]any{"code": "age"}},
	} {
		third := second
		third.Why = why
		assert.Contains(t, check(true, own, third), name+": that breaks readers")
	}
	assert.Empty(t, check(false, own, second), "the file is as it was")

	assert.Contains(t, check(false, own), "x.acme.lead_scored.v1: no event of this type is given")
	assert.Contains(t, check(false, nil, second), "x.acme.lead_scored.v1: the event leadmilltest.scored has no definition")
	assert.Contains(t, check(false, own, second, other{}), "x.acme.other.v1: the event leadmilltest.other has no definition")
	bad := definition()
	bad.Example = []byte(`{"lead_id":7}`)
	says := check(false, []eventsv1.Definition{bad}, second)
	assert.Contains(t, says, "x.acme.lead_scored.v1: its example: ")
	assert.Contains(t, says, "score")
	assert.Contains(t, check(false, own, scored{LeadID: "lead_1"}), "x.acme.lead_scored.v1: the event: ", "a score of 0 is against the schema")
	bad = definition()
	bad.Schema = nil
	assert.Contains(t, check(false, []eventsv1.Definition{bad}, second), "has no JSON Schema")
	require.NoError(t, os.WriteFile(path, []byte(`{"lead_id":"lead_1"}`), 0o600))
	assert.Contains(t, check(true, own, second), path+": ", "the committed file is against the schema")
}
