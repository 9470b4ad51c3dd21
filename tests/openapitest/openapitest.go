// Package openapitest compares HTTP answers with an OpenAPI document: the status must be documented for the operation, the
// content type must be exactly the documented one, and a JSON body must be valid against its schema.
//
// Stability: unsupported; it may change at any time.
package openapitest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Spec is a loaded and validated document.
type Spec struct {
	doc        *openapi3.T
	operations []Operation

	mu       sync.Mutex
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema // by the JSON pointer into the document
}

// Operation is one method of one path template, such as GET /v1/buyers/{id}. Scopes are the names of the security schemes
// it asks for, in the order of the document; none is public.
type Operation struct {
	Method, Path, ID string
	Scopes           []string

	segments []string
	spec     *openapi3.Operation
}

const documentURL = "https://openapi.example/document.json"

// schema returns the schema at a JSON pointer, given as its tokens. Each is compiled once: tests check thousands of answers.
func (s *Spec) schema(pointer ...string) (*jsonschema.Schema, error) {
	escaped := make([]string, len(pointer))
	for i, token := range pointer {
		escaped[i] = "/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(token))
	}
	at := strings.Join(escaped, "")
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.compiled[at]; known != nil {
		return known, nil
	}
	schema, err := s.compiler.Compile(documentURL + "#" + at)
	if err != nil {
		return nil, err
	}
	s.compiled[at] = schema
	return schema, nil
}

// Load reads a document and validates it, its examples with it.
func Load(document []byte) (*Spec, error) {
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(context.Background(), openapi3.EnableExamplesValidation()); err != nil {
		return nil, err
	}
	s := &Spec{doc: doc, compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	// A schema of OpenAPI 3.1 is a JSON Schema of 2020-12, and the document is the resource that its references are about.
	s.compiler.DefaultDraft(jsonschema.Draft2020)
	s.compiler.AssertFormat()
	text, err := doc.MarshalJSON()
	if err != nil {
		return nil, err
	}
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	if err := s.compiler.AddResource(documentURL, resource); err != nil {
		return nil, err
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			o := Operation{Method: method, Path: path, ID: op.OperationID, segments: strings.Split(path, "/"), spec: op}
			if op.Security != nil {
				for _, requirement := range *op.Security {
					o.Scopes = append(o.Scopes, slices.Sorted(maps.Keys(requirement))...)
				}
			}
			s.operations = append(s.operations, o)
		}
	}
	sort.Slice(s.operations, func(i, j int) bool {
		a, b := s.operations[i], s.operations[j]
		return a.Path < b.Path || a.Path == b.Path && a.Method < b.Method
	})
	return s, nil
}

// Operations returns every operation, sorted by path and method.
func (s *Spec) Operations() []Operation { return append([]Operation(nil), s.operations...) }

// Body returns an example of a JSON body that the operation takes: {} when the document has none, and nothing for an operation
// without a body.
func (o Operation) Body() ([]byte, error) {
	if o.spec.RequestBody == nil {
		return nil, nil
	}
	media := o.spec.RequestBody.Value.Content["application/json"]
	if media == nil {
		return nil, nil
	}
	value := media.Example
	for _, name := range slices.Sorted(maps.Keys(media.Examples)) {
		if value == nil {
			value = media.Examples[name].Value.Value
		}
	}
	if value == nil {
		value = map[string]any{}
	}
	return json.Marshal(value)
}

// CSV reports whether the operation takes lines of text/csv.
func (o Operation) CSV() bool {
	return o.spec.RequestBody != nil && o.spec.RequestBody.Value.Content["text/csv"] != nil
}

// Endless reports whether the operation's success is a stream of events, which goes on until the client goes away.
func (o Operation) Endless() bool {
	answer := o.spec.Responses.Value("200")
	return answer != nil && answer.Value != nil && answer.Value.Content["text/event-stream"] != nil
}

// Query returns the names of the parameters that the operation reads from a query.
func (o Operation) Query() (names []string) {
	for _, parameter := range o.spec.Parameters {
		if parameter.Value != nil && parameter.Value.In == openapi3.ParameterInQuery {
			names = append(names, parameter.Value.Name)
		}
	}
	return names
}

// Members returns the names of the members of a JSON body that the operation takes.
func (o Operation) Members() []string {
	if o.spec.RequestBody == nil || o.spec.RequestBody.Value.Content["application/json"] == nil {
		return nil
	}
	names := map[string]bool{}
	var add func(ref *openapi3.SchemaRef)
	add = func(ref *openapi3.SchemaRef) {
		if ref == nil || ref.Value == nil {
			return
		}
		for name := range ref.Value.Properties {
			names[name] = true
		}
		for _, part := range slices.Concat(ref.Value.AllOf, ref.Value.AnyOf, ref.Value.OneOf) {
			add(part)
		}
	}
	add(o.spec.RequestBody.Value.Content["application/json"].Schema)
	return slices.Sorted(maps.Keys(names))
}

// Find returns the operation of a request. A literal segment goes before a parameter; a slash at the end does not count.
func (s *Spec) Find(method, path string) (Operation, bool) {
	segments := strings.Split(strings.TrimSuffix(path, "/"), "/")
	best, found := Operation{}, false
	for _, o := range s.operations {
		if o.Method == method && o.matches(segments) && (!found || strings.Count(o.Path, "{") < strings.Count(best.Path, "{")) {
			best, found = o, true
		}
	}
	return best, found
}

func (o Operation) matches(segments []string) bool {
	if len(o.segments) != len(segments) {
		return false
	}
	for i, want := range o.segments {
		if !strings.HasPrefix(want, "{") && want != segments[i] || segments[i] == "" && i > 0 {
			return false
		}
	}
	return true
}

// Check compares an answer with the document. An answer to a path or method that is not documented must be 404 or 405, or
// what a route answers that comes with a later version: 501 or the refusal of a key.
func (s *Spec) Check(method, path string, status int, header http.Header, body []byte) error {
	o, ok := s.Find(method, path)
	if !ok {
		switch status {
		case http.StatusNotFound, http.StatusMethodNotAllowed:
			return nil
		case http.StatusNotImplemented, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
			return nil // a route that comes with a later version is in no document
		}
		return fmt.Errorf("%s %s answered %d and is not documented", method, path, status)
	}
	if err := s.check(o, status, header, body); err != nil {
		return fmt.Errorf("%s %s answered %d: %w", method, o.Path, status, err)
	}
	return nil
}

func (s *Spec) check(o Operation, status int, header http.Header, body []byte) error {
	ref := o.spec.Responses.Value(strconv.Itoa(status))
	if ref == nil || ref.Value == nil {
		return fmt.Errorf("the status is not documented")
	}
	contentType := header.Get("Content-Type")
	if len(ref.Value.Content) == 0 && status == http.StatusNoContent {
		if contentType != "" || len(body) > 0 {
			return fmt.Errorf("there is a body of Content-Type %q, and none is documented", contentType)
		}
		return nil
	}
	media := ref.Value.Content[contentType]
	if media == nil {
		return fmt.Errorf("Content-Type %q is not documented", contentType)
	}
	if contentType != "application/json" || o.Method == http.MethodHead && len(body) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("the body is more than one JSON value")
	}
	at := []string{"paths", o.Path, strings.ToLower(o.Method), "responses", strconv.Itoa(status)}
	if ref.Ref != "" {
		at = strings.Split(strings.TrimPrefix(ref.Ref, "#/"), "/")
	}
	schema, err := s.schema(append(at, "content", contentType, "schema")...)
	if err != nil {
		return fmt.Errorf("the schema of the answer: %w", err)
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("the body is not as documented: %w", err)
	}
	return nil
}

// Codes returns every error code that is documented in an example: the member "code" of its value.
func (s *Spec) Codes() map[string]bool {
	codes := map[string]bool{}
	for _, o := range s.operations {
		for _, response := range o.spec.Responses.Map() {
			for _, media := range response.Value.Content {
				for _, example := range media.Examples {
					if value, ok := example.Value.Value.(map[string]any); ok {
						if code, ok := value["code"].(string); ok {
							codes[code] = true
						}
					}
				}
			}
		}
	}
	return codes
}

// Transport checks every answer that passes through it and hands what is wrong to report, which may be called at any time.
// A nil next is http.DefaultTransport.
func (s *Spec) Transport(next http.RoundTripper, report func(error)) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return transport{s, next, report}
}

type transport struct {
	spec   *Spec
	next   http.RoundTripper
	report func(error)
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(r)
	if err != nil {
		return response, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	if err := t.spec.Check(r.Method, r.URL.EscapedPath(), response.StatusCode, response.Header, body); err != nil {
		t.report(err)
	}
	return response, nil
}
