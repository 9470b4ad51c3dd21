package leadmill

import (
	"context"
	"encoding/json"
	"io"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/openapitest"
)

// site is the whole of Leadmill with the key scopes "reports", which opens two operations, and "dialer", which opens none.
type site struct {
	t      *testing.T
	server *httpport.Server
	spec   *openapitest.Spec
}

const siteAdmin = "admin-key-of-the-tests-0123456789abcdef"

func withScopes(t *testing.T, use func(s site), list ...application.KeyScope) error {
	t.Helper()
	c := Config{HTTPAddr: "127.0.0.1:0", DatabaseURL: "sqlite:" + filepath.Join(t.TempDir(), "leadmill.db"), BatchMax: 1, AdminKey: siteAdmin}
	var parts []Extension
	for _, k := range list {
		parts = append(parts, AsScope(k.Name, k.Operations...))
	}
	app := New(NewModule("acme", parts...))
	return app.with(t.Context(), c, io.Discard, func(_ context.Context, k *core) error {
		server, err := k.server()
		require.NoError(t, err)
		spec, err := openapitest.Load(server.OpenAPI())
		require.NoError(t, err)
		use(site{t, server, spec})
		return nil
	})
}

// ask sends a request, compares the answer with the document, and reads its body into the answer, if there is one.
func (s site) ask(method, path, key, body string, answer any) (status int, text string) {
	s.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	if strings.HasSuffix(path, "/import") {
		r.Header.Set("Content-Type", "text/csv")
	}
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	require.NoError(s.t, s.spec.Check(method, r.URL.EscapedPath(), w.Code, w.Header(), w.Body.Bytes()))
	if answer != nil {
		require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), answer), "%s", w.Body)
	}
	return w.Code, w.Body.String()
}

// open makes a seller with a key of each scope.
func (s site) open(scopes ...string) (keys map[string]string) {
	s.t.Helper()
	var sold struct {
		Data struct {
			Key struct{ Key string } `json:"api_key"`
		}
	}
	status, text := s.ask("POST", "/v1/sellers", siteAdmin, `{"name":"Acme"}`, &sold)
	require.Equal(s.t, 201, status, text)
	keys = map[string]string{"program": sold.Data.Key.Key}
	for _, scope := range scopes {
		var made struct{ Data struct{ Key, Scope string } }
		status, text := s.ask("POST", "/v1/api-keys", keys["program"], `{"scope":"`+scope+`","rate_limit":null}`, &made)
		require.Equal(s.t, 201, status, text)
		require.Equal(s.t, scope, made.Data.Scope)
		require.True(s.t, strings.HasPrefix(made.Data.Key, "lm_"+scope+"_"))
		keys[scope] = made.Data.Key
	}
	return keys
}

var templateParameter = regexp.MustCompile(`\{[a-z_]+\}`)

// TestTeamScopeOpensOnlyWhatItNames walks over every operation of the document with keys of teams' scopes.
func TestTeamScopeOpensOnlyWhatItNames(t *testing.T) {
	t.Parallel()
	err := withScopes(t, func(s site) {
		keys := s.open("reports", "dialer", "events")
		opened := map[string]int{"GET /v1/reports/campaigns": 200, "GET /v1/campaigns/{id}": 404}
		walked := 0
		var read []string
		for _, o := range s.spec.Operations() {
			body, err := o.Body()
			require.NoError(t, err)
			path := templateParameter.ReplaceAllString(o.Path, "x1")
			switch o.Path {
			case "/v1/partner", "/v1/customer", "/v1/leads/convert", "/v1/leads/reject":
				path += "?id=1" // they must name something
			}
			for _, scope := range []string{"reports", "dialer", "events"} {
				if slices.Contains(o.Scopes, scope) {
					if o.Path == "/v1/events/stream" {
						path += "?after=99" // which is refused once the key is let in: a stream would not end
					}
					status, text := s.ask(o.Method, path, keys[scope], string(body), nil)
					assert.Contains(t, []int{200, 409}, status, "%s %s as %s: %s", o.Method, path, scope, text)
					read = append(read, o.Path)
					continue
				}
				status, text := s.ask(o.Method, path, keys[scope], string(body), nil)
				switch want, ok := opened[o.Method+" "+o.Path]; {
				case len(o.Scopes) == 0:
					assert.NotEqual(t, 403, status, o.Path)
				case o.Scopes[0] == "supplier":
					assert.Equal(t, 401, status, "%s %s as %s: %s", o.Method, path, scope, text)
				case ok && scope == "reports":
					assert.Equal(t, want, status, "%s %s: %s", o.Method, path, text)
				default:
					walked++
					assert.Equal(t, 403, status, "%s %s as %s: %s", o.Method, path, scope, text)
				}
			}
		}
		assert.Greater(t, walked, 150)
		assert.Equal(t, []string{"/v1/events", "/v1/events/stream"}, read, "what the scope events opens")
		for _, body := range []string{"", "x", `{"nothing":1}`} {
			status, _ := s.ask("POST", "/v1/campaigns", keys["dialer"], body, nil)
			assert.Equal(t, 403, status, "a scope that opens nothing learns nothing of a request either")
		}
	}, application.KeyScope{Name: "reports", Operations: []string{"CampaignReport", "CampaignByID"}}, application.KeyScope{Name: "dialer"})
	require.NoError(t, err)
}

func TestKeysOfTeamScopes(t *testing.T) {
	t.Parallel()
	err := withScopes(t, func(s site) {
		keys := s.open("maker", "dialer")
		for _, c := range []struct{ key, scope, want string }{
			{"program", "dialler", `{"scope":["must be program, supplier, form, site, dialer, events or maker"]}`},
			{"program", "admin", `{"scope":["must be program, supplier, form, site, dialer, events or maker"]}`},
			{"program", "", `{"scope":["is required"]}`},
			{"maker", "program", `{"scope":["must be maker"]}`}, // a key leads to no key that may do more
			{"maker", "dialer", `{"scope":["must be maker"]}`},
		} {
			var refused struct{ Errors json.RawMessage }
			status, text := s.ask("POST", "/v1/api-keys", keys[c.key], `{"scope":"`+c.scope+`"}`, &refused)
			assert.Equal(t, 422, status, text)
			assert.JSONEq(t, c.want, string(refused.Errors))
		}
		status, text := s.ask("POST", "/v1/partners", keys["program"], `{"id":"p1","email":"p1@example.com","name":"P"}`, nil)
		require.Equal(t, 201, status, text)
		status, text = s.ask("POST", "/v1/api-keys", keys["program"], `{"scope":"dialer","partner":{"id":"p1"}}`, nil)
		assert.Equal(t, 422, status)
		assert.Contains(t, text, "is for supplier and form keys only")
		status, text = s.ask("POST", "/v1/api-keys", keys["maker"], `{"scope":"maker"}`, nil)
		assert.Equal(t, 201, status, text)
		var list struct{ Data []struct{ Scope string } }
		s.ask("GET", "/v1/api-keys", keys["program"], "", &list)
		var scopes []string
		for _, k := range list.Data {
			scopes = append(scopes, k.Scope)
		}
		assert.ElementsMatch(t, []string{"program", "maker", "maker", "dialer"}, scopes)
	}, application.KeyScope{Name: "maker", Operations: []string{"CreateAPIKey"}}, application.KeyScope{Name: "dialer"})
	require.NoError(t, err)
}

func TestScopesOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	err := withScopes(t, func(site) { t.Error("it started") }, application.KeyScope{Name: "reports", Operations: []string{"CampaignReports", "CreateSeller"}})
	require.ErrorContains(t, err, `the key scope "reports" opens "CampaignReports", which is no command or query of this build`)
	require.ErrorContains(t, err, `the key scope "reports" cannot open CreateSeller, which needs the scope admin`)
}
