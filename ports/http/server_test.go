package httpport_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/application"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/porttest"
)

// leadBody is a lead as a supplier sends it.
const leadBody = `{"seller":"ACME1234","category":"Auto Insurance","firstName":"John","lastName":"Doe","phone":"555-123-4567","state":"TX"}`

// The documented answers of the routes under test.
const (
	sold  = `{"success":true,"lead_id":"lead_1","status":"sold","buyer_ids":["buyer_1"]}`
	buyer = `{"data":{"id":"b1","name":"Best","email":"","status":"active","balance":0,"held":0,"credit_limit":0,"time_zone":"",` +
		`"created_at":"2025-04-30T16:44:13.000000Z","updated_at":"2025-04-30T16:44:13.000000Z","caps":[]},"status":1}`
	nobody = `{"data":[],"links":{"first":"http://localhost:8080/v1/partners:search?page=1","last":null,"prev":null,"next":null},` +
		`"meta":{"current_page":1,"from":null,"path":"http://localhost:8080/v1/partners:search","per_page":15,"to":null},"status":1}`
)

// newApp is a server over a few routes, one of each sort, that answer what is documented for them.
func newApp(t testing.TB, options ...func(*httpport.Deps)) *porttest.App {
	t.Helper()
	return porttest.New(t, func(a *porttest.App) ([]httpport.Route, error) {
		answer := func(body string) func(*httpport.Call) {
			return func(k *httpport.Call) {
				var b bytes.Buffer
				err := k.ReadBody(&b)
				if err == nil {
					err = a.Note(k.Param("id"))
				}
				if err != nil {
					k.Fail(err)
					return
				}
				k.JSON(http.StatusOK, []byte(body))
			}
		}
		return []httpport.Route{
			{Method: "POST", Path: "/api/leads", Needs: application.Supplier, Handle: answer(sold)},
			{Method: "GET", Path: "/v1/buyers/:id", Needs: application.Program, Handle: answer(buyer)},
			{Method: "PUT", Path: "/v1/buyers/:id", Needs: application.Program, Handle: answer(buyer)},
			{Method: "GET", Path: `/v1/partners\:search`, Needs: application.Program, Handle: answer(nobody)},
		}, nil
	}, options...)
}

// What holds for every room holds for the server's own routes.
func TestOwnRoutes(t *testing.T) {
	t.Parallel()
	porttest.Room{New: func(t testing.TB) *porttest.App { return newApp(t) }, Fragments: "openapi.base.yaml"}.Check(t)
}

func TestUnknownPathsAndMethods(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow, code  string
		supplier     bool
	}{
		{"GET", "/", 404, "", "not_found", false},
		{"GET", "/v1", 404, "", "not_found", false},
		{"GET", "/v1/nothing", 404, "", "not_found", false},
		{"GET", "/v1//buyers", 404, "", "not_found", false},
		{"GET", "/V1/buyers", 404, "", "not_found", false},
		{"GET", "/apis", 404, "", "not_found", false},
		{"GET", "/api", 404, "", "not_found", true},
		{"POST", "/api/leads/bulk/x", 404, "", "not_found", true},
		{"GET", "/api/leads", 405, "POST", "method_not_allowed", true},
		{"DELETE", "/api/leads/", 405, "POST", "method_not_allowed", true},
		{"PATCH", "/v1/buyers/x", 405, "GET, PUT", "method_not_allowed", false},
		{"POST", "/livez", 405, "GET, HEAD", "method_not_allowed", false},
	} {
		w := a.Do(porttest.Request{Method: c.method, Path: c.path})
		allow := strings.Split(w.Header().Get("Allow"), ", ")
		slices.Sort(allow)
		if w.Code != c.status || porttest.CodeIn(t, w) != c.code || strings.Join(allow, ", ") != c.allow {
			t.Errorf("%s %s: %d %s, Allow %q", c.method, c.path, w.Code, w.Body, allow)
		}
		if strings.Contains(w.Body.String(), `"success":false`) != c.supplier {
			t.Errorf("%s %s: the other form: %s", c.method, c.path, w.Body)
		}
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	for _, v := range []any{"john@secret.example", errors.New("john@secret.example"), struct{ s string }{"john@secret.example"}} {
		a := newApp(t)
		a.Panics = v
		w := a.Do(porttest.Request{Path: "/api/leads", Key: "limited", Body: leadBody})
		if w.Code != 500 || w.Body.String() != `{"success":false,"error":"Internal error","code":"internal_error","request_id":"req_1"}` {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		log := a.Logged()
		if strings.Count(log, `"level":"ERROR"`) != 1 || !strings.Contains(log, w.Header().Get("X-Request-Id")) || strings.Contains(log, "secret.example") {
			t.Errorf("logged: %s", log)
		}
	}
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	w := a.Do(porttest.Request{Method: "GET", Path: "/v1/buyers/b1", Key: "program"})
	var line map[string]any
	if err := json.Unmarshal([]byte(a.Logged()), &line); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"level": "DEBUG", "method": "GET", "route": "/v1/buyers/:id", "status": 200.0, "key_id": "kp", "request_id": w.Header().Get("X-Request-Id")} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}
	a.Do(porttest.Request{Method: "GET", Path: "/v1/partners:search/?email=a", Key: "program"})
	if log := a.Logged(); !strings.Contains(log, `"route":"/v1/partners:search"`) {
		t.Errorf("logged: %s", log)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	if w := a.Do(porttest.Request{Method: "GET", Path: "/readyz"}); w.Code != 200 || w.Body.String() != `{"status":1}` {
		t.Errorf("ready: %d %s", w.Code, w.Body)
	}
	a.Ready = errors.New("john@secret.example")
	if w := a.Do(porttest.Request{Method: "GET", Path: "/readyz"}); w.Code != 503 || strings.Contains(w.Body.String()+a.Logged(), "secret.example") {
		t.Errorf("not ready: %d %s", w.Code, w.Body)
	}
	a.Ready = nil
	a.Server.Stop()
	if w := a.Do(porttest.Request{Method: "GET", Path: "/readyz"}); w.Code != 503 {
		t.Errorf("stopping: %d", w.Code)
	}
	if w := a.Do(porttest.Request{Method: "GET", Path: "/livez"}); w.Code != 200 {
		t.Errorf("live: %d", w.Code)
	}
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	if w := newApp(t).Do(porttest.Request{Method: "GET", Path: "/openapi.yaml"}); w.Code != 200 || w.Body.String() != string(httpport.OpenAPI()) {
		t.Error("openapi.yaml is another")
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := httpport.New(httpport.Deps{})
	for _, name := range []string{"Authenticator", "Limiter", "Clock", "IDs", "Logger", "Ready"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
}

func TestNewRefusesRoutes(t *testing.T) {
	t.Parallel()
	do := func(*httpport.Call) {}
	for want, routes := range map[string][]httpport.Route{
		"two routes GET /a":                      {{Method: "GET", Path: "/a", Needs: application.Admin, Handle: do}, {Method: "GET", Path: "/a", Needs: application.Program, Handle: do}},
		"two routes GET /livez":                  {{Method: "GET", Path: "/livez", Needs: application.Visitor, Handle: do}},
		"route GET /b has no scope":              {{Method: "GET", Path: "/b", Handle: do}},
		"route GET /c has the scope internal":    {{Method: "GET", Path: "/c", Needs: application.Internal, Handle: do}},
		"route GET /d has no handler":            {{Method: "GET", Path: "/d", Needs: application.Admin}},
		"the route GET /e/:two cannot be: ':two": {{Method: "GET", Path: "/e/:one", Needs: application.Admin, Handle: do}, {Method: "GET", Path: "/e/:two", Needs: application.Admin, Handle: do}},
	} {
		deps := httpport.Deps{
			Routes: routes, Authenticator: porttest.Keys{}, Limiter: struct{ application.RateLimiter }{}, Clock: &porttest.Clock{},
			IDs: struct{ application.IDs }{}, Logger: slog.New(slog.DiscardHandler), Ready: func(context.Context) error { return nil },
		}
		if s, err := httpport.New(deps); err == nil || s != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not told: %v", want, err)
		}
	}
}

// Nothing personal of a request is in an error or in the log, wherever it was.
func TestNoPersonalData(t *testing.T) {
	t.Parallel()
	porttest.CheckNoPersonalData(t, newApp(t), []porttest.Request{{Path: "/v1/" + porttest.Canary, Method: "GET", Key: "program"}})
}

func TestServerLimits(t *testing.T) {
	t.Parallel()
	patient := newApp(t)
	hasty := newApp(t, func(d *httpport.Deps) {
		d.Timeouts.Header, d.Timeouts.Read = 250*time.Millisecond, 500*time.Millisecond
	})
	for _, a := range []*porttest.App{patient, hasty} {
		a.Clock.Set(time.Now())
	}
	url, stop, done := patient.Serve()
	hastyURL, stopHasty, doneHasty := hasty.Serve()
	for name, c := range map[string]struct{ send, want string }{
		"slow header":  {"POST /api/leads HTTP/1.1\r\nHost: x\r\n", ""},
		"slow body":    {"POST /api/leads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer supplier\r\nContent-Length: 10\r\n\r\n{", "HTTP/1.1 400"},
		"large header": {"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 24<<10) + "\r\n\r\n", "HTTP/1.1 431"},
		"large body":   {"POST /api/leads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer supplier\r\nContent-Length: 1000000000\r\n\r\n{", "HTTP/1.1 413"},
	} {
		to := url
		if strings.HasPrefix(name, "slow") { // the others must not meet a time limit, however slow this machine is
			to = hastyURL
		}
		conn, err := net.Dial("tcp", strings.TrimPrefix(to, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, c.send); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(3 * time.Minute))
		answer, _ := io.ReadAll(conn) // until the server closes it
		if !strings.HasPrefix(string(answer), c.want) || c.want == "" && len(answer) > 0 && !strings.HasPrefix(string(answer), "HTTP/1.1 408") {
			t.Errorf("%s: %.60s", name, answer)
		}
		_ = conn.Close()
	}
	stop()
	stopHasty()
	if err := errors.Join(<-done, <-doneHasty); err != nil {
		t.Error(err)
	}
}

// A server that stops first says so, and is reached by new connections still.
func TestAServerGivesNoticeBeforeItStops(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(d *httpport.Deps) { d.Timeouts.Notice = 2 * time.Second })
	url, stop, done := a.Serve()
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string) int {
		t.Helper()
		r, err := fresh.Get(url + path)
		if err != nil {
			t.Fatalf("%s while the server gives notice: %v", path, err)
		}
		_ = r.Body.Close()
		return r.StatusCode
	}
	if got := get("/readyz"); got != http.StatusOK {
		t.Errorf("/readyz of a running server is answered %d", got)
	}
	stop()
	ready := http.StatusOK
	for ready != http.StatusServiceUnavailable { // get ends the test when no connection is taken
		ready = get("/readyz")
	}
	if got := get("/livez"); got != http.StatusOK {
		t.Errorf("/livez of a server that gives notice is answered %d", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// What takes longer than a request may is answered 503 in the form of its API; what waits on purpose, and a client that is slow to send, is not.
func TestARequestEndsInTime(t *testing.T) {
	t.Parallel()
	until := func(ctx func(*httpport.Call) (context.Context, func())) func(*httpport.Call) {
		return func(k *httpport.Call) {
			var b bytes.Buffer
			if err := k.ReadBody(&b); err != nil {
				k.Fail(err)
				return
			}
			c, release := ctx(k)
			defer release()
			timer := time.NewTimer(200 * time.Millisecond)
			defer timer.Stop()
			select {
			case <-c.Done():
				k.Fail(c.Err())
			case <-timer.C:
				k.OK()
			}
		}
	}
	own := until(func(k *httpport.Call) (context.Context, func()) { return k.Context(), func() {} })
	waits := until(func(k *httpport.Call) (context.Context, func()) { return k.Wait(time.Second) })
	a := porttest.New(t, func(*porttest.App) ([]httpport.Route, error) {
		return []httpport.Route{
			{Method: "GET", Path: "/v1/asks", Needs: application.Visitor, Handle: own},
			{Method: "GET", Path: "/v1/waits", Needs: application.Visitor, Handle: waits},
			{Method: "POST", Path: "/v1/changes", Needs: application.Visitor, Handle: own},
			{Method: "POST", Path: "/api/changes", Needs: application.Visitor, Handle: own},
		}, nil
	}, func(d *httpport.Deps) { d.Timeouts.Ask, d.Timeouts.Change = 20*time.Millisecond, 100*time.Millisecond })
	url, stop, done := a.Serve()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	for _, c := range []struct {
		method, path string
		status       int
		begins       string
	}{
		{"GET", "/v1/asks", 503, `{"status":0,"message":"Service unavailable","code":"service_unavailable"`},
		{"POST", "/v1/changes", 503, `{"status":0,"message":"Service unavailable","code":"service_unavailable"`},
		{"POST", "/api/changes", 503, `{"success":false,"error":"Service unavailable","code":"service_unavailable"`},
		{"GET", "/v1/waits", 200, `{"status":1}`},
	} {
		r, err := http.NewRequest(c.method, url+c.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != c.status || !strings.HasPrefix(string(body), c.begins) || c.status == 503 && answer.Header.Get("Retry-After") == "" {
			t.Errorf("%s %s is answered %d %s (%v)", c.method, c.path, answer.StatusCode, body, err)
		}
	}
}
