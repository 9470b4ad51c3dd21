package consolehttp

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

const portalPath = "/portal"

// PartnerVisit is one request of a partner who is signed in.
type PartnerVisit struct {
	*Portal

	// Partner is who is signed in, as far as a partner sees itself.
	Partner programquery.PartnerPageView

	token string // of the session
}

// PartnerPage is a method of a path of the partners' pages and what answers it for a partner who is signed in.
type PartnerPage struct {
	Method, Path string
	// Menu is the text by which the navigation calls the page; empty: it is not in it.
	Menu string
	// Handle answers, once.
	Handle func(*PartnerVisit)
}

// PartnerPages are the pages that a partner must be signed in for.
func PartnerPages() []PartnerPage {
	return []PartnerPage{
		{Method: http.MethodGet, Path: portalPath, Menu: "partner.menu_overview", Handle: partnerOverview},
		{Method: http.MethodGet, Path: ownLeadsPath, Menu: "partner.menu_leads", Handle: ownLeads},
		{Method: http.MethodGet, Path: ownLeadsPath + "/new", Handle: askOwnLead},
		{Method: http.MethodPost, Path: ownLeadsPath + "/new", Handle: submitOwnLead},
		{Method: http.MethodGet, Path: ownProfilePath, Menu: "partner.menu_profile", Handle: ownProfile},
		{Method: http.MethodPost, Path: ownProfilePath, Handle: saveOwnProfile},
	}
}

// partnerRoutes are the routes of the partners' pages and of signing in to them.
func (c Console) partnerRoutes() []httpport.Route {
	routes := []httpport.Route{
		{Method: http.MethodGet, Path: portalPath + "/invitations/:token", Handle: c.outside(showInvitation)},
		{Method: http.MethodPost, Path: portalPath + "/invitations/:token", Handle: c.outside(acceptInvitation)},
		{Method: http.MethodGet, Path: portalPath + "/sign-in/:token", Handle: c.outside(showPartnerSignIn)},
		{Method: http.MethodPost, Path: portalPath + "/sign-in/:token", Handle: c.outside(signInPartnerHere)},
		{Method: http.MethodPost, Path: signOutPath, Handle: c.outside(signOutPartner)},
		{Method: http.MethodGet, Path: signUpPath + "/:seller", Handle: c.outside(showSignUp)},
		{Method: http.MethodPost, Path: signUpPath + "/:seller", Handle: c.outside(signUp)},
		{Method: http.MethodGet, Path: signUpPath + "/:seller/sign-in", Handle: c.outside(showSignInMail)},
		{Method: http.MethodPost, Path: signUpPath + "/:seller/sign-in", Handle: c.outside(mailSignIn)},
	}
	for _, p := range PartnerPages() {
		routes = append(routes, httpport.Route{Method: p.Method, Path: p.Path, Handle: c.outside(func(v *Portal) { v.asPartner(p) })})
	}
	for i := range routes {
		routes[i].Needs, routes[i].ErrorPage, routes[i].Below = application.Visitor, portalErrorPage, true
	}
	return routes
}

const signOutPath = portalPath + "/sign-out"

// outside answers a page for somebody from outside, and refuses what another site sends in their name.
func (c Console) outside(do func(*Portal)) func(*httpport.Call) {
	return func(k *httpport.Call) {
		v := newPortal(c.visit(k))
		v.Home = portalPath
		k.Writer().Header().Set("Referrer-Policy", "no-referrer") // addresses of pages hold tokens
		if sentFromElsewhere(k) {
			v.tell(http.StatusForbidden, "error.title", v.explain(errElsewhere))
			return
		}
		do(v)
	}
}

// sentFromElsewhere reports whether a page of another site made the browser send a form. These pages send no referrer: by plain http browsers then do not
// say where a form comes from.
func sentFromElsewhere(k *httpport.Call) bool {
	r := k.Request()
	if r.Header.Get("Sec-Fetch-Site") == "" {
		switch origin := r.Header.Get("Origin"); {
		case k.IsOwnOrigin(origin):
			return false
		case origin == "null" && !k.Secure():
			return false
		}
	}
	return crossOrigin.Check(r) != nil
}

// read reads the form that was posted. It answers itself when ok is false.
func (p *Portal) read() (ok bool) {
	k := p.call
	if k.MediaType() != "application/x-www-form-urlencoded" {
		k.Fail(httpport.ErrMediaType)
		return false
	}
	var body bytes.Buffer
	if err := k.ReadBody(&body); err != nil {
		k.Fail(err)
		return false
	}
	values, err := url.ParseQuery(body.String())
	if err == nil && !isText(values) {
		err = httpport.ErrInvalidBody
	}
	if err != nil {
		p.tell(http.StatusUnprocessableEntity, "error.title", p.explain(httpport.ErrInvalidBody))
		return false
	}
	p.Visit.Form = &Form{values: values, posted: true}
	return true
}

// isText reports whether all that was posted is text.
func isText(values url.Values) bool {
	for name, all := range values {
		for _, value := range append(all, name) {
			if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
				return false
			}
		}
	}
	return true
}

// asPartner answers a page for the partner whose session the browser has.
func (p *Portal) asPartner(page PartnerPage) {
	posts := p.call.Request().Method == http.MethodPost
	if posts && !p.read() {
		return
	}
	v := &PartnerVisit{Portal: p, token: partnerSession(p.call)}
	err := error(program.ErrTokenUnknown)
	if v.token != "" {
		v.Partner, err = Ask[programquery.PartnerPageView](p.Visit, programquery.PartnerPage{Token: v.token})
	}
	switch {
	case errors.Is(err, program.ErrTokenUnknown):
		p.tell(http.StatusUnauthorized, "partner.signed_out", p.locale.say("partner.signed_out_text", int(programcommand.SessionLife/time.Hour)))
		return
	case err != nil:
		p.Fail(err)
		return
	}
	sum := sha256.Sum256([]byte("leadmill form of a partner\x00" + v.token))
	p.Visit.Person.FormToken = hex.EncodeToString(sum[:16])
	if posts && subtle.ConstantTimeCompare([]byte(p.Visit.Form.values.Get(tokenField)), []byte(p.Visit.Person.FormToken)) != 1 {
		p.Visit.Form.again = true
	}
	if zone, err := calendar.ParseZone(v.Partner.TimeZone); err == nil {
		p.Visit.zone = zone
	}
	d := v.Partner.Partner
	if !p.setBrand(v.Partner.SellerCode) {
		return
	}
	p.SignOut = signOutPath
	if p.Known = contact.FullName(d.Name, d.Surname); p.Known == "" {
		p.Known = d.Email
	}
	for _, other := range PartnerPages() {
		if other.Menu != "" {
			p.Menu = append(p.Menu, NavItem{Name: other.Menu, Path: other.Path, Current: other.Path == page.Path || other.Path != portalPath && other.Path+"/new" == page.Path})
		}
	}
	page.Handle(v)
}

type toldContent struct {
	*Portal

	Title, Text string
}

// tell answers a page that only says something: a title by its key, and a text.
func (p *Portal) tell(status int, title, text string) {
	p.Visit.show(status, "portal_notice", toldContent{p, p.locale.say(title), text})
}

// partnerCookie keeps a partner's session.
const partnerCookie = "leadmill_portal"

// setPartnerSession keeps a session for some seconds; -1 forgets it.
func setPartnerSession(k *httpport.Call, token string, seconds int) {
	http.SetCookie(k.Writer(), &http.Cookie{ //nolint:gosec // Secure where clients come by https
		Name: partnerCookie, Value: token, Path: portalPath, MaxAge: seconds, HttpOnly: true,
		Secure: k.Secure(), SameSite: http.SameSiteLaxMode,
	})
}

// partnerSession is the token of the browser's session; empty when there is none that could be ours.
func partnerSession(k *httpport.Call) string {
	cookie, err := k.Request().Cookie(partnerCookie)
	if err != nil || len(cookie.Value) > 100 {
		return ""
	}
	return cookie.Value
}

type invitationContent struct {
	*Portal

	programquery.InvitationView
}

// showInvitation shows whom an invitation is for. It does not use the invitation up: programs that look into mails open links too.
func showInvitation(p *Portal) {
	if content, ok := p.invitation(); ok {
		p.Show("portal_invitation", content)
	}
}

// invitation reads whom the invitation of the page is for. It answers itself when ok is false.
func (p *Portal) invitation() (content invitationContent, ok bool) {
	view, err := Ask[programquery.InvitationView](p.Visit, programquery.OpenInvitation{Token: p.Param("token")})
	if err != nil {
		p.failLink(err)
		return content, false
	}
	return invitationContent{p, view}, p.setBrand(view.SellerCode)
}

func acceptInvitation(p *Portal) {
	if !p.read() {
		return
	}
	session, err := Do[programcommand.Session](p.Visit, programcommand.AcceptInvitation{
		Token: p.Param("token"), Password: p.Visit.Form.Value("password"), TermsAccepted: p.Visit.Form.Has("tos", "1"),
	})
	if e := fault.As(err); e != nil && len(e.Violations) > 0 {
		if content, ok := p.invitation(); ok {
			p.ShowAgain("portal_invitation", content, err)
		}
		return
	}
	p.signedIn(session, err)
}

type partnerSignInContent struct {
	*Portal

	programquery.SignInView
}

// showPartnerSignIn shows whom a sign-in link is for, with a button. It does not use the link up: browsers fetch links ahead, and programs that look into
// mails and messages open them too.
func showPartnerSignIn(p *Portal) {
	view, err := Ask[programquery.SignInView](p.Visit, programquery.OpenSignIn{Token: p.Param("token")})
	if err != nil {
		p.failLink(err)
		return
	}
	if p.setBrand(view.SellerCode) {
		p.Show("portal_sign_in", partnerSignInContent{p, view})
	}
}

func signInPartnerHere(p *Portal) {
	session, err := Do[programcommand.Session](p.Visit, programcommand.OpenSession{Token: p.Param("token")})
	p.signedIn(session, err)
}

// signedIn keeps a session in the browser and goes on to the partner's page.
func (p *Portal) signedIn(s programcommand.Session, err error) {
	if err != nil {
		p.failLink(err)
		return
	}
	setPartnerSession(p.call, s.Token, int(s.ExpiresAt.Sub(p.Now())/time.Second))
	p.call.Redirect(portalPath)
}

// failLink answers an error of a link that works once.
func (p *Portal) failLink(err error) {
	e := fault.As(err)
	switch {
	case errors.Is(err, program.ErrTokenUnknown):
		p.tell(http.StatusNotFound, "partner.link_over", p.locale.say("partner.link_over_text"))
	case e != nil && e.Kind == fault.RuleViolated:
		p.tell(http.StatusBadRequest, "partner.not_possible", p.explain(e))
	default:
		p.Fail(err)
	}
}

func signOutPartner(p *Portal) {
	if token := partnerSession(p.call); token != "" {
		_, err := Do[struct{}](p.Visit, programcommand.CloseSession{Token: token})
		if err != nil && !errors.Is(err, program.ErrTokenUnknown) {
			p.Fail(err)
			return
		}
	}
	setPartnerSession(p.call, "", -1)
	p.call.Redirect(portalPath) // which says that nobody is signed in
}
