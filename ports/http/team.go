package httpport

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/ports/http/openapi"
)

// Team is what the module of a team adds to the API. It is checked when the server is made: every route is below
// /v1/x/<Module>/, has a handler, needs a scope that exists, and is described by an operation with that scope as its only
// security, or none for application.Visitor; every operation has its route.
type Team struct {
	// Module is the team's name in paths: 1 to 20 of a-z, 0-9 and _, beginning with a letter. Several values of one Module
	// count as one.
	Module string
	// Routes are answered as those of the rooms are. Segments of their paths are plain text or parameters such as ":id".
	Routes []Route
	// OpenAPI are fragments of the OpenAPI document, in YAML, with tags, paths and components (see openapi.Merge). They may refer
	// to the components of Leadmill's own document, such as "#/components/responses/NotFound", "#/components/parameters/Limit"
	// and "#/components/schemas/Links", and to security schemes with the names of scopes, which are there already. The server
	// serves the merged document at /openapi.yaml.
	OpenAPI [][]byte
}

var (
	moduleName  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,19}$`)
	teamSegment = regexp.MustCompile(`^(:[a-z][a-z0-9_]*|([A-Za-z0-9._~-]|\\:)+)$`)
	teamMethods = []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
	}
)

// ofModule begins what is said of a module's route.
func ofModule(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("module %q: ", name)
}

// addTeams returns the document with the fragments of teams, and their routes. Without them the document is ours, byte
// for byte. The error names everything that is wrong.
func addTeams(teams []Team, scopes application.Scopes) ([]byte, []Route, error) {
	list := modules(teams)
	if len(list) == 0 {
		return openAPI, nil, nil
	}
	var routes []Route
	var wrong []error
	for _, m := range list {
		m.check(scopes)
		wrong = append(wrong, m.wrong...)
		for _, r := range m.Routes {
			r.module = m.Module
			routes = append(routes, r)
		}
	}
	document, err := documentOf(list, scopes.Declared())
	if err := errors.Join(append(wrong, err)...); err != nil {
		return nil, nil, err
	}
	return document, routes, nil
}

// module is a Team under examination.
type module struct {
	Team

	fragments []*openapi.Document // those that can be read
	described map[string]openapi.Operation
	wrong     []error
}

// modules puts together what teams of one name add, and leaves out those that add nothing.
func modules(teams []Team) []*module {
	var list []*module
	for _, t := range teams {
		if len(t.Routes)+len(t.OpenAPI) == 0 {
			continue
		}
		i := slices.IndexFunc(list, func(m *module) bool { return m.Module == t.Module })
		if i < 0 {
			list = append(list, &module{Team: Team{Module: t.Module}, described: map[string]openapi.Operation{}})
			i = len(list) - 1
		}
		list[i].Routes = append(list[i].Routes, t.Routes...)
		list[i].OpenAPI = append(list[i].OpenAPI, t.OpenAPI...)
	}
	return list
}

func (m *module) refusef(format string, args ...any) {
	m.wrong = append(m.wrong, fmt.Errorf("httpport: %s%w", ofModule(m.Module), fmt.Errorf(format, args...)))
}

func (m *module) prefix() string { return "/v1/x/" + m.Module + "/" }

func (m *module) check(scopes application.Scopes) {
	if !moduleName.MatchString(m.Module) {
		m.wrong = append(m.wrong, fmt.Errorf("httpport: the module %q has routes, so its name must be 1 to 20 of a-z, 0-9 and _, and begin with a letter", m.Module))
		return
	}
	complete := m.read()
	served := map[string]Route{}
	for _, r := range m.Routes {
		placed := m.checkPath(r, served)
		known := m.checkScope(r, scopes)
		if r.Handle == nil {
			m.refusef("the route %s has no handler", r)
		}
		o, ok := m.described[r.Method+" "+r.Template()]
		switch {
		case !placed || !complete:
		case !ok:
			m.refusef("the route %s is described by no fragment of the module", r)
		case known && !guards(r, o):
			m.refusef("a fragment must say %q of %s, as its route does", "security: "+securityOf(r), o)
		}
		delete(m.described, r.Method+" "+r.Template())
	}
	for _, d := range m.fragments {
		for _, o := range d.Operations() {
			if _, left := m.described[o.String()]; left {
				m.refusef("a fragment describes %s, which no route serves", o)
			}
		}
	}
}

// read reads the fragments and reports whether all can be read.
func (m *module) read() bool {
	for i, fragment := range m.OpenAPI {
		d, err := openapi.Read(fragment)
		if err != nil {
			m.refusef("fragment %d: %w", i+1, err)
			continue
		}
		m.fragments = append(m.fragments, d)
		for _, path := range d.Paths() {
			if !strings.HasPrefix(path, m.prefix()) {
				m.refusef("a fragment describes %s, which is outside %s", path, m.prefix())
			}
		}
		for _, o := range d.Operations() {
			if strings.HasPrefix(o.Path, m.prefix()) {
				m.described[o.String()] = o
			}
		}
	}
	return len(m.fragments) == len(m.OpenAPI)
}

// checkPath checks method and path of a route, and that it is the only one; served has those before it, by what a client sees
// of them.
func (m *module) checkPath(r Route, served map[string]Route) bool {
	below, inside := strings.CutPrefix(r.Path, m.prefix())
	if !inside {
		m.refusef("the route %s is outside %s", r, m.prefix())
		return false
	}
	if !slices.Contains(teamMethods, r.Method) {
		m.refusef("the route %s has no method of HTTP, such as GET or POST", r)
		return false
	}
	for segment := range strings.SplitSeq(below, "/") {
		if !teamSegment.MatchString(segment) {
			m.refusef("the route %s has the segment %q, which is neither plain text nor a parameter such as :id", r, segment)
			return false
		}
	}
	seen := r.Method + " " + pathParameter.ReplaceAllString(r.Path, "/{}")
	if first, twice := served[seen]; twice {
		if first.Path == r.Path {
			m.refusef("there are two routes %s", r)
		} else {
			m.refusef("the routes %s and %s cannot be told apart", first, r)
		}
		return false
	}
	served[seen] = r
	return true
}

// checkScope checks the scopes of a route.
func (m *module) checkScope(r Route, scopes application.Scopes) bool {
	for _, also := range r.Also {
		if !scopes.Has(also) || r.Needs != application.Program {
			m.refusef("the route %s is also for the scope %q: that must be one that a module declares, beside the scope program", r, also)
			return false
		}
	}
	switch r.Needs {
	case application.Admin, application.Program, application.Supplier, application.Visitor:
	case "":
		m.refusef("the route %s has no scope", r)
		return false
	case application.Internal:
		m.refusef("the route %s has the scope %s, which no request has", r, r.Needs)
		return false
	default:
		if !scopes.Has(r.Needs) {
			m.refusef("the route %s has the scope %q, which no module declares", r, r.Needs)
			return false
		}
	}
	return true
}

// guards reports whether an operation asks for one of the route's scopes and nothing else.
func guards(r Route, o openapi.Operation) bool {
	if r.Needs == application.Visitor {
		return len(o.Security) == 0
	}
	alternatives := map[string]bool{}
	for _, together := range o.Security {
		alternatives[strings.Join(together, " and ")] = true
	}
	for _, scope := range append([]application.Scope{r.Needs}, r.Also...) {
		if !alternatives[string(scope)] {
			return false
		}
	}
	return len(alternatives) == 1+len(r.Also)
}

func securityOf(r Route) string {
	if r.Needs == application.Visitor {
		return "[]"
	}
	var schemes []string
	for _, scope := range append([]application.Scope{r.Needs}, r.Also...) {
		schemes = append(schemes, "{"+string(scope)+": []}")
	}
	return "[" + strings.Join(schemes, ", ") + "]"
}

// documentOf merges our document, the security schemes of declared scopes, and the fragments of the modules.
func documentOf(list []*module, declared []application.KeyScope) ([]byte, error) {
	ours, err := openapi.Read(openAPI)
	if err != nil {
		return nil, fmt.Errorf("httpport: %w", err)
	}
	var names []string
	for _, k := range declared {
		if name := string(k.Name); !ours.Resolves("#/components/securitySchemes/" + name) {
			names = append(names, name)
		}
	}
	var fragments [][]byte
	var owners []*module
	if len(names) > 0 {
		schemes, err := openapi.SecuritySchemes(names...)
		if err != nil {
			return nil, fmt.Errorf("httpport: %w", err)
		}
		fragments, owners = append(fragments, schemes), append(owners, nil)
	}
	for _, m := range list {
		if len(m.fragments) < len(m.OpenAPI) {
			continue // what cannot be read is told already
		}
		for _, fragment := range m.OpenAPI {
			fragments, owners = append(fragments, fragment), append(owners, m)
		}
	}
	var wrong []error
	for {
		document, err := openapi.Merge(openAPI, fragments...)
		var of *openapi.FragmentError
		if !errors.As(err, &of) || owners[of.Index] == nil {
			if err != nil {
				return nil, errors.Join(append(wrong, fmt.Errorf("httpport: %w", err))...)
			}
			if len(wrong) > 0 {
				return nil, errors.Join(wrong...)
			}
			return document, checkDocument(document, list)
		}
		// One more is told at each turn, and the others are merged without it.
		wrong = append(wrong, fmt.Errorf("httpport: %sa fragment cannot be merged: %w", ofModule(owners[of.Index].Module), of.Err))
		fragments, owners = slices.Delete(fragments, of.Index, of.Index+1), slices.Delete(owners, of.Index, of.Index+1)
	}
}

// checkDocument sees that what the fragments refer to is in the merged document, and that each of their operations has an id of
// its own.
func checkDocument(document []byte, list []*module) error {
	whole, err := openapi.Read(document)
	if err != nil {
		return fmt.Errorf("httpport: %w", err)
	}
	uses := map[string]int{}
	for _, o := range whole.Operations() {
		uses[o.ID]++
	}
	var wrong []error
	for _, m := range list {
		for _, d := range m.fragments {
			for _, ref := range d.References() {
				if !whole.Resolves(ref) {
					wrong = append(wrong, fmt.Errorf("httpport: %sa fragment refers to %s, which is not in the document", ofModule(m.Module), ref))
				}
			}
			for _, o := range d.Operations() {
				if o.ID != "" && uses[o.ID] > 1 {
					wrong = append(wrong, fmt.Errorf("httpport: %sthe operationId %s of %s is that of another operation too", ofModule(m.Module), o.ID, o))
				}
			}
		}
	}
	return errors.Join(wrong...)
}
