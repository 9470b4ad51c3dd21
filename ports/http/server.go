// Package httpport is Leadmill's HTTP port: the server, its keys and limits, how requests are read and how answers and errors
// are written. The rooms beside it (account, program, market, feed) have the routes; a team's routes are made of the same
// parts. openapi.yaml describes every route.
//
// Stability: experimental.
package httpport

import (
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/trace"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

//go:embed openapi.yaml
var openAPI []byte

// OpenAPI returns the document that describes every route of the rooms, in YAML (OpenAPI 3.1). Server.OpenAPI has those of
// teams too.
func OpenAPI() []byte { return append([]byte(nil), openAPI...) }

// Deps is what the port needs.
type Deps struct {
	// Routes are the routes of all rooms, beside which the server has its own for health and its document.
	Routes []Route
	// Teams are the routes of teams' modules.
	Teams []Team
	// Scopes are the key scopes that teams declare.
	Scopes        application.Scopes
	Authenticator application.Authenticator
	Limiter       application.RateLimiter
	Clock         application.Clock
	IDs           application.IDs
	Logger        *slog.Logger
	// PublicURL is where clients reach this server, such as https://leads.example.com; empty: links hold the request's host while that is
	// loopback, and are paths otherwise.
	PublicURL string
	// TrustedProxies are the networks of proxies whose X-Forwarded-For says where a request comes from; empty: the connection does.
	TrustedProxies []netip.Prefix
	// Ready says whether the database answers and has the schema of this version; nil error is ready.
	Ready func(ctx context.Context) error
	// NotSupported is told of each request that is refused because it asks for what is not supported yet: the method and the
	// pattern of its route, and the member or parameter, which is empty when it is the route itself. Nil tells nobody.
	NotSupported func(route, member string)
	// Measure returns what is told of each answer to the requests of a route: its status and how long it took. It is called once a route,
	// with the method and the pattern, which are "any" and "none" for paths that nothing has. Nil measures nothing.
	Measure func(method, route string) func(status int, took time.Duration)
	// Tracer opens a span around each request, below that of its traceparent; nil opens none.
	Tracer trace.Tracer
	// MaxBody is the largest JSON or form body in bytes; zero is 64 KiB.
	MaxBody int64
	// TLS is how connections are encrypted; nil is not at all.
	TLS *tls.Config
	// Timeouts bound what a client may take; a zero one is its default.
	Timeouts Timeouts
}

// Timeouts bound reading a request's header, reading it whole, answering it, waiting for the next one on a connection, and
// answering the requests under way when the server stops. Ask and Change are how long the handler of a request has, from when it was
// read: of one that asks (GET and HEAD), and of any other; then it is answered 503 (see Call.Wait for those that take longer). Notice is how long a server that stops takes new connections still, but is
// not ready, so that a balancer learns of it before any is refused; zero is not at all.
type Timeouts struct{ Header, Read, Write, Idle, Drain, Notice, Ask, Change time.Duration }

// The limits of the server.
const (
	maxBody       = 64 << 10
	maxHeader     = 16 << 10
	headerTimeout = 5 * time.Second
	readTimeout   = 15 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 60 * time.Second
	drainTimeout  = 20 * time.Second
	askTimeout    = 5 * time.Second
	changeTimeout = 10 * time.Second
	readyTimeout  = 2 * time.Second
)

func (d *Deps) setDefaults() {
	if d.MaxBody <= 0 {
		d.MaxBody = maxBody
	}
	d.PublicURL = strings.TrimRight(d.PublicURL, "/")
	t := &d.Timeouts
	for _, limit := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&t.Header, headerTimeout},
		{&t.Read, readTimeout},
		{&t.Write, writeTimeout},
		{&t.Idle, idleTimeout},
		{&t.Drain, drainTimeout},
		{&t.Ask, askTimeout},
		{&t.Change, changeTimeout},
	} {
		if *limit.value <= 0 {
			*limit.value = limit.standard
		}
	}
}

// Server answers HTTP. It is an http.Handler, and Serve runs it with the limits of a public server.
type Server struct {
	deps     Deps
	engine   *gin.Engine
	document []byte // what describes all routes
	keys     keyWatch
	pages    map[string]func(*Call, *fault.Error) (string, []byte) // what shows errors, by the first part of the path

	// running ends when the server begins to stop.
	running context.Context
	stop    context.CancelFunc
}

// New makes a Server. The error names every dependency that is missing, every route that has no scope or no handler or whose
// method and path are another's too, and all that is wrong with the routes of teams (see Team).
func New(d Deps) (*Server, error) {
	var missing []error
	for name, v := range map[string]any{"Authenticator": d.Authenticator, "Limiter": d.Limiter, "Clock": d.Clock, "IDs": d.IDs} {
		if v == nil {
			missing = append(missing, fmt.Errorf("httpport: %s is missing", name))
		}
	}
	if d.Logger == nil {
		missing = append(missing, errors.New("httpport: Logger is missing"))
	}
	if d.Ready == nil {
		missing = append(missing, errors.New("httpport: Ready is missing"))
	}
	routes := append(ownRoutes(), d.Routes...)
	document, added, err := addTeams(d.Teams, d.Scopes)
	if err := errors.Join(append(missing, checkRoutes(routes), err)...); err != nil {
		return nil, err
	}
	routes = append(routes, added...)
	d.setDefaults()
	s := &Server{deps: d, document: document, keys: keyWatch{authenticator: d.Authenticator}, pages: map[string]func(*Call, *fault.Error) (string, []byte){}}
	s.running, s.stop = context.WithCancel(context.Background())
	gin.SetMode(gin.ReleaseMode)
	s.engine = gin.New()
	s.engine.UseRawPath = true
	s.engine.HandleMethodNotAllowed = true
	s.engine.RedirectTrailingSlash = false
	s.engine.RedirectFixedPath = false
	if err := s.engine.SetTrustedProxies(nil); err != nil {
		return nil, err
	}
	var refused []error
	for _, r := range routes {
		refused = append(refused, s.add(r))
	}
	if err := errors.Join(refused...); err != nil {
		return nil, err
	}
	s.engine.NoRoute(s.fallback(func(k *Call) { k.Fail(ErrNotFound) })...)
	s.engine.NoMethod(s.fallback(func(k *Call) { k.Fail(errMethod) })...)
	return s, nil
}

// OpenAPI returns the document that the server serves: that of the rooms with the fragments of teams.
func (s *Server) OpenAPI() []byte { return append([]byte(nil), s.document...) }

// ServeHTTP implements http.Handler. A path with a slash at its end is the same path, never a redirect.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if u := r.URL; len(u.Path) > 1 && u.Path[len(u.Path)-1] == '/' && !strings.HasSuffix(u.RawPath, "%2F") && !strings.HasSuffix(u.RawPath, "%2f") {
		u.Path = u.Path[:len(u.Path)-1]
		u.RawPath = strings.TrimSuffix(u.RawPath, "/")
	}
	if s.running.Err() != nil { // so that the connection is not idle when it is closed, and a client does not lose a request on it
		w.Header()["Connection"] = closing
	}
	s.engine.ServeHTTP(w, r)
}

// Serve answers requests on a listener until ctx ends. Then the server is not ready, long polls end and every answer closes its connection;
// after Timeouts.Notice it takes no more connections, and requests that are under way have until Timeouts.Drain. It returns nil when all of them were answered.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	t := s.deps.Timeouts
	l = drained(l)
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: t.Header, ReadTimeout: t.Read, WriteTimeout: t.Write, IdleTimeout: t.Idle,
		MaxHeaderBytes: maxHeader, TLSConfig: s.deps.TLS, ErrorLog: slog.NewLogLogger(s.deps.Logger.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() {
		if s.deps.TLS != nil {
			failed <- server.ServeTLS(l, "", "")
			return
		}
		failed <- server.Serve(l)
	}()
	select {
	case err := <-failed:
		s.Stop()
		return err
	case <-ctx.Done():
	}
	s.Stop()
	if t.Notice > 0 {
		notice := time.NewTimer(t.Notice)
		defer notice.Stop()
		select {
		case err := <-failed:
			return err
		case <-notice.C:
		}
		// From the shutdown on, the standard library answers no request of a connection that it has not read yet.
		_ = l.Close()
		notice.Reset(lastRequests)
		<-notice.C
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.Drain)
	defer cancel()
	err := server.Shutdown(drain)
	if err != nil {
		err = errors.Join(fmt.Errorf("httpport: requests were cut off at shutdown: %w", err), server.Close())
	}
	if ended := <-failed; !errors.Is(ended, http.ErrServerClosed) && !errors.Is(ended, net.ErrClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// lastRequests is how long the last connections may take to send their requests, once no more are taken.
const lastRequests = 250 * time.Millisecond

// Stop makes the server not ready and ends its long polls; other requests are still answered. Serve does so itself.
func (s *Server) Stop() { s.stop() }

// untilStop returns a context that ends with the request or when the server stops. The caller must call release.
func (s *Server) untilStop(ctx context.Context) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(s.running, cancel)
	return ctx, func() {
		unhook()
		cancel()
	}
}
