package openapitest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/leadmill/leadmill/tests/openapitest"
)

const document = `
openapi: 3.1.0
info: {title: t, version: "1"}
paths:
  /a/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get:
      operationId: get
      security: [{program: []}]
      responses:
        "200":
          description: ok
          content:
            application/json:
              schema: {$ref: "#/components/schemas/A"}
              examples: {one: {value: {n: 1, code: some_code}}}
components:
  securitySchemes: {program: {type: http, scheme: bearer}}
  schemas:
    A: {type: object, additionalProperties: false, required: [n], properties: {n: {$ref: "#/components/schemas/N"}, code: {type: string}}}
    N: {type: [integer, "null"]}
`

func TestCheck(t *testing.T) {
	t.Parallel()
	spec, err := openapitest.Load([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	if ops := spec.Operations(); len(ops) != 1 || ops[0].Scopes[0] != "program" || !spec.Codes()["some_code"] {
		t.Fatalf("operations %v, codes %v", ops, spec.Codes())
	}
	for name, c := range map[string]struct {
		path, contentType, body string
		status                  int
		wrong                   string
	}{
		"valid":        {"/a/1", "application/json", `{"n":1}`, 200, ""},
		"null":         {"/a/1/", "application/json", `{"n":null}`, 200, ""},
		"type":         {"/a/1", "application/json", `{"n":"1"}`, 200, "not as documented"},
		"missing":      {"/a/1", "application/json", `{}`, 200, "not as documented"},
		"unknown":      {"/a/1", "application/json", `{"n":1,"x":1}`, 200, "not as documented"},
		"trailing":     {"/a/1", "application/json", `{"n":1}{}`, 200, "more than one"},
		"no JSON":      {"/a/1", "application/json", `n`, 200, "not JSON"},
		"charset":      {"/a/1", "application/json; charset=utf-8", `{"n":1}`, 200, "Content-Type"},
		"status":       {"/a/1", "application/json", `{"n":1}`, 201, "status"},
		"undocumented": {"/b", "application/json", `{"n":1}`, 200, "not documented"},
		"not found":    {"/b", "application/json", `{}`, 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := spec.Check(http.MethodGet, c.path, c.status, http.Header{"Content-Type": {c.contentType}}, []byte(c.body))
			if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("got %v, want %q", err, c.wrong)
			}
		})
	}
}

func TestTransport(t *testing.T) {
	t.Parallel()
	spec, err := openapitest.Load([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"n":"x"}`)
	}))
	defer server.Close()
	var reported []error
	client := &http.Client{Transport: spec.Transport(nil, func(err error) { reported = append(reported, err) })}
	response, err := client.Get(server.URL + "/a/1")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != `{"n":"x"}` || len(reported) != 1 {
		t.Errorf("body %s, reported %v", body, reported)
	}
}
