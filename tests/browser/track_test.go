package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const (
	partnerCookie = "partnero_partner"
	clickedCookie = "partnero_clicked_at"
)

// The page's idea of things.
const (
	key     = "leadmill.key()"
	clicked = "leadmill.clickedAt()"
)

func value(input string) string { return "document.querySelector('[name=" + input + "]').value" }

// site is a seller's site of one page, under the strictest policy that lets the script in.
type site struct {
	URL string
	// html is the page; TRACK in it becomes the script's address on another origin.
	html string
	// own is a script of the page, at /own.js.
	own string
	// sandboxed pages may not touch cookies.
	sandboxed bool
	// secure sites speak https.
	secure bool
}

const form = `<form method="post" action="/sign-up"><input type="hidden" name="partnero_partner">` +
	`<input type="hidden" name="partnero_clicked_at"><input name="email" value="a@b.example"><button>Join</button></form>`

const plainPage = `<!DOCTYPE html><head><script src="TRACK"></script></head><body>` + form

func withTag(attributes string) string {
	return strings.Replace(plainPage, `src="TRACK"`, `src="TRACK" `+attributes, 1)
}

func (s site) start(t *testing.T) *site {
	t.Helper()
	script, err := os.ReadFile("../../ports/http/program/track.js")
	if err != nil {
		t.Fatal(err)
	}
	serve := func(h http.HandlerFunc) string {
		server := httptest.NewUnstartedServer(h)
		if s.secure {
			server.StartTLS()
		} else {
			server.Start()
		}
		t.Cleanup(server.Close)
		return server.URL
	}
	scripts := serve(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		_, _ = w.Write(script)
	})
	policy := "default-src 'none'; script-src 'self' " + scripts + "; form-action 'self'; require-trusted-types-for 'script'"
	if s.sandboxed {
		policy += "; sandbox allow-scripts"
	}
	pages := serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Cross-Origin-Embedder-Policy", "require-corp")
		switch {
		case r.Method == http.MethodPost:
			w.Header().Set("Content-Type", "text/plain")
			_, _ = fmt.Fprintf(w, "%s|%s", r.PostFormValue(partnerCookie), r.PostFormValue(clickedCookie))
		case r.URL.Path == "/own.js":
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write([]byte(s.own))
		default:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(strings.ReplaceAll(s.html, "TRACK", scripts+"/track.js")))
		}
	})
	s.URL = atHost(t, shopHost, pages)
	return &s
}

func TestCookieLife(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		attributes string
		days       int
	}{
		{``, 30},
		{`data-days="7"`, 7},
		{`data-days="45.9"`, 45},
		{`data-days="0"`, 1},
		{`data-days="-3"`, 1},
		{`data-days="a week"`, 30},
		{`data-days=""`, 30},
		{`data-days="3650"`, 400}, // Chromium keeps no cookie for longer
		{`data-days="1e99"`, 1},
		{`data-days="99999999999999999999"`, 400},
	} {
		t.Run(c.attributes, func(t *testing.T) {
			t.Parallel()
			b, s := newTab(t), site{html: withTag(c.attributes)}.start(t)
			visit := during(func() { b.open(s.URL + "/?aff=ref_123") })
			for _, cookie := range b.wantTouch(s.URL, "ref_123") {
				visit.wantLife(t, cookie, c.days)
				if cookie.Path != "/" || cookie.Domain != shopHost || cookie.SameSite != "Lax" || cookie.Secure || cookie.Session {
					t.Errorf("%+v", cookie)
				}
			}
			b.want(key, "ref_123")
			text, _ := b.read(clicked).(string)
			at, err := time.Parse(time.RFC3339, text)
			if err != nil || !visit.holds(at) || !strings.HasSuffix(text, "Z") {
				t.Errorf("clicked at %q, visited at %v", text, visit)
			}
		})
	}
}

func TestCookieIsSecureOnHTTPS(t *testing.T) {
	t.Parallel()
	b, s := newTab(t), site{html: plainPage, secure: true}.start(t)
	b.open(s.URL + "/?aff=ref_123")
	for _, c := range b.wantTouch(s.URL, "ref_123") {
		if !c.Secure {
			t.Errorf("%+v", c)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("k", 64)
	for _, c := range []struct {
		name, attributes, query string
		want                    any
	}{
		{"all characters", ``, "?aff=aZ09._~-", "aZ09._~-"},
		{"encoded", ``, "?aff=a%7Eb", "a~b"},
		{"64 characters", ``, "?aff=" + long, long},
		{"among others", ``, "?utm_source=x&aff=ref_123&b", "ref_123"},
		{"the first that is one", ``, "?aff=&aff=a+b&aff=ref_1&aff=ref_2", "ref_1"},
		{"another parameter", `data-param="ref"`, "?aff=other&ref=ref_123", "ref_123"},
		{"encoded name", ``, "?%61ff=ref_123", "ref_123"},
		{"not in the fragment", ``, "#?aff=ref_123", nil},
		{"no query", ``, "", nil},
		{"no value", ``, "?aff", nil},
		{"empty", ``, "?aff=", nil},
		{"65 characters", ``, "?aff=k" + long, nil},
		{"a space", ``, "?aff=a%20b", nil},
		{"a plus", ``, "?aff=a+b", nil},
		{"a semicolon", ``, "?aff=a%3B%20Max-Age%3D1", nil},
		{"a line end", ``, "?aff=ref_123%0A", nil},
		{"NUL", ``, "?aff=a%00b", nil},
		{"markup", ``, "?aff=%3Cscript%3E", nil},
		{"emoji", ``, "?aff=%F0%9F%98%80", nil},
		{"not UTF-8", ``, "?aff=%FF", nil},
		{"bad escape", ``, "?aff=%zz", nil},
		{"bad escape before", ``, "?x=%zz&aff=ref_123", "ref_123"},
		{"other name", ``, "?affi=ref_123&xaff=ref_123", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, s := newTab(t), site{html: withTag(c.attributes)}.start(t)
			b.open(s.URL + "/" + c.query)
			b.want(key, c.want)
			if c.want == nil {
				b.want(clicked, nil, value(partnerCookie), "", value(clickedCookie), "")
				b.wantCookies(s.URL)
				return
			}
			b.want(value(partnerCookie), c.want)
			b.wantTouch(s.URL, fmt.Sprint(c.want))
		})
	}
}

func TestTouch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ attributes, want string }{
		{``, "second"},
		{`data-touch="last"`, "second"},
		{`data-touch="first"`, "first"},
	} {
		t.Run(c.attributes, func(t *testing.T) {
			t.Parallel()
			b, s := newTab(t), site{html: withTag(c.attributes)}.start(t)
			b.open(s.URL + "/?aff=first")
			b.want(key, "first")
			before := b.wantTouch(s.URL, "first")
			b.open(s.URL + "/?aff=second")
			b.want(key, c.want, value(partnerCookie), c.want)
			after := b.wantTouch(s.URL, c.want)
			for _, name := range []string{partnerCookie, clickedCookie} {
				kept := before[name].Value == after[name].Value && before[name].Expires == after[name].Expires
				if kept != (c.want == "first") {
					t.Errorf("%s: first %+v, then %+v", name, before[name], after[name])
				}
			}
			b.want(clicked, after[clickedCookie].Value, value(clickedCookie), after[clickedCookie].Value)

			// What is no touch changes nothing.
			for _, query := range []string{"", "?aff=", "?aff=not%20a%20key"} {
				b.open(s.URL + "/" + query)
				b.want(key, c.want, value(partnerCookie), c.want)
				b.wantCookies(s.URL, partnerCookie, c.want, clickedCookie, after[clickedCookie].Value)
			}
		})
	}
}

// A cookie that somebody else set to something that is no key counts as none.
func TestForeignCookie(t *testing.T) {
	t.Parallel()
	s := site{html: withTag(`data-touch="first"`)}.start(t)
	b := newTab(t)
	b.open(s.URL)
	b.do(`document.cookie = "partnero_partner=not a key"; document.cookie = "partnero_clicked_at=yesterday";
		document.cookie = "xpartnero_partner=other"`)
	b.open(s.URL)
	b.want(key, nil, clicked, nil, value(partnerCookie), "")
	b.open(s.URL + "/?aff=ref_123")
	b.want(key, "ref_123", value(partnerCookie), "ref_123")
	b.wantCookies(s.URL, partnerCookie, "ref_123", clickedCookie, fmt.Sprint(b.read(clicked)), "xpartnero_partner", "other")
}

// Another tab of the visitor may store a later touch while this page is open.
func TestLaterTouchElsewhere(t *testing.T) {
	t.Parallel()
	b, s := newTab(t), site{html: plainPage}.start(t)
	b.open(s.URL + "/?aff=ref_123")
	b.want(key, "ref_123")
	b.do(`document.cookie = "partnero_partner=ref_456; Path=/"; document.cookie = "partnero_clicked_at=2025-05-02T16:12:39Z; Path=/"`)
	b.want(key, "ref_456", clicked, "2025-05-02T16:12:39Z")
}

func TestConsentWait(t *testing.T) {
	t.Parallel()
	b, s := newTab(t), site{html: withTag(`data-consent="wait"`)}.start(t)
	b.open(s.URL + "/?aff=ref_123")
	b.want(key, "ref_123", value(partnerCookie), "", value(clickedCookie), "") // in memory
	b.wantCookies(s.URL)
	at := b.read(clicked)

	for _, no := range []string{`"denied"`, `1`, ``} { // only true is a yes
		b.do("leadmill.consent(" + no + ")")
		b.wantCookies(s.URL)
	}

	given := during(func() { b.do("leadmill.consent(true)") })
	b.want(key, "ref_123", clicked, at, value(partnerCookie), "ref_123", value(clickedCookie), at)
	given.wantLife(t, b.wantTouch(s.URL, "ref_123")[partnerCookie], 30)

	b.do("leadmill.consent(false)")
	b.wantCookies(s.URL)
	b.want(key, nil, clicked, nil, value(partnerCookie), "", value(clickedCookie), "")

	b.do("leadmill.consent(true)") // a change of mind on the same page
	b.wantTouch(s.URL, "ref_123")
	b.want(key, "ref_123", clicked, at, value(partnerCookie), "ref_123")

	// The next page finds what may be kept, and stores nothing new unasked.
	b.open(s.URL)
	b.want(key, "ref_123", clicked, at)
	b.open(s.URL + "/?aff=ref_456")
	b.want(key, "ref_456", value(partnerCookie), "")
	b.wantCookies(s.URL, partnerCookie, "ref_123", clickedCookie, fmt.Sprint(at))
	b.do("leadmill.consent(false)")
	b.open(s.URL)
	b.want(key, nil)
	b.wantCookies(s.URL)
}

func TestConsentWaitNeverGiven(t *testing.T) {
	t.Parallel()
	b, s := newTab(t), site{html: withTag(`data-consent="wait"`)}.start(t)
	b.open(s.URL + "/?aff=ref_123")
	b.open(s.URL)
	b.want(key, nil, value(partnerCookie), "")
	b.do("leadmill.consent(true)")
	b.want(key, nil, value(partnerCookie), "")
	b.wantCookies(s.URL)
}

func TestConsentWaitKeepsFirstTouch(t *testing.T) {
	t.Parallel()
	b, s := newTab(t), site{html: withTag(`data-consent="wait" data-touch="first"`)}.start(t)
	b.open(s.URL + "/?aff=first")
	b.do("leadmill.consent(true)")
	b.open(s.URL + "/?aff=second")
	b.want(key, "first")
	b.do("leadmill.consent(true)")
	b.want(key, "first")
	b.wantTouch(s.URL, "first")
}

func TestConsentWithdrawnWithoutWaiting(t *testing.T) {
	t.Parallel()
	b, s := newTab(t), site{html: plainPage}.start(t)
	b.open(s.URL + "/?aff=ref_123")
	b.do(`document.cookie = "theirs=1"`)
	b.do("leadmill.consent(false)")
	b.want(key, nil, value(partnerCookie), "")
	b.wantCookies(s.URL, "theirs", "1")
}

func TestInputs(t *testing.T) {
	t.Parallel()
	b, s := newTab(t), site{html: plainPage + `<input id="seen" name="partnero_partner" value="rendered"><p id="rest"></p>`}.start(t)
	b.open(s.URL)
	b.want(value(partnerCookie), "", "seen.value", "rendered") // nothing is known: what is there stays
	b.open(s.URL + "/?aff=ref_123")
	at := b.read(clicked)
	b.want(value(partnerCookie), "ref_123", value(clickedCookie), at, "seen.value", "ref_123")

	// A form that comes later is filled, and what the visitor changed meanwhile is not.
	b.do(`seen.value = "typed"; rest.appendChild(document.forms[0].cloneNode(true)).reset();
		rest.querySelectorAll("input").forEach(function (i) { i.value = "" })`)
	b.wait("rest.querySelector('[name=partnero_partner]').value", "ref_123")
	b.want("rest.querySelector('[name=partnero_clicked_at]').value", at, "seen.value", "typed")

	if _, err := chromedp.RunResponse(b.ctx, chromedp.Click(chromedp.CSS("#rest button"))); err != nil {
		t.Fatal(err)
	}
	b.want("document.body.textContent", fmt.Sprintf("ref_123|%v", at))
}

func TestLoading(t *testing.T) {
	t.Parallel()
	for name, html := range map[string]string{
		"async":       withTag("async"),
		"defer":       withTag("defer"),
		"at the end":  `<!DOCTYPE html><body>` + form + `<script src="TRACK"></script>`,
		"head, twice": `<!DOCTYPE html><script src="TRACK"></script><script src="TRACK"></script><body>` + form,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, s := newTab(t), site{html: html}.start(t)
			b.open(s.URL + "/?aff=ref_123")
			b.want(key, "ref_123", value(partnerCookie), "ref_123")
			b.wantTouch(s.URL, "ref_123")
		})
	}
}

// A tag manager adds the script when the page is long complete; its settings still count.
func TestLoadingLate(t *testing.T) {
	t.Parallel()
	b, s := newTab(t), site{html: `<!DOCTYPE html><body data-src="TRACK">` + form}.start(t)
	b.open(s.URL + "/?ref=ref_123")
	b.wait("document.readyState", "complete")
	visit := during(func() {
		b.do(`(function () {
			var s = document.createElement("script");
			s.setAttribute("data-param", "ref");
			s.setAttribute("data-days", "7");
			var to = window.trustedTypes.createPolicy("test", { createScriptURL: function (u) { return u } });
			s.src = to.createScriptURL(document.body.getAttribute("data-src"));
			document.head.appendChild(s);
		})()`)
		b.wait(value(partnerCookie), "ref_123")
	})
	b.want(key, "ref_123")
	visit.wantLife(t, b.wantTouch(s.URL, "ref_123")[partnerCookie], 7)
}

func TestLoadingAgainChangesNothing(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	s := site{
		html: strings.Replace(withTag(`data-days="7" data-consent="wait"`), "</head>",
			`<script src="/own.js"></script><script src="TRACK" data-days="90"></script></head>`, 1),
		own: `window.firstConsent = leadmill.consent;`,
	}.start(t)
	b.open(s.URL + "/?aff=ref_123")
	b.want("leadmill.consent === firstConsent", true)
	b.wantCookies(s.URL) // the second does not know of waiting
	given := during(func() { b.do("leadmill.consent(true)") })
	given.wantLife(t, b.wantTouch(s.URL, "ref_123")[partnerCookie], 7)
}

func TestGlobalOfThePage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, own, kept string
		want            any
		usable          bool
	}{
		{"an object", `window.leadmill = { version: 7 };`, "leadmill.version", 7.0, true},
		{"a function", `function leadmill() { return 7; }`, "leadmill()", 7.0, true},
		{"with a member of ours", `window.leadmill = { consent: 7, version: 7 };`, "leadmill.version", 7.0, true},
		{"nothing", `window.leadmill = null;`, "typeof leadmill", "object", true},
		{"a text", `window.leadmill = "mine";`, "leadmill", "mine", false},
		{"false", `window.leadmill = false;`, "leadmill", false, false},
		{"frozen", `window.leadmill = Object.freeze({ version: 7 });`, "leadmill.version", 7.0, false},
		{"a constant", `const leadmill = { version: 7 };`, "leadmill.version", 7.0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newTab(t)
			s := site{html: strings.Replace(plainPage, "<head>", `<head><script src="/own.js"></script>`, 1), own: c.own}.start(t)
			b.open(s.URL + "/?aff=ref_123")
			b.want(c.kept, c.want, value(partnerCookie), "ref_123")
			b.wantCookies(s.URL, partnerCookie, "ref_123", clickedCookie, fmt.Sprint(b.read(value(clickedCookie))))
			if c.usable {
				b.want(key, "ref_123")
				b.do("leadmill.consent(false)")
				b.want(key, nil, c.kept, c.want)
			}
		})
	}
}

// In a sandbox even looking at the cookies throws. The page itself still knows the key.
func TestWithoutCookies(t *testing.T) {
	t.Parallel()
	b, s := newTab(t), site{html: plainPage, sandboxed: true}.start(t)
	b.open(s.URL + "/?aff=ref_123")
	b.want("(function () { try { return document.cookie } catch (e) { return e.name } })()", "SecurityError",
		key, "ref_123", value(partnerCookie), "ref_123")
	b.do("leadmill.consent(false)")
	b.want(key, nil, value(partnerCookie), "")
	b.do("leadmill.consent(true)")
	b.want(key, "ref_123", value(partnerCookie), "ref_123")
}
