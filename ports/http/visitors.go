package httpport

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/command"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
)

// visitorRoutes are what people open in a browser: referral links, the tracking script and the partners' pages. The router
// has one name for a segment: /r/:key/:link_key is /r/{seller_code}/{key}.
var visitorRoutes = []route{
	{http.MethodGet, "/r/:key", public, followShort},
	{http.MethodHead, "/r/:key", public, followShort},
	{http.MethodGet, "/r/:key/:link_key", public, followOfSeller},
	{http.MethodHead, "/r/:key/:link_key", public, followOfSeller},
	{http.MethodGet, "/track.js", public, trackScript},

	{http.MethodGet, "/portal/invitations/:token", public, inPortal(invitationPage)},
	{http.MethodPost, "/portal/invitations/:token", public, inPortal(acceptInvitation)},
	{http.MethodGet, "/portal/sign-in/:token", public, inPortal(signIn)},
	{http.MethodGet, "/portal", public, inPortal(portalPage)},
	{http.MethodPost, "/portal/sign-out", public, inPortal(signOut)},
}

// ---- referral links

// partnerCookie keeps a referral key (api/partner-program.md, "Tracking").
const partnerCookie = "partnero_partner"

func followShort(k *call) { follow(k, "", k.param("key")) }

func followOfSeller(k *call) { follow(k, k.param("key"), k.param("link_key")) }

// follow sends a visitor on to the seller's website. The target never comes from the request. A request that only prepares
// a visit (a prefetch, or HEAD, with which links are checked) is sent on too, but it is no click and leaves no cookie.
func follow(k *call, sellerCode, key string) {
	visit := k.c.Request.Method == http.MethodGet && !prefetches(k.c.Request.Header)
	to, err := k.s.deps.Handlers.FollowLink.Handle(k.ctx, command.FollowLink{SellerCode: sellerCode, Key: key, Count: visit && k.counts(), Trail: k.trail})
	if err == nil && to.Website == "" {
		err = application.ErrNoReferral
	}
	if err != nil {
		k.fail(err)
		return
	}
	if to.ClickErr != nil {
		k.s.deps.Logger.LogAttrs(k.ctx, slog.LevelWarn, "click lost", slog.String("request_id", k.id),
			slog.String("route", k.pattern()), slog.String("code", string(fault.CodeOf(to.ClickErr))), slog.String("cause", chain(to.ClickErr)))
	}
	target := to.Website
	if to.Live {
		target = referralLink(to.Website, to.Parameter, to.Key)
		if visit {
			const day = 24 * 60 * 60
			http.SetCookie(k.c.Writer, &http.Cookie{Name: partnerCookie, Value: to.Key, Path: "/", MaxAge: to.CookieDays * day,
				Secure: k.secure(), SameSite: http.SameSiteLaxMode})
		}
	}
	k.redirect(target)
}

// clicks is how many clicks of one address are counted at most. Each is a row for ever, written for whoever asks, so that
// without a bound one client could fill the database. It leaves room for many visitors behind one address, as with
// companies, mobile networks and a proxy in front of this server. Visitors beyond it are sent on as ever, cookie and all.
var clicks = struct {
	Requests int64
	Window   time.Duration
}{6000, time.Minute}

// counts reports whether a visit of this address may still be counted as a click.
func (k *call) counts() bool {
	return k.s.deps.Limiter.Take("clicks:"+address(k.c.Request.RemoteAddr), clicks).Allowed
}

// prefetches reports whether a browser asks before anybody decided to visit, such as "prefetch;prerender"
// (https://wicg.github.io/nav-speculation/prefetch.html#sec-purpose-header).
func prefetches(h http.Header) bool {
	for _, name := range [...]string{"Purpose", "Sec-Purpose", "X-Moz"} {
		for _, value := range h.Values(name) {
			purpose, _, _ := strings.Cut(value, ";")
			if strings.EqualFold(strings.TrimSpace(purpose), "prefetch") {
				return true
			}
		}
	}
	return false
}

// secure reports whether clients reach this server by https.
func (k *call) secure() bool { return strings.HasPrefix(k.base(), "https:") }

// redirect answers without a body: browsers show none.
func (k *call) redirect(target string) {
	k.c.Writer.Header()["Content-Type"] = htmlType
	http.Redirect(k.c.Writer, k.c.Request, target, http.StatusFound)
}

// ---- the partners' pages

//go:embed pages
var pageFiles embed.FS

// pageStyle is the one style of all pages, written into each of them.
var pageStyle = func() string {
	b, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		panic(err)
	}
	return string(b)
}()

var (
	htmlType   = []string{"text/html; charset=utf-8"}
	noReferrer = []string{"no-referrer"}
	// pagePolicy lets a page load nothing, run nothing and be framed by nobody; its own style is named by its hash.
	pagePolicy = func() []string {
		sum := sha256.Sum256([]byte(pageStyle))
		return []string{"default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"}
	}()

	invitationHTML = parsePage("invitation")
	portalHTML     = parsePage("portal")
	noticeHTML     = parsePage("notice")
)

func parsePage(name string) *template.Template {
	t := template.New(name).Funcs(template.FuncMap{"style": func() template.CSS { return template.CSS(pageStyle) }}) //nolint:gosec // ours
	return template.Must(t.ParseFS(pageFiles, "pages/layout.html", "pages/"+name+".html"))
}

// inPortal sets the headers of the partners' pages and refuses what another site sends in a partner's name.
func inPortal(do func(*call)) func(*call) {
	return func(k *call) {
		header := k.c.Writer.Header()
		header["Content-Security-Policy"] = pagePolicy
		header["Referrer-Policy"] = noReferrer // addresses of pages hold tokens
		if k.fromElsewhere() {
			k.notice(http.StatusForbidden, "This did not come from here", "Another site sent this request. Open the page here and try again.")
			return
		}
		do(k)
	}
}

var crossOriginProtection = http.NewCrossOriginProtection()

// fromElsewhere reports whether a page of another site made the browser send a form.
func (k *call) fromElsewhere() bool {
	r := k.c.Request
	if r.Header.Get("Sec-Fetch-Site") == "" {
		switch origin := r.Header.Get("Origin"); {
		case origin == k.base():
			return false
		case origin == "null" && !k.secure():
			// By plain http browsers do not say where a form comes from when its page, like ours, sends no referrer.
			return false
		}
	}
	return crossOriginProtection.Check(r) != nil
}

// page answers a page.
func (k *call) page(status int, t *template.Template, content any) {
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "page", content); err != nil {
		k.fail(err)
		return
	}
	k.send(status, htmlType, b.Bytes())
}

// notice answers a page that only says something.
func (k *call) notice(status int, title, text string) {
	k.page(status, noticeHTML, struct{ Title, Text string }{title, text})
}

// failPage answers an error with a page where a partner can do something about it.
func (k *call) failPage(err error) {
	e := fault.As(err)
	switch {
	case errors.Is(err, application.ErrTokenUnknown):
		k.notice(http.StatusNotFound, "This link is not valid any more",
			"It was used already or its time is over. Ask the program for a new one.")
	case e != nil && e.Kind == fault.RuleViolated:
		k.notice(http.StatusBadRequest, "This is not possible any more", e.Message)
	default:
		k.fail(err)
	}
}

type invitationContent struct {
	query.InvitationView

	Wrong string
	Terms bool
}

// invitationPage shows whom an invitation is for. It does not use the invitation up: programs that look into mails open
// links too.
func invitationPage(k *call) { k.invitation(http.StatusOK, "", false) }

func (k *call) invitation(status int, wrong string, terms bool) {
	view, err := k.s.deps.Handlers.OpenInvitation.Handle(k.ctx, query.OpenInvitation{Token: k.param("token")})
	if err != nil {
		k.failPage(err)
		return
	}
	k.page(status, invitationHTML, invitationContent{view, wrong, terms})
}

func acceptInvitation(k *call) {
	if mediaType(k.c.Request.Header.Get("Content-Type")) != "application/x-www-form-urlencoded" {
		k.fail(errMediaType)
		return
	}
	var body bytes.Buffer
	form := field.Set{}
	err := k.readBody(&body)
	if errors.Is(err, errBodyTooLarge) {
		k.fail(err)
		return
	}
	if err == nil {
		err = parseForm(body.String(), form)
	}
	terms := form["tos"].Text == "1"
	if err != nil {
		k.invitation(http.StatusUnprocessableEntity, "The form could not be read. Please try again.", terms)
		return
	}
	session, err := k.s.deps.Handlers.AcceptInvitation.Handle(k.ctx, command.AcceptInvitation{Token: k.param("token"),
		Password: form["password"].Text, TermsAccepted: terms})
	if e := fault.As(err); e != nil && len(e.Violations) > 0 {
		k.invitation(http.StatusUnprocessableEntity, "The password "+e.Violations[0].Message+".", terms)
		return
	}
	k.signedIn(session, err)
}

func signIn(k *call) {
	session, err := k.s.deps.Handlers.OpenSession.Handle(k.ctx, command.OpenSession{Token: k.param("token")})
	k.signedIn(session, err)
}

// signedIn keeps a session in the browser and goes on to the partner's page.
func (k *call) signedIn(s command.Session, err error) {
	if err != nil {
		k.failPage(err)
		return
	}
	k.setSession(s.Token, int(s.ExpiresAt.Sub(k.s.deps.Clock.Now())/time.Second))
	k.redirect("/portal")
}

// sessionCookie keeps a partner's session.
const sessionCookie = "leadmill_portal"

// setSession keeps a session for some seconds; -1 forgets it.
func (k *call) setSession(token string, seconds int) {
	http.SetCookie(k.c.Writer, &http.Cookie{Name: sessionCookie, Value: token, Path: "/portal", MaxAge: seconds, HttpOnly: true,
		Secure: k.secure(), SameSite: http.SameSiteLaxMode})
}

// session is the token of the browser's session; empty when there is none that could be ours.
func (k *call) session() string {
	cookie, err := k.c.Request.Cookie(sessionCookie)
	if err != nil || len(cookie.Value) > 100 {
		return ""
	}
	return cookie.Value
}

type portalContent struct {
	Program, Name, Status    string
	Links                    []portalLink
	Clicks, Customers, Leads int64
}

type portalLink struct{ Key, URL string }

func portalPage(k *call) {
	token, err := k.session(), error(application.ErrTokenUnknown)
	var view query.PartnerPageView
	if token != "" {
		view, err = k.s.deps.Handlers.PartnerPage.Handle(k.ctx, query.PartnerPage{Token: token})
	}
	if errors.Is(err, application.ErrTokenUnknown) {
		k.notice(http.StatusUnauthorized, "You are signed out",
			"To see your partner page, use the sign-in link that you get from the program. A session ends after 12 hours.")
		return
	}
	if err != nil {
		k.fail(err)
		return
	}
	p := view.Partner
	content := portalContent{Program: view.Program, Name: strings.TrimSpace(p.Name + " " + p.Surname), Status: p.Status,
		Clicks: p.Clicks, Customers: p.Signups, Leads: p.Leads}
	if content.Name == "" {
		content.Name = p.Email
	}
	if view.Website != "" {
		for _, key := range p.Keys {
			content.Links = append(content.Links, portalLink{key, referralLink(view.Website, view.LinkParameter, key)})
		}
	}
	k.page(http.StatusOK, portalHTML, content)
}

func signOut(k *call) {
	if token := k.session(); token != "" {
		_, err := k.s.deps.Handlers.CloseSession.Handle(k.ctx, command.CloseSession{Token: token})
		if err != nil && !errors.Is(err, application.ErrTokenUnknown) {
			k.fail(err)
			return
		}
	}
	k.setSession("", -1)
	k.redirect("/portal") // which says that nobody is signed in
}
