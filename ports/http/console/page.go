package consolehttp

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// Page is a method of a path below /console and what answers it for somebody who is signed in.
type Page struct {
	Method, Path string
	// Needs is the role that the person must have at least.
	Needs application.Role
	// Nav is what the navigation calls the page; empty: it is not in it.
	Nav string
	// Download says that the page is no page: a file to save, a stream, or a part of a page that many look at.
	Download bool
	// Upload says that the form that is posted may hold a file.
	Upload bool
	// Handle answers, once.
	Handle func(*Visit)
}

// nonceBytes makes what allows a script of this answer to run unguessable.
const nonceBytes = 16

// newNonce returns what names the scripts of one answer.
func newNonce() string {
	b := make([]byte, nonceBytes)
	_, _ = rand.Read(b) // it never fails
	return base64.RawStdEncoding.EncodeToString(b)
}

// open answers a page for everybody.
func (c Console) open(do func(*Visit)) func(*httpport.Call) {
	return func(k *httpport.Call) {
		v := c.visit(k)
		if k.Request().Method == http.MethodPost && !v.begin() {
			return
		}
		do(v)
	}
}

// serve answers a page for whoever is signed in and has the role; others are sent to sign in, with what they typed kept.
func (c Console) serve(p Page) func(*httpport.Call) {
	return func(k *httpport.Call) {
		v := c.visit(k)
		v.page = p
		posts := k.Request().Method == http.MethodPost
		if posts && !v.begin() {
			return
		}
		whose := c.Sessions.PersonOf
		if v.byItself() {
			whose = c.Sessions.Look
		}
		person, err := whose(k.Context(), v.cookie())
		switch {
		case fault.KindOf(err) == fault.Unauthenticated && posts:
			v.signInAgain()
			return
		case fault.KindOf(err) == fault.Unauthenticated:
			k.SeeOther(signInPath + "?next=" + url.QueryEscape(k.Request().URL.RequestURI()))
			return
		case err != nil:
			k.Fail(err)
			return
		}
		v.Person = person
		if of := v.madeFor(); of != "" && of != person.Actor.SellerCode {
			v.atAnotherSeller(of)
			return
		}
		if !person.Actor.Role.Includes(p.Needs) {
			if p.Path == consolePath && person.Actor.Role == application.Buyer { // where everybody begins
				k.SeeOther(buyerPath)
				return
			}
			k.Fail(application.ErrRole)
			return
		}
		if posts && subtle.ConstantTimeCompare([]byte(v.Form.values.Get(tokenField)), []byte(person.FormToken)) != 1 {
			v.Form.again = true
		}
		p.Handle(v)
	}
}

// handHeader says that a person asked for a part of a page.
const handHeader = "Leadmill-By-Hand"

// byItself reports whether an open page sent the request without anybody who asked for it. Such requests do not keep a session from ending: all that
// parts of pages ask for is taken for one of them, unless it is posted or says that a person asked.
func (v *Visit) byItself() bool {
	r := v.call.Request()
	return r.Method != http.MethodPost && (v.page.Path == livePath || v.isPart() && r.Header.Get(handHeader) == "")
}

// visit begins the answer to a request: nothing but what the page brings may run in it, and nobody may frame it.
func (c Console) visit(k *httpport.Call) *Visit {
	v := &Visit{console: c, call: k, Nonce: newNonce(), MadeAt: c.Head(), Form: &Form{values: url.Values{}}}
	pageHeaders(k, v.Nonce)
	return v
}

// pageHeaders says that only scripts with the nonce run in an answer, that it loads from here alone, and that nobody frames it.
func pageHeaders(k *httpport.Call, nonce string) {
	header := k.Writer().Header()
	header.Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-"+nonce+"'; style-src 'self'; img-src 'self' data:; "+
		"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// maxForm is the most bytes that a form may have.
const maxForm = 256 << 10

// begin reads the form that was posted, and refuses one that another site sent. It answers itself when ok is false.
func (v *Visit) begin() (ok bool) {
	k := v.call
	if fromElsewhere(k) {
		k.Fail(errElsewhere)
		return false
	}
	if v.page.Upload && k.MediaType() == "multipart/form-data" {
		form, err := readParts(k)
		if err != nil {
			k.Fail(err)
			return false
		}
		v.Form = form
		v.Form.again = form.values.Get(againField) != ""
		return true
	}
	if k.MediaType() != "application/x-www-form-urlencoded" {
		k.Fail(httpport.ErrMediaType)
		return false
	}
	var body bytes.Buffer
	if err := k.ReadBodyUpTo(&body, maxForm); err != nil {
		k.Fail(err)
		return false
	}
	values, err := url.ParseQuery(body.String())
	if err != nil {
		k.Fail(httpport.ErrInvalidBody)
		return false
	}
	v.Form = &Form{values: values, posted: true, again: values.Get(againField) != ""}
	return true
}

var errElsewhere = &fault.Error{Kind: fault.Forbidden, Code: "foreign_form", Message: "Another site sent this request. Open the page here and try again."}

var crossOrigin = http.NewCrossOriginProtection()

// fromElsewhere reports whether a page of another site made the browser send a form.
func fromElsewhere(k *httpport.Call) bool {
	r := k.Request()
	if r.Header.Get("Sec-Fetch-Site") == "" && k.IsOwnOrigin(r.Header.Get("Origin")) {
		return false
	}
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" {
		return true // a browser that posts says where from
	}
	return crossOrigin.Check(r) != nil
}

// The names of the cookie that holds the session: browsers keep the first to this host and to https; by plain http, which is for the
// machine itself, they would refuse it.
const (
	secureCookie = "__Host-leadmill"
	plainCookie  = "leadmill_session"
)

func (v *Visit) cookieName() string {
	if v.call.Secure() {
		return secureCookie
	}
	return plainCookie
}

// cookie is the value of the session's cookie; empty when there is none that could be ours.
func (v *Visit) cookie() string {
	c, err := v.call.Request().Cookie(v.cookieName())
	if err != nil || len(c.Value) > 200 {
		return ""
	}
	return c.Value
}

// setCookie keeps a cookie for some seconds; -1 forgets it.
func (v *Visit) setCookie(name, value string, seconds int) {
	http.SetCookie(v.call.Writer(), &http.Cookie{ //nolint:gosec // Secure where clients come by https
		Name: name, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: v.call.Secure(), SameSite: http.SameSiteLaxMode,
	})
}

// ownPath returns a path of the console, or of a buyer's pages, that a text names, or else where everybody begins: never another site.
func ownPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || strings.ContainsAny(next, "\\\r\n\t") ||
		!isBelow(u.Path, consolePath) && !isBelow(u.Path, buyerPath) || strings.Contains(u.Path, "//") || strings.Contains(u.Path, "..") {
		return consolePath
	}
	return u.RequestURI()
}

// invitation is the path of an invitation's link.
var invitation = regexp.MustCompile(`^` + joinPath + `/[A-Za-z0-9_-]{1,200}$`)

// nextPath returns where somebody goes on who signs in: an invitation, or else what ownPath returns.
func nextPath(next string) string {
	if invitation.MatchString(next) {
		return next
	}
	return ownPath(next)
}

// isBelow reports whether a path is another one or below it.
func isBelow(path, other string) bool { return path == other || strings.HasPrefix(path, other+"/") }

// The paths that are named in more than one place.
const (
	consolePath = "/console"
	buyerPath   = "/buyer"
	signInPath  = "/sign-in"
	livePath    = consolePath + "/live"
	assetsPath  = consolePath + "/assets"
)

// errorPage shows an error to somebody who looks at it.
func errorPage(k *httpport.Call, e *fault.Error) (contentType string, page []byte) {
	var b bytes.Buffer
	title, hint := titleOf(e)
	if err := errorTemplate().ExecuteTemplate(&b, "plain_error", struct{ Title, Text, Hint string }{title, e.Message, hint}); err != nil {
		return "", nil
	}
	if k.Writer().Header().Get("Content-Security-Policy") == "" { // of a path that nothing has
		k.Writer().Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'")
	}
	return typeHTML, b.Bytes()
}

const typeHTML = "text/html; charset=utf-8"

func titleOf(e *fault.Error) (title, hint string) {
	switch e.Kind {
	case fault.NotFound, fault.Gone:
		return "There is nothing here", "It may have been deleted, or it belongs to a seller that you are not signed in to."
	case fault.Forbidden:
		return "This is not allowed", ""
	case fault.Unavailable, fault.TooMany:
		return "Not just now", "Wait a moment and load the page again. Nothing was changed."
	case fault.Conflict, fault.RuleViolated, fault.Invalid:
		return "This is not possible", "Nothing was changed."
	default:
		return "Something went wrong", "Load the page again. If it happens again, tell whoever runs this installation."
	}
}

// isAgain reports whether an error says that a form is only to be shown once more.
func isAgain(err error) bool { return errors.Is(err, errAgain) }
