package httpport

import (
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
)

// admit checks the key, its scope and its rate limit, in this order, and answers for the key that may not go on. To the
// supplier API a key of another scope is as good as none.
func (k *Call) admit(r Route) bool {
	deps := &k.server.deps
	actor, limit, err := deps.Authenticator.Authenticate(k.ctx, k.token(r))
	isForm := err == nil && application.Scope(actor.Scope) == application.Form
	if err == nil && k.form == supplierForm && application.Scope(actor.Scope) != r.Needs {
		err = application.ErrInvalidKey
	}
	if err != nil {
		if errors.Is(err, application.ErrInvalidKey) {
			if state := k.takeOfAddress("address", strangers); !state.Allowed {
				k.retryAfter(state)
				err = errTooMany
			}
		}
		if k.form == supplierForm && errors.Is(err, application.ErrInvalidKey) && r.Needs != application.Form {
			switch {
			case isForm:
				k.failFormKey()
				return false
			case k.keyIsMisplaced():
				k.FailMisplacedKey()
				return false
			}
		}
		k.Fail(err)
		return false
	}
	k.actor = actor
	if !r.admits(application.Scope(actor.Scope), deps.Scopes) {
		k.Fail(application.ErrForbidden)
		return false
	}
	if isForm && !k.comesFromItsPage() {
		k.Fail(ErrOrigin)
		return false
	}
	if limit.Requests <= 0 {
		return true
	}
	if r.Counts.Requests > 0 {
		k.counts, k.counted = "route:"+r.Path+":"+actor.KeyID, r.Counts
		state := deps.Limiter.Peek(k.counts, k.counted)
		state.Allowed = state.Remaining > 0
		return k.withinLimit(state)
	}
	name := "key:" + actor.KeyID
	if isForm { // everybody has the key
		name += ":" + k.Address()
	}
	if r.Apart {
		name = "route:" + r.Path + ":" + actor.KeyID
	}
	var state application.RateState
	if k.form == supplierForm && k.gin.Request.Method != http.MethodPost {
		state = deps.Limiter.Peek(name, limit) // only POSTs count
		state.Allowed = true
	} else {
		state = deps.Limiter.Take(name, limit)
	}
	return k.withinLimit(state)
}

// withinLimit tells a state, and answers for the key that may not go on.
func (k *Call) withinLimit(state application.RateState) bool {
	k.tellRate(state)
	if !state.Allowed {
		k.retryAfter(state)
		k.Fail(errTooMany)
	}
	return state.Allowed
}

// Count counts n of what the route's limit is about (see Route.Counts). When fewer are left it counts none, answers itself, and ok is false.
func (k *Call) Count(n int) (ok bool) {
	if k.counted.Requests <= 0 {
		return true
	}
	return k.withinLimit(application.TakeMany(k.server.deps.Limiter, k.counts, k.counted, int64(n)))
}

// keyIsMisplaced reports whether a request has no key where one belongs, or one where none does.
func (k *Call) keyIsMisplaced() bool {
	return bearer(k.gin.Request.Header) == "" || k.gin.Request.Header.Get("X-Api-Key") != "" || slices.ContainsFunc(slices.Collect(maps.Keys(k.Query())), IsKeyName)
}

// IsKeyName reports whether a field or a parameter is named as if it were an API key: api_key, apikey or X-API-Key, in any case. None
// is ever read as one, and none is kept.
func IsKeyName(name string) bool {
	if len(name) < len("apikey") || len(name) > len("x-api-key") {
		return false
	}
	plain := strings.Map(func(r rune) rune {
		if r == '_' || r == '-' {
			return -1
		}
		return r
	}, strings.ToLower(name))
	return plain == "apikey" || plain == "xapikey"
}

// MisplacedKeyHint says where a key belongs.
const MisplacedKeyHint = "The key belongs in the header Authorization: Bearer <key>, nowhere else."

// FailMisplacedKey answers 401, with a hint that says where a key belongs.
func (k *Call) FailMisplacedKey() {
	k.FailWith(application.ErrInvalidKey, struct {
		Hint string `json:"hint"`
	}{MisplacedKeyHint})
}

// admits reports whether a key of a scope gets to the route's handler. A key with the scope of a team does so on the routes
// that need this scope or name it beside theirs, and on our own for program keys when its scope opens any operation: which one
// a request sends is only known behind the handler, where application.Authorise refuses those that the scope does not open.
// What is wrong with such a request itself may be told first.
func (r Route) admits(has application.Scope, scopes application.Scopes) bool {
	return has == r.Needs || slices.Contains(r.Also, has) || r.module == "" && !r.Later && r.Needs == application.Program && scopes.OpensAny(has)
}

// strangers is how many requests without a valid key an address may send before it is told to wait.
var strangers = application.RateLimit{Requests: 60, Window: time.Minute}

// WithinLimit counts something that the client does, under a name of its own, and reports whether its address did so no more
// often than the limit allows. What is refused is not counted.
func (k *Call) WithinLimit(what string, limit application.RateLimit) bool {
	return k.takeOfAddress(what, limit).Allowed
}

func (k *Call) takeOfAddress(what string, limit application.RateLimit) application.RateState {
	return k.server.deps.Limiter.Take(what+":"+k.Address(), limit)
}

// Address is what the client is counted by as long as it has no key of its own: its IP address, or the network of it. It is personal
// data, kept for as long as it is counted, and never logged. An IPv6 client owns its whole /64.
func (k *Call) Address() string {
	ip, known := clientAddress(k.gin.Request, k.server.deps.TrustedProxies)
	if !known {
		return "unknown"
	}
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.Addr().String()
		}
	}
	return ip.String()
}

// clientAddress returns where a request comes from. What proxies append to X-Forwarded-For is believed as far as those that appended it
// are trusted: a client can write anything in front.
func clientAddress(r *http.Request, trusted []netip.Prefix) (ip netip.Addr, known bool) {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	ip = at.Addr().Unmap().WithZone("")
	if len(trusted) == 0 {
		return ip, true
	}
	forwarded := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for i := len(forwarded) - 1; i >= 0 && slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(ip) }); i-- {
		text := strings.TrimSpace(forwarded[i])
		before, err := netip.ParseAddr(text)
		if withPort, e := netip.ParseAddrPort(text); err != nil && e == nil {
			before, err = withPort.Addr(), nil
		}
		if err != nil {
			break
		}
		ip = before.Unmap().WithZone("")
	}
	return ip, true
}

// bearer returns the key of a request; empty when there is none.
func bearer(h http.Header) string {
	values := h["Authorization"]
	if len(values) != 1 {
		return ""
	}
	kind, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(kind, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// secondsLeft is how long a window still lasts, rounded up.
func (k *Call) secondsLeft(r application.RateState) int64 {
	left := r.ResetAt.Sub(k.Now())
	return max(0, int64((left+time.Second-1)/time.Second))
}

func (k *Call) retryAfter(r application.RateState) {
	k.gin.Writer.Header()["Retry-After"] = []string{strconv.FormatInt(max(1, k.secondsLeft(r)), 10)}
}

// tellRate sets the X-RateLimit headers and those of the IETF draft (draft-ietf-httpapi-ratelimit-headers).
func (k *Call) tellRate(r application.RateState) {
	reset := r.ResetAt.Unix()
	if r.ResetAt.Nanosecond() > 0 {
		reset++
	}
	limit, remaining := strconv.FormatInt(r.Limit, 10), strconv.FormatInt(max(0, r.Remaining), 10)
	header := k.gin.Writer.Header()
	header["X-Ratelimit-Limit"] = []string{limit}
	header["X-Ratelimit-Remaining"] = []string{remaining}
	header["X-Ratelimit-Reset"] = []string{strconv.FormatInt(reset, 10)}
	header["Ratelimit-Policy"] = []string{`"default";q=` + limit + `;w=` + strconv.FormatInt(int64(r.Window/time.Second), 10)}
	header["Ratelimit"] = []string{`"default";r=` + remaining + `;t=` + strconv.FormatInt(k.secondsLeft(r), 10)}
}
