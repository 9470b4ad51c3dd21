package consolehttp

import (
	"bytes"
	"compress/gzip"
	"context"
	"html"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/application"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/porttest"
)

// people are who is signed in, by the value of their cookie.
type people map[string]application.Person

func (p people) PersonOf(_ context.Context, cookie string) (application.Person, error) {
	person, known := p[cookie]
	if !known {
		return application.Person{}, fault.New(fault.Unauthenticated, "session_unknown", "Nobody is signed in.")
	}
	return person, nil
}

// Look implements application.Sessions.
func (p people) Look(ctx context.Context, cookie string) (application.Person, error) {
	return p.PersonOf(ctx, cookie)
}

func person(role application.Role) application.Person {
	return application.Person{
		ID: "person_1", Email: "ann@acme.example", SessionID: "session_1", FormToken: "token-" + string(role),
		Actor:   application.Actor{Scope: "program", SellerID: "seller_1", SellerCode: "ACME1234", Currency: money.MustCurrency("USD"), PersonID: "person_1", Role: role},
		Sellers: []application.PersonSeller{{Code: "ACME1234", Name: "Acme <Leads>", Role: string(role)}},
	}
}

// priceChanged is what the page of these tests sends.
type priceChanged struct {
	application.Actor

	Price money.Micros
}

func (priceChanged) Needs() application.Scope { return application.Program }

type house struct {
	server http.Handler
	people people
	sent   []priceChanged
	fails  error
}

func (h *house) price(v *Visit) {
	content := Confirm{Visit: v, Title: "A price", Action: "/console/price", Back: "/console", Button: "Save"}
	if v.Call().Request().Method == http.MethodGet {
		v.Form.Fill("price", "45.00")
		content.Inputs = []Field{v.Field("price", "Price", "help", "What a lead costs.")}
		v.Show("confirm", content)
		return
	}
	price, _ := v.Form.Money("price", v.Currency())
	_, err := Do[struct{}](v, priceChanged{Actor: v.Who(), Price: price})
	if err != nil {
		v.Form.err = fault.As(err)
		content.Inputs = []Field{v.Field("price", "Price", "help", "What a lead costs.")}
		v.ShowAgain("confirm", content, err)
		return
	}
	v.Done("/console", "The price was saved.")
}

func build(t *testing.T, publicURL string) *house { return buildWith(t, publicURL) }

// buildWith is build with further routes.
func buildWith(t *testing.T, publicURL string, more ...httpport.Route) *house {
	t.Helper()
	h := &house{people: people{"owner": person(application.Owner), "operator": person(application.Operator), "viewer": person(application.Viewer)}}
	o := application.NewOperations(bus.Chain{})
	application.Command(o, bus.HandlerFunc[priceChanged, struct{}](func(_ context.Context, c priceChanged) (struct{}, error) {
		h.sent = append(h.sent, c)
		return struct{}{}, h.fails
	}))
	application.Query(o, func(context.Context, accountquery.SettingsOfSeller) (accountquery.Settings, error) {
		return accountquery.Settings{TimeZone: "America/Chicago"}, nil
	})
	c := Console{Operations: o, Sessions: h.people, Head: func() int64 { return 7 }}
	routes := append(c.Routes(), more...)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		routes = append(routes, httpport.Route{
			Method: method, Path: "/console/price", Needs: application.Visitor, ErrorPage: errorPage,
			Handle: c.serve(Page{Method: method, Path: "/console/price", Needs: application.Operator, Handle: h.price}),
		})
	}
	routes = append(routes, httpport.Route{
		Method: http.MethodPost, Path: "/go-on", Needs: application.Visitor, ErrorPage: errorPage,
		Handle: c.open(func(v *Visit) {
			v.Person = h.people["operator"]
			v.goOn(v.Form.Text("next"), v.Form.Text(keptField))
		}),
	})
	server, err := httpport.New(httpport.Deps{
		Routes: routes, Authenticator: porttest.Keys{}, Limiter: unlimited{}, Clock: clock.NewManual(porttest.Start), IDs: numbers{},
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Ready: func(context.Context) error { return nil }, PublicURL: publicURL,
	})
	require.NoError(t, err)
	h.server = server
	return h
}

type unlimited struct{}

func (unlimited) Take(string, application.RateLimit) application.RateState {
	return application.RateState{Allowed: true}
}

func (unlimited) Peek(string, application.RateLimit) application.RateState {
	return application.RateState{Allowed: true}
}

type numbers struct{}

func (numbers) New(prefix string) string { return prefix + "_1" }

// ask sends a request as the person whose cookie it has; "" is nobody.
func (h *house) ask(method, path, cookie string, form url.Values, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(form.Encode()))
	r.Host = "127.0.0.1:8080"
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "http://127.0.0.1:8080")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if cookie != "" {
		r.Header.Set("Cookie", plainCookie+"="+cookie+"; "+secureCookie+"="+cookie)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.server.ServeHTTP(w, r)
	return w
}

func TestWhoIsNotSignedInIsSentToSignIn(t *testing.T) {
	t.Parallel()
	h := build(t, "")
	w := h.ask(http.MethodGet, "/console/price?a=1&b=2", "", nil)
	assert.Equal(t, http.StatusSeeOther, w.Code)
	assert.Equal(t, "/sign-in?next=%2Fconsole%2Fprice%3Fa%3D1%26b%3D2", w.Header().Get("Location"))
	w = h.ask(http.MethodGet, "/", "", nil)
	assert.Equal(t, "/sign-in", w.Header().Get("Location"))
	w = h.ask(http.MethodGet, "/console/nothing", "", nil)
	assert.Equal(t, http.StatusNotFound, w.Code)
	assert.Contains(t, w.Body.String(), "There is nothing here")
	assert.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
	assert.Equal(t, http.StatusNotFound, h.ask(http.MethodGet, "/console/assets/x/none.js", "", nil).Code)
	assert.Contains(t, h.ask(http.MethodGet, "/v1/nothing", "", nil).Body.String(), `"status":0`, "the API answers in its own form")
}

func TestNobodyIsLedElsewhere(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"/console/leads?status=sold": "/console/leads?status=sold",
		"/console":                   "/console",
		"":                           "/console", "https://evil.example/console": "/console", "//evil.example/console": "/console",
		"/\\evil.example": "/console", "/console/../sign-out": "/console", "/consoled": "/console", "javascript:alert(1)": "/console",
		"/console//evil.example": "/console", "/console/\r\nx": "/console", "http:/console": "/console", "/v1/leads": "/console",
	} {
		assert.Equal(t, want, ownPath(next), next)
		assert.Equal(t, want, nextPath(next), next)
	}
}

func TestAPageIsLockedDown(t *testing.T) {
	t.Parallel()
	h := build(t, "")
	w := h.ask(http.MethodGet, "/console/price", "operator", nil)
	require.Equal(t, http.StatusOK, w.Code)
	policy := w.Header().Get("Content-Security-Policy")
	nonce := regexp.MustCompile(`script-src 'nonce-([^']+)'`).FindStringSubmatch(policy)
	require.Len(t, nonce, 2, policy)
	body := html.UnescapeString(w.Body.String())
	scripts := regexp.MustCompile(`<script[^>]*>`).FindAllString(body, -1)
	require.NotEmpty(t, scripts)
	for _, s := range scripts {
		assert.Contains(t, s, `nonce="`+nonce[1]+`"`)
		assert.Contains(t, s, ` src="/console/assets/`, "no script is inline")
	}
	assert.NotRegexp(t, `(?i)\son[a-z]+=|\sstyle=|javascript:`, w.Body.String())
	assert.Contains(t, policy, "frame-ancestors 'none'")
	assert.Contains(t, policy, "default-src 'none'")
	assert.Equal(t, "DENY", w.Header().Get("X-Frame-Options"))
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	assert.Contains(t, w.Body.String(), "Acme &lt;Leads&gt;", "a name is a text")
	again := h.ask(http.MethodGet, "/console/price", "operator", nil)
	assert.NotContains(t, again.Header().Get("Content-Security-Policy"), nonce[1], "a nonce is used once")
}

func TestOnlyThePagesOwnFormIsTaken(t *testing.T) {
	t.Parallel()
	form := url.Values{"_token": {"token-operator"}, "price": {"50.00"}}
	for name, c := range map[string]struct {
		cookie  string
		form    url.Values
		headers []string
		status  int
		sent    int
	}{
		"right":                    {"operator", form, nil, 303, 1},
		"a viewer":                 {"viewer", url.Values{"_token": {"token-viewer"}, "price": {"50.00"}}, nil, 403, 0},
		"another's token":          {"owner", form, nil, 200, 0},
		"no token":                 {"operator", url.Values{"price": {"50.00"}}, nil, 200, 0},
		"another site":             {"operator", form, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403, 0},
		"a site of the same name":  {"operator", form, []string{"Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:9999"}, 403, 0},
		"an old browser elsewhere": {"operator", form, []string{"Sec-Fetch-Site", "", "Origin", "https://evil.example"}, 403, 0},
		"an old browser here":      {"operator", form, []string{"Sec-Fetch-Site", ""}, 303, 1},
		"nothing said":             {"operator", form, []string{"Sec-Fetch-Site", "", "Origin", ""}, 403, 0},
		"JSON":                     {"operator", form, []string{"Content-Type", "application/json"}, 415, 0},
		"wrong":                    {"operator", url.Values{"_token": {"token-operator"}, "price": {"fifty"}}, nil, 422, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := build(t, "")
			w := h.ask(http.MethodPost, "/console/price", c.cookie, c.form, c.headers...)
			assert.Equal(t, c.status, w.Code, w.Body.String())
			assert.Len(t, h.sent, c.sent)
		})
	}
}

func TestWhatIsWrongIsToldBesideItsFieldWithWhatWasTyped(t *testing.T) {
	t.Parallel()
	h := build(t, "")
	w := h.ask(http.MethodPost, "/console/price", "operator", url.Values{"_token": {"token-operator"}, "price": {"<fifty>"}})
	assert.Equal(t, http.StatusUnprocessableEntity, w.Code)
	assert.Contains(t, w.Body.String(), `value="&lt;fifty&gt;"`)
	assert.Regexp(t, `aria-describedby="w-price h-price" aria-invalid="true"`, w.Body.String())
	assert.Regexp(t, `<p class="wrong" id="w-price">[^<]+</p>`, w.Body.String())

	h.fails = fault.New(fault.Conflict, "changed_meanwhile", "Ben changed it meanwhile.")
	w = h.ask(http.MethodPost, "/console/price", "operator", url.Values{"_token": {"token-operator"}, "price": {"50"}})
	assert.Equal(t, http.StatusConflict, w.Code)
	assert.Contains(t, w.Body.String(), "Ben changed it meanwhile.")
	assert.Contains(t, w.Body.String(), `value="50"`)
}

// A form whose session is over goes through signing in, is then shown with what was typed, and is sent by the person alone.
func TestNothingTypedIsLostWithTheSession(t *testing.T) {
	t.Parallel()
	h := build(t, "")
	typed := url.Values{"_token": {"old"}, "price": {`5"0<`}, "new_password": {"secret"}}
	w := h.ask(http.MethodPost, "/console/price", "gone", typed)
	require.Equal(t, http.StatusUnauthorized, w.Code)
	assert.Contains(t, w.Body.String(), "What you entered is kept")
	kept := hidden(w.Body.String(), "_kept")
	f, ok := keptFormOf(kept)
	require.True(t, ok)
	assert.Equal(t, keptForm{Path: "/console/price", Values: url.Values{"price": {`5"0<`}}}, f, "and no password")

	w = h.ask(http.MethodPost, "/go-on", "", url.Values{"_kept": {kept}})
	require.Equal(t, http.StatusOK, w.Code)
	next := url.Values{}
	for _, name := range []string{"_token", "_again", "price"} {
		next.Set(name, hidden(w.Body.String(), name))
	}
	assert.Equal(t, url.Values{"_token": {"token-operator"}, "_again": {"1"}, "price": {`5"0<`}}, next)
	assert.Contains(t, w.Body.String(), `action="/console/price"`)

	w = h.ask(http.MethodPost, "/console/price", "operator", next)
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), "nothing is lost")
	assert.Contains(t, w.Body.String(), `value="5&#34;0&lt;"`)
	assert.Empty(t, h.sent, "nothing is done before the person sends it")

	for _, bad := range []string{"", "!", "e30", keptText("https://evil.example/console"), keptText("/console"), keptText("/v1/leads")} {
		w = h.ask(http.MethodPost, "/go-on", "", url.Values{"_kept": {bad}, "next": {"/console/leads"}})
		assert.Equal(t, "/console/leads", w.Header().Get("Location"), bad)
	}
}

func keptText(path string) string {
	u, _ := url.Parse(path)
	return (&Visit{Form: &Form{values: url.Values{}}}).keepAt(u.String())
}

func hidden(body, name string) string {
	found := regexp.MustCompile(`<input type="hidden" name="` + name + `" value="([^"]*)">`).FindStringSubmatch(body)
	if len(found) != 2 {
		return ""
	}
	return html.UnescapeString(found[1])
}

func TestTheNextPageSaysWhatWasDoneOnce(t *testing.T) {
	t.Parallel()
	h := build(t, "")
	w := h.ask(http.MethodPost, "/console/price", "operator", url.Values{"_token": {"token-operator"}, "price": {"1,050.5"}})
	require.Equal(t, http.StatusSeeOther, w.Code)
	require.Len(t, h.sent, 1)
	assert.Equal(t, money.Micros(1_050_500_000), h.sent[0].Price)
	cookie := w.Result().Cookies()[0]
	w = h.ask(http.MethodGet, "/console/price", "operator", nil, "Cookie", plainCookie+"=operator; "+cookie.Name+"="+cookie.Value)
	assert.Contains(t, w.Body.String(), "The price was saved.")
	assert.Equal(t, -1, w.Result().Cookies()[0].MaxAge)
}

func TestTheCookieIsBoundToTheHostWhereThereIsHTTPS(t *testing.T) {
	t.Parallel()
	for base, name := range map[string]string{"": plainCookie, "https://leads.example.com": secureCookie} {
		h := build(t, base)
		w := h.ask(http.MethodGet, "/console/price", "", nil, "Cookie", name+"=operator")
		assert.Equal(t, http.StatusOK, w.Code, base)
		other := map[string]string{plainCookie: secureCookie, secureCookie: plainCookie}[name]
		w = h.ask(http.MethodGet, "/console/price", "", nil, "Cookie", other+"=operator")
		assert.Equal(t, http.StatusSeeOther, w.Code, base)
	}
}

func TestAssetsAreKeptForEverAndSmall(t *testing.T) {
	t.Parallel()
	h := build(t, "")
	w := h.ask(http.MethodGet, "/console/price", "operator", nil)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	total := len(zipped(w.Body.Bytes()))
	for _, found := range regexp.MustCompile(`(?:src|href)="(/console/assets/[^"]+)"`).FindAllStringSubmatch(w.Body.String(), -1) {
		a := h.ask(http.MethodGet, found[1], "", nil, "Accept-Encoding", "br, gzip")
		require.Equal(t, http.StatusOK, a.Code, found[1])
		assert.Equal(t, "public, max-age=31536000, immutable", a.Header().Get("Cache-Control"))
		assert.Equal(t, "gzip", a.Header().Get("Content-Encoding"))
		total += a.Body.Len()
		r, err := gzip.NewReader(a.Body)
		require.NoError(t, err)
		unzipped, err := io.ReadAll(r)
		require.NoError(t, err)
		plain := h.ask(http.MethodGet, found[1], "", nil, "Accept-Encoding", "gzip;q=0")
		assert.Empty(t, plain.Header().Get("Content-Encoding"))
		assert.True(t, bytes.Equal(plain.Body.Bytes(), unzipped), found[1])
	}
	assert.LessOrEqual(t, total, 120<<10, "bytes of the first view")
	old := h.ask(http.MethodGet, "/console/assets/000000000000/console.css", "", nil)
	assert.Equal(t, http.StatusOK, old.Code, "an instance of another release may be asked")
	assert.Equal(t, "no-store", old.Header().Get("Cache-Control"))
}

func TestHowThingsAreWritten(t *testing.T) {
	t.Parallel()
	usd, jpy := money.MustCurrency("USD"), money.MustCurrency("JPY")
	assert.Equal(t, "$1,125.00", FormatMoney(1_125_000_000, usd))
	assert.Equal(t, "−$0.50", FormatMoney(-500_000, usd))
	assert.Equal(t, "1,234,567\u00a0JPY", FormatMoney(1_234_567_000_000, jpy))
	for d, want := range map[time.Duration]string{5 * time.Second: "5 s", 90 * time.Minute: "90 min", 30 * time.Hour: "30 h", 72 * time.Hour: "3 days"} {
		assert.Equal(t, want, Span(d))
	}
	v := &Visit{zone: time.FixedZone("CST", -6*3600)}
	assert.Equal(t, "−1,234", v.Count(-1234))
}

func TestCommandsAreNamedInWords(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"UpdateContract": "Update contract", "CreateAPIKey": "Create API key", "CreateSignInURL": "Create sign in URL", "ConfirmTOTP": "Confirm TOTP", "": "", "a": "a",
	} {
		assert.Equal(t, want, (*Visit)(nil).Command(name), name)
	}
}

// A part of a page that nothing but a person asks for says so, because it would not keep the session otherwise.
func TestWhatAPersonAsksForSaysSo(t *testing.T) {
	t.Parallel()
	element, byItself := regexp.MustCompile(`<[a-z]+ [^>]*hx-get=[^>]*>`), regexp.MustCompile(`hx-trigger="([^"]*)"`)
	found := 0
	for _, pattern := range []string{"*.html", "design/*.html"} {
		files, err := fs.Glob(templateFiles, pattern)
		require.NoError(t, err)
		for _, name := range files {
			b, err := templateFiles.ReadFile(name)
			require.NoError(t, err)
			for _, e := range element.FindAllString(string(b), -1) {
				found++
				trigger := byItself.FindStringSubmatch(e)
				assert.Equal(t, trigger == nil, strings.Contains(e, handHeader), "%s: %s", name, e)
			}
		}
	}
	assert.Greater(t, found, 10)
}
