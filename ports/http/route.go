package httpport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

// Route is a method of a path and what answers it. Path is as the router has it: a parameter is ":id", and a colon that
// begins none is written `\:`. Errors below /api have the form of the supplier API, all others that of /v1.
type Route struct {
	Method, Path string
	// Needs is who may use the route: application.Visitor is everybody, the other scopes are those of API keys.
	Needs application.Scope
	// Also are declared key scopes that may use a route for program keys too, when they open what the route sends
	// (application.KeyScope).
	Also []application.Scope
	// Handle answers a request, once (see Call). It is called by many goroutines at a time.
	Handle func(*Call)
	// Counts is a limit of the route's own, apart from that of the key, for what the handler counts by Call.Count: what a request brings, such
	// as leads. A request is refused when nothing is left. Keys without a limit have none here either. The zero limit is that of the key,
	// which counts requests.
	Counts application.RateLimit
	// Apart says that requests count apart from those of other routes, each up to the limit of the key.
	Apart bool
	// ErrorPage shows an error to somebody who looks at it in a browser; nil, and without a page, errors are answered in JSON.
	ErrorPage func(*Call, *fault.Error) (contentType string, page []byte)
	// Below says that ErrorPage also shows, to who looks with a browser, that nothing has a path with the same first part, such as /console/nothing.
	Below bool
	// Later says that the interface has the route, and this version has not. Whoever may use it is answered 501, without a handler;
	// the document does not have it.
	Later bool

	module string // whose route it is; empty for ours
}

// String returns method and path.
func (r Route) String() string { return r.Method + " " + r.Path }

var pathParameter = regexp.MustCompile(`/:([^/]+)`)

// Template returns the path as an OpenAPI document writes it: "/v1/buyers/{id}" for "/v1/buyers/:id".
func (r Route) Template() string {
	return strings.ReplaceAll(pathParameter.ReplaceAllString(r.Path, "/{$1}"), `\:`, ":")
}

// checkRoutes names what is wrong with routes, so that a mistake ends the start and not a request.
func checkRoutes(routes []Route) error {
	var wrong []error
	known := map[string]bool{}
	for _, r := range routes {
		if known[r.String()] {
			wrong = append(wrong, fmt.Errorf("httpport: there are two routes %s", r))
		}
		known[r.String()] = true
		switch r.Needs {
		case application.Admin, application.Program, application.Supplier, application.Visitor:
		case application.Form:
			if !hasFormKey(r.Path) {
				wrong = append(wrong, fmt.Errorf("httpport: the route %s has no place for a form key", r))
			}
		case "":
			wrong = append(wrong, fmt.Errorf("httpport: the route %s has no scope", r))
		default:
			wrong = append(wrong, fmt.Errorf("httpport: the route %s has the scope %s, which no request has", r, r.Needs))
		}
		switch {
		case r.Later && r.Handle != nil:
			wrong = append(wrong, fmt.Errorf("httpport: the route %s comes later and has a handler", r))
		case !r.Later && r.Handle == nil:
			wrong = append(wrong, fmt.Errorf("httpport: the route %s has no handler", r))
		}
	}
	return errors.Join(wrong...)
}

// add registers a route. The router panics at paths that exclude one another, such as two names for one parameter.
func (s *Server) add(r Route) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("httpport: %sthe route %s cannot be: %v", ofModule(r.module), r, v)
		}
	}()
	if r.Later {
		r.Handle = func(k *Call) { k.Fail(ErrNotImplemented) }
	}
	form := programForm
	if strings.HasPrefix(r.Path, "/api/") {
		form = supplierForm
	}
	if r.Below && firstPart(r.Path) != "" {
		s.pages[firstPart(r.Path)] = r.ErrorPage
	}
	s.engine.Handle(r.Method, r.Path, s.handle(form, r))
	if r.Needs == application.Form {
		s.addPreflight(r, form)
	}
	return nil
}

// fallback answers in the form of the API whose path was asked for.
func (s *Server) fallback(do func(*Call)) []gin.HandlerFunc {
	r := Route{Needs: application.Visitor, Handle: do}
	inSupplierForm, inProgramForm := s.handle(supplierForm, r), s.handle(programForm, r)
	paged := map[string]gin.HandlerFunc{}
	for first, page := range s.pages {
		r.ErrorPage = page
		paged[first] = s.handle(programForm, r)
	}
	return []gin.HandlerFunc{func(c *gin.Context) {
		path := c.Request.URL.Path
		if shown := paged[firstPart(path)]; shown != nil {
			shown(c)
			return
		}
		if path == "/api" || strings.HasPrefix(path, "/api/") {
			inSupplierForm(c)
			return
		}
		inProgramForm(c)
	}}
}

// firstPart returns the first part of a path: console of /console/leads.
func firstPart(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first
}

// Complete returns an error that names every member of a room's struct of handlers that is nil, also those of the structs that
// it embeds.
func Complete(room string, handlers any) error {
	var missing []error
	v := reflect.ValueOf(handlers)
	for _, f := range reflect.VisibleFields(v.Type()) {
		if !f.Anonymous && v.FieldByIndex(f.Index).IsNil() {
			missing = append(missing, fmt.Errorf("httpport: handler %s of %s is missing", f.Name, room))
		}
	}
	return errors.Join(missing...)
}

// ownRoutes are the routes that every server has.
func ownRoutes() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/livez", Needs: application.Visitor, Handle: (*Call).OK},
		{Method: http.MethodHead, Path: "/livez", Needs: application.Visitor, Handle: (*Call).OK},
		{Method: http.MethodGet, Path: "/readyz", Needs: application.Visitor, Handle: ready},
		{Method: http.MethodHead, Path: "/readyz", Needs: application.Visitor, Handle: ready},
		{Method: http.MethodGet, Path: "/openapi.yaml", Needs: application.Visitor, Handle: func(k *Call) {
			k.Send(http.StatusOK, "application/yaml", k.server.document)
		}},
	}
}

func ready(k *Call) {
	if k.Stopping() { // as it was told to, so that nothing failed
		k.refuse(statusOf(k.form, errUnavailable), errUnavailable, nil)
		return
	}
	ctx, cancel := context.WithTimeout(k.ctx, readyTimeout)
	defer cancel()
	if err := k.server.deps.Ready(ctx); err != nil {
		k.Fail(errUnavailable.Because(err))
		return
	}
	k.OK()
}
