package markethttp

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// FormHandlers are the command and the query that the routes of web forms call.
type FormHandlers struct {
	SubmitForm   bus.Handler[marketcommand.SubmitForm, marketcommand.FormSubmitted]
	NewFormToken bus.Handler[marketquery.NewFormToken, marketquery.FormToken]
}

func (h Handlers) formRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodPost, Path: "/api/forms/:form_key", Needs: application.Form, Handle: h.submitForm, ErrorPage: formErrorPage},
		{Method: http.MethodGet, Path: "/api/forms/:form_key/token", Needs: application.Form, Handle: h.newFormToken},
	}
}

// trap is a field that people do not see and leave empty.
const trap = "website_url"

// submitForm answers POST /api/forms/{form_key}. The key, the origin of the page and the rate limit of the address are checked already.
func (h Handlers) submitForm(k *httpport.Call) {
	buf := bodies.Get().(*bytes.Buffer)
	buf.Reset()
	c, err := formCommand(k, buf)
	script := c.NeedsToken || byScript(k.Request().Header)
	bodies.Put(buf) // a command keeps nothing of the buffer
	if err != nil {
		failLead(k, err)
		return
	}
	done, err := h.SubmitForm.Handle(k.Context(), c)
	switch {
	case err != nil:
		failLead(k, err)
	case script || done.Response.Status != http.StatusOK:
		k.Respond(done.Done)
	case done.RedirectURL != "":
		k.SeeOther(done.RedirectURL)
	case showsPages(k.Request().Header):
		k.Send(http.StatusOK, formPageType, formPage(k, "Thank you", "Your details were received.", nil))
	default:
		k.Respond(done.Done)
	}
}

func formCommand(k *httpport.Call, buf *bytes.Buffer) (marketcommand.SubmitForm, error) {
	c := marketcommand.SubmitForm{SubmitLead: marketcommand.SubmitLead{Actor: k.Actor(), Trail: k.Trail(), Render: renderForm}}
	fields, err := readLead(k, buf, &c.SubmitLead)
	c.NeedsToken = bytes.HasPrefix(bytes.TrimLeft(buf.Bytes(), " \t\r\n"), []byte("{")) // no form sends JSON, a script does
	if err != nil {
		return c, err
	}
	filled, token := fields[trap], fields[market.FormToken]
	c.Trapped = !filled.Empty()
	if !token.Empty() {
		c.Token = token.Text
	}
	delete(fields, trap)
	delete(fields, market.FormToken)
	if c.Token == "" && !c.NeedsToken && k.Request().Header.Get("Origin") == "" {
		return c, httpport.ErrOrigin
	}
	return c, takeReserved(fields, &c.SubmitLead, false)
}

// renderForm writes the answer to a form: who reads it is not who is paid.
func renderForm(r marketcommand.SubmitLeadResult) application.Response { return render(r, false) }

// newFormToken answers GET /api/forms/{form_key}/token.
func (h Handlers) newFormToken(k *httpport.Call) {
	t, err := h.NewFormToken.Handle(k.Context(), marketquery.NewFormToken{Actor: k.Actor()})
	if err != nil {
		k.Fail(err)
		return
	}
	k.JSON(http.StatusOK, httpport.Encode(WebFormToken{Success: true, Token: t.Token, ExpiresAt: Timestamp(t.ExpiresAt)}))
}

// byScript reports whether a script of a page sent the request, which wants JSON and not where to go.
func byScript(h http.Header) bool {
	mode := h.Get("Sec-Fetch-Mode") // absent on pages without TLS, and from all but browsers
	return mode != "" && mode != "navigate" || strings.Contains(h.Get("Accept"), jsonBody) && !showsPages(h)
}

// showsPages reports whether somebody looks at the answer in a browser.
func showsPages(h http.Header) bool { return strings.Contains(h.Get("Accept"), "text/html") }

const formPageType = "text/html; charset=utf-8"

//go:embed form_page.html
var formPageText string

var formPageTemplate = template.Must(template.New("form").Parse(formPageText))

// formPage makes a page that only says something. It repeats nothing that was sent but names of fields.
func formPage(k *httpport.Call, title, text string, reasons []fault.Violation) []byte {
	header := k.Writer().Header()
	header.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	var b bytes.Buffer
	content := struct {
		Title, Text string
		Reasons     []fault.Violation
	}{title, text, reasons}
	if err := formPageTemplate.Execute(&b, content); err != nil {
		panic("markethttp: the page of forms cannot be written: " + err.Error())
	}
	return b.Bytes()
}

// formErrorPage shows an error to somebody who looks at it in a browser. Scripts and all others are answered in JSON.
func formErrorPage(k *httpport.Call, e *fault.Error) (contentType string, page []byte) {
	h := k.Request().Header
	if byScript(h) || !showsPages(h) {
		return "", nil
	}
	text := "Please try again later."
	switch {
	case len(e.Violations) > 0:
		text = "Please go back and mend these:"
	case e.Kind == fault.TooMany:
		text = "That was too often. Please wait a minute, go back and send it again."
	case e.Kind == fault.Unavailable:
		text = "Please go back and send it again in a moment."
	}
	return formPageType, formPage(k, "This was not sent", text, e.Violations)
}
