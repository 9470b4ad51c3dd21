// Package porttest is what the tests of the HTTP port share: a server over the routes of one room, whose handlers remember
// what they were sent, with a clock, keys and rate limits of the test's own. Every answer is compared with the OpenAPI
// document.
//
// Stability: unsupported; it may change at any time.
package porttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/seller"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/openapitest"
)

// Spec is the document that the server serves.
var Spec = sync.OnceValue(func() *openapitest.Spec {
	s, err := openapitest.Load(httpport.OpenAPI())
	if err != nil {
		panic(err)
	}
	return s
})

// USD is the currency of the seller whose keys an App knows.
var USD = money.MustCurrency("USD")

// TeamScope is the key scope of a team that every App knows. It opens one operation, so that its key gets to the handlers of
// routes for program keys; of these only teamPath sends that operation.
var TeamScope = application.KeyScope{Name: "reports", Operations: []string{"CampaignReport"}}

const teamPath = "/v1/reports/campaigns"

// eventsScope is that of keys that read events.
var eventsScope = application.KeyScope{Name: "events", Operations: []string{"Events", "EventStream"}}

// streamPath answers events as they happen, and nothing else than JSON when it does not.
const (
	streamPath = "/v1/events/stream"
	streamType = "text/event-stream"
)

// Start is the time on the clock of a new App.
var Start = time.Date(2025, 4, 30, 16, 44, 13, 0, time.UTC)

// Clock stands still until it is moved.
type Clock = clock.Manual

type ids struct{ n atomic.Int64 }

func (i *ids) New(prefix string) string { return fmt.Sprintf("%s_%d", prefix, i.n.Add(1)) }

// limiter is a fixed window that starts with the first request.
type limiter struct {
	clock *Clock
	mu    sync.Mutex
	used  map[string]int64
	end   map[string]time.Time
}

func (l *limiter) look(name string, r application.RateLimit, n int64) application.RateState {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	if !l.end[name].After(now) {
		l.used[name], l.end[name] = 0, now.Add(r.Window)
	}
	ok := l.used[name]+n <= r.Requests
	if ok {
		l.used[name] += n
	}
	return application.RateState{Limit: r.Requests, Remaining: r.Requests - l.used[name], Window: r.Window, ResetAt: l.end[name], Allowed: ok}
}

func (l *limiter) Take(name string, r application.RateLimit) application.RateState {
	return l.look(name, r, 1)
}

func (l *limiter) Peek(name string, r application.RateLimit) application.RateState {
	return l.look(name, r, 0)
}

// Credentials are what a key stands for.
type Credentials struct {
	Actor application.Actor
	Limit application.RateLimit
	Err   error
}

// Keys are the keys that a server knows, by their text.
type Keys map[string]Credentials

// Authenticate implements application.Authenticator.
func (k Keys) Authenticate(_ context.Context, token string) (application.Actor, application.RateLimit, error) {
	c, ok := k[token]
	if !ok {
		return application.Actor{}, application.RateLimit{}, application.ErrInvalidKey
	}
	return c.Actor, c.Limit, c.Err
}

// App is a server with handlers that remember what they were sent. Its keys are "program" and "supplier" without a limit,
// "limited" (a supplier's, 60 a minute), "metered" (a program's, one a minute), "form", "formed" (10 a minute) and "x1" (a site's) for pages
// of https://shop.example, "admin", "reports" (of Scopes), "events", and "broken", which no database answers for.
type App struct {
	T      testing.TB
	Server *httpport.Server
	Clock  *Clock
	Keys   Keys
	Scopes application.Scopes
	Fail   error // what every handler answers instead
	Panics any   // what every handler panics with
	Again  bool  // commands answer as replays
	Calls  int   // how many messages came to handlers
	Ready  error // why the database is not ready

	mu   sync.Mutex
	sent any
	log  bytes.Buffer
}

// New starts an App over the routes that the function makes for it.
func New(t testing.TB, routes func(*App) ([]httpport.Route, error), options ...func(*httpport.Deps)) *App {
	t.Helper()
	a := &App{T: t, Clock: clock.NewManual(Start)}
	actor := application.Actor{
		SellerID: "seller_1", SellerCode: "ACME1234", SellerSlug: "acme", Website: "https://yourcompany.com",
		LinkParameter: "aff", Currency: USD,
	}
	supplier, program := actor, actor
	supplier.Scope, supplier.KeyID, supplier.PartnerID = seller.Supplier, "ks", "partner_123"
	program.Scope, program.KeyID = seller.Program, "kp"
	limited, reports, form := supplier, program, supplier
	form.Scope, form.KeyID, form.CampaignID, form.Origins = seller.Form, "kf", "campaign_1", "https://shop.example http://localhost:8000"
	limited.KeyID = "kl"
	site := program
	site.Scope, site.KeyID, site.CookieDays, site.Origins = seller.Site, "kw", 45, "http://localhost:3000 https://shop.example"
	reports.Scope, reports.KeyID = seller.Scope(TeamScope.Name), "kr"
	events := program
	events.Scope, events.KeyID = seller.Scope(eventsScope.Name), "ke"
	a.Keys = Keys{
		"supplier": {Actor: supplier},
		"limited":  {Actor: limited, Limit: seller.DefaultRateLimit},
		"program":  {Actor: program},
		"metered":  {Actor: program, Limit: application.RateLimit{Requests: 1, Window: time.Minute}},
		"form":     {Actor: form},
		"formed":   {Actor: form, Limit: seller.DefaultPageLimit},
		"admin":    {Actor: application.Actor{Scope: seller.Admin, KeyID: "admin"}},
		"reports":  {Actor: reports},
		"events":   {Actor: events},
		"x1":       {Actor: site, Limit: seller.DefaultPageLimit}, // as room.go fills in paths
		"broken":   {Err: application.ErrUnavailable},
	}
	all, err := routes(a)
	if err != nil {
		t.Fatal(err)
	}
	scopes, err := application.NewScopes(TeamScope, eventsScope)
	if err != nil {
		t.Fatal(err)
	}
	deps := httpport.Deps{
		Routes: all, Scopes: scopes, Authenticator: a.Keys, Limiter: &limiter{clock: a.Clock, used: map[string]int64{}, end: map[string]time.Time{}},
		Clock: a.Clock, IDs: &ids{}, Logger: slog.New(slog.NewJSONHandler(a, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Ready: func(context.Context) error { return a.Ready },
	}
	for _, option := range options {
		option(&deps)
	}
	if a.Server, err = httpport.New(deps); err != nil {
		t.Fatal(err)
	}
	a.Scopes = deps.Scopes
	return a
}

// At lets clients reach the server at a public URL.
func At(publicURL string) func(*httpport.Deps) {
	return func(d *httpport.Deps) { d.PublicURL = publicURL }
}

// Write implements io.Writer: it keeps the log.
func (a *App) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.log.Write(p)
}

// Logged is all that the server logged.
func (a *App) Logged() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.log.String()
}

// Note remembers a message for Take, unless its actor may not send it. The error is what its handler must answer.
func (a *App) Note(message any) error {
	if m, ok := message.(application.Message); ok {
		op := bus.Operation{Name: reflect.TypeOf(m).Name(), Message: m}
		if err := (application.Authorise{Scopes: a.Scopes}).Intercept(context.Background(), op, func(context.Context) error { return nil }); err != nil {
			return err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent = message
	a.Calls++
	if a.Panics != nil {
		panic(a.Panics)
	}
	return a.Fail
}

// Take returns the last message that came to a handler and forgets it; nil when there is none.
func (a *App) Take() any {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.sent
	a.sent = nil
	return s
}

// Commands is a handler of commands that answers what render makes of each.
func Commands[C any](a *App, render func(C) application.Response) bus.Handler[C, application.Done] {
	return bus.HandlerFunc[C, application.Done](func(_ context.Context, c C) (application.Done, error) {
		if err := a.Note(c); err != nil {
			return application.Done{}, err
		}
		return application.Done{Response: render(c), Replayed: a.Again}, nil
	})
}

// Answers is a handler that answers the same to every message.
func Answers[C, R any](a *App, answer R, err error) bus.Handler[C, R] {
	return bus.HandlerFunc[C, R](func(_ context.Context, c C) (R, error) {
		if failed := a.Note(c); failed != nil {
			var none R
			return none, failed
		}
		return answer, err
	})
}

// Queries is Answers without an error.
func Queries[Q, R any](a *App, answer R) bus.Handler[Q, R] { return Answers[Q](a, answer, nil) }

// Request is a request to send; without a method it is a POST.
type Request struct {
	Method, Path, Key, Body string
	Header                  http.Header
	Chunked                 bool    // without a Content-Length
	Host                    *string // localhost:8080 when it is nil
}

// Do sends a request and compares its answer with the document.
func (a *App) Do(r Request) *httptest.ResponseRecorder {
	a.T.Helper()
	if r.Method == "" {
		r.Method = http.MethodPost
	}
	var body io.Reader
	if r.Body != "" {
		body = strings.NewReader(r.Body)
		if r.Chunked {
			body = io.MultiReader(body)
		}
	}
	q := httptest.NewRequest(r.Method, r.Path, body)
	q.Host = "localhost:8080"
	if r.Host != nil {
		q.Host = *r.Host
	}
	for name, values := range r.Header {
		q.Header[http.CanonicalHeaderKey(name)] = values
	}
	if r.Key != "" {
		q.Header.Set("Authorization", "Bearer "+r.Key)
	}
	path := q.URL.EscapedPath()
	w := httptest.NewRecorder()
	a.Server.ServeHTTP(w, q)
	if err := Spec().Check(r.Method, path, w.Code, w.Header(), w.Body.Bytes()); err != nil {
		a.T.Errorf("%s %s: %v\n%s", r.Method, r.Path, err, w.Body)
	}
	caching := "no-store"
	if w.Code == http.StatusOK && (path == "/track.js" || path == "/js/universal.js" || path == "/docs/scalar.js") {
		caching = "public, max-age=3600" // the same for everybody
	}
	if w.Header().Get("Content-Type") == streamType {
		caching = "no-cache"
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": caching} {
		if got := w.Header().Get(name); got != want {
			a.T.Errorf("%s %s: %s is %q", r.Method, r.Path, name, got)
		}
	}
	if w.Header().Get("X-Request-Id") == "" {
		a.T.Errorf("%s %s: no X-Request-Id", r.Method, r.Path)
	}
	if (w.Header().Get("Location") != "") != (w.Code == http.StatusFound || w.Code == http.StatusSeeOther) && w.Code != http.StatusAccepted { // an import may say where it is asked for
		a.T.Errorf("%s %s: %d with Location %q", r.Method, r.Path, w.Code, w.Header().Get("Location"))
	}
	// Which of them an operation answers is in the document; an undocumented path answers JSON.
	switch ct := w.Header().Get("Content-Type"); ct {
	case "application/json", "application/yaml":
	case "": // Check knows which answers have no body
		if w.Code != http.StatusNoContent {
			a.T.Errorf("%s %s: no Content-Type", r.Method, r.Path)
		}
	case "text/html; charset=utf-8", "text/csv; charset=utf-8", "text/javascript; charset=utf-8", "application/cloudevents-batch+json", streamType:
		if _, documented := Spec().Find(r.Method, path); !documented {
			a.T.Errorf("%s %s: Content-Type %q", r.Method, r.Path, ct)
		}
	default:
		a.T.Errorf("%s %s: Content-Type %q", r.Method, r.Path, ct)
	}
	return w
}

// SentBy sends a request with the program key that must succeed, and returns what came to a handler.
func (a *App) SentBy(r Request) any {
	a.T.Helper()
	r.Key = "program"
	if w := a.Do(r); w.Code >= 300 {
		a.T.Fatalf("%s %s: %d %s", r.Method, r.Path, w.Code, w.Body)
	}
	return a.Take()
}

// CodeIn is the code of an error that was answered.
func CodeIn(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	var body struct{ Code string }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return body.Code
}

// Serve runs the server on a free port. stop lets it end; what Serve returned comes from done.
func (a *App) Serve() (url string, stop context.CancelFunc, done <-chan error) {
	a.T.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		a.T.Fatal(err)
	}
	ctx, cancel := context.WithCancel(a.T.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Server.Serve(ctx, l) }()
	return "http://" + l.Addr().String(), cancel, ended
}

// Get asks a served App for a URL, with the program key. It may be called from any goroutine.
func (a *App) Get(url string) (status int, body string, err error) {
	q, err := http.NewRequestWithContext(a.T.Context(), http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	q.Header.Set("Authorization", "Bearer program")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return r.StatusCode, string(b), err
}
