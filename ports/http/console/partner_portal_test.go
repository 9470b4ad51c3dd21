package consolehttp

import (
	"cmp"
	"context"
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/application"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/program"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/fault"
	formlead "github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/partner"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/porttest"
)

// nothing is what a path parameter becomes that can be none of ours.
const nothing = "/"

// portalHandlers are what the partners' pages send to.
type portalHandlers struct {
	AcceptInvitation bus.Handler[programcommand.AcceptInvitation, programcommand.Session]
	OpenSession      bus.Handler[programcommand.OpenSession, programcommand.Session]
	CloseSession     bus.Handler[programcommand.CloseSession, struct{}]
	OpenInvitation   bus.Handler[programquery.OpenInvitation, programquery.InvitationView]
	OpenSignIn       bus.Handler[programquery.OpenSignIn, programquery.SignInView]
	PartnerPage      bus.Handler[programquery.PartnerPage, programquery.PartnerPageView]
	Activity         bus.Handler[programquery.OwnLinkActivity, programquery.LinksView]
	Leads            bus.Handler[programquery.OwnFormLeads, application.List[programquery.FormLead]]
	LeadForm         bus.Handler[programquery.OwnLeadForm, programquery.LeadForm]
	SubmitLead       bus.Handler[programcommand.SubmitOwnLead, application.Done]
	ChangeName       bus.Handler[programcommand.ChangeOwnName, struct{}]

	name string // the seller's, as its brand has it
}

var johnDoe = programquery.Partner{
	ID: "partner_123", Email: "john@example.com", Name: "John", Surname: "Doe", Status: "active",
	TermsAccepted: true, Approved: true, Keys: []string{"ref_123", "spring"}, CreatedAt: porttest.Start, UpdatedAt: porttest.Start,
}

func newPortalHandlers(a *porttest.App) portalHandlers {
	session := programcommand.Session{Token: "session_1", ExpiresAt: porttest.Start.Add(12 * time.Hour)}
	return portalHandlers{
		name:             "Acme Leads",
		AcceptInvitation: porttest.Queries[programcommand.AcceptInvitation](a, session),
		OpenSession:      porttest.Queries[programcommand.OpenSession](a, session),
		CloseSession:     porttest.Queries[programcommand.CloseSession](a, struct{}{}),
		OpenSignIn:       porttest.Queries[programquery.OpenSignIn](a, programquery.SignInView{Program: "Acme Leads", Name: "Jane"}),
		OpenInvitation:   porttest.Queries[programquery.OpenInvitation](a, programquery.InvitationView{Program: "Acme Leads", Name: "Jane"}),
		PartnerPage: porttest.Queries[programquery.PartnerPage](a, programquery.PartnerPageView{
			Program: "Acme Leads", Website: "https://yourcompany.com", LinkParameter: "aff", TimeZone: "America/Chicago", LeadForm: true,
			Partner: programquery.PartnerDetail{Partner: johnDoe, Clicks: 12, Signups: 2, Leads: 3},
		}),
		Activity: porttest.Queries[programquery.OwnLinkActivity](a, programquery.LinksView{
			Days:  []programquery.LinkDay{{Day: "2025-04-29", Clicks: 4, Signups: 1}, {Day: "2025-04-30", Clicks: 1100}},
			Links: []programquery.LinkSum{{Key: "ref_123", Clicks: 1100, Signups: 1}, {Key: "spring"}, {Clicks: 4}},
		}),
		Leads: porttest.Queries[programquery.OwnFormLeads](a, application.List[programquery.FormLead]{Items: []programquery.FormLead{
			{Number: 71, LeadID: "lead_1", Status: "submitted", Name: hostile, Email: "alice@example.com", CreatedAt: porttest.Start},
			{Number: 70, Status: "converted", Erased: true, CreatedAt: porttest.Start},
		}, Next: "70"}),
		LeadForm: porttest.Queries[programquery.OwnLeadForm](a, programquery.LeadForm{FormSnapshot: formlead.FormSnapshot{
			Enabled: true, Questions: []formlead.Question{
				{ID: 1, Type: formlead.Note, Title: "Note", Text: hostile},
				{ID: 2, Type: formlead.Input, Title: "Company", Required: true},
				{ID: 3, Type: formlead.Checkbox, Title: "What", Options: []string{"Solar", "Wind"}},
				{ID: 4, Type: formlead.Countries, Title: "Country"},
				{ID: 5, Type: formlead.Select, Title: "Size", Options: []string{"Small", hostile}},
			},
		}}),
		SubmitLead: porttest.Commands(a, func(programcommand.SubmitOwnLead) application.Response { return application.Response{} }),
		ChangeName: porttest.Queries[programcommand.ChangeOwnName](a, struct{}{}),
	}
}

func newPortalApp(t testing.TB) *porttest.App {
	return newPortalWith(t, func(*porttest.App, *portalHandlers) {})
}

// newPortalWith is a server over the partners' pages with other handlers.
func newPortalWith(t testing.TB, change func(*porttest.App, *portalHandlers), options ...func(*httpport.Deps)) *porttest.App {
	t.Helper()
	return porttest.New(t, func(a *porttest.App) ([]httpport.Route, error) {
		h := newPortalHandlers(a)
		change(a, &h)
		o := application.NewOperations(bus.Chain{})
		application.Command(o, h.AcceptInvitation)
		application.Command(o, h.OpenSession)
		application.Command(o, h.CloseSession)
		application.Command(o, h.SubmitLead)
		application.Command(o, h.ChangeName)
		application.Query(o, h.OpenInvitation.Handle)
		application.Query(o, h.OpenSignIn.Handle)
		application.Query(o, h.PartnerPage.Handle)
		application.Query(o, h.Activity.Handle)
		application.Query(o, h.Leads.Handle)
		application.Query(o, h.LeadForm.Handle)
		application.Query(o, func(context.Context, accountquery.BrandOfSeller) (accountquery.Brand, error) {
			return accountquery.Brand{Code: "ACME1234", Name: h.name, Color: "#0b6455", Logo: "abc"}, nil
		})
		return Console{Operations: o, Head: func() int64 { return 7 }}.partnerRoutes(), o.Err()
	}, options...)
}

func TestDocumentedPagesOfPartners(t *testing.T) {
	t.Parallel()
	porttest.Room{New: newPortalApp, Fragments: "openapi.yaml", Examples: map[string]porttest.Example{
		"POST /portal/invitations/{token}": {Body: "password=Secret123", Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}},
		"GET /portal":                      {Header: session("session_1")},
		"POST /portal/sign-out":            {Header: session("session_1")},
	}}.Check(t)
}

func TestPortalMethods(t *testing.T) {
	t.Parallel()
	a := newPortalApp(t)
	for path, methods := range map[string]string{
		"/portal": "HEAD POST", "/portal/sign-out": "GET HEAD", "/portal/sign-in/t": "HEAD PUT DELETE", "/portal/invitations/t": "HEAD PUT DELETE",
		"/portal/leads": "POST", "/portal/leads/new": "PUT", "/portal/profile": "DELETE",
	} {
		for method := range strings.FieldsSeq(methods) {
			if w := a.Do(porttest.Request{Method: method, Path: path}); w.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, w.Code)
			}
		}
	}
	for _, path := range []string{"/portal/invitations", "/portal/sign-in", "/portal/x"} {
		if w := a.Do(porttest.Request{Method: "GET", Path: path}); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if c := a.Take(); c != nil {
		t.Errorf("%T reached the application", c)
	}
}

// visit is Do of partners: it checks what holds for each of their pages.
func visit(a *porttest.App, r porttest.Request) *httptest.ResponseRecorder {
	a.T.Helper()
	w := httptest.NewRecorder()
	if strings.HasPrefix(r.Path, "/portal/leads") || r.Path == "/portal/profile" { // which are in no document, as the operators' pages are not
		q := httptest.NewRequestWithContext(context.Background(), cmp.Or(r.Method, http.MethodPost), r.Path, strings.NewReader(r.Body))
		q.Host, q.Header = "localhost:8080", r.Header.Clone()
		a.Server.ServeHTTP(w, q)
	} else {
		w = a.Do(r)
	}
	checkPortalPage(a, w)
	return w
}

var (
	inputElement = regexp.MustCompile(`<(?:input|select|textarea)[^>]*>`)
	idAttribute  = regexp.MustCompile(` id="([^"]*)"`)
	quotedPart   = regexp.MustCompile(`"[^"]*"`)
	active       = regexp.MustCompile(`(?i)<(iframe|object|embed|base)\b|<script>|<[^>]*\s(on[a-z]+|style|srcdoc)\s*=`)
)

func checkPortalPage(a *porttest.App, w *httptest.ResponseRecorder) {
	a.T.Helper()
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
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
	if found := active.FindString(quotedPart.ReplaceAllString(page, `""`)); found != "" {
		a.T.Errorf("%q in the page: %s", found, page)
	}
	for _, want := range []string{`<!doctype html>`, `<html lang="en">`, `<meta name="viewport"`, `<title>`, `<h1>`} {
		if strings.Count(page, want) != 1 {
			a.T.Errorf("the page has not one %s: %s", want, page)
		}
	}
	ids := map[string]bool{}
	for _, input := range inputElement.FindAllString(page, -1) {
		if strings.Contains(input, `type="hidden"`) {
			continue
		}
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
			a := newPortalWith(t, func(a *porttest.App, h *portalHandlers) {
				h.OpenInvitation, h.name = porttest.Answers[programquery.OpenInvitation](a, view, nil), view.Program
			})
			w := visit(a, porttest.Request{Method: "GET", Path: "/portal/invitations/secret-token_1"})
			if got := a.Take(); w.Code != http.StatusOK || got != (programquery.OpenInvitation{Token: "secret-token_1"}) || a.Calls != 1 {
				t.Errorf("%d, %d calls, sent %#v", w.Code, a.Calls, got)
			}
			page := w.Body.String()
			for _, want := range []string{
				strings.ReplaceAll(escaped(view.Program), "\x00", "\uFFFD"), strings.ReplaceAll(escaped(view.Name), "\x00", "\uFFFD"),
				`<form method="post">`, `type="password"`, `type="checkbox"`, `<button type="submit"`,
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
			a := newPortalWith(t, func(*porttest.App, *portalHandlers) {}, porttest.At(c.publicURL))
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
		"weak":                {accept: weak.Err(), status: 422, sent: 2, want: []string{`role="alert"`, "The password must have at least 8 characters with", `aria-invalid="true"`, " checked>", "Jane", "<form"}},
		"weak, used meantime": {accept: weak.Err(), open: program.ErrTokenUnknown, status: 404, sent: 2, want: []string{"not valid any more"}},
		"used":                {accept: program.ErrTokenUnknown, status: 404, sent: 1, want: []string{"not valid any more"}},
		"decided":             {accept: partner.ErrInvitation, status: 400, sent: 1, want: []string{"The invitation is not open any more."}},
		"at the same time":    {accept: application.ErrConcurrentChange, status: 409, sent: 1},
		"unavailable":         {accept: application.ErrUnavailable, status: 503, sent: 1},
		"defect":              {accept: errors.New("s3cretPassword"), status: 500, sent: 1},
		"unreadable":          {body: "password=%zz", status: 422, want: []string{"could not be read"}},
		"no UTF-8":            {body: "password=%ff", status: 422, want: []string{"could not be read"}},
		"too large":           {body: "password=" + strings.Repeat("a", 64<<10), status: 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newPortalWith(t, func(a *porttest.App, h *portalHandlers) {
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
		a := newPortalApp(t)
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
	a := newPortalWith(t, func(a *porttest.App, h *portalHandlers) {
		h.OpenSignIn, h.name = porttest.Answers[programquery.OpenSignIn](a, programquery.SignInView{Program: hostile, Name: hostile}, nil), hostile
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
		a := newPortalWith(t, func(a *porttest.App, h *portalHandlers) {
			h.OpenSignIn = porttest.Answers[programquery.OpenSignIn](a, programquery.SignInView{}, err)
		})
		if w := visit(a, porttest.Request{Method: "GET", Path: "/portal/sign-in/t1"}); w.Code != status {
			t.Errorf("%v: %d", err, w.Code)
		}
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	a := newPortalApp(t)
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
		Partner: programquery.PartnerDetail{Partner: johnDoe, Clicks: 1234, Signups: 57, Leads: 8},
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
			">John Doe<", "Acme Leads", ">Active<", `value="https://yourcompany.com/?x=1&amp;via=ref_123" readonly`,
			`value="https://yourcompany.com/?x=1&amp;via=spring" readonly`, "<dt>Clicks</dt><dd>1,234</dd>", "<dt>Customers</dt><dd>57</dd>",
			"<dt>Leads</dt><dd>8</dd>", `method="post" action="/portal/sign-out"`,
			"4.6 %", ">30 Apr<", `data-value="1100">1,100<`, ">Others<",
		}, []string{"no website", "john@example.com"}},
		"nameless": {nameless, []string{">john@example.com<"}, nil},
		"homeless": {homeless, []string{"no website"}, []string{"readonly"}},
		"hostile":  {strange, []string{"&lt;script&gt;alert(1)&lt;/script&gt;"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newPortalWith(t, func(a *porttest.App, h *portalHandlers) {
				h.PartnerPage, h.name = porttest.Answers[programquery.PartnerPage](a, c.view, nil), c.view.Program
			})
			w := visit(a, porttest.Request{Method: "GET", Path: "/portal", Header: session("s1")})
			if got := a.Take(); w.Code != http.StatusOK || got != (programquery.OwnLinkActivity{Token: "s1", Days: 30}) {
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
		a := newPortalApp(t)
		a.Fail = program.ErrTokenUnknown
		w := visit(a, porttest.Request{Method: "GET", Path: "/portal", Header: c.header})
		if got := a.Take(); w.Code != http.StatusUnauthorized || got != c.sent || !strings.Contains(w.Body.String(), "sign-in link") {
			t.Errorf("%s: %d, sent %#v: %s", name, w.Code, got, w.Body)
		}
	}
	a := newPortalApp(t)
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
		a := newPortalApp(t)
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
			a := newPortalWith(t, func(*porttest.App, *portalHandlers) {}, porttest.At(c.publicURL))
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
			checkPortalPage(a, w)
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
		a := newPortalApp(t)
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
		a := newPortalApp(t)
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

// formOf is what a partner sends with the token of its session's forms.
func formOf(t *testing.T, a *porttest.App, path, form string) porttest.Request {
	t.Helper()
	page := visit(a, porttest.Request{Method: "GET", Path: path, Header: session("s1")})
	token := regexp.MustCompile(`name="_token" value="([^"]+)"`).FindStringSubmatch(page.Body.String())
	if page.Code != http.StatusOK || token == nil {
		t.Fatalf("%d: %s", page.Code, page.Body)
	}
	return porttest.Request{Path: path, Body: form + "&_token=" + token[1], Header: with(urlencoded, "Cookie", "leadmill_portal=s1")}
}

func TestPartnersSubmitLeads(t *testing.T) {
	t.Parallel()
	a := newPortalApp(t)
	w := visit(a, porttest.Request{Method: "GET", Path: "/portal/leads", Header: session("s1")})
	for _, want := range []string{escaped(hostile), ">erased<", ">Submitted<", ">Converted<", `href="/portal/leads/new"`, "after="} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in %s", want, w.Body)
		}
	}
	r := formOf(t, a, "/portal/leads/new", "name=+Ada+&email=ada%40example.com&cfields.1=x&cfields.2=Acme&cfields.3=Solar&cfields.3=Wind&cfields.4=+es&cfields.5=&cfields.99=x")
	a.Take()
	if w := visit(a, r); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/portal/leads" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	want := programcommand.SubmitOwnLead{Token: "s1", Name: "Ada", Email: "ada@example.com", Answers: []programcommand.FormAnswer{
		{ID: "2", Values: []string{"Acme"}}, {ID: "3", Values: []string{"Solar", "Wind"}}, {ID: "4", Values: []string{"ES"}}, {ID: "5", Values: []string{""}},
	}}
	if got, _ := a.Take().(programcommand.SubmitOwnLead); !assert.ObjectsAreEqual(want, got) {
		t.Errorf("sent %#v", got)
	}
	// Without the token of the session's forms nothing is sent, and all that was typed is shown again.
	r.Body = strings.Replace(r.Body, "_token=", "_token=x", 1)
	if w := visit(a, r); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `value=" Ada "`) {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	if c, sent := a.Take().(programcommand.SubmitOwnLead); sent {
		t.Errorf("sent %#v", c)
	}
}

func TestWhatIsWrongWithALeadStandsBesideItsField(t *testing.T) {
	t.Parallel()
	var wrong fault.Violations
	wrong.Add("email", fault.InvalidValue, "must be an email address")
	wrong.Add("cfields.2", fault.Required, "is required")
	a := newPortalWith(t, func(a *porttest.App, h *portalHandlers) {
		h.SubmitLead = porttest.Answers[programcommand.SubmitOwnLead](a, application.Done{}, wrong.Err())
	})
	w := visit(a, formOf(t, a, "/portal/leads/new", "name=Ada&email=ada&cfields.3=Wind"))
	for _, want := range []string{`value="ada"`, `id="w-email">This is no email address.<`, `id="w-cfields.2">This is needed.<`, `value="Wind" checked`} {
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d, no %s in %s", w.Code, want, w.Body)
		}
	}
}

func TestPartnersChangeTheirName(t *testing.T) {
	t.Parallel()
	a := newPortalApp(t)
	w := visit(a, formOf(t, a, "/portal/profile", "name=Ada&surname=+Byron&_seen=2026-03-31T12:00:00Z"))
	seen := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	if got := a.Take(); w.Code != http.StatusSeeOther || got != (programcommand.ChangeOwnName{Token: "s1", Name: "Ada", Surname: "Byron", Seen: seen}) {
		t.Errorf("%d, sent %#v", w.Code, got)
	}
}
