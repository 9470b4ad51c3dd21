package openapi_test

import (
	"fmt"
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
    get: {responses: {"200": {$ref: "#/components/responses/Done"}}}
    head: {responses: {"200": {description: It runs.}}}
  # Things have a price.
  /a:
    parameters: [{name: id, in: query}]
    get: {responses: {"204": {description: None.}}}
    post: {responses: {"500": {description: Ours.}, "204": {description: None.}}}
  /a/{id}:
    get: {responses: {"200": {description: It runs.}}}
components:
  responses:
    Done: {description: Done., content: {application/json: {schema: {$ref: "#/components/schemas/Ok"}}}}
  schemas:
    Ok: {type: object, additionalProperties: true}
    Time: {type: string, description: UTC}
    A: {type: object, properties: {price: {type: number, example: 45.00, format: double}}}
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
		"operation":       {base, "paths: {/livez: {get: {}}}", "fragment 1: get /livez is defined twice"},
		"schema":          {base, "components: {schemas: {Ok: {}}}", "fragment 1: components.schemas.Ok is defined twice"},
		"response":        {base, "components: {responses: {Done: {}}}", "components.responses.Done is defined twice"},
		"tag":             {base, "tags: [{name: service}]", "the tag service is defined twice"},
		"other member":    {base, "info: {title: mine}", "info has no place in a fragment"},
		"list":            {base, "- a", "fragment 1: is no mapping"},
		"paths, a list":   {base, "paths: [a]", "fragment 1: line 1 is no mapping"},
		"tags, no list":   {base, "tags: a", "tags is no list"},
		"no YAML":         {base, "paths: {", "fragment 1: "},
		"two documents":   {base, "tags: []\n---\ntags: []", "is more than one document"},
		"empty":           {base, "", "fragment 1: EOF"},
		"base, no YAML":   {"[", "paths: {}", "the base: "},
		"unknown anchor":  {base, "paths: {/a: {get: *ok}}", "fragment 1: yaml: unknown anchor 'ok' referenced"},
		"endless aliases": {base, "paths: {/a: {get: [" + bomb + "]}}", "with its aliases in place"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := openapi.Merge([]byte(c.base), []byte(c.fragment))
			require.ErrorContains(t, err, c.want)
			assert.Nil(t, got)
		})
	}
}

// bomb stands for more than a million nodes.
var bomb = func() string {
	b := "&a0 [x]"
	for i := range 25 {
		b += fmt.Sprintf(", &a%d [*a%d, *a%d]", i+1, i, i)
	}
	return b
}()

// What is published is read by tools that know YAML 1.2 and OpenAPI, and no more than these.
func TestMergePublishes(t *testing.T) {
	t.Parallel()
	got, err := openapi.Merge([]byte("openapi: 3.1.0"), []byte(`components:
  schemas:
    A:
      type: object
      required: [default, type, x-order]
      properties: &members
        default: {$ref: "#/components/schemas/B", x-order: 1, x-go-type: Decimal, x-go-type-import: {path: p}}
        type: {type: [string, "null"]}
        id: {type: [string, number, "null"], maxLength: 64, description: Yours}
        list: {type: [array, string], items: {type: [boolean, string], x-go-type: any}}
        example: {type: [integer, "null"], x-order: 4, example: {type: [string, number], x-order: 1}}
        one: {type: [string, number], oneOf: [{const: 1}, {const: a}]}
        float: {type: number, format: float}
      default: {type: [string, number], x-order: 1}
    B: {properties: {<<: *members, default: {type: number}}}
    C: {properties: {any: {type: [object, "null"]}, none: {type: object, additionalProperties: false}, of: {type: object, allOf: [{$ref: "#/a"}]}}}
`))
	require.NoError(t, err)
	assert.Equal(t, `openapi: 3.1.0
components:
  schemas:
    A:
      type: object
      required: [default, type, x-order]
      properties:
        default: {$ref: "#/components/schemas/B"}
        type: {type: [string, "null"]}
        id: {oneOf: [{type: string, maxLength: 64}, {type: number, format: double}, {type: "null"}], description: Yours}
        list: {oneOf: [{type: array, items: {oneOf: [{type: boolean}, {type: string}]}}, {type: string}]}
        example: {type: [integer, "null"], example: {type: [string, number], x-order: 1}}
        one: {type: [string, number], oneOf: [{const: 1}, {const: a}]}
        float: {type: number, format: float}
      default: {type: [string, number], x-order: 1}
    B: {properties: {default: {type: number, format: double}, type: {type: [string, "null"]}, id: {oneOf: [{type: string, maxLength: 64}, {type: number, format: double}, {type: "null"}], description: Yours}, list: {oneOf: [{type: array, items: {oneOf: [{type: boolean}, {type: string}]}}, {type: string}]}, example: {type: [integer, "null"], example: {type: [string, number], x-order: 1}}, one: {type: [string, number], oneOf: [{const: 1}, {const: a}]}, float: {type: number, format: float}}}
    C: {properties: {any: {type: [object, "null"], additionalProperties: true}, none: {type: object, additionalProperties: false}, of: {type: object, allOf: [{$ref: "#/a"}]}}}
`, string(got))
	for _, fragment := range []string{"paths: {/a: {<<: [{get: {summary: a}}, {get: {}, put: {}}]}}", "components: {schemas: {A: &a {}}}\npaths: {/a: {get: *a}}"} {
		_, err := openapi.Merge([]byte("paths: {}"), []byte(fragment))
		require.NoError(t, err, fragment)
	}
	_, err = openapi.Merge([]byte("paths: {/a: {<<: b}}"))
	require.Error(t, err)
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
		b, err = openapi.Merge(b)
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
