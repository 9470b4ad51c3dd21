package httpport

import (
	"context"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/tests/openapitest"
)

var discard = slog.New(slog.DiscardHandler)

var parameter = regexp.MustCompile(`/:([a-z_]+)`)

// templateOf is a route's path as openapi.yaml writes it. The router wants one name for what stands behind /r/.
func templateOf(path string) string {
	if path == "/r/:key/:link_key" {
		return "/r/{seller_code}/{key}"
	}
	return strings.ReplaceAll(parameter.ReplaceAllString(path, "/{$1}"), `\:`, ":")
}

// Every route is documented with its scope, and every documented operation is a route.
func TestRoutesAreDocumented(t *testing.T) {
	t.Parallel()
	documented := map[string]string{}
	for _, o := range spec().Operations() {
		documented[o.Method+" "+o.Path] = strings.Join(o.Scopes, ",")
	}
	for _, r := range routes() {
		name := r.method + " " + templateOf(r.path)
		who, ok := documented[name]
		if !ok || who != string(r.scope) {
			t.Errorf("%s: documented %v with scope %q, want %q", name, ok, who, r.scope)
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("%s is documented and no route", name)
	}
}

// example is a valid request for an operation.
func example(o openapitest.Operation, key string) request {
	r := request{method: o.Method, path: strings.ReplaceAll(o.Path, "{file}", "lead.sold.v1.json"), key: key,
		header: http.Header{"Cookie": {"leadmill_portal=session_1"}}}
	r.path = regexp.MustCompile(`\{[a-z_]+\}`).ReplaceAllString(r.path, "x1")
	switch o.Method + " " + o.Path {
	case "GET /v1/partner", "GET /v1/customer":
		r.path += "?email=a@b.example"
	case "GET /v1/leads/convert", "GET /v1/leads/reject":
		r.path += "?id=71"
	case "POST /portal/invitations/{token}":
		r.header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	bodies := map[string]string{
		"POST /api/leads":                   leadBody,
		"POST /v1/sellers":                  `{"name":"Acme Leads","slug":"acme","code":"ACME1234","currency":"USD","time_zone":"America/Chicago","website":"https://yourcompany.com"}`,
		"POST /v1/api-keys":                 `{"scope":"supplier","partner":{"id":"partner_123"},"name":"form","rate_limit":{"requests":60,"window_seconds":60}}`,
		"POST /v1/partners":                 `{"email":"john@example.com","name":"John","surname":"Doe","tags":["new","premium"]}`,
		"POST /v1/partner":                  `{"email":"john@example.com"}`,
		"PUT /v1/partners":                  `{"id":"partner_123","name":"Johnny"}`,
		"PUT /v1/partner":                   `{"key":"ref_123","update":{"name":"Johnny"}}`,
		"DELETE /v1/partners":               `{"email":"john@example.com"}`,
		"DELETE /v1/partner":                `{"id":7}`,
		"POST /v1/partners:invite":          `{"email":"jane@example.com","name":"Jane"}`,
		"POST /v1/partners:sign-in-url":     `{"email":"john@example.com","expires_in":120}`,
		"POST /v1/partner_referral_links":   `{"key":"spring","partner":{"id":"partner_123"}}`,
		"POST /v1/customers":                `{"partner":{"key":"ref_123"},"key":"customer_123"}`,
		"POST /v1/customer":                 `{"partner":{"key":"ref_123"},"customer":{"key":"customer_123"}}`,
		"PUT /v1/customers":                 `{"key":"customer_123","name":"Alicia"}`,
		"PUT /v1/customer":                  `{"email":"alice.brown@example.com","name":"Alicia"}`,
		"DELETE /v1/customer":               `{"key":"customer_123"}`,
		"POST /v1/leads":                    `{"partner":{"key":"ref_123"},"name":"Alice Brown","email":"alice.brown@example.com"}`,
		"POST /v1/leads/convert":            `{"id":71,"commission_transaction_amount":99.5}`,
		"POST /v1/leads/reject":             `{"id":"71"}`,
		"POST /portal/invitations/{token}":  "password=Secret123",
		"POST /v1/buyers":                   `{"name":"Best Insurance","email":"leads@best.example","credit_limit":0,"time_zone":"America/New_York"}`,
		"POST /v1/buyers/{id}/deposits":     `{"amount":1000.00,"note":"wire 42"}`,
		"POST /v1/buyers/{id}/withdrawals":  `{"amount":1000.00}`,
		"POST /v1/campaigns":                documentedCampaign,
		"POST /v1/campaigns/{id}/contracts": `{"buyer_id":"buyer_1","price":45.00}`,
	}
	r.body = bodies[o.Method+" "+o.Path]
	if r.body == "" && o.Method == http.MethodPut {
		r.body = "{}"
	}
	return r
}

// Every scope on every route, generated from openapi.yaml, every answer compared with it.
func TestScopes(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, o := range spec().Operations() {
		for _, key := range []string{"", "nobody", "admin", "program", "supplier"} {
			want := 0 // the documented success
			switch {
			case len(o.Scopes) == 0 || o.Scopes[0] == key:
			case key == "" || key == "nobody" || o.Scopes[0] == "supplier":
				want = http.StatusUnauthorized
			default:
				want = http.StatusForbidden
			}
			a.calls = 0
			w := a.do(example(o, key))
			if want == 0 && w.Code >= 400 || want != 0 && w.Code != want {
				t.Errorf("%s %s with key %q: %d, want %d: %s", o.Method, o.Path, key, w.Code, want, w.Body)
			}
			if want >= 400 && a.calls > 0 {
				t.Errorf("%s %s with key %q reached the application", o.Method, o.Path, key)
			}
		}
	}
}

// Every error of the application is documented for every route, in the form of its API.
func TestErrorsOnEveryRoute(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, o := range spec().Operations() {
		if len(o.Scopes) == 0 {
			continue
		}
		for _, err := range []error{application.ErrUnavailable, errors.New("boom"), context.Canceled} {
			a.fail = err
			w := a.do(example(o, o.Scopes[0]))
			if w.Code < 500 || strings.Contains(w.Body.String(), "boom") {
				t.Errorf("%s %s: %d %s", o.Method, o.Path, w.Code, w.Body)
			}
		}
		if o.Method == http.MethodGet || o.Path == "/api/leads" {
			continue
		}
		for _, err := range []error{fault.New(fault.NotFound, "thing_not_found", "Thing not found."), application.ErrConcurrentChange} {
			a.fail = err
			w := httptest.NewRecorder()
			r := example(o, o.Scopes[0])
			q := httptest.NewRequest(r.method, r.path, strings.NewReader(r.body))
			q.Header.Set("Authorization", "Bearer "+o.Scopes[0])
			a.server.ServeHTTP(w, q)
			if want := statusOf(programForm, fault.As(err)); w.Code != want {
				t.Errorf("%s %s: %d, want %d", o.Method, o.Path, w.Code, want)
			}
		}
	}
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
		{"POST", "/livez", 405, "GET", "method_not_allowed", false},
		{"GET", "/schemas/lead.sold.v1", 404, "", "not_found", false},
		{"GET", "/schemas/..%2Fasyncapi.yaml", 404, "", "not_found", false},
	} {
		w := a.do(request{method: c.method, path: c.path})
		allow := strings.Split(w.Header().Get("Allow"), ", ")
		slices.Sort(allow)
		if w.Code != c.status || codeIn(t, w) != c.code || strings.Join(allow, ", ") != c.allow {
			t.Errorf("%s %s: %d %s, Allow %q", c.method, c.path, w.Code, w.Body, allow)
		}
		if strings.Contains(w.Body.String(), `"success":false`) != c.supplier {
			t.Errorf("%s %s: the other form: %s", c.method, c.path, w.Body)
		}
	}
}

func TestTrailingSlash(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for path, want := range map[string]string{"/v1/buyers/b1/": "b1", "/v1/buyers/b%31": "b1", "/v1/buyers/b1%2F": "/", "/v1/buyers/%FF": "/", "/v1/buyers/a%20b": "/",
		"/v1/buyers/" + strings.Repeat("x", 101): "/", "/v1/buyers/-": "-"} {
		if w := a.do(request{method: "GET", path: path, key: "program"}); w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		} else if got := a.take().(query.BuyerByID).ID; got != want {
			t.Errorf("%s: id %q, want %q", path, got, want)
		}
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	for _, v := range []any{"john@secret.example", errors.New("john@secret.example"), struct{ s string }{"john@secret.example"}} {
		a := newApp(t)
		a.panics = v
		w := a.do(request{path: "/api/leads", key: "limited", body: leadBody})
		if w.Code != 500 || w.Body.String() != `{"success":false,"error":"Internal error","code":"internal_error"}` {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		log := a.logged()
		if strings.Count(log, `"level":"ERROR"`) != 1 || !strings.Contains(log, w.Header().Get("X-Request-Id")) || strings.Contains(log, "secret.example") {
			t.Errorf("logged: %s", log)
		}
	}
}

// Nothing personal of a request is in an error or in the log, wherever it was.
func TestNoPersonalData(t *testing.T) {
	t.Parallel()
	const canary = "canary@secret.example"
	a := newApp(t)
	body := strings.NewReplacer("John", canary, "555-123-4567", canary).Replace(leadBody)
	header := http.Header{"Idempotency-Key": {canary}, "Referer": {canary}, "User-Agent": {canary}, "Traceparent": {canary}, "X-Request-Id": {canary}}
	for _, r := range []request{
		{path: "/api/leads?email=" + canary, key: "supplier", body: body, header: header},
		{path: "/api/leads?email=" + canary + "&email=x", key: "supplier", body: body, header: header},
		{path: "/api/leads", key: canary, body: body},
		{path: "/api/leads", key: "supplier", body: `{"seller":"` + canary + `","category":"c","external_id":[],"phone":"` + canary + `"}`},
		{path: "/api/leads", key: "supplier", body: `{"test":"` + canary + `","seller":"ACME1234","category":"` + canary + `"}`},
		{path: "/api/leads", key: "supplier", body: `{"a":"` + canary + `",`},
		{path: "/api/leads/" + canary, method: "GET", key: "supplier"},
		{path: "/api/" + canary, method: "GET", key: "supplier"},
		{path: "/v1/" + canary, method: "GET", key: "program"},
		{path: "/v1/partners/x?email=" + canary, method: "GET", key: "program"},
		{path: "/v1/partners", key: "program", body: `{"email":["` + canary + `"],"name":{"x":"` + canary + `"}}`},
		{path: "/v1/partners", key: "program", body: `{"email":"` + canary + `"`},
		{path: "/v1/partner?key=" + canary, method: "PUT", key: "program", body: `{"password":{"x":"` + canary + `"},"update":"` + canary + `"}`, header: header},
		{path: "/v1/partners/" + canary, method: "DELETE", key: "program", body: `{"x":"` + canary + `"}`},
		{path: "/v1/partners/" + canary + "%00/approve", key: "program"},
		{path: "/v1/partners:invite", key: "program", body: `{"email":"` + canary + `","name":["` + canary + `"]}`},
		{path: "/v1/partners:search?email=" + canary + "%FF", method: "GET", key: "program"},
		{path: "/v1/partner_referral_links/" + canary, method: "GET", key: "program"},
		{path: "/v1/partner_referral_links", key: "program", body: `{"key":["` + canary + `"],"domain_id":"` + canary + `"}`},
		{path: "/v1/customers/" + canary, method: "GET", key: "program"},
		{path: "/v1/customers/" + canary + "%0A", method: "GET", key: "program"},
		{path: "/v1/customer?email=" + canary, method: "DELETE", key: "program"},
		{path: "/v1/customers", key: "program", body: `{"key":"` + canary + `","email":["` + canary + `"],"options":{"referral_url":"https://x.example/?e=` + canary + `","clicked_at":"` + canary + `"}}`},
		{path: "/v1/settings", method: "PUT", key: "program", body: `{"website":["` + canary + `"],"lead_campaign":{"fields":{"x":["` + canary + `"]}}}`},
		{path: "/v1/buyers", key: "program", body: `{"email":"` + canary + `","credit_limit":"` + canary + `"}`},
		{path: "/v1/buyers", key: "program", body: `{"email":"` + canary + `"}`, header: header},
		{path: "/v1/marketplace/leads?status=" + canary + "&from=" + canary + "&cursor=" + canary, method: "GET", key: "program"},
		{path: "/v1/events?types=" + canary + "&after=" + canary, method: "GET", key: "program"},
		{path: "/schemas/" + canary, method: "GET"},
	} {
		w := a.do(r)
		if strings.Contains(w.Body.String(), "canary") {
			t.Errorf("%s %s answers %s", r.method, r.path, w.Body)
		}
		for name, values := range w.Header() {
			if strings.Contains(strings.Join(values, ""), "canary") {
				t.Errorf("%s %s answers the header %s", r.method, r.path, name)
			}
		}
	}
	if log := a.logged(); strings.Contains(log, "canary") || !strings.Contains(log, `"route":"/api/leads/:lead_id"`) {
		t.Errorf("logged: %s", log)
	}
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	w := a.do(request{method: "GET", path: "/v1/buyers/b1", key: "program"})
	var line map[string]any
	if err := json.Unmarshal([]byte(a.logged()), &line); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"level": "DEBUG", "method": "GET", "route": "/v1/buyers/:id", "status": 200.0, "key_id": "kp", "request_id": w.Header().Get("X-Request-Id")} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}
	a.do(request{method: "GET", path: "/v1/partners:search/?email=a", key: "program"})
	if log := a.logged(); !strings.Contains(log, `"route":"/v1/partners:search"`) {
		t.Errorf("logged: %s", log)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	if w := a.do(request{method: "GET", path: "/readyz"}); w.Code != 200 || w.Body.String() != `{"status":1}` {
		t.Errorf("ready: %d %s", w.Code, w.Body)
	}
	a.ready = errors.New("john@secret.example")
	if w := a.do(request{method: "GET", path: "/readyz"}); w.Code != 503 || strings.Contains(w.Body.String()+a.logged(), "secret.example") {
		t.Errorf("not ready: %d %s", w.Code, w.Body)
	}
	a.ready = nil
	a.server.Stop()
	if w := a.do(request{method: "GET", path: "/readyz"}); w.Code != 503 {
		t.Errorf("stopping: %d", w.Code)
	}
	if w := a.do(request{method: "GET", path: "/livez"}); w.Code != 200 {
		t.Errorf("live: %d", w.Code)
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	if w := a.do(request{method: "GET", path: "/openapi.yaml"}); w.Code != 200 || w.Body.String() != string(openAPI) {
		t.Error("openapi.yaml is another")
	}
	if w := a.do(request{method: "GET", path: "/asyncapi.yaml"}); w.Code != 200 || w.Body.String() != string(eventsv1.AsyncAPI()) {
		t.Error("asyncapi.yaml is another")
	}
	for _, typ := range eventsv1.Types() {
		if w := a.do(request{method: "GET", path: "/schemas/" + typ + ".json"}); w.Code != 200 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %d", typ, w.Code)
		}
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := New(Deps{})
	for _, name := range []string{"Authenticator", "Limiter", "Clock", "IDs", "Logger", "Ready", "handler SubmitLead", "handler Events"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
}

// serve runs the server on a free port.
func serve(t *testing.T, a *app) (url string, stop context.CancelFunc, done <-chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ch := make(chan error, 1)
	go func() { ch <- a.server.Serve(ctx, l) }()
	return "http://" + l.Addr().String(), cancel, ch
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer program")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

// A long poll outlasts the server's deadlines and ends when the server stops; then Serve returns.
func TestLongPollEndsAtShutdown(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.clock.at.Store(time.Now().UnixMicro())
	a.server.timeout.read, a.server.timeout.write = 250*time.Millisecond, 250*time.Millisecond
	waiting := make(chan struct{})
	a.events = func(ctx context.Context, q query.Events) (query.EventPage, error) {
		close(waiting)
		select {
		case <-ctx.Done():
			return query.EventPage{}, ctx.Err()
		case <-time.After(q.Wait):
			return query.EventPage{Next: q.After}, nil
		}
	}
	url, stop, done := serve(t, a)
	type answer struct {
		status int
		body   string
	}
	polled := make(chan answer, 1)
	go func() {
		status, body := get(t, url+"/v1/events?after=5&wait=20")
		polled <- answer{status, body}
	}()
	<-waiting
	select {
	case early := <-polled:
		t.Fatalf("the poll ended by a deadline: %v", early)
	case <-time.After(750 * time.Millisecond): // well over both deadlines
	}
	stop()
	if got := <-polled; got.status != 200 || got.body != `{"data":[],"next":5,"status":1}` {
		t.Errorf("%v", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestServerLimits(t *testing.T) {
	t.Parallel()
	patient, hasty := newApp(t), newApp(t)
	for _, a := range []*app{patient, hasty} {
		a.clock.at.Store(time.Now().UnixMicro())
	}
	hasty.server.timeout.header, hasty.server.timeout.read = 250*time.Millisecond, 500*time.Millisecond
	url, stop, done := serve(t, patient)
	hastyURL, stopHasty, doneHasty := serve(t, hasty)
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

// The table of docs/errors.md is what the code does: every code that can be answered is in it, with its statuses.
func TestCodesAreDocumented(t *testing.T) {
	t.Parallel()
	documented := map[string][2]string{}
	text, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (\\S+) \\| (\\S+) \\|").FindAllStringSubmatch(string(text), -1) {
		documented[m[1]] = [2]string{m[2], m[3]}
	}
	kinds := codesInSource(t, "../../domain", "../../application", "../../adapters", ".")
	if len(kinds) < 30 {
		t.Fatalf("only %d codes were found", len(kinds))
	}
	for code, kind := range kinds {
		row, ok := documented[string(code)]
		if !ok {
			t.Errorf("%s is not in docs/errors.md", code)
			continue
		}
		for f, status := range row {
			if status == "-" || status == "200" { // 200: told in the answer of a lead, not as an error
				continue
			}
			if got := strconv.Itoa(statusOf(form(f), &fault.Error{Kind: kind, Code: code})); got != status {
				t.Errorf("%s is documented as %s, is %s", code, status, got)
			}
		}
	}
	for code := range spec().Codes() {
		if _, ok := documented[code]; !ok {
			t.Errorf("%s is in openapi.yaml and not in docs/errors.md", code)
		}
	}
	for code := range documented {
		_, made := kinds[fault.Code(code)]
		if !made && code != string(fault.UnknownField) && code != string(fault.WrongType) {
			t.Errorf("%s is documented and nowhere made", code)
		}
	}
}

// fieldCodes are the codes of single members; they are answered inside validation_failed or promoted from it.
var fieldCodes = map[string]bool{"InvalidValue": true, "Required": true, "WrongType": true, "UnknownField": true, "Duplicate": true}

// codesInSource finds every fault.New in the source under some directories, tests left out.
func codesInSource(t *testing.T, dirs ...string) map[fault.Code]fault.Kind {
	t.Helper()
	names := map[string]fault.Kind{"Internal": fault.Internal, "Invalid": fault.Invalid, "Unauthenticated": fault.Unauthenticated,
		"Forbidden": fault.Forbidden, "NotFound": fault.NotFound, "Conflict": fault.Conflict, "RuleViolated": fault.RuleViolated,
		"TooMany": fault.TooMany, "Unavailable": fault.Unavailable}
	found := map[fault.Code]fault.Kind{}
	last := func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.Ident:
			return e.Name
		case *ast.SelectorExpr:
			return e.Sel.Name
		}
		return ""
	}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "sqlstoretest") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return nil //nolint:nilerr // the compiler says so better
			}
			inFault := file.Name.Name == "fault"
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) != 3 {
					return true
				}
				selector, ok := call.Fun.(*ast.SelectorExpr)
				made := ok && last(selector.X) == "fault" && selector.Sel.Name == "New" || !ok && inFault && last(call.Fun) == "New"
				if !made {
					return true
				}
				kind, known := names[last(call.Args[0])]
				switch code := call.Args[1].(type) {
				case *ast.BasicLit:
					text, _ := strconv.Unquote(code.Value)
					if !known {
						t.Errorf("%s: %s has a kind that is not seen", path, text)
					}
					found[fault.Code(text)] = kind
				case *ast.CallExpr: // an intake rule's own code, told in the answer of a rejected lead
					if last(code.Fun) != "Code" {
						t.Errorf("%s: a code is not written out", path)
					}
				default:
					name := last(code)
					switch {
					case fieldCodes[name], name == "Code": // a copy of another error
					case inFault && name == "rule": // the own code of an extension's rule
					case name == "NotSupported":
						found[fault.NotSupported] = kind
					default:
						t.Errorf("%s: a code is not written out", path)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}
