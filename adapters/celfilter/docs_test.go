package celfilter_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

var (
	docFields  = regexp.MustCompile("(?s)```json\n(.*?)```")
	docExample = regexp.MustCompile("(?m)^(\\d+)\\. (.+)\n\n   ```cel\n   (.+)\n   ```\n\n   Takes `(.+)`, not `(.+)`\\.$")
)

// Every example of docs/filters.md takes the lead that it says, and not the other.
func TestEveryExampleOfTheDocs(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/filters.md")
	require.NoError(t, err)
	var campaign struct{ Fields []field.Rule }
	require.NoError(t, json.Unmarshal(docFields.FindSubmatch(doc)[1], &campaign))
	rules, err := field.NewRules(campaign.Fields)
	require.NoError(t, err)
	c := language(t).Over(rules)
	examples := docExample.FindAllStringSubmatch(string(doc), -1)
	require.GreaterOrEqual(t, len(examples), 50)
	require.Len(t, regexp.MustCompile("(?m)^   Takes ").FindAll(doc, -1), len(examples), "every example has the form that is read here")
	for i, e := range examples {
		assert.Equal(t, strconv.Itoa(i+1), e[1], "the examples are numbered")
		f, err := c.Compile(e[3])
		if assert.NoError(t, err, e[3]) {
			assert.True(t, f.Passes(documented(t, c, rules, e[4])), "%s takes %s", e[3], e[4])
			assert.False(t, f.Passes(documented(t, c, rules, e[5])), "%s does not take %s", e[3], e[5])
		}
	}
}

// documented is a lead as an example says it.
func documented(t *testing.T, c distribution.FilterCompiler, rules field.Rules, members string) distribution.FilterInput {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal([]byte(members), &m))
	n := lead.Submission{ID: "lead_1", Category: "Auto Insurance", PartnerID: "partner_09Z", At: at}
	sent, outside := jane(), map[string]field.Set{}
	for name, v := range m {
		switch name {
		case "partner":
			n.PartnerID = v.(string)
		case "category":
			n.Category = v.(string)
		case "test":
			n.Test = v.(bool)
		case "received_at":
			var err error
			n.At, err = time.Parse(time.RFC3339, v.(string))
			require.NoError(t, err)
		case "facts":
			for provider, answer := range v.(map[string]any) {
				outside[provider] = field.Set{}
				for name, v := range answer.(map[string]any) {
					outside[provider][name] = value(v)
				}
			}
		default:
			sent[name] = value(v)
		}
	}
	var err error
	n.Fields, err = rules.Check(sent)
	require.NoError(t, err)
	return c.Read(lead.Submit(n).Facts().WithOutside(outside))
}

func value(v any) field.Value {
	switch v := v.(type) {
	case string:
		return field.TextValue(v)
	case bool:
		return field.Value{Kind: field.Bool, Text: strconv.FormatBool(v)}
	case float64:
		return field.Value{Kind: field.Number, Text: strconv.FormatFloat(v, 'f', -1, 64)}
	}
	return field.Value{}
}
