package httpport_test

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/seller"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/openapitest"
	"github.com/leadmill/leadmill/tests/porttest"
)

// doors has one route for each scope.
const doors = `tags: [{name: acme, description: Routes of Acme}]
paths:
  /v1/x/acme/admin:
    get:
      operationId: acmeAdmin
      tags: [acme]
      security: [{admin: []}]
      responses: &answers
        "200": &ok {description: Done., content: {application/json: {schema: {$ref: "#/components/schemas/Ok"}}}}
        "401": {$ref: "#/components/responses/Unauthenticated"}
        "403": {$ref: "#/components/responses/Forbidden"}
        "429": {$ref: "#/components/responses/TooMany"}
        "500": {$ref: "#/components/responses/Internal"}
        "503": {$ref: "#/components/responses/Unavailable"}
  /v1/x/acme/open: {get: {operationId: acmeOpen, responses: {"200": *ok}}}
  /v1/x/acme/program: {get: {operationId: acmeProgram, security: [{program: []}], responses: *answers}}
  /v1/x/acme/supplier: {get: {operationId: acmeSupplier, security: [{supplier: []}], responses: *answers}}
  /v1/x/acme/both: {get: {operationId: acmeBoth, security: [{program: []}, {reports: []}], responses: *answers}}
  /v1/x/acme/reports: {get: {operationId: acmeReports, security: [{reports: []}], responses: *answers}}
  /v1/x/acme/calls/{id}:
    parameters: [{$ref: "#/components/parameters/Id"}]
    delete: {operationId: acmeHangUp, security: [{dialer: []}], responses: *answers}
  /v1/x/acme/calls:sweep: {post: {operationId: acmeSweep, security: [{dialer: []}], responses: *answers}}
  /v1/x/acme/panic: {get: {operationId: acmePanic, security: [{program: []}], responses: *answers}}
  /v1/x/acme/silence: {get: {operationId: acmeSilence, security: [{program: []}], responses: *answers}}
  /v1/x/acme/blank: {get: {operationId: acmeBlank, security: [{program: []}], responses: *answers}}
  /v1/x/acme/failure: {get: {operationId: acmeFailure, security: [{program: []}], responses: *answers}}
`

var errThing = errors.New("john@secret.example")

// teamScopes are the scopes of doors. "dialer" opens nothing of ours.
func teamScopes(t testing.TB) application.Scopes {
	s, err := application.NewScopes(porttest.TeamScope, application.KeyScope{Name: "dialer"})
	require.NoError(t, err)
	return s
}

// newTeamApp is newApp with the doors of two modules' values of one name, and keys "dialer" and "gone", of a scope that this
// build has not.
func newTeamApp(t testing.TB) *porttest.App {
	ok := (*httpport.Call).OK
	a := newApp(t, func(d *httpport.Deps) {
		d.Scopes = teamScopes(t)
		d.Teams = []httpport.Team{
			{Module: "acme", OpenAPI: [][]byte{[]byte(doors)}, Routes: []httpport.Route{
				{Method: "GET", Path: "/v1/x/acme/open", Needs: application.Visitor, Handle: ok},
				{Method: "GET", Path: "/v1/x/acme/admin", Needs: application.Admin, Handle: ok},
				{Method: "GET", Path: "/v1/x/acme/program", Needs: application.Program, Handle: ok},
				{Method: "GET", Path: "/v1/x/acme/supplier", Needs: application.Supplier, Handle: ok},
				{Method: "GET", Path: "/v1/x/acme/reports", Needs: "reports", Handle: ok},
				{Method: "GET", Path: "/v1/x/acme/both", Needs: application.Program, Also: []application.Scope{"reports"}, Handle: ok},
				{Method: "DELETE", Path: "/v1/x/acme/calls/:id", Needs: "dialer", Handle: ok},
			}},
			{Module: "acme", Routes: []httpport.Route{
				{Method: "POST", Path: `/v1/x/acme/calls\:sweep`, Needs: "dialer", Handle: ok},
				{Method: "GET", Path: "/v1/x/acme/panic", Needs: application.Program, Handle: func(*httpport.Call) { panic(errThing) }},
				{Method: "GET", Path: "/v1/x/acme/silence", Needs: application.Program, Handle: func(*httpport.Call) {}},
				{Method: "GET", Path: "/v1/x/acme/blank", Needs: application.Program, Handle: func(k *httpport.Call) { k.Respond(application.Done{}) }},
				{Method: "GET", Path: "/v1/x/acme/failure", Needs: application.Program, Handle: func(k *httpport.Call) { k.Fail(errThing) }},
			}},
		}
	})
	actor := a.Keys["program"].Actor
	for _, scope := range []seller.Scope{"dialer", "gone", "visitor", "internal", ""} {
		actor.Scope, actor.KeyID = scope, "k-"+string(scope)
		a.Keys["key of "+cmp.Or(string(scope), "nothing")] = porttest.Credentials{Actor: actor}
	}
	return a
}

// ask sends a request past porttest's own document, which knows no teams.
func ask(a *porttest.App, method, path, key string) *httptest.ResponseRecorder {
	q := httptest.NewRequest(method, path, nil)
	if key != "" {
		q.Header.Set("Authorization", "Bearer "+key)
	}
	w := httptest.NewRecorder()
	a.Server.ServeHTTP(w, q)
	return w
}

func TestTeamRoutesAdmit(t *testing.T) {
	t.Parallel()
	a := newTeamApp(t)
	spec, err := openapitest.Load(a.Server.OpenAPI())
	require.NoError(t, err)
	keys := []string{"", "nobody", "admin", "program", "supplier", "reports", "key of dialer", "key of gone", "key of visitor", "key of internal", "key of nothing"}
	opens := map[string]string{ // the one key that opens a path
		"GET /v1/x/acme/admin": "admin", "GET /v1/x/acme/program": "program", "GET /v1/x/acme/supplier": "supplier",
		"GET /v1/x/acme/both": "program, reports", "GET /v1/x/acme/reports": "reports", "DELETE /v1/x/acme/calls/7": "key of dialer", "POST /v1/x/acme/calls:sweep": "key of dialer",
		"GET /v1/x/acme/open": "*",
		// Ours: a message decides for a key whose scope opens anything.
		"GET /v1/buyers/b1": "program, reports", "PUT /v1/buyers/b1": "program, reports", "POST /api/leads": "supplier",
	}
	for route, open := range opens {
		method, path, _ := strings.Cut(route, " ")
		for _, key := range keys {
			want := 403
			switch {
			case open == "*" || key != "" && strings.Contains(", "+open+",", ", "+key+","):
				want = 200
			case key == "" || key == "nobody" || strings.HasPrefix(path, "/api"):
				want = 401
			}
			w := ask(a, method, path, key)
			assert.Equal(t, want, w.Code, "%s with the key %q: %s", route, key, w.Body)
			require.NoError(t, spec.Check(method, path, w.Code, w.Header(), w.Body.Bytes()))
		}
	}
}

func TestTeamRoutesAreRoutes(t *testing.T) {
	t.Parallel()
	a := newTeamApp(t)
	for path, key := range map[string]string{"panic": "program", "failure": "program", "silence": "program", "blank": "program"} {
		w := ask(a, "GET", "/v1/x/acme/"+path, key)
		assert.Equal(t, 500, w.Code)
		assert.Equal(t, `{"status":0,"message":"Internal error","code":"internal_error","request_id":"`+w.Header().Get("X-Request-Id")+`"}`, w.Body.String())
		assert.NotContains(t, a.Logged(), "secret.example")
	}
	assert.Contains(t, a.Logged(), `"route":"/v1/x/acme/panic"`)
	assert.Contains(t, a.Logged(), "the route's handler returned without an answer")
	assert.Contains(t, a.Logged(), "the command rendered no answer; it needs an application.Once")
	for want, path := range map[int]string{404: "/v1/x/acme/nothing", 405: "/v1/x/acme/calls/7"} {
		w := ask(a, "GET", path, "program")
		assert.Equal(t, want, w.Code)
		assert.Contains(t, w.Body.String(), `"status":0`)
	}
	// Every request of a key counts, also those that only read.
	limited := a.Keys["supplier"]
	limited.Limit = application.RateLimit{Requests: 1, Window: time.Minute}
	a.Keys["supplier"] = limited
	assert.Equal(t, 200, ask(a, "GET", "/v1/x/acme/supplier", "supplier").Code)
	w := ask(a, "GET", "/v1/x/acme/supplier", "supplier")
	assert.Equal(t, 429, w.Code)
	assert.Equal(t, "60", w.Header().Get("Retry-After"))
}

func TestTeamDocument(t *testing.T) {
	t.Parallel()
	a := newTeamApp(t)
	w := ask(a, "GET", "/openapi.yaml", "")
	assert.Equal(t, string(a.Server.OpenAPI()), w.Body.String())
	spec, err := openapitest.Load(w.Body.Bytes())
	require.NoError(t, err)
	found := map[string][]string{}
	for _, o := range spec.Operations() {
		found[o.Method+" "+o.Path] = o.Scopes
	}
	for _, o := range porttest.Spec().Operations() {
		assert.Equal(t, o.Scopes, found[o.Method+" "+o.Path])
		delete(found, o.Method+" "+o.Path)
	}
	assert.Equal(t, map[string][]string{
		"GET /v1/x/acme/open": nil, "GET /v1/x/acme/admin": {"admin"}, "GET /v1/x/acme/program": {"program"}, "GET /v1/x/acme/supplier": {"supplier"},
		"GET /v1/x/acme/reports": {"reports"}, "DELETE /v1/x/acme/calls/{id}": {"dialer"}, "POST /v1/x/acme/calls:sweep": {"dialer"},
		"GET /v1/x/acme/panic": {"program"}, "GET /v1/x/acme/failure": {"program"}, "GET /v1/x/acme/silence": {"program"}, "GET /v1/x/acme/blank": {"program"}, "GET /v1/x/acme/both": {"program", "reports"},
	}, found)
	assert.Contains(t, w.Body.String(), "description: A key with the scope dialer")

	alone := newApp(t, func(d *httpport.Deps) { d.Scopes, d.Teams = teamScopes(t), []httpport.Team{{Module: "Empty"}} })
	assert.Equal(t, string(httpport.OpenAPI()), string(alone.Server.OpenAPI()), "without routes of teams")
}

func TestExampleTeamIsDocumented(t *testing.T) {
	t.Parallel()
	_, err := openapitest.Load(serverWith(noteTeam(noteRoutes{}), application.KeyScope{Name: "notes"}).OpenAPI())
	require.NoError(t, err)
}

func TestNewRefusesTeams(t *testing.T) {
	t.Parallel()
	do := func(*httpport.Call) {}
	get := func(path string, needs application.Scope) httpport.Route {
		return httpport.Route{Method: "GET", Path: path, Needs: needs, Handle: do}
	}
	const answer = `responses: {"200": {description: Done.}}`
	describing := func(path, security string) string {
		return "paths:\n  " + path + ": {get: {security: " + security + ", " + answer + "}}\n"
	}
	team := func(routes []httpport.Route, fragments ...string) []httpport.Team {
		all := httpport.Team{Module: "acme", Routes: routes}
		for _, f := range fragments {
			all.OpenAPI = append(all.OpenAPI, []byte(f))
		}
		return []httpport.Team{all}
	}
	a := []httpport.Route{get("/v1/x/acme/a", application.Program)}
	const describesA = "paths: {/v1/x/acme/a: {get: {security: [{program: []}], " + answer + "}}}\n"
	for name, c := range map[string]struct {
		teams []httpport.Team
		want  []string // each behind `httpport: module "acme": `, unless it begins with a star
	}{
		"a module's name": {[]httpport.Team{{Module: "Acme-1", Routes: a}, {Routes: a}}, []string{
			`*httpport: the module "Acme-1" has routes, so its name must be 1 to 20 of a-z, 0-9 and _, and begin with a letter`,
			`*httpport: the module "" has routes, so its name must be 1 to 20 of a-z, 0-9 and _, and begin with a letter`,
		}},
		"outside": {team([]httpport.Route{get("/v1/buyers", application.Program), get("/v1/x/acme", application.Program), get("/v1/x/other/a", application.Program)}), []string{
			"the route GET /v1/buyers is outside /v1/x/acme/", "the route GET /v1/x/acme is outside /v1/x/acme/", "the route GET /v1/x/other/a is outside /v1/x/acme/",
		}},
		"path": {team([]httpport.Route{
			get("/v1/x/acme/", application.Program), get("/v1/x/acme/a/", application.Program), get("/v1/x/acme/*rest", application.Program),
			get("/v1/x/acme/:id.json", application.Program), get("/v1/x/acme/ä", application.Program),
		}), []string{
			`the route GET /v1/x/acme/ has the segment "", which is neither plain text nor a parameter such as :id`,
			`the route GET /v1/x/acme/a/ has the segment "", which is neither plain text nor a parameter such as :id`,
			`the route GET /v1/x/acme/*rest has the segment "*rest", which is neither plain text nor a parameter such as :id`,
			`the route GET /v1/x/acme/:id.json has the segment ":id.json", which is neither plain text nor a parameter such as :id`,
			`the route GET /v1/x/acme/ä has the segment "ä", which is neither plain text nor a parameter such as :id`,
		}},
		"method": {team([]httpport.Route{{Method: "get", Path: "/v1/x/acme/a", Needs: application.Program, Handle: do}}), []string{
			"the route get /v1/x/acme/a has no method of HTTP, such as GET or POST",
		}},
		"taken": {team(append(a, a[0], get("/v1/x/acme/:one", application.Visitor), get("/v1/x/acme/:two", application.Visitor)), describesA, describing("/v1/x/acme/{one}", "[]")), []string{
			"there are two routes GET /v1/x/acme/a", "the routes GET /v1/x/acme/:one and GET /v1/x/acme/:two cannot be told apart",
		}},
		"scope": {team([]httpport.Route{get("/v1/x/acme/a", ""), get("/v1/x/acme/b", application.Internal), get("/v1/x/acme/c", "nowhere")},
			describesA, describing("/v1/x/acme/b", "[]"), describing("/v1/x/acme/c", "[{nowhere: []}]")), []string{
			"the route GET /v1/x/acme/a has no scope", "the route GET /v1/x/acme/b has the scope internal, which no request has",
			`the route GET /v1/x/acme/c has the scope "nowhere", which no module declares`,
		}},
		"parameters of two names": {
			team([]httpport.Route{get("/v1/x/acme/:one/a", application.Visitor), get("/v1/x/acme/:two/b", application.Visitor)}, describing("/v1/x/acme/{one}/a", "[]"), describing("/v1/x/acme/{two}/b", "[]")), []string{
				"the route GET /v1/x/acme/:two/b cannot be: ':two' in new path '/v1/x/acme/:two/b' conflicts with existing wildcard ':one' in existing prefix '/v1/x/acme/:one'",
			},
		},
		"handler": {team([]httpport.Route{{Method: "GET", Path: "/v1/x/acme/a", Needs: application.Program}}, describesA), []string{
			"the route GET /v1/x/acme/a has no handler",
		}},
		"not described": {team(append(a, httpport.Route{Method: "POST", Path: "/v1/x/acme/a", Needs: application.Program, Handle: do}, get("/v1/x/acme/b/:id", application.Program)),
			describesA, describing("/v1/x/acme/b/{key}", "[{program: []}]")), []string{
			"the route POST /v1/x/acme/a is described by no fragment of the module", "the route GET /v1/x/acme/b/:id is described by no fragment of the module",
			"a fragment describes GET /v1/x/acme/b/{key}, which no route serves",
		}},
		"no fragment": {team(a), []string{"the route GET /v1/x/acme/a is described by no fragment of the module"}},
		"a path outside": {team(a, describesA, describing("/v1/y", "[]"), describing("/v1/x/acmes/a", "[]")), []string{
			"a fragment describes /v1/y, which is outside /v1/x/acme/", "a fragment describes /v1/x/acmes/a, which is outside /v1/x/acme/",
		}},
		"security": {team([]httpport.Route{get("/v1/x/acme/b", application.Visitor), get("/v1/x/acme/c", application.Program), get("/v1/x/acme/d", "reports"), get("/v1/x/acme/e", "reports")},
			describing("/v1/x/acme/b", "[{program: []}]"), describing("/v1/x/acme/c", "[]"), describing("/v1/x/acme/d", "[{program: []}, {reports: []}]"), describing("/v1/x/acme/e", "[{program: [], reports: []}]")), []string{
			`a fragment must say "security: []" of GET /v1/x/acme/b, as its route does`,
			`a fragment must say "security: [{program: []}]" of GET /v1/x/acme/c, as its route does`,
			`a fragment must say "security: [{reports: []}]" of GET /v1/x/acme/d, as its route does`,
			`a fragment must say "security: [{reports: []}]" of GET /v1/x/acme/e, as its route does`,
		}},
		"also": {team([]httpport.Route{
			{Method: "GET", Path: "/v1/x/acme/b", Needs: application.Program, Also: []application.Scope{"reports"}, Handle: (*httpport.Call).OK},
			{Method: "GET", Path: "/v1/x/acme/c", Needs: application.Program, Also: []application.Scope{"nobodys"}, Handle: (*httpport.Call).OK},
			{Method: "GET", Path: "/v1/x/acme/d", Needs: application.Admin, Also: []application.Scope{"reports"}, Handle: (*httpport.Call).OK},
		}, describing("/v1/x/acme/b", "[{program: []}]"), describing("/v1/x/acme/c", "[{program: []}]"), describing("/v1/x/acme/d", "[{admin: []}]")), []string{
			`a fragment must say "security: [{program: []}, {reports: []}]" of GET /v1/x/acme/b, as its route does`,
			`the route GET /v1/x/acme/c is also for the scope "nobodys": that must be one that a module declares, beside the scope program`,
			`the route GET /v1/x/acme/d is also for the scope "reports": that must be one that a module declares, beside the scope program`,
		}},
		"clashes": {
			team(a, describesA, "components: {schemas: {Error: {type: object}}}", "components: {securitySchemes: {reports: {type: http}}}",
				"tags: [{name: keys}]", "info: {title: Acme}", describesA), []string{
				"a fragment cannot be merged: components.schemas.Error is defined twice",
				"a fragment cannot be merged: components.securitySchemes.reports is defined twice",
				"a fragment cannot be merged: the tag keys is defined twice",
				"a fragment cannot be merged: info has no place in a fragment, which holds tags, paths and components",
				"a fragment cannot be merged: get /v1/x/acme/a is defined twice",
			},
		},
		"no YAML": {team(a, "a: [", describesA), []string{"fragment 1: openapi: yaml: line 1: did not find expected node content"}},
		"references": {
			team(a, describesA, `components: {schemas: {AcmeA: {$ref: "#/components/schemas/Nothing"}, AcmeB: {$ref: "#/components/schemas/Error"}, AcmeC: {$ref: "acme.yaml#/A"}}}`), []string{
				"a fragment refers to #/components/schemas/Nothing, which is not in the document",
				"a fragment refers to acme.yaml#/A, which is not in the document",
			},
		},
		"operation ids": {
			team(a, "paths: {/v1/x/acme/a: {get: {operationId: listBuyers, security: [{program: []}], "+answer+"}}}"), []string{
				"the operationId listBuyers of GET /v1/x/acme/a is that of another operation too",
			},
		},
		"all at once": {
			append(team(append(a, get("/v1", application.Program)), describesA, "components: {schemas: {Error: {}}}"), httpport.Team{Module: "Beta", OpenAPI: [][]byte{{}}}), []string{
				"the route GET /v1 is outside /v1/x/acme/",
				`*httpport: the module "Beta" has routes, so its name must be 1 to 20 of a-z, 0-9 and _, and begin with a letter`,
				"a fragment cannot be merged: components.schemas.Error is defined twice",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deps := httpport.Deps{
				Teams: c.teams, Scopes: teamScopes(t), Authenticator: porttest.Keys{}, Limiter: struct{ application.RateLimiter }{}, Clock: &porttest.Clock{},
				IDs: struct{ application.IDs }{}, Logger: slog.New(slog.DiscardHandler), Ready: func(context.Context) error { return nil },
			}
			s, err := httpport.New(deps)
			require.Error(t, err)
			assert.Nil(t, s)
			for i, text := range c.want {
				if rest, whole := strings.CutPrefix(text, "*"); whole {
					c.want[i] = rest
				} else {
					c.want[i] = `httpport: module "acme": ` + text
				}
			}
			assert.ElementsMatch(t, c.want, strings.Split(err.Error(), "\n"))
		})
	}
}
