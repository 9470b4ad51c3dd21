package consolehttp

import (
	"bytes"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// Portal is one request of somebody from outside the seller's company, a partner or a buyer: it is answered in the language of the browser and under the
// seller's name. What is shown embeds it and names its layout: {{define "page"}}{{template "portal" .}}{{end}}.
type Portal struct {
	*Visit

	// Brand is the seller's.
	Brand Brand
	// Home is the path of the first page.
	Home string
	// Menu are the pages that the navigation leads to. Their names are keys of texts.
	Menu []NavItem
	// Known is who is signed in; empty for nobody.
	Known string
	// SignOut is where the button to sign out posts.
	SignOut string

	locale *Locale
}

// Brand is how a seller appears to those from outside.
type Brand struct {
	Name string
	// Logo and Style are the addresses of the seller's logo and colours; empty: it has none of its own.
	Logo, Style string
}

// newPortal begins the answer to a request of somebody from outside.
func newPortal(v *Visit) *Portal { return &Portal{Visit: v, locale: localeOf(v.call)} }

// Lang is the language of the page.
func (p *Portal) Lang() string { return p.locale.Lang() }

// T is the text of a key with its arguments. Errors: there is no such text.
func (p *Portal) T(key string, args ...any) (string, error) { return p.locale.T(key, args...) }

// Money writes an amount of the seller's currency.
func (p *Portal) Money(m money.Micros) string { return p.locale.Money(m, p.Visit.Currency()) }

// Count writes a whole number.
func (p *Portal) Count(n any) string { return p.locale.Count(n) }

// Day writes a day of this year or of the last, given as YYYY-MM-DD, without the year.
func (p *Portal) Day(day string) string { return p.locale.Day(day) }

// Time writes a time in the seller's zone, with the exact one behind it; nothing for the zero time.
func (p *Portal) Time(t time.Time) template.HTML { return p.locale.Time(t, p.Visit.Zone()) }

// Status is a status as a word of the language and a colour. Each has a text, status.active and so on.
func (p *Portal) Status(status string) Status {
	s := newStatus(status)
	if p.locale.Has("status." + status) {
		s.Word = p.locale.say("status." + status)
	}
	return s
}

// Field makes a field of the form as Visit's does; its label is the text field.NAME.
func (p *Portal) Field(name string, more ...string) (Field, error) {
	label, err := p.T("field." + name)
	if err != nil {
		return Field{}, err
	}
	return p.Labelled(name, label, more...), nil
}

// Labelled is Field with a label that is no text of ours, such as a question of the seller's form.
func (p *Portal) Labelled(name, label string, more ...string) Field {
	f := p.Visit.Field(name, label, more...)
	if f.Wrong != "" {
		f.Wrong = p.Trouble(name)
	}
	return f
}

// Problem says in a sentence above a form what is wrong with it; empty when nothing is.
func (p *Portal) Problem() string {
	e := p.Visit.Form.err
	switch {
	case e == nil:
		return ""
	case len(e.Violations) > 0:
		return p.locale.say("form.problems")
	}
	return p.explain(e)
}

// Trouble says what is wrong with a field.
func (p *Portal) Trouble(name string) string {
	if e := p.Visit.Form.err; e != nil {
		if i := slices.IndexFunc(e.Violations, func(w fault.Violation) bool { return w.Field == name }); i >= 0 {
			return p.violation(e.Violations[i])
		}
	}
	return p.locale.say("problem.invalid_value")
}

// violation says what is wrong with what was entered: by its field where that needs more words, else by its code.
func (p *Portal) violation(w fault.Violation) string {
	for _, key := range []string{"problem." + w.Field + "." + string(w.Code), "problem." + string(w.Code)} {
		if p.locale.Has(key) {
			return p.locale.say(key)
		}
	}
	return p.locale.say("problem.invalid_value")
}

// explain says an error in the language of the page: by its code, or else by its kind.
func (p *Portal) explain(e *fault.Error) string { return explain(p.locale, e) }

func explain(l *Locale, e *fault.Error) string {
	if key := "error." + string(e.Code); l.Has(key) {
		return l.say(key)
	}
	switch e.Kind {
	case fault.NotFound, fault.Gone:
		return l.say("error.not_found")
	case fault.Unavailable, fault.TooMany:
		return l.say("error.not_now")
	case fault.Conflict, fault.RuleViolated, fault.Invalid, fault.Forbidden:
		return l.say("error.not_possible")
	default:
		return l.say("error.internal")
	}
}

// portalErrorPage shows an error to somebody from outside who looks at it with a browser.
func portalErrorPage(k *httpport.Call, e *fault.Error) (contentType string, page []byte) {
	if !strings.Contains(k.Request().Header.Get("Accept"), "text/html") {
		return "", nil
	}
	return outsideErrorPage(k, e)
}

// outsideErrorPage is portalErrorPage for whatever asks.
func outsideErrorPage(k *httpport.Call, e *fault.Error) (contentType string, page []byte) {
	l := localeOf(k)
	var b bytes.Buffer
	err := errorTemplate().ExecuteTemplate(&b, "portal_error", struct{ Lang, Title, Text string }{l.Lang(), l.say("error.title"), explain(l, e)})
	if err != nil {
		return "", nil
	}
	pageHeaders(k, newNonce())
	k.Writer().Header().Set("Referrer-Policy", "no-referrer")
	return typeHTML, b.Bytes()
}
