package httpport

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

// scope is who may use a route.
type scope string

const (
	public   scope = ""
	admin    scope = "admin"
	program  scope = "program"
	supplier scope = "supplier"
)

// call is one request on its way through the port.
type call struct {
	s       *Server
	c       *gin.Context
	ctx     context.Context
	form    form
	id      string
	started time.Time
	trail   application.Trail
	actor   application.Actor
}

// The values of headers that never change are shared: net/http only reads them.
var (
	jsonType = []string{"application/json"}
	yamlType = []string{"application/yaml"}
	nosniff  = []string{"nosniff"}
	noStore  = []string{"no-store"}
	replayed = []string{"true"}
	closing  = []string{"close"}
)

// handle makes a route of a function: it names the request, authenticates its key, counts it, recovers and logs.
func (s *Server) handle(f form, who scope, do func(*call)) gin.HandlerFunc {
	return func(c *gin.Context) {
		k := call{s: s, c: c, form: f, id: s.deps.IDs.New("req"), started: s.deps.Clock.Now()}
		k.trail = application.Trail{CorrelationID: k.id, Traceparent: traceparent(c.Request.Header)}
		k.ctx = application.WithTrail(c.Request.Context(), k.trail)
		header := c.Writer.Header()
		header["X-Request-Id"] = []string{k.id}
		header["X-Content-Type-Options"] = nosniff
		header["Cache-Control"] = noStore
		defer k.finish()
		if who == public || k.admit(who) {
			do(&k)
		}
	}
}

// finish turns a panic into a 500 without its cause, and writes the access log.
func (k *call) finish() {
	if v := recover(); v != nil {
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(v)
		}
		// The value of a panic may hold personal data; those of the runtime do not.
		what := fmt.Sprintf("%T", v)
		if err, ok := v.(runtime.Error); ok {
			what = err.Error()
		}
		k.s.deps.Logger.LogAttrs(k.ctx, slog.LevelError, "request panicked", slog.String("request_id", k.id),
			slog.String("route", k.pattern()), slog.String("panic", what), slog.String("stack", string(debug.Stack())))
		if k.c.Writer.Written() {
			panic(http.ErrAbortHandler) // half an answer must not look like a whole one
		}
		k.write(http.StatusInternalServerError, k.errorBody(errInternal))
	}
	if log := k.s.deps.Logger; log.Enabled(k.ctx, slog.LevelDebug) {
		log.LogAttrs(k.ctx, slog.LevelDebug, "request", slog.String("request_id", k.id), slog.String("method", k.method()),
			slog.String("route", k.pattern()), slog.Int("status", k.c.Writer.Status()),
			slog.Duration("duration", k.s.deps.Clock.Now().Sub(k.started)), slog.String("key_id", k.actor.KeyID))
	}
}

// pattern is the route's pattern: paths may hold personal data.
func (k *call) pattern() string {
	if p := k.c.FullPath(); p != "" {
		return p
	}
	return "none"
}

func (k *call) method() string {
	switch m := k.c.Request.Method; m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// admit checks the key, its scope and its rate limit, in this order (api/lead-ingestion.md, "Answers").
func (k *call) admit(who scope) bool {
	actor, limit, err := k.s.deps.Authenticator.Authenticate(k.ctx, bearer(k.c.Request.Header))
	if err == nil && who == supplier && scope(actor.Scope) != supplier {
		err = application.ErrInvalidKey
	}
	if err != nil {
		if who == supplier && errors.Is(err, application.ErrInvalidKey) {
			limit.Requests, limit.Window = strangers, time.Minute
			if state := k.s.deps.Limiter.Take("address:"+address(k.c.Request.RemoteAddr), limit); !state.Allowed {
				k.retryAfter(state)
				err = errTooMany
			}
		}
		k.fail(err)
		return false
	}
	k.actor = actor
	if scope(actor.Scope) != who {
		k.fail(application.ErrForbidden)
		return false
	}
	if limit.Requests <= 0 {
		return true
	}
	name := "key:" + actor.KeyID
	var state application.RateState
	if who == supplier && k.c.Request.Method != http.MethodPost {
		state = k.s.deps.Limiter.Peek(name, limit) // only POSTs count
		state.Allowed = true
	} else {
		state = k.s.deps.Limiter.Take(name, limit)
	}
	k.tellRate(state)
	if !state.Allowed {
		k.retryAfter(state)
		k.fail(errTooMany)
	}
	return state.Allowed
}

// strangers is how many requests a minute without a valid key an address may send before it is told to wait.
const strangers = 60

// address is what an unknown client is counted by. An IPv6 client owns its whole /64.
func address(remote string) string {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return "unknown"
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.Addr().String()
		}
	}
	return ip.String()
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
func (k *call) secondsLeft(r application.RateState) int64 {
	left := r.ResetAt.Sub(k.s.deps.Clock.Now())
	return max(0, int64((left+time.Second-1)/time.Second))
}

func (k *call) retryAfter(r application.RateState) {
	k.c.Writer.Header()["Retry-After"] = []string{strconv.FormatInt(max(1, k.secondsLeft(r)), 10)}
}

// tellRate sets the X-RateLimit headers and those of the IETF draft (draft-ietf-httpapi-ratelimit-headers).
func (k *call) tellRate(r application.RateState) {
	reset := r.ResetAt.Unix()
	if r.ResetAt.Nanosecond() > 0 {
		reset++
	}
	limit, remaining := strconv.FormatInt(r.Limit, 10), strconv.FormatInt(max(0, r.Remaining), 10)
	header := k.c.Writer.Header()
	header["X-Ratelimit-Limit"] = []string{limit}
	header["X-Ratelimit-Remaining"] = []string{remaining}
	header["X-Ratelimit-Reset"] = []string{strconv.FormatInt(reset, 10)}
	header["Ratelimit-Policy"] = []string{`"default";q=` + limit + `;w=` + strconv.FormatInt(int64(r.Window/time.Second), 10)}
	header["Ratelimit"] = []string{`"default";r=` + remaining + `;t=` + strconv.FormatInt(k.secondsLeft(r), 10)}
}

// write sends an answer in JSON.
func (k *call) write(status int, body []byte) { k.send(status, jsonType, body) }

func (k *call) send(status int, contentType []string, body []byte) {
	header := k.c.Writer.Header()
	header["Content-Type"] = contentType
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	k.c.Writer.WriteHeader(status)
	_, _ = k.c.Writer.Write(body) // a client that went away needs no answer
}

// respond sends what a command stored, or what it stored at an earlier request.
func (k *call) respond(a application.Response, again bool) {
	if again {
		k.c.Writer.Header()["Idempotent-Replayed"] = replayed
	}
	k.write(a.Status, a.Body)
}

// readBody reads a body of at most the limit: errBodyTooLarge without reading the rest.
func (k *call) readBody(into *bytes.Buffer) error {
	r := k.c.Request
	if r.Body == nil || r.ContentLength == 0 {
		return nil
	}
	limit := k.s.deps.MaxBody
	if r.ContentLength <= limit {
		into.Grow(int(max(r.ContentLength, 0)) + bytes.MinRead)
		if _, err := into.ReadFrom(io.LimitReader(r.Body, limit+1)); err != nil {
			k.c.Writer.Header()["Connection"] = closing
			return k.badBody()
		}
	}
	if r.ContentLength > limit || int64(into.Len()) > limit {
		k.c.Writer.Header()["Connection"] = closing
		return errBodyTooLarge
	}
	return nil
}

func (k *call) badBody() *fault.Error {
	if k.form == supplierForm {
		return errBadBody
	}
	return errBadJSON
}

// fingerprint identifies the whole request: method, path, raw query and raw body, each with its length.
func (k *call) fingerprint(body []byte) [sha256.Size]byte {
	r := k.c.Request
	h := sha256.New()
	var length [8]byte
	for _, s := range [...]string{r.Method, r.URL.EscapedPath(), r.URL.RawQuery} {
		binary.BigEndian.PutUint64(length[:], uint64(len(s)))
		h.Write(length[:])
		_, _ = io.WriteString(h, s)
	}
	binary.BigEndian.PutUint64(length[:], uint64(len(body)))
	h.Write(length[:])
	h.Write(body)
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return sum
}

// idempotencyKey returns the request's Idempotency-Key: 1 to 255 visible ASCII characters, bare or in quotes; empty when
// none was sent (api/lead-ingestion.md, "Once only").
func (k *call) idempotencyKey() (string, error) {
	values, sent := k.c.Request.Header["Idempotency-Key"]
	if !sent {
		return "", nil
	}
	if len(values) != 1 {
		return "", errIdempotencyKey
	}
	key := values[0]
	if len(key) >= 2 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	}
	if key == "" || len(key) > 255 {
		return "", errIdempotencyKey
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return "", errIdempotencyKey
		}
	}
	return key, nil
}

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

// base is where clients reach this server.
func (k *call) base() string {
	if k.s.deps.PublicURL != "" {
		return k.s.deps.PublicURL
	}
	if k.c.Request.TLS != nil {
		return "https://" + k.c.Request.Host
	}
	return "http://" + k.c.Request.Host
}

// param returns a path parameter. One that no id of ours looks like becomes an id that nothing has, so that it is answered
// like any other unknown one and never reaches the database.
func (k *call) param(name string) string {
	s := k.c.Param(name)
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

// maxSegment is the longest text that can name something in a path: 255 characters of 4 bytes each.
const maxSegment = 1020

// segment returns a path parameter that may be any text, slashes included. It answers 404 for what names nothing: no text,
// too much of it, or control characters.
func (k *call) segment(name string) (string, bool) {
	if at := slices.Index(strings.Split(k.c.FullPath(), "/"), ":"+name); at >= 0 {
		// The router would take a plus sign for a space.
		s, err := url.PathUnescape(strings.Split(k.c.Request.URL.EscapedPath(), "/")[at])
		if err == nil && s != "" && isText(s) {
			return s, true
		}
	}
	k.fail(errNoRoute)
	return "", false
}

// isText reports whether a text is short enough to name something, valid UTF-8 and without control characters.
func isText(s string) bool {
	return len(s) <= maxSegment && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// named returns the first of some parameters of the query that is given.
func (k *call) named(parameters ...string) (parameter, value string) {
	values := k.c.Request.URL.Query()
	for _, p := range parameters {
		if v := values.Get(p); v != "" {
			return p, v
		}
	}
	return "", ""
}
