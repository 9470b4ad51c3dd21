package markethttp

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/tests/porttest"
)

const (
	shopPage  = "https://shop.example"
	formBytes = "firstName=John&lastName=Doe&phone=555-123-4567&state=TX&website_url="
	toBrowser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
)

// fromPage are the headers of a plain form that a browser posts.
func fromPage(more ...string) http.Header {
	h := http.Header{"Origin": {shopPage}, "Content-Type": {"application/x-www-form-urlencoded"}}
	for i := 0; i < len(more); i += 2 {
		if h.Del(more[i]); more[i+1] != "" {
			h.Set(more[i], more[i+1])
		}
	}
	return h
}

// A page of a supplier could not post a lead: there was no key that it could show to everybody, and no answer that a browser takes.
func TestAPlainFormIsPosted(t *testing.T) {
	t.Parallel()
	john := textSet("firstName", "John", "lastName", "Doe", "phone", "555-123-4567", "state", "TX")
	for name, c := range map[string]struct {
		path, body string
		header     http.Header
	}{
		"urlencoded": {body: formBytes, header: fromPage()},
		"multipart": {
			body:   multipartBodyOf("firstName", "John", "lastName", "Doe", "phone", "555-123-4567", "state", "TX", "website_url", ""),
			header: fromPage("Content-Type", "multipart/form-data; boundary=x"),
		},
		"with its seller and category": {body: formBytes + "&seller=ACME1234&category=Auto+Insurance", header: fromPage()},
		"some fields in the address":   {path: "?state=TX&firstName=John", body: "lastName=Doe&phone=555-123-4567", header: fromPage("Origin", "http://localhost:8000")},
	} {
		a := newApp(t)
		w := a.Do(porttest.Request{Path: "/api/forms/form" + c.path, Body: c.body, Header: c.header})
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "https://shop.example/thanks?from=form" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		sent := a.Take().(marketcommand.SubmitForm)
		if d := cmp.Diff(john, sent.Fields); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if sent.Trapped || sent.NeedsToken || sent.Token != "" || sent.CampaignID != "campaign_1" || sent.Scope != "form" {
			t.Errorf("%s: sent %+v", name, sent)
		}
	}
}

func TestWhoPostsAFormIsAnsweredInItsKind(t *testing.T) {
	t.Parallel()
	const asJSON = `{"success":true,"lead_id":"lead_01J","status":"sold"}` // without a price, and without who bought it
	nowhere := strings.Replace(formBytes, "Doe", "Nowhere", 1)
	for name, c := range map[string]struct {
		body   string
		header http.Header
		status int
		want   string
	}{
		"a browser":                               {formBytes, fromPage("Accept", toBrowser, "Sec-Fetch-Mode", "navigate"), 303, ""},
		"a browser, and there is no page":         {nowhere, fromPage("Accept", toBrowser, "Sec-Fetch-Mode", "navigate"), 200, "<h1>Thank you</h1>"},
		"a script that sends a form":              {formBytes, fromPage("Accept", "*/*", "Sec-Fetch-Mode", "cors"), 200, asJSON},
		"a script that says what it wants":        {formBytes, fromPage("Accept", "application/json"), 200, asJSON},
		"a script that sends JSON":                {`{"form_token":"t","firstName":"John"}`, fromPage("Content-Type", "application/json"), 200, asJSON},
		"JSON whatever its type says":             {` {"form_token":"t","firstName":"John"}`, fromPage("Content-Type", "text/plain"), 200, asJSON},
		"neither of them":                         {formBytes, fromPage(), 303, ""},
		"neither of them, and there is no page":   {nowhere, fromPage(), 200, asJSON},
		"a wrong one, in a browser":               {"test=maybe", fromPage("Accept", toBrowser), 400, "<li>test must be true or false</li>"},
		"a wrong one, by a script":                {"test=maybe", fromPage("Accept", "*/*", "Sec-Fetch-Mode", "cors"), 400, `"errors":{"test":"must be true or false"}`},
		"with a token":                            {formBytes + "&form_token=t1", fromPage("Origin", ""), 303, ""},
		"a key where none belongs, in a browser":  {"api_key=x", fromPage("Accept", toBrowser), 401, "<h1>This was not sent</h1>"},
		"another seller's, in a browser":          {"seller=other&test=%3Cb%3E", fromPage("Accept", toBrowser), 401, "<h1>This was not sent</h1>"},
		"a file, in a browser":                    {"x", fromPage("Accept", toBrowser, "Content-Type", "text/csv"), 415, "<h1>This was not sent</h1>"},
		"half of it, by a script":                 {`{"form_token":"t"`, fromPage(), 400, `"code":"invalid_request_body"`},
		"from nowhere without a token":            {formBytes, fromPage("Origin", ""), 403, `"code":"origin_not_allowed"`},
		"from nowhere in a browser":               {formBytes, fromPage("Origin", "", "Accept", toBrowser), 403, "<h1>This was not sent</h1>"},
		"from a page that may not":                {formBytes, fromPage("Origin", "https://other.example"), 403, `"code":"origin_not_allowed"`},
		"from a page that may not, with a token":  {formBytes + "&form_token=t1", fromPage("Origin", "https://shop.example.evil"), 403, `"code":"origin_not_allowed"`},
		"from a page that hides where it is":      {formBytes, fromPage("Origin", "null"), 403, `"code":"origin_not_allowed"`},
		"from two pages":                          {formBytes, http.Header{"Origin": {shopPage, shopPage}}, 403, `"code":"origin_not_allowed"`},
		"from a page of another port":             {formBytes, fromPage("Origin", "http://localhost:8001"), 403, `"code":"origin_not_allowed"`},
		"from a page without TLS where it has it": {formBytes, fromPage("Origin", "http://shop.example"), 403, `"code":"origin_not_allowed"`},
	} {
		a := newApp(t)
		w := a.Do(porttest.Request{Path: "/api/forms/form", Body: c.body, Header: c.header})
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) || c.want == asJSON && w.Body.String() != asJSON {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if w.Code >= 400 && a.Calls > 0 {
			t.Errorf("%s: the command was sent", name)
		}
		allowed := w.Header().Get("Access-Control-Allow-Origin")
		if want := c.header.Get("Origin"); (w.Code == 403 || want == "") != (allowed == "") || allowed != "" && allowed != want {
			t.Errorf("%s: readable by %q", name, allowed)
		}
		if w.Header().Get("Vary") != "Origin" || w.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %v", name, w.Header())
		}
	}
}

func TestWhatAFormSaysBesideTheLead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want marketcommand.SubmitForm
	}{
		"JSON needs a token":            {`{"firstName":"John"}`, marketcommand.SubmitForm{NeedsToken: true}},
		"a token":                       {`{"form_token":"t1"}`, marketcommand.SubmitForm{NeedsToken: true, Token: "t1"}},
		"a form needs none":             {"firstName=John", marketcommand.SubmitForm{}},
		"and may have one":              {"form_token=t1", marketcommand.SubmitForm{Token: "t1"}},
		"what people do not see":        {"website_url=http%3A%2F%2Fspam.example", marketcommand.SubmitForm{Trapped: true}},
		"what people do not see, JSON":  {`{"website_url":1}`, marketcommand.SubmitForm{Trapped: true, NeedsToken: true}},
		"what people do not see, blank": {"website_url=+", marketcommand.SubmitForm{}},
	} {
		a := newApp(t)
		a.Do(porttest.Request{Path: "/api/forms/form", Body: c.body, Header: fromPage()})
		sent := a.Take().(marketcommand.SubmitForm)
		got := marketcommand.SubmitForm{NeedsToken: sent.NeedsToken, Token: sent.Token, Trapped: sent.Trapped}
		if d := cmp.Diff(c.want, got, cmp.Comparer(func(_, _ marketcommand.SubmitLead) bool { return true })); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		for _, own := range []string{"website_url", "form_token"} {
			if _, kept := sent.Fields[own]; kept {
				t.Errorf("%s: %s is a field of the lead", name, own)
			}
		}
	}
}

// preflight asks as a browser does before a script of another origin may send JSON. It is no operation of the document.
func preflight(a *porttest.App, path, origin string) *httptest.ResponseRecorder {
	q := httptest.NewRequest(http.MethodOptions, path, nil)
	q.Header.Set("Origin", origin)
	q.Header.Set("Access-Control-Request-Method", "POST")
	q.Header.Set("Access-Control-Request-Headers", "content-type")
	w := httptest.NewRecorder()
	a.Server.ServeHTTP(w, q)
	return w
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for path, method := range map[string]string{"/api/forms/formed": "POST", "/api/forms/formed/token": "GET"} {
		for range 20 { // it does not count
			w := preflight(a, path, shopPage)
			want := map[string]string{
				"Access-Control-Allow-Origin": shopPage, "Access-Control-Allow-Methods": method,
				"Access-Control-Allow-Headers": "Content-Type, Idempotency-Key", "Access-Control-Max-Age": "600", "Vary": "Origin", "Access-Control-Allow-Credentials": "",
			}
			for name, value := range want {
				if got := w.Header().Get(name); got != value {
					t.Errorf("%s: %s is %q", path, name, got)
				}
			}
			if w.Code != http.StatusNoContent || w.Body.Len() > 0 {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
		}
		for origin, status := range map[string]int{"https://other.example": 403, "null": 403} {
			if w := preflight(a, path, origin); w.Code != status || w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s from %s: %d %v", path, origin, w.Code, w.Header())
			}
		}
	}
	for path, status := range map[string]int{"/api/forms/nobody": 401, "/api/forms/supplier": 401, "/api/leads": 405, "/v1/campaigns": 405} {
		if w := preflight(a, path, shopPage); w.Code != status || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	if a.Calls > 0 {
		t.Error("the application was asked")
	}
}

func TestFormTokenIsGiven(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	w := a.Do(porttest.Request{Method: "GET", Path: "/api/forms/form/token", Header: http.Header{"Origin": {shopPage}}})
	if w.Code != 200 || w.Body.String() != `{"success":true,"token":"t1","expires_at":"2025-04-30T16:44:13.000000Z"}` || w.Header().Get("Access-Control-Allow-Origin") != shopPage {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	if q := a.Take().(marketquery.NewFormToken); q.KeyID != "kf" {
		t.Errorf("asked %+v", q)
	}
	if w := a.Do(porttest.Request{Method: "GET", Path: "/api/forms/form/token", Header: http.Header{"Origin": {"https://other.example"}}}); w.Code != 403 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A form key is public: it opens its forms and nothing else, and no other key opens forms.
func TestAFormKeyOpensFormsOnly(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, c := range []struct {
		r      porttest.Request
		status int
	}{
		{porttest.Request{Path: "/api/leads", Key: "form", Body: leadBody}, 401},
		{porttest.Request{Method: "GET", Path: "/api/leads/lead_1", Key: "form"}, 401},
		{porttest.Request{Path: "/api/forms/supplier", Body: formBytes, Header: fromPage()}, 401},
		{porttest.Request{Path: "/api/forms/program", Body: formBytes, Header: fromPage()}, 401},
		{porttest.Request{Path: "/api/forms/nobody", Key: "supplier", Body: formBytes, Header: fromPage()}, 401},
		{porttest.Request{Method: "GET", Path: "/api/forms/supplier/token"}, 401},
		{porttest.Request{Method: "GET", Path: "/v1/campaigns", Key: "form"}, 403},
		{porttest.Request{Path: "/v1/buyers", Key: "form", Body: `{"name":"x"}`}, 403},
		{porttest.Request{Path: "/api/forms/broken", Body: formBytes, Header: fromPage("Accept", toBrowser)}, 503},
	} {
		w := a.Do(c.r)
		if w.Code != c.status || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s: %d %s", c.r.Method, c.r.Path, w.Code, w.Body)
		}
		if c.r.Key == "form" && c.status == 401 && !strings.Contains(w.Body.String(), `"hint":"A form key stands in the path: POST /api/forms/<form key>."`) {
			t.Errorf("%s %s: %s", c.r.Method, c.r.Path, w.Body)
		}
	}
	if a.Calls > 0 {
		t.Error("the application was asked")
	}
}

func TestFormsOfAnAddressAreLimited(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	post := func(from string, header http.Header) *httptest.ResponseRecorder {
		q := httptest.NewRequest(http.MethodPost, "/api/forms/formed", strings.NewReader(formBytes))
		q.RemoteAddr, q.Header = from, header
		w := httptest.NewRecorder()
		a.Server.ServeHTTP(w, q)
		return w
	}
	for i := range 10 {
		if w := post("192.0.2.1:1", fromPage()); w.Code != 303 || w.Header().Get("X-RateLimit-Remaining") != []string{"9", "8", "7", "6", "5", "4", "3", "2", "1", "0"}[i] {
			t.Fatalf("%d: %d %v", i, w.Code, w.Header())
		}
	}
	if w := post("192.0.2.1:2", fromPage()); w.Code != 429 || w.Header().Get("Retry-After") != "60" || porttest.CodeIn(t, w) != "rate_limit_exceeded" || w.Header().Get("Access-Control-Allow-Origin") != shopPage {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := post("192.0.2.1:2", fromPage("Accept", toBrowser)); w.Code != 429 || !strings.Contains(w.Body.String(), "Please wait a minute") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := post("192.0.2.2:1", fromPage()); w.Code != 303 {
		t.Errorf("another address: %d %s", w.Code, w.Body)
	}
	if w := a.Do(porttest.Request{Method: "GET", Path: "/api/forms/formed/token"}); w.Code != 200 {
		t.Errorf("a token: %d", w.Code)
	}
	a.Clock.Advance(time.Minute)
	if w := post("192.0.2.1:1", fromPage()); w.Code != 303 {
		t.Errorf("a minute later: %d %s", w.Code, w.Body)
	}
	if log := a.Logged(); strings.Contains(log, "192.0.2") {
		t.Errorf("an address is logged: %s", log)
	}
}

// A page repeats nothing of what was sent, and runs nothing.
func TestThePageOfAFormShowsNothingThatWasSent(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.Fail = field.ErrInvalid.With(fault.Violation{Field: "<script>", Message: "has a name"})
	w := a.Do(porttest.Request{Path: "/api/forms/form", Body: formBytes, Header: fromPage("Accept", toBrowser)})
	if w.Code != 400 || !strings.Contains(w.Body.String(), "<li>&lt;script&gt; has a name</li>") || w.Header().Get("Content-Security-Policy") != "default-src 'none'; base-uri 'none'; form-action 'none'" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	for _, err := range []error{marketcommand.ErrNoMatching, application.ErrUnavailable, application.ErrInProgress, application.ErrKeyReused} {
		a.Fail = err
		for _, accept := range []string{toBrowser, "application/json"} {
			if w := a.Do(porttest.Request{Path: "/api/forms/form", Body: formBytes, Header: fromPage("Accept", accept)}); w.Code < 400 {
				t.Errorf("%v: %d %s", err, w.Code, w.Body)
			}
		}
	}
	porttest.CheckNoPersonalData(t, newApp(t), []porttest.Request{
		{Path: "/api/forms/form", Body: "seller=other&firstName=" + porttest.Canary, Header: fromPage("Accept", toBrowser)},
		{Path: "/api/forms/form", Body: "test=" + porttest.Canary, Header: fromPage("Accept", toBrowser)},
		{Path: "/api/forms/form", Body: `{"form_token":"` + porttest.Canary + `"}`, Header: fromPage()},
	})
}
