package programhttp

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programcommand "github.com/leadmill/leadmill/application/program/command"
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
	} {
		for method := range strings.FieldsSeq(methods) {
			if w := a.Do(porttest.Request{Method: method, Path: path}); w.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, w.Code)
			}
		}
	}
	for _, path := range []string{"/r", "/r/a/b/c", "/track", "/track/x1/x", "/js"} {
		if w := a.Do(porttest.Request{Method: "GET", Path: path}); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if c := a.Take(); c != nil {
		t.Errorf("%T reached the application", c)
	}
}
