package openapi_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/ports/http/openapi"
)

func TestDocument(t *testing.T) {
	t.Parallel()
	d, err := openapi.Read([]byte(`paths:
  /b/{id}:
    parameters: [{$ref: "#/components/parameters/Id"}]
    put: {operationId: changeB, security: [{program: []}], responses: &ok {200: {$ref: "#/components/responses/B"}}}
    get: {operationId: getB, security: [{a: [], b: []}, {}], responses: *ok}
  /a:
    get: {security: [], responses: {<<: *ok, "404": {$ref: "other.yaml#/x"}}}
components:
  schemas:
    A~/%: {properties: {$ref: {$ref: "#/components/schemas/None"}}, oneOf: [{type: string}]}
`))
	require.NoError(t, err)
	assert.Equal(t, []string{"/a", "/b/{id}"}, d.Paths())
	operations := d.Operations()
	assert.Equal(t, []openapi.Operation{
		{Method: "GET", Path: "/a"},
		{Method: "GET", Path: "/b/{id}", ID: "getB", Security: [][]string{{"a", "b"}, nil}},
		{Method: "PUT", Path: "/b/{id}", ID: "changeB", Security: [][]string{{"program"}}},
	}, operations)
	assert.Equal(t, "PUT /b/{id}", operations[2].String())
	assert.Equal(t, []string{"#/components/parameters/Id", "#/components/responses/B", "#/components/schemas/None", "other.yaml#/x"}, d.References())
	for reference, want := range map[string]bool{
		"#/components/schemas/A~0~1%25":              true,
		"#/components/schemas/A~0~1%25/oneOf/0/type": true,
		"#/components/schemas/A~0~1%25/oneOf/1":      false,
		"#/components/schemas/A~0~1%25/oneOf/-1":     false,
		"#/components/schemas/A~0~1%25/oneOf/x":      false,
		"#/components/schemas/A":                     false,
		"#/components/schemas/%zz":                   false,
		"#/paths/~1b~1{id}/put/responses/200":        true,
		"#/paths/~1b~1{id}/put/operationId/x":        false,
		"#components":                                false,
		"other.yaml#/components":                     false,
		"":                                           false,
	} {
		assert.Equal(t, want, d.Resolves(reference), reference)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		"":            "openapi: EOF",
		"[]":          "openapi: is no mapping",
		"a: 1\n---\n": "openapi: is more than one document",
		"a: *b":       "openapi: yaml: unknown anchor 'b' referenced",
	} {
		_, err := openapi.Read([]byte(document))
		require.EqualError(t, err, want)
	}
	d, err := openapi.Read([]byte("paths: [1]"))
	require.NoError(t, err)
	assert.Empty(t, d.Operations())
}

func TestSecuritySchemes(t *testing.T) {
	t.Parallel()
	schemes, err := openapi.SecuritySchemes("reports", "dialer")
	require.NoError(t, err)
	merged, err := openapi.Merge([]byte("components:\n  securitySchemes:\n    admin: {type: http, scheme: bearer}\n"), schemes)
	require.NoError(t, err)
	assert.Equal(t, `components:
  securitySchemes:
    admin: {type: http, scheme: bearer}
    dialer:
      description: A key with the scope dialer
      scheme: bearer
      type: http
    reports:
      description: A key with the scope reports
      scheme: bearer
      type: http
`, string(merged))
}
