package openapi_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/leadmill/leadmill/ports/http/openapi"
)

const base = `openapi: 3.1.0
info: {title: t, version: "1"}
tags:
  - {name: service}
paths:
  /livez:
    get: {responses: &ok {"200": {$ref: "#/components/responses/Done"}}}
components:
  responses:
    Done: {description: Done., content: {application/json: {schema: {$ref: "#/components/schemas/Ok"}}}}
  schemas:
    Ok: {type: object}
    Time: {type: string, description: UTC}
`

func TestMerge(t *testing.T) {
	t.Parallel()
	got, err := openapi.Merge([]byte(base), []byte(`tags: [{name: a}]
paths:
  # Things have a price.
  /a:
    parameters: [{name: id, in: query}]
    get: {responses: &ok {"204": {description: None.}}}
    post: {responses: {<<: *ok, "500": {description: Ours.}}}
components:
  schemas:
    A: {type: object, properties: {price: {type: number, example: 45.00}}}
`), []byte(`paths:
  /livez:
    head: {responses: &ok {"200": {description: It runs.}}}
  /a/{id}:
    get: {responses: *ok}
components:
  parameters:
    Id: {name: id, in: path}
`))
	require.NoError(t, err)
	assert.Equal(t, `openapi: 3.1.0
info: {title: t, version: "1"}
tags:
  - {name: service}
  - {name: a}
paths:
  /livez:
    get: {responses: &ok {"200": {$ref: "#/components/responses/Done"}}}
    head: {responses: &ok_2 {"200": {description: It runs.}}}
  # Things have a price.
  /a:
    parameters: [{name: id, in: query}]
    get: {responses: &ok_3 {"204": {description: None.}}}
    post: {responses: {<<: *ok_3, "500": {description: Ours.}}}
  /a/{id}:
    get: {responses: *ok_2}
components:
  responses:
    Done: {description: Done., content: {application/json: {schema: {$ref: "#/components/schemas/Ok"}}}}
  schemas:
    Ok: {type: object}
    Time: {type: string, description: UTC}
    A: {type: object, properties: {price: {type: number, example: 45.00}}}
  parameters:
    Id: {name: id, in: path}
`, string(got))
	again, err := openapi.Merge(got)
	require.NoError(t, err)
	assert.Equal(t, string(got), string(again), "what is merged stays as it is")
}

func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ base, fragment, want string }{
		"operation":      {base, "paths: {/livez: {get: {}}}", "fragment 1: get /livez is defined twice"},
		"schema":         {base, "components: {schemas: {Ok: {}}}", "fragment 1: components.schemas.Ok is defined twice"},
		"response":       {base, "components: {responses: {Done: {}}}", "components.responses.Done is defined twice"},
		"tag":            {base, "tags: [{name: service}]", "the tag service is defined twice"},
		"other member":   {base, "info: {title: mine}", "info has no place in a fragment"},
		"list":           {base, "- a", "fragment 1: is no mapping"},
		"paths, a list":  {base, "paths: [a]", "fragment 1: line 1 is no mapping"},
		"tags, no list":  {base, "tags: a", "tags is no list"},
		"no YAML":        {base, "paths: {", "fragment 1: "},
		"two documents":  {base, "tags: []\n---\ntags: []", "is more than one document"},
		"empty":          {base, "", "fragment 1: EOF"},
		"base, no YAML":  {"[", "paths: {}", "the base: "},
		"unknown anchor": {base, "paths: {/a: {get: *ok}}", "fragment 1: yaml: unknown anchor 'ok' referenced"},
		"anchor later":   {base, "components: {schemas: {A: &a {}}}\npaths: {/a: {get: *a}}", "the alias a comes before its anchor"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := openapi.Merge([]byte(c.base), []byte(c.fragment))
			require.ErrorContains(t, err, c.want)
			assert.Nil(t, got)
		})
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	got, err := openapi.Answers(openapi.Package{Path: "example.com/port", Name: "port"}, []byte(base), []byte(`paths:
  /a:
    post:
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/AInput"}}}}
      responses:
        "200": {$ref: "#/components/responses/A"}
        "201": {$ref: "#/components/responses/Done"}
components:
  responses:
    A: {content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/A"}}}}}
  schemas:
    A: {type: object, properties: {at: {$ref: "#/components/schemas/Time"}, next: {$ref: "#/components/schemas/A"}}}
    AInput: {type: object}
`))
	require.NoError(t, err)
	assert.YAMLEq(t, `openapi: 3.1.0
info: {title: t, version: "1"}
paths: {}
components:
  schemas:
    A: {type: object, properties: {at: {$ref: "#/components/schemas/Time"}, next: {$ref: "#/components/schemas/A"}}}
    Time: {description: UTC, x-go-type: port.Time, x-go-type-import: {path: example.com/port, name: port}}
`, string(got))
	_, err = openapi.Answers(openapi.Package{}, []byte(base), []byte("paths: {/livez: {get: {}}}"))
	require.ErrorContains(t, err, "get /livez is defined twice")
}

// What is served holds each fragment as it is written, whatever its anchors are called there.
func TestBundleHoldsItsFragments(t *testing.T) {
	t.Parallel()
	read := func(file string) (document map[string]any) {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(b, &document))
		return document
	}
	files, err := filepath.Glob("../*/openapi*.yaml")
	require.NoError(t, err)
	require.Greater(t, len(files), 3)
	whole, paths, schemas := read("../openapi.yaml"), 0, 0
	for _, file := range append(files, "../openapi.base.yaml") {
		fragment := read(file)
		for path, item := range fragment["paths"].(map[string]any) {
			assert.Equal(t, item, whole["paths"].(map[string]any)[path], path)
			paths++
		}
		components, _ := fragment["components"].(map[string]any)
		for kind, members := range components {
			for name, component := range members.(map[string]any) {
				assert.Equal(t, component, whole["components"].(map[string]any)[kind].(map[string]any)[name], name)
				if kind == "schemas" {
					schemas++
				}
			}
		}
	}
	assert.Len(t, whole["paths"], paths)
	assert.Len(t, whole["components"].(map[string]any)["schemas"], schemas)
	b, err := os.ReadFile("../openapi.yaml")
	require.NoError(t, err)
	assert.Regexp(t, `^# Code generated .* DO NOT EDIT\.$`, strings.SplitN(string(b), "\n", 2)[0])
}
