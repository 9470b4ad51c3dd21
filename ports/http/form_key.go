package httpport

import (
	"net/http"
	"strings"

	"github.com/leadmill/leadmill/application"
)

// formKeyParameter is the path parameter in which a form key stands on every route for form keys: it is public, and a plain form cannot
// send a header.
const formKeyParameter = "form_key"

// corsMaxAge is how many seconds a browser may remember what it was allowed.
const corsMaxAge = "600"

// token returns the text of the key that a request has for a route; empty when there is none.
func (k *Call) token(r Route) string {
	if r.Needs == application.Form {
		return k.Param(formKeyParameter)
	}
	return bearer(k.gin.Request.Header)
}

// comesFromItsPage reports whether a request with a form key comes from a page that may use the key, and lets a script of that page read the
// answer. A request without an origin comes from no page; what it may do is for its route to say.
func (k *Call) comesFromItsPage() bool {
	k.gin.Writer.Header()["Vary"] = varyOrigin
	origins := k.gin.Request.Header["Origin"]
	if len(origins) == 0 {
		return true
	}
	origin := k.Origin()
	if !k.actor.AllowsOrigin(origin) {
		return false
	}
	k.AllowOrigin(origin)
	k.gin.Writer.Header()["Access-Control-Expose-Headers"] = exposed
	return true
}

var exposed = []string{"X-Request-Id, Retry-After, Idempotent-Replayed, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"}

// addPreflight registers the question that a browser asks before a script of another origin may use a route for form keys.
func (s *Server) addPreflight(r Route, form form) {
	answer := func(k *Call) {
		header := k.gin.Writer.Header()
		header.Set("Access-Control-Allow-Methods", r.Method)
		header.Set("Access-Control-Allow-Headers", "Content-Type, Idempotency-Key")
		header.Set("Access-Control-Max-Age", corsMaxAge)
		k.send(http.StatusNoContent, nil, nil)
	}
	s.engine.Handle(http.MethodOptions, r.Path, s.handle(form, Route{Method: http.MethodOptions, Path: r.Path, Needs: r.Needs, Handle: answer}))
}

// hasFormKey reports whether a path has the place where a form key stands.
func hasFormKey(path string) bool {
	return strings.Contains(path+"/", "/:"+formKeyParameter+"/")
}

// failFormKey answers 401 to a form key that stands where other keys do, with a hint that says where it belongs.
func (k *Call) failFormKey() {
	k.FailWith(application.ErrInvalidKey, struct {
		Hint string `json:"hint"`
	}{"A form key stands in the path: POST /api/forms/<form key>."})
}
