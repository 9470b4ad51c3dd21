package programhttp

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/tests/porttest"
)

// nothing is what a path parameter becomes that can be none of ours.
const nothing = "/"

func TestFollow(t *testing.T) {
	t.Parallel()
	live := sampleReferral
	dead, query, bare := live, live, live
	dead.Live, dead.PartnerID = false, ""
	query.Website, query.Parameter, query.CookieDays = "https://yourcompany.com/a?x=1&via=old&y=2#top", "via", 3650
	bare.Website = "https://yourcompany.com/ü?q=1"
	const cookie = "partnero_partner=ref_123; Path=/; Max-Age=2592000; SameSite=Lax"
	for name, c := range map[string]struct {
		method, path, publicURL string
		to                      program.Referral
		header                  http.Header
		location                string
		cookie                  string
		want                    programcommand.FollowLink
	}{
		"checked":       {method: "HEAD", path: "/r/ref_123", to: live, location: "https://yourcompany.com?aff=ref_123", want: programcommand.FollowLink{Key: "ref_123"}},
		"checked, both": {method: "HEAD", path: "/r/ACME1234/ref_123/", to: live, location: "https://yourcompany.com?aff=ref_123", want: programcommand.FollowLink{SellerCode: "ACME1234", Key: "ref_123"}},
		"key":           {path: "/r/ref_123", to: live, location: "https://yourcompany.com?aff=ref_123", cookie: cookie, want: programcommand.FollowLink{Key: "ref_123", Count: true}},
		"slash":         {path: "/r/ref_123/", to: live, location: "https://yourcompany.com?aff=ref_123", cookie: cookie, want: programcommand.FollowLink{Key: "ref_123", Count: true}},
		"seller":        {path: "/r/ACME1234/ref_123", to: live, location: "https://yourcompany.com?aff=ref_123", cookie: cookie, want: programcommand.FollowLink{SellerCode: "ACME1234", Key: "ref_123", Count: true}},
		"https":         {path: "/r/ref_123", publicURL: "https://go.example.com", to: live, location: "https://yourcompany.com?aff=ref_123", cookie: "partnero_partner=ref_123; Path=/; Max-Age=2592000; Secure; SameSite=Lax", want: programcommand.FollowLink{Key: "ref_123", Count: true}},
		"merged":        {path: "/r/ref_123", to: query, location: "https://yourcompany.com/a?x=1&y=2&via=ref_123#top", cookie: "partnero_partner=ref_123; Path=/; Max-Age=315360000; SameSite=Lax", want: programcommand.FollowLink{Key: "ref_123", Count: true}},
		"not live":      {path: "/r/ACME1234/gone", to: dead, location: "https://yourcompany.com", want: programcommand.FollowLink{SellerCode: "ACME1234", Key: "gone", Count: true}},
		"letters":       {path: "/r/ref_123", to: bare, location: "https://yourcompany.com/%C3%BC?q=1&aff=ref_123", cookie: cookie, want: programcommand.FollowLink{Key: "ref_123", Count: true}},
		"target":        {path: "/r/ref_123?url=https://evil.example&aff=x&next=//evil.example", to: live, location: "https://yourcompany.com?aff=ref_123", cookie: cookie, want: programcommand.FollowLink{Key: "ref_123", Count: true}},
		"prefetch":      {path: "/r/ref_123", to: live, header: http.Header{"Sec-Purpose": {"prefetch;prerender"}}, location: "https://yourcompany.com?aff=ref_123", want: programcommand.FollowLink{Key: "ref_123"}},
		"older":         {path: "/r/ref_123", to: live, header: http.Header{"Purpose": {"prefetch"}}, location: "https://yourcompany.com?aff=ref_123", want: programcommand.FollowLink{Key: "ref_123"}},
		"Firefox":       {path: "/r/ref_123", to: live, header: http.Header{"X-Moz": {"Prefetch"}}, location: "https://yourcompany.com?aff=ref_123", want: programcommand.FollowLink{Key: "ref_123"}},
		"other purpose": {path: "/r/ref_123", to: live, header: http.Header{"Purpose": {"prefetcher"}, "X-Moz": {""}}, location: "https://yourcompany.com?aff=ref_123", cookie: cookie, want: programcommand.FollowLink{Key: "ref_123", Count: true}},
		"long":          {path: "/r/" + strings.Repeat("k", 5000), to: live, location: "https://yourcompany.com?aff=ref_123", cookie: cookie, want: programcommand.FollowLink{Key: nothing, Count: true}},
		"NUL":           {path: "/r/a%00b/c%0d%0aSet-Cookie:x=1", to: live, location: "https://yourcompany.com?aff=ref_123", cookie: cookie, want: programcommand.FollowLink{SellerCode: nothing, Key: nothing, Count: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAppWith(t, func(a *porttest.App, h *Handlers) {
				h.FollowLink = porttest.Answers[programcommand.FollowLink](a, programcommand.Followed{Referral: c.to}, nil)
			}, porttest.At(c.publicURL))
			w := a.Do(porttest.Request{Method: cmp.Or(c.method, "GET"), Path: c.path, Header: c.header})
			if w.Code != http.StatusFound || w.Header().Get("Location") != c.location {
				t.Errorf("%d to %q, want %q", w.Code, w.Header().Get("Location"), c.location)
			}
			if got := strings.Join(w.Header()["Set-Cookie"], " | "); got != c.cookie {
				t.Errorf("cookie %q, want %q", got, c.cookie)
			}
			got := a.Take().(programcommand.FollowLink)
			if got.Trail.CorrelationID != w.Header().Get("X-Request-Id") {
				t.Errorf("trail %+v", got.Trail)
			}
			got.Trail = application.Trail{}
			if got.Address != "192.0.2.1" {
				t.Errorf("address %q", got.Address)
			}
			got.Address = ""
			if diff := gocmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whoever clicks without end is sent on without end; what comes beyond a bound is counted with others.
func TestClicksOfOneAddressAreStoredUpToABound(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	follow := func(method, address string) (stored bool) {
		t.Helper()
		r := httptest.NewRequest(method, "/r/ref_123", nil)
		r.RemoteAddr = address
		w := httptest.NewRecorder()
		a.Server.ServeHTTP(w, r)
		if w.Code != http.StatusFound || w.Header().Get("Location") != "https://yourcompany.com?aff=ref_123" {
			t.Fatalf("%s from %s: %d %v", method, address, w.Code, w.Header())
		}
		if visit := method == http.MethodGet; (w.Header().Get("Set-Cookie") != "") != visit {
			t.Errorf("%s from %s has the cookie %q", method, address, w.Header().Get("Set-Cookie"))
		}
		sent := a.Take().(programcommand.FollowLink)
		if sent.Count != (method == http.MethodGet) {
			t.Errorf("%s from %s counts: %v", method, address, sent.Count)
		}
		return !sent.Tally
	}
	const most = 60
	for i := range most {
		if i == most/2 { // what is no visit takes nothing from the bound
			follow(http.MethodHead, "192.0.2.1:1")
		}
		if !follow(http.MethodGet, fmt.Sprintf("192.0.2.1:%d", 1+i)) || !follow(http.MethodGet, fmt.Sprintf("[2001:db8::%x]:1", i)) {
			t.Fatalf("click %d is not stored", i+1)
		}
	}
	for address, want := range map[string]bool{
		"192.0.2.1:1": false, "[::ffff:192.0.2.1]:1": false, "[2001:db8::ffff:1]:1": false,
		"192.0.2.2:1": true, "[2001:db8:0:1::1]:1": true,
	} {
		if got := follow(http.MethodGet, address); got != want {
			t.Errorf("one more of %s is stored: %v", address, got)
		}
	}
	a.Clock.Advance(time.Minute)
	if !follow(http.MethodGet, "192.0.2.1:1") {
		t.Error("a minute later it is not stored")
	}
}

// TestBadKeysAreLimitedBelowV1 as below /api, also for keys that look like ours, and without harm to those that have one.
func TestBadKeysAreLimitedBelowV1(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for i := range 60 {
		if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/partners", Key: []string{"nobody", "", "lm_program_x"}[i%3]}); w.Code != http.StatusUnauthorized {
			t.Fatalf("bad key %d: %d", i+1, w.Code)
		}
	}
	if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/customers", Key: "nobody"}); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "60" || porttest.CodeIn(t, w) != "rate_limit_exceeded" {
		t.Errorf("the 61st: %d %v %s", w.Code, w.Header(), w.Body)
	}
	for _, key := range []string{"program", "admin"} {
		if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/partners", Key: key}); w.Code == http.StatusTooManyRequests {
			t.Errorf("the key %s from there: %d", key, w.Code)
		}
	}
	a.Clock.Advance(time.Minute)
	if w := a.Do(porttest.Request{Method: "GET", Path: "/v1/partners", Key: "nobody"}); w.Code != http.StatusUnauthorized {
		t.Errorf("a minute later: %d", w.Code)
	}
}

// TestLinksNeverNameAHostOfTheRequest unless that is the machine itself: somebody else may be shown them.
func TestLinksNeverNameAHostOfTheRequest(t *testing.T) {
	t.Parallel()
	const public = "https://go.example.com"
	for _, c := range []struct{ host, publicURL, base string }{
		{"evil.example", "", ""},
		{"evil.example:8080", "", ""},
		{"127.0.0.1.evil.example", "", ""},
		{"localhost.evil.example", "", ""},
		{"192.0.2.1", "", ""},
		{"", "", ""},
		{"0.0.0.0:8080", "", ""},
		{"[2001:db8::1]:80", "", ""},
		{"10.0.0.1", "", ""},
		{"evil.example@127.0.0.1", "", ""},
		{"localhost", "", "http://localhost"},
		{"LOCALHOST:8080", "", "http://LOCALHOST:8080"},
		{"127.0.0.1:8080", "", "http://127.0.0.1:8080"},
		{"127.8.9.1", "", "http://127.8.9.1"},
		{"[::1]:8080", "", "http://[::1]:8080"},
		{"[::1]", "", "http://[::1]"},
		{"evil.example", public, public},
		{"localhost", public, public},
	} {
		a := newAppWith(t, func(*porttest.App, *Handlers) {}, porttest.At(c.publicURL))
		for _, ask := range []struct{ method, path, body, want string }{
			{"GET", "/v1/partners?limit=1", "", `"first":"` + c.base + `/v1/partners?limit=1`},
			{"GET", "/v1/program/overview", "", `"partner_portal_url":"` + c.base + `/portal"`},
			{"POST", "/v1/partners:sign-in-url", `{"key":"ref_123"}`, `"url":"` + c.base + `/portal/sign-in/`},
		} {
			w := a.Do(porttest.Request{Method: ask.method, Path: ask.path, Key: "program", Host: &c.host, Body: ask.body})
			if !strings.Contains(strings.ReplaceAll(w.Body.String(), `\/`, "/"), ask.want) || c.base == "" && c.host != "" && strings.Contains(w.Body.String(), c.host) {
				t.Errorf("%s asked at %q, which is %q: %d %s", ask.path, c.host, c.publicURL, w.Code, w.Body)
			}
		}
	}
}

// TestStrictTransport: browsers are told to stay at https where visitors come by it, and nowhere else.
func TestStrictTransport(t *testing.T) {
	t.Parallel()
	outside, local := "go.example.com", "localhost:8080"
	for _, c := range []struct {
		publicURL string
		host      *string
		want      string
	}{
		{"https://go.example.com", &outside, "max-age=31536000"}, {"https://go.example.com", &local, ""}, {"http://go.example.com", &outside, ""}, {"", &outside, ""},
	} {
		a := newAppWith(t, func(*porttest.App, *Handlers) {}, porttest.At(c.publicURL))
		for _, path := range []string{"/livez", "/r/ref_123", "/v1/nothing"} {
			if got := a.Do(porttest.Request{Method: "GET", Path: path, Host: c.host}).Header().Get("Strict-Transport-Security"); got != c.want {
				t.Errorf("%s at %q, which is %q: %q", path, *c.host, c.publicURL, got)
			}
		}
	}
}

// A click that could not be stored costs the visitor nothing, and the log learns no more than the codes of the cause.
func TestLostClick(t *testing.T) {
	t.Parallel()
	lost := fmt.Errorf("jane@example.com: %w", application.ErrUnavailable)
	a := newAppWith(t, func(a *porttest.App, h *Handlers) {
		h.FollowLink = porttest.Answers[programcommand.FollowLink](a, programcommand.Followed{Referral: sampleReferral, ClickErr: lost}, nil)
	})
	w := a.Do(porttest.Request{Method: "GET", Path: "/r/ACME1234/ref_123"})
	if w.Code != http.StatusFound || w.Header().Get("Set-Cookie") == "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	log := a.Logged()
	for _, want := range []string{`"level":"WARN"`, `"msg":"click lost"`, string(application.ErrUnavailable.Code), w.Header().Get("X-Request-Id"), "/r/:key/:link_key"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %s: %s", want, log)
		}
	}
	for _, secret := range []string{"jane@example.com", "ref_123", "ACME1234"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %s: %s", secret, log)
		}
	}
}

func TestFollowErrors(t *testing.T) {
	t.Parallel()
	homeless := sampleReferral
	homeless.Website = ""
	for name, c := range map[string]struct {
		to     program.Referral
		err    error
		status int
		code   string
	}{
		"nobody's":    {err: program.ErrNoReferral, status: 404, code: "not_found"},
		"no website":  {to: homeless, status: 404, code: "not_found"},
		"unavailable": {err: application.ErrUnavailable, status: 503, code: "service_unavailable"},
		"defect":      {err: errors.New("boom"), status: 500, code: "internal_error"},
	} {
		for _, path := range []string{"/r/ref_123", "/r/ACME1234/ref_123"} {
			a := newAppWith(t, func(a *porttest.App, h *Handlers) {
				h.FollowLink = porttest.Answers[programcommand.FollowLink](a, programcommand.Followed{Referral: c.to}, c.err)
			})
			for _, method := range []string{"HEAD", "GET"} {
				if w := a.Do(porttest.Request{Method: method, Path: path}); w.Code != c.status {
					t.Errorf("%s, %s: %d", name, method, w.Code)
				}
			}
			w := a.Do(porttest.Request{Method: "GET", Path: path})
			if w.Code != c.status || porttest.CodeIn(t, w) != c.code || w.Header().Get("Set-Cookie") != "" {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
	}
}

// Nothing but the documented methods does anything. HEAD uses no token up.
func TestVisitorMethods(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for path, methods := range map[string]string{
		"/r/k": "POST PUT DELETE OPTIONS", "/r/s/k": "POST PATCH", "/track.js": "HEAD POST", "/js/universal.js": "HEAD POST",
		"/track/x1": "HEAD POST OPTIONS", "/track/x1/clicks": "GET PUT OPTIONS", "/track/x1/customers": "GET PUT DELETE OPTIONS",
		"/portal": "HEAD POST", "/portal/sign-out": "GET HEAD", "/portal/sign-in/t": "HEAD PUT DELETE", "/portal/invitations/t": "HEAD PUT DELETE",
	} {
		for method := range strings.FieldsSeq(methods) {
			if w := a.Do(porttest.Request{Method: method, Path: path}); w.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, w.Code)
			}
		}
	}
	for _, path := range []string{"/r", "/r/a/b/c", "/track", "/track/x1/x", "/js", "/portal/invitations", "/portal/sign-in", "/portal/x"} {
		if w := a.Do(porttest.Request{Method: "GET", Path: path}); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if c := a.Take(); c != nil {
		t.Errorf("%T reached the application", c)
	}
}

// visit is do for the partners' pages: it checks what holds for each of them.
func visit(a *porttest.App, r porttest.Request) *httptest.ResponseRecorder {
	a.T.Helper()
	w := a.Do(r)
	checkPage(a, w)
	return w
}

var (
	styleElement = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	inputElement = regexp.MustCompile(`<(?:input|select|textarea)[^>]*>`)
	idAttribute  = regexp.MustCompile(` id="([^"]*)"`)
	quoted       = regexp.MustCompile(`"[^"]*"`)
	active       = regexp.MustCompile(`(?i)<(script|iframe|object|embed|img|link|base)\b|<[^>]*\s(on[a-z]+|style|src|srcdoc)\s*=`)
)

func checkPage(a *porttest.App, w *httptest.ResponseRecorder) {
	a.T.Helper()
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "style-src 'sha256-", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			a.T.Errorf("the policy has no %s: %s", want, policy)
		}
	}
	if got := w.Header().Get("Referrer-Policy"); got != "no-referrer" {
		a.T.Errorf("Referrer-Policy %q", got)
	}
	page := w.Body.String()
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") || page == "" {
		return
	}
	style := styleElement.FindStringSubmatch(page)
	if style == nil {
		a.T.Fatalf("no style: %s", page)
	}
	sum := sha256.Sum256([]byte(style[1]))
	if !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		a.T.Errorf("the policy %s is of another style", policy)
	}
	if found := active.FindString(quoted.ReplaceAllString(strings.Replace(page, style[0], "", 1), `""`)); found != "" {
		a.T.Errorf("%q in the page: %s", found, page)
	}
	for _, want := range []string{`<!doctype html>`, `<html lang="en">`, `<meta name="viewport"`, `<title>`, `<h1>`} {
		if strings.Count(page, want) != 1 {
			a.T.Errorf("the page has not one %s: %s", want, page)
		}
	}
	ids := map[string]bool{}
	for _, input := range inputElement.FindAllString(page, -1) {
		id := idAttribute.FindStringSubmatch(input)
		if id == nil || ids[id[1]] || !strings.Contains(page, ` for="`+id[1]+`"`) {
			a.T.Errorf("%s has no label of its own", input)
			continue
		}
		ids[id[1]] = true
	}
}

const hostile = `<script>alert(1)</script>" onfocus="x`

var urlencoded = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {"http://localhost:8080"}, "Sec-Fetch-Site": {"same-origin"}}

func with(h http.Header, name string, values ...string) http.Header {
	h = h.Clone()
	h[name] = values
	return h
}

func session(token string) http.Header { return http.Header{"Cookie": {"leadmill_portal=" + token}} }

func TestInvitationPage(t *testing.T) {
	t.Parallel()
	for name, view := range map[string]programquery.InvitationView{
		"plain": {Program: "Acme Leads", Name: "Jane Doe"}, "nameless": {Program: "Acme Leads"}, "hostile": {Program: hostile, Name: hostile},
		"long": {Program: strings.Repeat("م", 5000), Name: "\x00\u202e😀"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAppWith(t, func(a *porttest.App, h *Handlers) {
				h.OpenInvitation = porttest.Answers[programquery.OpenInvitation](a, view, nil)
			})
			w := visit(a, porttest.Request{Method: "GET", Path: "/portal/invitations/secret-token_1"})
			if got := a.Take(); w.Code != http.StatusOK || got != (programquery.OpenInvitation{Token: "secret-token_1"}) || a.Calls != 1 {
				t.Errorf("%d, %d calls, sent %#v", w.Code, a.Calls, got)
			}
			page := w.Body.String()
			for _, want := range []string{
				strings.ReplaceAll(escaped(view.Program), "\x00", "\uFFFD"), strings.ReplaceAll(escaped(view.Name), "\x00", "\uFFFD"),
				`<form method="post">`, `type="password"`, `type="checkbox"`, `<button type="submit">`,
			} {
				if !strings.Contains(page, want) {
					t.Errorf("no %s in %s", want, page)
				}
			}
			if strings.Contains(page, "secret-token_1") || strings.Contains(page, `role="alert"`) || w.Header().Get("Set-Cookie") != "" {
				t.Error(page)
			}
		})
	}
}

// escaped is a text as html/template writes it into a page.
func escaped(s string) string { return html.EscapeString(s) }

func TestAcceptInvitation(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body, publicURL string
		want            programcommand.AcceptInvitation
	}{
		"terms":    {body: "password=Pass+w0rd%26%C3%BC&tos=1", want: programcommand.AcceptInvitation{Token: "t1", Password: "Pass w0rd&ü", TermsAccepted: true}},
		"no terms": {body: "password=Passw0rd&other=x", want: programcommand.AcceptInvitation{Token: "t1", Password: "Passw0rd"}},
		"https":    {body: "password=Passw0rd", publicURL: "https://go.example.com", want: programcommand.AcceptInvitation{Token: "t1", Password: "Passw0rd"}},
		"empty":    {want: programcommand.AcceptInvitation{Token: "t1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAppWith(t, func(*porttest.App, *Handlers) {}, porttest.At(c.publicURL))
			w := visit(a, porttest.Request{Path: "/portal/invitations/t1", Body: c.body, Header: urlencoded})
			cookie := "leadmill_portal=session_1; Path=/portal; Max-Age=43200; HttpOnly; SameSite=Lax"
			if c.publicURL != "" {
				cookie = strings.Replace(cookie, "HttpOnly;", "HttpOnly; Secure;", 1)
			}
			if w.Code != http.StatusFound || w.Header().Get("Location") != "/portal" || w.Header().Get("Set-Cookie") != cookie {
				t.Errorf("%d %v", w.Code, w.Header())
			}
			if got := a.Take(); got != c.want {
				t.Errorf("sent %#v", got)
			}
		})
	}
}

// What is wrong with an invitation is said on a page; a weak password can be put right there.
func TestAcceptInvitationRefused(t *testing.T) {
	t.Parallel()
	var weak fault.Violations
	weak.AddErr("password", partner.CheckPassword("x"))
	post := porttest.Request{Path: "/portal/invitations/t1", Body: "password=s3cretPassword&tos=1", Header: urlencoded}
	for name, c := range map[string]struct {
		accept, open error
		body         string
		status       int
		want         []string
		sent         int
	}{
		"weak":                {accept: weak.Err(), status: 422, sent: 2, want: []string{`role="alert">The password must have 8 to 1000 characters with`, `aria-invalid="true"`, " checked>", "Jane", "<form"}},
		"weak, used meantime": {accept: weak.Err(), open: program.ErrTokenUnknown, status: 404, sent: 2, want: []string{"not valid any more"}},
		"used":                {accept: program.ErrTokenUnknown, status: 404, sent: 1, want: []string{"not valid any more"}},
		"decided":             {accept: partner.ErrInvitation, status: 400, sent: 1, want: []string{"The invitation is not open any more."}},
		"at the same time":    {accept: application.ErrConcurrentChange, status: 409, sent: 1},
		"unavailable":         {accept: application.ErrUnavailable, status: 503, sent: 1},
		"defect":              {accept: errors.New("s3cretPassword"), status: 500, sent: 1},
		"unreadable":          {body: "password=%zz", status: 422, sent: 1, want: []string{"could not be read", "<form"}},
		"twice":               {body: "password=a&password=b", status: 422, sent: 1, want: []string{"could not be read"}},
		"no UTF-8":            {body: "password=%ff", status: 422, sent: 1, want: []string{"could not be read"}},
		"too large":           {body: "password=" + strings.Repeat("a", 64<<10), status: 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAppWith(t, func(a *porttest.App, h *Handlers) {
				h.AcceptInvitation = porttest.Answers[programcommand.AcceptInvitation](a, programcommand.Session{}, c.accept)
				h.OpenInvitation = porttest.Answers[programquery.OpenInvitation](a, programquery.InvitationView{Program: "Acme", Name: "Jane"}, c.open)
			})
			r := post
			if c.body != "" {
				r.Body = c.body
			}
			w := visit(a, r)
			if w.Code != c.status || a.Calls != c.sent || w.Header().Get("Set-Cookie") != "" {
				t.Errorf("%d after %d calls: %s", w.Code, a.Calls, w.Body)
			}
			for _, want := range c.want {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("no %s in %s", want, w.Body)
				}
			}
			if strings.Contains(w.Body.String()+a.Logged(), "s3cretPassword") {
				t.Error("the password was repeated")
			}
		})
	}
	for _, contentType := range []string{"application/json", "multipart/form-data; boundary=x", "text/plain", ""} {
		a := newApp(t)
		r := post
		r.Header = with(urlencoded, "Content-Type", contentType)
		if w := visit(a, r); w.Code != http.StatusUnsupportedMediaType || a.Take() != nil {
			t.Errorf("%q: %d", contentType, w.Code)
		}
	}
}

// TestSignInPage: opening a sign-in link does not use it up, whoever fetches it ahead.
func TestSignInPage(t *testing.T) {
	t.Parallel()
	a := newAppWith(t, func(a *porttest.App, h *Handlers) {
		h.OpenSignIn = porttest.Answers[programquery.OpenSignIn](a, programquery.SignInView{Program: hostile, Name: hostile}, nil)
	})
	w := visit(a, porttest.Request{Method: "GET", Path: "/portal/sign-in/secret-token_1", Header: http.Header{"Sec-Purpose": {"prefetch"}}})
	if got := a.Take(); w.Code != http.StatusOK || got != (programquery.OpenSignIn{Token: "secret-token_1"}) || a.Calls != 1 || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("%d, %d calls, sent %#v, %v", w.Code, a.Calls, got, w.Header())
	}
	for _, want := range []string{escaped(hostile), `<form method="post">`, `<button type="submit"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in %s", want, w.Body)
		}
	}
	if strings.Contains(w.Body.String(), "secret-token_1") {
		t.Error(w.Body)
	}
	for err, status := range map[error]int{program.ErrTokenUnknown: 404, application.ErrUnavailable: 503} {
		a := newAppWith(t, func(a *porttest.App, h *Handlers) {
			h.OpenSignIn = porttest.Answers[programquery.OpenSignIn](a, programquery.SignInView{}, err)
		})
		if w := visit(a, porttest.Request{Method: "GET", Path: "/portal/sign-in/t1"}); w.Code != status {
			t.Errorf("%v: %d", err, w.Code)
		}
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.Clock.Advance(time.Hour)
	w := visit(a, porttest.Request{Path: "/portal/sign-in/t1"})
	if w.Code != http.StatusFound || w.Header().Get("Location") != "/portal" ||
		w.Header().Get("Set-Cookie") != "leadmill_portal=session_1; Path=/portal; Max-Age=39600; HttpOnly; SameSite=Lax" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if got := a.Take(); got != (programcommand.OpenSession{Token: "t1"}) {
		t.Errorf("sent %#v", got)
	}
	for err, status := range map[error]int{program.ErrTokenUnknown: 404, application.ErrUnavailable: 503} {
		a.Fail = err
		if w := visit(a, porttest.Request{Path: "/portal/sign-in/t1"}); w.Code != status || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%v: %d %v", err, w.Code, w.Header())
		}
	}
}

func TestPortalPage(t *testing.T) {
	t.Parallel()
	full := programquery.PartnerPageView{
		Program: "Acme Leads", Website: "https://yourcompany.com/?x=1", LinkParameter: "via",
		Partner: programquery.PartnerDetail{Partner: sampleFullPartner, Clicks: 1234, Signups: 57, Leads: 8},
	}
	nameless, homeless, strange := full, full, full
	nameless.Partner.Name, nameless.Partner.Surname = "", ""
	homeless.Website = ""
	strange.Program, strange.Website, strange.Partner.Name, strange.Partner.Status = hostile, "https://yourcompany.com/?q="+hostile, hostile, hostile
	for name, c := range map[string]struct {
		view       programquery.PartnerPageView
		want, miss []string
	}{
		"full": {full, []string{
			">John Doe<", "Acme Leads", "status: active", `value="https://yourcompany.com/?x=1&amp;via=ref_123" readonly`,
			`value="https://yourcompany.com/?x=1&amp;via=spring" readonly`, "<dt>Clicks</dt><dd>1234</dd>", "<dt>Customers</dt><dd>57</dd>",
			"<dt>Leads</dt><dd>8</dd>", `method="post" action="/portal/sign-out"`,
		}, []string{"no website", "john@example.com"}},
		"nameless": {nameless, []string{">john@example.com<"}, nil},
		"homeless": {homeless, []string{"no website"}, []string{"readonly"}},
		"hostile":  {strange, []string{"&lt;script&gt;alert(1)&lt;/script&gt;"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAppWith(t, func(a *porttest.App, h *Handlers) {
				h.PartnerPage = porttest.Answers[programquery.PartnerPage](a, c.view, nil)
			})
			w := visit(a, porttest.Request{Method: "GET", Path: "/portal", Header: session("s1")})
			if got := a.Take(); w.Code != http.StatusOK || got != (programquery.PartnerPage{Token: "s1"}) {
				t.Errorf("%d, sent %#v", w.Code, got)
			}
			for _, want := range c.want {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("no %s in %s", want, w.Body)
				}
			}
			for _, miss := range c.miss {
				if strings.Contains(w.Body.String(), miss) {
					t.Errorf("%s in %s", miss, w.Body)
				}
			}
		})
	}
}

func TestPortalWithoutSession(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header http.Header
		sent   any
	}{
		"none": {nil, nil}, "empty": {session(""), nil}, "other": {http.Header{"Cookie": {"partnero_partner=s1"}}, nil},
		"long": {session(strings.Repeat("s", 5000)), nil}, "NUL": {session("a\x00b"), nil}, "dead": {session("s1"), programquery.PartnerPage{Token: "s1"}},
	} {
		a := newApp(t)
		a.Fail = program.ErrTokenUnknown
		w := visit(a, porttest.Request{Method: "GET", Path: "/portal", Header: c.header})
		if got := a.Take(); w.Code != http.StatusUnauthorized || got != c.sent || !strings.Contains(w.Body.String(), "sign-in link") {
			t.Errorf("%s: %d, sent %#v: %s", name, w.Code, got, w.Body)
		}
	}
	a := newApp(t)
	a.Fail = application.ErrUnavailable
	if w := visit(a, porttest.Request{Method: "GET", Path: "/portal", Header: session("s1")}); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d", w.Code)
	}
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header http.Header
		err    error
		sent   any
		status int
	}{
		"session":     {session("s1"), nil, programcommand.CloseSession{Token: "s1"}, 302},
		"dead":        {session("s1"), program.ErrTokenUnknown, programcommand.CloseSession{Token: "s1"}, 302},
		"none":        {http.Header{}, nil, nil, 302},
		"unavailable": {session("s1"), application.ErrUnavailable, programcommand.CloseSession{Token: "s1"}, 503},
	} {
		a := newApp(t)
		a.Fail = c.err
		w := visit(a, porttest.Request{Path: "/portal/sign-out", Header: with(c.header, "Sec-Fetch-Site", "same-origin")})
		if got := a.Take(); w.Code != c.status || got != c.sent {
			t.Errorf("%s: %d, sent %#v", name, w.Code, got)
		}
		forgotten := w.Header().Get("Set-Cookie") == "leadmill_portal=; Path=/portal; Max-Age=0; HttpOnly; SameSite=Lax"
		if forgotten != (c.status == 302) || forgotten && w.Header().Get("Location") != "/portal" {
			t.Errorf("%s: %v", name, w.Header())
		}
	}
}

// A page of another site can neither sign a partner out nor send a form in its name. By plain http browsers name no origin
// for our forms, because our pages send no referrer.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		publicURL, site, origin string
		ok                      bool
	}{
		"own page":           {site: "same-origin", origin: "http://localhost:8080", ok: true},
		"own page, https":    {publicURL: "https://go.example.com", site: "same-origin", origin: "null", ok: true},
		"own page, behind":   {publicURL: "https://go.example.com", origin: "https://go.example.com", ok: true},
		"own page, no fetch": {origin: "http://localhost:8080", ok: true},
		"own page, no name":  {origin: "null", ok: true},
		"no browser":         {ok: true},
		"other site":         {site: "cross-site", origin: "https://evil.example"},
		"sandboxed":          {site: "cross-site", origin: "null"},
		"sibling":            {site: "same-site", origin: "http://www.example.com"},
		"lying":              {site: "cross-site", origin: "http://localhost:8080"},
		"older browser":      {origin: "https://evil.example"},
		"nameless, https":    {publicURL: "https://go.example.com", origin: "null"},
	} {
		for _, path := range []string{"/portal/sign-out", "/portal/invitations/t1"} {
			a := newAppWith(t, func(*porttest.App, *Handlers) {}, porttest.At(c.publicURL))
			q := httptest.NewRequest(http.MethodPost, path, strings.NewReader("password=Passw0rd"))
			q.Host = "localhost:8080"
			q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			q.Header.Set("Cookie", "leadmill_portal=s1")
			for header, value := range map[string]string{"Sec-Fetch-Site": c.site, "Origin": c.origin} {
				if value != "" {
					q.Header.Set(header, value)
				}
			}
			w := httptest.NewRecorder()
			a.Server.ServeHTTP(w, q)
			checkPage(a, w)
			status := http.StatusForbidden
			if c.ok {
				status = http.StatusFound
			}
			if w.Code != status || (a.Take() != nil) != c.ok || (w.Header().Get("Set-Cookie") != "") != c.ok {
				t.Errorf("%s, %s: %d %v", name, path, w.Code, w.Header())
			}
		}
	}
}

// Tokens that cannot be ours reach the application as one that nobody has, and no token is ever logged.
func TestPortalTokens(t *testing.T) {
	t.Parallel()
	const token = "s3cret-t0ken_ABC"
	for sent, want := range map[string]string{token: token, strings.Repeat("a", 5000): nothing, "a%00b": nothing, "%3Cscript%3E": nothing, "%F0%9F%98%80": nothing, "a%2Fb": nothing} {
		a := newApp(t)
		a.Fail = program.ErrTokenUnknown
		for _, r := range []porttest.Request{
			{Method: "GET", Path: "/portal/invitations/"},
			{Path: "/portal/invitations/", Header: urlencoded, Body: "password=Passw0rd"},
			{Method: "GET", Path: "/portal/sign-in/"},
			{Path: "/portal/sign-in/"},
		} {
			r.Path += sent
			w := visit(a, r)
			var got string
			switch c := a.Take().(type) {
			case programquery.OpenInvitation:
				got = c.Token
			case programcommand.AcceptInvitation:
				got = c.Token
			case programcommand.OpenSession:
				got = c.Token
			case programquery.OpenSignIn:
				got = c.Token
			}
			if w.Code != http.StatusNotFound || got != want || !strings.Contains(w.Body.String(), "not valid any more") {
				t.Errorf("%s %.40s: %d with %q", r.Method, r.Path, w.Code, got)
			}
		}
	}
	for _, err := range []error{nil, program.ErrTokenUnknown, application.ErrUnavailable, errors.New(token)} {
		a := newApp(t)
		a.Fail = err
		visit(a, porttest.Request{Method: "GET", Path: "/portal/invitations/" + token})
		visit(a, porttest.Request{Path: "/portal/invitations/" + token, Header: urlencoded, Body: "password=" + token})
		visit(a, porttest.Request{Method: "GET", Path: "/portal/sign-in/" + token})
		visit(a, porttest.Request{Method: "GET", Path: "/portal", Header: session(token)})
		visit(a, porttest.Request{Path: "/portal/sign-out", Header: session(token)})
		if log := a.Logged(); strings.Contains(log, token) || !strings.Contains(log, "/portal/sign-in/:token") {
			t.Errorf("%v: %s", err, log)
		}
	}
}
