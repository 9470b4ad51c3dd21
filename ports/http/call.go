package httpport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

// Call is one request on its way through the port: what it asks and how it is answered. A handler answers it once, by JSON,
// Send, OK, Respond, Redirect or Fail, or by Answer, Ask, List and Do, which do so themselves.
//
// When a handler is called, the key was found, its scope is that of the route, and the request counted against its rate limit.
// A handler that panics is answered with 500, without the cause; the log has where. A Call must not be used after its handler
// returned.
type Call struct {
	server  *Server
	gin     *gin.Context
	ctx     context.Context
	whole   context.Context // ctx without the deadline
	expire  context.CancelFunc
	form    form
	id      string
	started time.Time
	began   time.Duration // on the clock's application.Elapsed
	own     [2]string     // the values of X-Request-Id and Content-Length, which headers hold as lists
	trail   application.Trail
	actor   application.Actor
	counts  string                // under which name the route's own limit counts
	counted application.RateLimit // the route's own, see Route.Counts

	errorPage func(*Call, *fault.Error) (string, []byte) // the route's

	body       []byte     // when it was read already
	parameters url.Values // what Parameters read
	unlinked   url.Values // those of them that are in no URL, because only the body had them
}

// handle makes a handler of a route: it names the request, authenticates its key, counts it, recovers and logs.
func (s *Server) handle(f form, r Route) gin.HandlerFunc {
	method, route := r.Method, r.Path
	if route == "" {
		method, route = "any", "none"
	}
	answered := func(int, time.Duration) {}
	if measure := s.deps.Measure; measure != nil {
		answered = measure(method, route)
	}
	return func(c *gin.Context) {
		k := Call{server: s, gin: c, form: f, errorPage: r.ErrorPage, id: s.deps.IDs.New("req"), started: s.deps.Clock.Now(), began: application.Elapsed(s.deps.Clock)}
		k.trail = application.Trail{CorrelationID: k.id, Traceparent: traceparent(c.Request.Header)}
		k.whole = application.WithTrail(c.Request.Context(), k.trail)
		if r.Needs != application.Supplier && r.Needs != application.Form && r.Needs != application.Site { // whose leads are no changes of settings
			k.whole = application.WithAddress(k.whole, k.Address)
		}
		if tracer := s.deps.Tracer; tracer != nil {
			end := k.trace(tracer, method, route)
			defer end()
		}
		k.limit()
		defer func() { k.expire() }()
		defer func() { answered(c.Writer.Status(), k.took()) }() // after a panic too
		header := c.Writer.Header()
		k.own[0] = k.id
		header["X-Request-Id"] = k.own[:1:1]
		header["X-Content-Type-Options"] = nosniff
		header["Cache-Control"] = noStore
		if k.Secure() && !isLoopback(c.Request.Host) {
			header["Strict-Transport-Security"] = strictTransport
		}
		defer k.finish()
		if r.Needs == application.Visitor || k.admit(r) {
			r.Handle(&k)
			if !c.Writer.Written() && c.Writer.Status() == http.StatusOK { // a redirect has a status and no body
				k.defect("the route's handler returned without an answer")
			}
		}
	}
}

// strictTransport keeps browsers at https for a year (https://www.rfc-editor.org/rfc/rfc6797); not on the machine itself, where other
// programs are under the same name.
var strictTransport = []string{"max-age=31536000"}

// took is how long the request has taken so far.
func (k *Call) took() time.Duration { return application.Elapsed(k.server.deps.Clock) - k.began }

// limit gives the handler its time, from now on.
func (k *Call) limit() {
	if k.expire != nil {
		k.expire()
	}
	d := k.server.deps.Timeouts.Change
	if m := k.gin.Request.Method; m == http.MethodGet || m == http.MethodHead {
		d = k.server.deps.Timeouts.Ask
	}
	k.ctx, k.expire = context.WithTimeout(k.whole, d)
}

// defect logs what a route does wrong, which must not look like a success, and answers an internal error.
func (k *Call) defect(message string) {
	k.log(slog.LevelError, message, errInternal.Code, nil)
	k.JSON(http.StatusInternalServerError, k.errorBody(errInternal, nil))
}

// finish turns a panic into a 500 without its cause, and writes the access log.
func (k *Call) finish() {
	if v := recover(); v != nil {
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(v)
		}
		// The value of a panic may hold personal data; those of the runtime do not.
		what := fmt.Sprintf("%T", v)
		if err, ok := v.(runtime.Error); ok {
			what = err.Error()
		}
		k.server.deps.Logger.LogAttrs(k.ctx, slog.LevelError, "request panicked", slog.String("request_id", k.id),
			slog.String("route", k.pattern()), slog.String("panic", what), slog.String("stack", string(debug.Stack())))
		if k.gin.Writer.Written() {
			panic(http.ErrAbortHandler) // half an answer must not look like a whole one
		}
		k.JSON(http.StatusInternalServerError, k.errorBody(errInternal, nil))
	}
	if log := k.server.deps.Logger; log.Enabled(k.ctx, slog.LevelDebug) {
		log.LogAttrs(k.ctx, slog.LevelDebug, "request", slog.String("request_id", k.id), slog.String("method", k.method()),
			slog.String("route", k.pattern()), slog.Int("status", k.gin.Writer.Status()),
			slog.Duration("duration", k.took()), slog.String("key_id", k.actor.KeyID))
	}
}

// pattern is the route's pattern: paths may hold personal data.
func (k *Call) pattern() string {
	if p := k.gin.FullPath(); p != "" {
		return p
	}
	return "none"
}

func (k *Call) method() string {
	switch m := k.gin.Request.Method; m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// Warn logs an error that the client is not told of: by the types and codes of its chain only, because the text of an error
// may repeat personal data.
func (k *Call) Warn(message string, err error) {
	k.log(slog.LevelWarn, message, fault.CodeOf(err), err)
}

// Note is Warn for what is no fault of the server's.
func (k *Call) Note(message string, err error) {
	k.log(slog.LevelInfo, message, fault.CodeOf(err), err)
}

func (k *Call) log(level slog.Level, message string, code fault.Code, err error) {
	k.server.deps.Logger.LogAttrs(k.ctx, level, message, //nolint:sloglint // the message of whoever warns, always a constant
		slog.String("request_id", k.id), slog.String("route", k.pattern()),
		slog.String("code", string(code)), slog.String("cause", fault.Chain(err)))
}

// Context is the request's context. It carries the request's trail and ends when the client goes away, or when the time for its answer is
// over (see Timeouts): an error of such a context is answered 503.
func (k *Call) Context() context.Context { return k.ctx }

// Actor is who sent the request, as its key says; the zero Actor for a route that needs none.
func (k *Call) Actor() application.Actor { return k.actor }

// Currency is the currency of the actor's seller.
func (k *Call) Currency() money.Currency { return k.actor.Currency }

// Trail ties what the request causes together.
func (k *Call) Trail() application.Trail { return k.trail }

// Now is the time on the server's clock.
func (k *Call) Now() time.Time { return k.server.deps.Clock.Now() }

// Request is the request itself, for what Call has no word for. Its body is read by ReadBody and Bind alone.
func (k *Call) Request() *http.Request { return k.gin.Request }

// Writer is where the answer goes, for what Call has no word for, such as a cookie.
func (k *Call) Writer() http.ResponseWriter { return k.gin.Writer }

// Query returns the parameters of the query; those that cannot be read are left out. On a route that lists its Parameters these
// are also those of the body.
func (k *Call) Query() url.Values {
	if k.parameters != nil {
		return maps.Clone(k.parameters)
	}
	return k.gin.Request.URL.Query()
}

// Base is what links to this server begin with, such as https://leads.example.com: Deps.PublicURL, or else the host that the request
// names while that is this machine itself. Otherwise it is empty, and links are paths: whoever sends a request can name any host in it,
// also in one that somebody else's cache or mail repeats.
func (k *Call) Base() string {
	if k.server.deps.PublicURL != "" {
		return k.server.deps.PublicURL
	}
	if !isLoopback(k.gin.Request.Host) {
		return ""
	}
	return k.named()
}

// named is the origin that the request says it is sent to.
func (k *Call) named() string {
	if k.gin.Request.TLS != nil {
		return "https://" + k.gin.Request.Host
	}
	return "http://" + k.gin.Request.Host
}

// isLoopback reports whether a host, perhaps with a port, is the machine that asks for it.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil && ip.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

// IsOwnOrigin reports whether an origin, as a browser names that of a page, is the one under which the client reaches this server.
func (k *Call) IsOwnOrigin(origin string) bool {
	if public := k.server.deps.PublicURL; public != "" {
		return origin == public
	}
	return origin == k.named()
}

// Secure reports whether clients reach this server by https.
func (k *Call) Secure() bool {
	if public := k.server.deps.PublicURL; public != "" {
		return strings.HasPrefix(public, "https:")
	}
	return k.gin.Request.TLS != nil
}

// Param returns a path parameter that is an id, key or code of ours. One that looks like none becomes a text that nothing is
// named by, so that it is answered like any other unknown one and never reaches the database.
func (k *Call) Param(name string) string {
	s := k.gin.Param(name)
	if s == "" || len(s) > 100 {
		return nothing
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '.', c == '~':
		default:
			return nothing
		}
	}
	return s
}

// nothing is what no id, key or code of ours can be.
const nothing = "/"

// maxSegment is the longest text that can name something in a path, in bytes: 255 characters of 4 each.
const maxSegment = 1020

// Segment returns a path parameter that may be any text, slashes included. For what names nothing (no text, too much of it,
// control characters) it answers 404 itself and ok is false.
func (k *Call) Segment(name string) (segment string, ok bool) {
	if at := slices.Index(strings.Split(k.gin.FullPath(), "/"), ":"+name); at >= 0 {
		// The router would take a plus sign for a space.
		s, err := url.PathUnescape(strings.Split(k.gin.Request.URL.EscapedPath(), "/")[at])
		if err == nil && s != "" && isText(s) {
			return s, true
		}
	}
	k.Fail(ErrNotFound)
	return "", false
}

// isText reports whether a text is short enough to name something, valid UTF-8 and without control characters.
func isText(s string) bool {
	return len(s) <= maxSegment && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// Named returns the first of some parameters of the query that is given; both are empty when none is.
func (k *Call) Named(parameters ...string) (parameter, value string) {
	values := k.Query()
	for _, p := range parameters {
		if v := values.Get(p); v != "" {
			return p, v
		}
	}
	return "", ""
}

// waitSlack is what sending an answer may take beyond the time that its handler has.
const waitSlack = 5 * time.Second

// Extend gives the handler up to d more time, for an answer that takes so long.
func (k *Call) Extend(d time.Duration) {
	k.expire()
	k.ctx, k.expire = context.WithTimeout(k.whole, d+k.server.deps.Timeouts.Change)
	end, _ := k.ctx.Deadline() // by the machine's clock, whatever the server's shows
	control := http.NewResponseController(k.gin.Writer)
	_ = control.SetReadDeadline(end.Add(waitSlack)) // without a connection behind it, as in tests, there are no deadlines
	_ = control.SetWriteDeadline(end.Add(waitSlack))
}

// Wait prepares for an answer that is held back for up to d, or that takes so long: neither the server's deadlines nor that of Context cut it
// off. The context that
// it returns ends with the request, when the server stops (see Stopping), or, with the cause application.ErrInvalidKey, soon after the
// request's key was revoked; the caller must call release.
func (k *Call) Wait(d time.Duration) (ctx context.Context, release func()) {
	ctx, expire := context.WithTimeout(k.whole, d+k.server.deps.Timeouts.Change)
	end, _ := ctx.Deadline() // by the machine's clock, whatever the server's shows
	control := http.NewResponseController(k.gin.Writer)
	_ = control.SetReadDeadline(end.Add(waitSlack)) // without a connection behind it, as in tests, there are no deadlines
	_ = control.SetWriteDeadline(end.Add(waitSlack))
	ctx, unhook := k.server.untilStop(ctx)
	stop := func() {
		unhook()
		expire()
	}
	ctx, leave := k.untilRevoked(ctx)
	return ctx, func() {
		leave()
		stop()
	}
}

// Stopping reports whether the server began to stop: a client that waits is answered at once and goes on elsewhere.
func (k *Call) Stopping() bool { return k.server.running.Err() != nil }

// traceparent returns the W3C trace context of a request when it is valid (https://www.w3.org/TR/trace-context-1/).
func traceparent(h http.Header) string {
	values := h["Traceparent"]
	if len(values) != 1 || len(values[0]) != 55 {
		return ""
	}
	v := values[0]
	for i := range len(v) {
		c := v[i]
		if i == 2 || i == 35 || i == 52 {
			if c != '-' {
				return ""
			}
		} else if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	if v[:2] != "00" || strings.Trim(v[3:35], "0") == "" || strings.Trim(v[36:52], "0") == "" {
		return ""
	}
	return v
}
