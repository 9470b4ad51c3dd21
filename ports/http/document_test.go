package httpport_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	httpport "github.com/leadmill/leadmill/ports/http"
)

// published is openapi.yaml as it is served.
type published struct {
	Paths      map[string]map[string]yaml.Node
	Components struct {
		Parameters map[string]parameter
		Schemas    map[string]schema
	}
}

type parameter struct {
	Ref  string `yaml:"$ref"`
	In   string
	Name string
}

type operation struct {
	ID          string `yaml:"operationId"`
	Summary     string
	Parameters  []parameter
	RequestBody struct {
		Content map[string]struct {
			Schema struct {
				Ref string `yaml:"$ref"`
			}
		}
	} `yaml:"requestBody"`
	Responses map[string]any
}

type schema struct {
	Required      []string
	AnyOf         []schema `yaml:"anyOf"`
	MinProperties int      `yaml:"minProperties"`
}

func readPublished(t *testing.T) (document published, operations map[string]operation) {
	t.Helper()
	require.NoError(t, yaml.Unmarshal(httpport.OpenAPI(), &document))
	operations = map[string]operation{}
	for path, item := range document.Paths {
		var shared []parameter
		if list, ok := item["parameters"]; ok {
			require.NoError(t, list.Decode(&shared))
		}
		for method, node := range item {
			if method == "parameters" {
				continue
			}
			var o operation
			require.NoError(t, node.Decode(&o))
			o.Parameters = append(slices.Clip(shared), o.Parameters...)
			operations[strings.ToUpper(method)+" "+path] = o
		}
	}
	require.Greater(t, len(operations), 80)
	return document, operations
}

// YAML 1.2 has no merge keys, many readers resolve no aliases, and x-go-type means something to our generators only.
func TestTheDocumentHoldsNothingThatToolsStumbleOver(t *testing.T) {
	t.Parallel()
	var document yaml.Node
	require.NoError(t, yaml.Unmarshal(httpport.OpenAPI(), &document))
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		assert.NotEqual(t, yaml.AliasNode, n.Kind, "line %d has an alias", n.Line)
		assert.Empty(t, n.Anchor, "line %d has an anchor", n.Line)
		assert.NotEqual(t, "!!merge", n.Tag, "line %d has a merge key", n.Line)
		for i, inner := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 0 {
				assert.False(t, strings.HasPrefix(inner.Value, "x-"), "line %d has %s", inner.Line, inner.Value)
				if inner.Value == "type" && n.Content[i+1].Kind == yaml.SequenceNode {
					assert.LessOrEqual(t, len(n.Content[i+1].Content), 2, "line %d: several types are oneOf", inner.Line)
				}
			}
			walk(inner)
		}
	}
	walk(&document)
}

// Generators make an identifier of each name, of its letters and digits alone.
func TestNoTwoNamesAreOneIdentifier(t *testing.T) {
	t.Parallel()
	document, operations := readPublished(t)
	ids := map[string]string{}
	for call, o := range operations {
		assert.NotEmpty(t, o.Summary, "%s has no summary", call)
		assert.Regexp(t, `^[a-z][A-Za-z]+$`, o.ID, call)
		assert.Empty(t, ids[identifier(o.ID)], call)
		ids[identifier(o.ID)] = call
		names := map[string]string{}
		for _, p := range o.Parameters {
			if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
				p = document.Components.Parameters[name]
			}
			require.NotEmpty(t, p.Name, call)
			assert.Empty(t, names[identifier(p.Name)], "%s: the parameter %s", call, p.Name)
			names[identifier(p.Name)] = p.Name
		}
	}
	names := map[string]string{}
	for name := range document.Components.Schemas {
		assert.Empty(t, names[identifier(name)], name)
		names[identifier(name)] = name
	}
}

var notInIdentifiers = regexp.MustCompile(`[^a-z0-9]`)

func identifier(name string) string {
	return notInIdentifiers.ReplaceAllString(strings.ToLower(name), "")
}

// What is made needs something, and the document says what.
func TestInputsSayWhatIsRequired(t *testing.T) {
	t.Parallel()
	document, operations := readPublished(t)
	mayBeEmpty := []string{"SuppressionFileInput", "LeadFileInput", "RejectLeadInput", "ConvertLeadInput", "SignInInput", "APIKeyRotateInput", "ReturnApproval", "ReturnRejection"} // a file, or what they need is in the path or the query too
	checked := 0
	for call, o := range operations {
		if !strings.HasPrefix(call, "POST ") {
			continue
		}
		for _, content := range o.RequestBody.Content {
			name := strings.TrimPrefix(content.Schema.Ref, "#/components/schemas/")
			input, ok := document.Components.Schemas[name]
			require.True(t, ok, call)
			if !slices.Contains(mayBeEmpty, name) {
				assert.Positive(t, len(input.Required)+len(input.AnyOf)+input.MinProperties, "%s: %s requires nothing", call, name)
			}
			checked++
		}
	}
	assert.Greater(t, checked, 12)
	for name, required := range map[string][]string{
		"SellerCreateInput": {"name"}, "BuyerCreateInput": {"name"}, "CampaignCreateInput": {"name", "category"}, "ContractCreateInput": {"buyer_id", "price"},
		"SupplierLeadInput": {"seller", "category", "firstName", "lastName", "phone", "state"}, "PartnerInput": {"email"},
	} {
		assert.Equal(t, required, document.Components.Schemas[name].Required, name)
	}
}

// A client that follows the redirect of sign-out is answered 401 by the portal.
func TestSignOutIsDescribedAsClientsSeeIt(t *testing.T) {
	t.Parallel()
	_, operations := readPublished(t)
	assert.Contains(t, operations["POST /portal/sign-out"].Responses, "302")
	assert.Contains(t, operations["POST /portal/sign-out"].Responses, "401")
}

// Ids in examples look as ids do: a prefix and a ULID. Those of partners and customers may be the client's own.
func TestIdsInExamplesAreReal(t *testing.T) {
	t.Parallel()
	prefixed := regexp.MustCompile(`\b(req|evt|lead|buyer|campaign|contract|sale|entry|erasure|seller|key)_([0-9][0-9A-Za-z]*)\b`)
	found := prefixed.FindAllStringSubmatch(string(httpport.OpenAPI()), -1)
	require.Greater(t, len(found), 40)
	for _, id := range found {
		assert.Regexp(t, `^[0-7][0-9A-HJKMNP-TV-Z]{25}$`, id[2], id[0])
	}
}
