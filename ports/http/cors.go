package httpport

import (
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

// ErrOrigin says that a published key is not for pages of the origin that a browser names, or that the request names none: 403.
var ErrOrigin = fault.New(fault.Forbidden, "origin_not_allowed", "This key may not be used by pages of this origin.")

// AllowOrigin says that pages of one origin may read the answer (CORS), and caches that it is not the answer for others. The answer
// is for requests without cookies.
func (k *Call) AllowOrigin(origin string) {
	header := k.gin.Writer.Header()
	header["Access-Control-Allow-Origin"] = []string{origin}
	header["Vary"] = varyOrigin
}

var varyOrigin = []string{"Origin"}

// Origin is the origin of the page that a browser says the request comes from; empty when there is none.
func (k *Call) Origin() string {
	if values := k.gin.Request.Header["Origin"]; len(values) == 1 {
		return strings.ToLower(values[0])
	}
	return ""
}

// AdmitPage lets on the request of a web page that holds a published key, which everybody can read: the key is in force and of a
// scope, and the page is of one of the key's origins, which then may read every answer, also those that refuse something. Otherwise it
// answers itself and ok is false: 401 without such a key, 429 for an address that has tried too many, ErrOrigin for pages elsewhere. The
// limit is the key's; the caller applies it. It is for routes that need application.Visitor.
func (k *Call) AdmitPage(token string, scope application.Scope) (limit application.RateLimit, ok bool) {
	actor, limit, err := k.server.deps.Authenticator.Authenticate(k.ctx, token)
	if err == nil && application.Scope(actor.Scope) != scope {
		err = application.ErrInvalidKey
	}
	if err != nil {
		if fault.KindOf(err) != fault.Unauthenticated || k.LimitAddress("address", strangers) {
			k.Fail(err)
		}
		return limit, false
	}
	k.actor = actor
	origin := k.Origin()
	if !actor.AllowsOrigin(origin) {
		k.Fail(ErrOrigin)
		return limit, false
	}
	k.AllowOrigin(origin)
	return limit, true
}

// LimitAddress is WithinLimit for what is refused beyond the limit: it answers 429 itself.
func (k *Call) LimitAddress(what string, limit application.RateLimit) bool {
	state := k.takeOfAddress(what, limit)
	if !state.Allowed {
		k.retryAfter(state)
		k.Fail(errTooMany)
	}
	return state.Allowed
}
