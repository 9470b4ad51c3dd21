package eventsv1_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/assert/yaml"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application/contract/eventsv1"
)

const schemaOfScore = `{"type":"object","required":["score"],"properties":{"score":{"type":"integer"}}}`

func scored(change func(*eventsv1.Definition)) eventsv1.Definition {
	d := eventsv1.Definition{
		Type: "x.acme.lead_scored.v1", Description: `A lead got its "score": 1 to 10.`,
		Schema: []byte(schemaOfScore), Example: []byte(`{"score":7}`),
	}
	if change != nil {
		change(&d)
	}
	return d
}

func TestCatalogueOfATeam(t *testing.T) {
	t.Parallel()
	second := scored(func(d *eventsv1.Definition) { d.Type, d.Example = "x.acme.lead_scored.v2", nil })
	first := scored(nil)
	c, err := eventsv1.NewCatalogue(second, first)
	require.NoError(t, err)
	assert.Equal(t, append(eventsv1.Types(), first.Type, second.Type), c.Types(), "those of teams come last, by name")
	assert.True(t, c.IsPublic(first.Type))
	assert.True(t, c.IsPublic("lead.sold.v1"))
	assert.False(t, c.IsPublic("x.acme.lead_scored.v3"))
	schema, ok := c.Schema(first.Type)
	assert.True(t, ok)
	assert.Equal(t, schemaOfScore, string(schema))
	schema[0] = 'x'
	schema, _ = c.Schema(first.Type)
	assert.Equal(t, schemaOfScore, string(schema), "a caller cannot change the catalogue")
	d, ok := c.Definition(first.Type)
	assert.True(t, ok)
	assert.Equal(t, first, d)
	_, ok = c.Definition("x.acme.lead_scored.v3")
	assert.False(t, ok)

	plain, err := eventsv1.NewCatalogue()
	require.NoError(t, err)
	for _, typ := range eventsv1.Types() {
		d, ok := plain.Definition(typ)
		require.True(t, ok, typ)
		assert.Equal(t, typ, d.Type)
		assert.NotEmpty(t, d.Description, typ)
		assert.True(t, json.Valid(d.Schema), typ)
		assert.True(t, json.Valid(d.Example), typ)
		assert.NotContains(t, string(d.Example), "specversion", "the example is the data alone")
	}
}

// A document with teams' types is the document without them, and in each of its lists those of teams behind ours.
func TestCatalogueInAsyncAPI(t *testing.T) {
	t.Parallel()
	plain, err := eventsv1.NewCatalogue()
	require.NoError(t, err)
	d := scored(func(d *eventsv1.Definition) { d.Description = "A line,\n\"quotes\": 'and' \u2028 # more\t{" })
	c, err := eventsv1.NewCatalogue(d)
	require.NoError(t, err)
	type document struct {
		Channels   map[string]struct{ Messages map[string]any }
		Components struct {
			Messages map[string]map[string]any
			Schemas  map[string]any
		}
		Operations map[string]any
	}
	read := func(c *eventsv1.Catalogue) (doc document) {
		require.NoError(t, yaml.Unmarshal(c.AsyncAPI(), &doc))
		return doc
	}
	got, want := read(c), read(plain)
	for _, channel := range []string{"events", "stream"} {
		assert.Equal(t, map[string]any{"$ref": "#/components/messages/" + d.Type}, got.Channels[channel].Messages[d.Type])
		delete(got.Channels[channel].Messages, d.Type)
	}
	added := got.Components.Messages[d.Type]
	assert.Equal(t, d.Description, added["summary"])
	ours := want.Components.Messages["lead.sold.v1"]
	assert.Equal(t, keys(ours), keys(added), "the form is that of ours")
	assert.Contains(t, string(c.AsyncAPI()), "$ref: '#/components/schemas/"+d.Type+"'\n")
	var schema map[string]any
	require.NoError(t, json.Unmarshal(d.Schema, &schema))
	assert.Equal(t, schema, got.Components.Schemas[d.Type])
	delete(got.Components.Messages, d.Type)
	delete(got.Components.Schemas, d.Type)
	assert.Equal(t, want, got, "nothing else changes")
	document1 := c.AsyncAPI()
	document1[0] = 'x'
	assert.NotEqual(t, document1, c.AsyncAPI(), "a caller cannot change the catalogue")
}

// The document downloads as one file: it refers to nothing outside itself, and a team's schema still finds its own parts.
func TestAsyncAPIIsOneFile(t *testing.T) {
	t.Parallel()
	c, err := eventsv1.NewCatalogue(scored(func(d *eventsv1.Definition) {
		d.Schema = []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://acme.example/s","type":"object",` +
			`"description":"\ud83d\ude00 <\u2028>","properties":{"a":{"$ref":"#/$defs/a"},"next":{"$ref":"#"}},"$defs":{"a":{"type":"number","maximum":12345678901234567890}}}`)
	}))
	require.NoError(t, err)
	var doc any
	require.NoError(t, yaml.Unmarshal(c.AsyncAPI(), &doc))
	refs := references(doc, nil)
	require.Greater(t, len(refs), 2*len(eventsv1.Types()))
	for _, ref := range refs {
		at := doc
		require.True(t, strings.HasPrefix(ref, "#/"), ref)
		for name := range strings.SplitSeq(ref[2:], "/") {
			at = at.(map[string]any)[name]
			require.NotNil(t, at, ref)
		}
	}
	assert.Contains(t, refs, "#/components/schemas/x.acme.lead_scored.v1/$defs/a")
	assert.Contains(t, refs, "#/components/schemas/x.acme.lead_scored.v1")
	schema := doc.(map[string]any)["components"].(map[string]any)["schemas"].(map[string]any)["x.acme.lead_scored.v1"].(map[string]any)
	assert.Equal(t, "\U0001F600 <\u2028>", schema["description"])
	assert.NotContains(t, schema, "$id")
	assert.Contains(t, string(c.AsyncAPI()), "12345678901234567890")
}

func references(value any, found []string) []string {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if ref, is := inner.(string); is && name == "$ref" {
				found = append(found, ref)
			}
			found = references(inner, found)
		}
	case []any:
		for _, inner := range v {
			found = references(inner, found)
		}
	}
	return found
}

func keys(m map[string]any) map[string]bool {
	out := map[string]bool{}
	for k := range m {
		out[k] = true
	}
	return out
}

func TestCatalogueRefuses(t *testing.T) {
	t.Parallel()
	const form = "is not of the form x.<module>.<name>.v<N>"
	typed := func(typ string) eventsv1.Definition {
		return scored(func(d *eventsv1.Definition) { d.Type = typ })
	}
	for _, tc := range []struct {
		name string
		in   []eventsv1.Definition
		says string
	}{
		{"no name", []eventsv1.Definition{typed("")}, form},
		{"not a team's", []eventsv1.Definition{typed("lead.scored.v1")}, form},
		{"no version", []eventsv1.Definition{typed("x.acme.scored")}, form},
		{"version 0", []eventsv1.Definition{typed("x.acme.scored.v0")}, form},
		{"version 01", []eventsv1.Definition{typed("x.acme.scored.v01")}, form},
		{"no module", []eventsv1.Definition{typed("x.scored.v1")}, form},
		{"upper case", []eventsv1.Definition{typed("x.Acme.scored.v1")}, form},
		{"hyphen", []eventsv1.Definition{typed("x.acme.lead-scored.v1")}, form},
		{"digit first", []eventsv1.Definition{typed("x.2acme.scored.v1")}, form},
		{"path", []eventsv1.Definition{typed("x.acme.../scored.v1")}, form},
		{"line break", []eventsv1.Definition{typed("x.acme.scored.v1\n")}, form},
		{"65 bytes", []eventsv1.Definition{typed("x.acme." + strings.Repeat("a", 55) + ".v1")}, form},
		{"ours", []eventsv1.Definition{typed("lead.sold.v1")}, "is one of Leadmill's own"},
		{"twice", []eventsv1.Definition{scored(nil), scored(nil)}, "two definitions have this type"},
		{"no schema", []eventsv1.Definition{scored(func(d *eventsv1.Definition) { d.Schema = nil })}, "has no JSON Schema"},
		{"a broken schema", []eventsv1.Definition{scored(func(d *eventsv1.Definition) { d.Schema = []byte(`{"type":"object"`) })}, "its JSON Schema is not valid JSON"},
		{"a schema that is a list", []eventsv1.Definition{scored(func(d *eventsv1.Definition) { d.Schema = []byte(` []`) })}, "its JSON Schema is not a JSON object"},
		{"a schema that is true", []eventsv1.Definition{scored(func(d *eventsv1.Definition) { d.Schema = []byte(`true`) })}, "its JSON Schema is not a JSON object"},
		{"a schema of a number", []eventsv1.Definition{scored(func(d *eventsv1.Definition) { d.Schema = []byte(`{"type":"number"}`) })}, `must say "type": "object"`},
		{"a schema of anything", []eventsv1.Definition{scored(func(d *eventsv1.Definition) { d.Schema = []byte(`{}`) })}, `must say "type": "object"`},
		{"a broken example", []eventsv1.Definition{scored(func(d *eventsv1.Definition) { d.Example = []byte(`{`) })}, "its example is not valid JSON"},
		{"an example that is a list", []eventsv1.Definition{scored(func(d *eventsv1.Definition) { d.Example = []byte(`[]`) })}, "its example is not a JSON object"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, err := eventsv1.NewCatalogue(tc.in...)
			require.Error(t, err)
			assert.Nil(t, c)
			assert.Contains(t, err.Error(), tc.says)
			assert.Contains(t, err.Error(), `event type "`+strings.ReplaceAll(tc.in[0].Type, "\n", `\n`)+`"`)
		})
	}
	longest := typed("x.acme." + strings.Repeat("a", 54) + ".v1")
	_, err := eventsv1.NewCatalogue(longest)
	require.NoError(t, err)
	assert.Len(t, longest.Type, 64)
	_, err = eventsv1.NewCatalogue(typed("x.acme.Bad.v1"), typed("x.acme.worse"))
	assert.Contains(t, err.Error(), "x.acme.Bad.v1", "all mistakes are named")
	assert.Contains(t, err.Error(), "x.acme.worse")
}
