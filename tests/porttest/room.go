package porttest

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/openapitest"
)

// Room is one room of the port, of which Check asks what holds for every room.
type Room struct {
	// New starts a server over the room's routes.
	New func(t testing.TB) *App
	// Routes are the room's routes; nil: only the documented operations are looked at.
	Routes []httpport.Route
	// Fragments is the pattern of the files that document the room, such as openapi*.yaml.
	Fragments string
	// Examples are what valid requests need besides their path, by method and path template.
	Examples map[string]Example
	// Strict are the beginnings of paths on which an empty list is no empty object.
	Strict []string
}

// Example is what a valid request of an operation needs.
type Example struct {
	Body, Query string
	Header      http.Header
	File        string // in place of {file}
}

// Operations are those that files document, which must be some.
func Operations(t testing.TB, pattern string) []openapitest.Operation {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]bool{}
	for _, file := range files {
		var document struct {
			Paths map[string]any `yaml:"paths"`
		}
		b, err := os.ReadFile(file)
		if err == nil {
			err = yaml.Unmarshal(b, &document)
		}
		if err != nil {
			t.Fatal(err)
		}
		for path := range document.Paths {
			own[path] = true
		}
	}
	var found []openapitest.Operation
	for _, o := range Spec().Operations() {
		if own[o.Path] {
			found = append(found, o)
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s documents no operation of the document that is served", pattern)
	}
	return found
}

var pathParameter = regexp.MustCompile(`\{[a-z_]+\}`)

// template is a route's path as the document writes it. The router wants one name for what stands behind /r/.
func template(r httpport.Route) string {
	if r.Path == "/r/:key/:link_key" {
		return "/r/{seller_code}/{key}"
	}
	return r.Template()
}

// CheckDocumented compares routes with the operations of a document: each has the other, with the same scope.
func CheckDocumented(t *testing.T, routes []httpport.Route, operations []openapitest.Operation) {
	t.Helper()
	documented := map[string]string{}
	for _, o := range operations {
		documented[o.Method+" "+o.Path] = strings.Join(o.Scopes, ",")
	}
	for _, r := range routes {
		if r.Later {
			continue
		}
		name := r.Method + " " + template(r)
		want := string(r.Needs)
		for _, scope := range r.Also {
			want += "," + string(scope)
		}
		if r.Needs == application.Visitor || r.Needs == application.Form { // a form key is public, and part of the path
			want = ""
		}
		who, ok := documented[name]
		if !ok || who != want {
			t.Errorf("%s: documented %v with scope %q, want %q", name, ok, who, want)
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("%s is documented and no route", name)
	}
}

// example is a valid request for an operation.
func (r Room) example(o openapitest.Operation, key string) Request {
	e := r.Examples[o.Method+" "+o.Path]
	q := Request{Method: o.Method, Path: strings.ReplaceAll(o.Path, "{file}", e.File), Key: key, Body: e.Body, Header: e.Header}
	q.Path = pathParameter.ReplaceAllString(q.Path, "x1") + e.Query
	if q.Body == "" && o.Method == http.MethodPut {
		q.Body = "{}"
	}
	return q
}

// Check runs what holds for every room.
func (r Room) Check(t *testing.T) {
	t.Helper()
	operations := Operations(t, r.Fragments)
	if r.Routes != nil {
		CheckDocumented(t, r.Routes, operations)
	}
	r.checkScopes(t, operations)
	r.checkErrors(t, operations)
	r.checkContentTypes(t, operations)
	r.checkBodies(t, operations)
	r.checkParameters(t, operations)
}

// checkParameters sees that what is read with a key ignores no parameter: one that is misspelt would else answer everything. Those that the
// document names are known.
func (r Room) checkParameters(t *testing.T, operations []openapitest.Operation) {
	t.Helper()
	const unknown = "is not a known parameter"
	a := r.New(t)
	for _, o := range operations {
		if o.Method != http.MethodGet || len(o.Scopes) == 0 {
			continue
		}
		q := r.example(o, o.Scopes[0])
		with := func(parameter string) *httptest.ResponseRecorder {
			a.Calls = 0
			q := q
			q.Path += "&" + parameter
			if !strings.Contains(q.Path, "?") {
				q.Path = strings.Replace(q.Path, "&", "?", 1)
			}
			return a.Do(q)
		}
		want := http.StatusUnprocessableEntity
		if strings.HasPrefix(o.Path, "/api/") {
			want = http.StatusBadRequest
		}
		if w := with("misspelt=x"); w.Code != want || !strings.Contains(w.Body.String(), unknown) || a.Calls > 0 {
			t.Errorf("GET %s with a parameter that nobody knows: %d %s", o.Path, w.Code, w.Body)
		}
		for _, name := range o.Query() {
			if w := with(url.QueryEscape(name) + "=x"); strings.Contains(w.Body.String(), unknown) {
				t.Errorf("GET %s does not know its parameter %s: %s", o.Path, name, w.Body)
			}
		}
	}
}

// checkScopes tries every scope on every route, generated from the document, every answer compared with it.
func (r Room) checkScopes(t *testing.T, operations []openapitest.Operation) {
	t.Helper()
	a := r.New(t)
	for _, o := range operations {
		if strings.Contains(o.Path, "{form_key}") {
			continue
		}
		for _, key := range []string{"", "nobody", "admin", "program", "supplier", string(TeamScope.Name), string(eventsScope.Name)} {
			want := 0 // the documented success
			switch {
			case len(o.Scopes) == 0 || slices.Contains(o.Scopes, key):
			case key == string(TeamScope.Name) && o.Path == teamPath:
			case key == "" || key == "nobody" || o.Scopes[0] == "supplier":
				want = http.StatusUnauthorized
			default:
				want = http.StatusForbidden
			}
			a.Calls = 0
			a.Clock.Advance(10 * time.Second) // so that strangers are not told to wait
			w := a.Do(r.example(o, key))
			if want == 0 && w.Code >= 400 || want != 0 && w.Code != want {
				t.Errorf("%s %s with key %q: %d, want %d: %s", o.Method, o.Path, key, w.Code, want, w.Body)
			}
			if want >= 400 && a.Calls > 0 {
				t.Errorf("%s %s with key %q reached the application", o.Method, o.Path, key)
			}
			needs := application.Visitor
			if len(o.Scopes) > 0 {
				needs = application.Scope(o.Scopes[0])
			}
			if m, sent := a.Take().(application.Message); sent && m.Needs() != needs && (m.Needs() != application.Site || !strings.Contains(o.Path, "{site_key}")) {
				t.Errorf("%s %s is for %s, but %T needs %s", o.Method, o.Path, needs, m, m.Needs())
			}
		}
	}
}

// checkErrors sees that every error of the application is documented for every route, in the form of its API.
func (r Room) checkErrors(t *testing.T, operations []openapitest.Operation) {
	t.Helper()
	a := r.New(t)
	for _, o := range operations {
		if len(o.Scopes) == 0 {
			continue
		}
		for _, err := range []error{application.ErrUnavailable, errors.New("boom"), context.Canceled} {
			a.Fail = err
			w := a.Do(r.example(o, o.Scopes[0]))
			if w.Code < 500 || strings.Contains(w.Body.String(), "boom") {
				t.Errorf("%s %s: %d %s", o.Method, o.Path, w.Code, w.Body)
			}
		}
		if o.Method == http.MethodGet || o.Path == "/api/leads" {
			continue
		}
		for err, want := range map[error]int{fault.New(fault.NotFound, "thing_not_found", "Thing not found."): 404, application.ErrConcurrentChange: 409} {
			a.Fail = err
			w := httptest.NewRecorder()
			e := r.example(o, o.Scopes[0])
			q := httptest.NewRequest(e.Method, e.Path, strings.NewReader(e.Body))
			maps.Copy(q.Header, e.Header)
			q.Header.Set("Authorization", "Bearer "+o.Scopes[0])
			a.Server.ServeHTTP(w, q)
			if w.Code != want {
				t.Errorf("%s %s: %d, want %d", o.Method, o.Path, w.Code, want)
			}
		}
	}
}

// checkContentTypes sees that the Content-Type of JSON is exact: a client in the field decodes nothing else.
func (r Room) checkContentTypes(t *testing.T, operations []openapitest.Operation) {
	t.Helper()
	a := r.New(t)
	for _, o := range operations {
		if len(o.Scopes) == 0 {
			continue
		}
		for _, key := range []string{o.Scopes[0], "nobody"} {
			a.Clock.Advance(10 * time.Second) // so that strangers are not told to wait
			w := a.Do(r.example(o, key))
			want := "application/json"
			if o.Path == streamPath && key != "nobody" {
				want = streamType
			}
			if got := w.Header()["Content-Type"]; w.Code != http.StatusNoContent && (len(got) != 1 || got[0] != want) {
				t.Errorf("%s %s: Content-Type %q", o.Method, o.Path, got)
			}
		}
	}
}

// checkBodies sees that what is no JSON is 400 on every path under /v1 that takes a body, also where it may be absent.
func (r Room) checkBodies(t *testing.T, operations []openapitest.Operation) {
	t.Helper()
	a := r.New(t)
	for _, o := range operations {
		if o.Method == http.MethodGet || len(o.Scopes) == 0 || o.Scopes[0] != "program" {
			continue
		}
		e := r.example(o, "program")
		if e.Header.Get("Content-Type") == "text/csv" {
			continue // a file
		}
		bodies := []string{"x", "[1]", "[{}]", "[[]]", "[] []", `{"a":1`, `{"a":1,"a":2}`}
		for _, strict := range r.Strict {
			if strings.HasPrefix(o.Path, strict) {
				bodies = append(bodies, "[]") // an empty object as PHP writes it, elsewhere
			}
		}
		for _, body := range bodies {
			e.Body = body
			if w := a.Do(e); w.Code != 400 || CodeIn(t, w) != "invalid_body" {
				t.Errorf("%s %s with %s: %d %s", o.Method, o.Path, body, w.Code, w.Body)
			}
		}
	}
	if a.Calls > 0 {
		t.Error("the application was asked")
	}
}

// CheckViolations expects one violation for each member, and that the application was not asked.
func CheckViolations(t *testing.T, a *App, r Request, want map[string]string) {
	t.Helper()
	w := a.Do(r)
	var got struct{ Errors map[string][]string }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for member, all := range got.Errors {
		texts[member] = strings.Join(all, "; ")
	}
	if d := cmp.Diff(want, texts); d != "" || w.Code != http.StatusUnprocessableEntity || a.Calls > 0 {
		t.Errorf("%d after %d calls: %s", w.Code, a.Calls, d)
	}
}

// Canary is what must be nowhere in an answer or in the log, wherever it is in a request.
const Canary = "canary@secret.example"

// CheckNoPersonalData sends requests that have the Canary in them.
func CheckNoPersonalData(t *testing.T, a *App, requests []Request) {
	t.Helper()
	for _, r := range requests {
		w := a.Do(r)
		if strings.Contains(w.Body.String(), "canary") {
			t.Errorf("%s %s answers %s", r.Method, r.Path, w.Body)
		}
		for name, values := range w.Header() {
			if strings.Contains(strings.Join(values, ""), "canary") {
				t.Errorf("%s %s answers the header %s", r.Method, r.Path, name)
			}
		}
	}
	if log := a.Logged(); strings.Contains(log, "canary") || log == "" {
		t.Errorf("logged: %s", log)
	}
}

// Refusal is a request with the key program that is refused before a command is sent. Errors are what is told of its members.
type Refusal struct {
	Method, Path, Body string
	Status             int
	Code               string
	Errors             map[string][]string
}

// Check sends the request to an app of its own.
func (c Refusal) Check(t *testing.T, a *App) {
	t.Helper()
	w := a.Do(Request{Method: c.Method, Path: c.Path, Key: "program", Body: c.Body})
	var got struct {
		Status    int
		Message   string
		Code      string
		Errors    map[string][]string
		RequestID string `json:"request_id"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if w.Code != c.Status || got.Code != c.Code || got.Message == "" || got.RequestID != w.Header().Get("X-Request-Id") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if d := cmp.Diff(c.Errors, got.Errors); d != "" {
		t.Error(d)
	}
	if a.Calls > 0 {
		t.Error("the command was sent")
	}
}
