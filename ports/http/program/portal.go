package programhttp

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/program"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// PortalHandlers are the commands and queries that the routes of the pages that partners see call.
type PortalHandlers struct {
	AcceptInvitation bus.Handler[programcommand.AcceptInvitation, programcommand.Session]
	OpenSession      bus.Handler[programcommand.OpenSession, programcommand.Session]
	CloseSession     bus.Handler[programcommand.CloseSession, struct{}]
	OpenInvitation   bus.Handler[programquery.OpenInvitation, programquery.InvitationView]
	OpenSignIn       bus.Handler[programquery.OpenSignIn, programquery.SignInView]
	PartnerPage      bus.Handler[programquery.PartnerPage, programquery.PartnerPageView]
}

func (h Handlers) portalRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/portal/invitations/:token", Needs: application.Visitor, Handle: inPortal(h.invitationPage)},
		{Method: http.MethodPost, Path: "/portal/invitations/:token", Needs: application.Visitor, Handle: inPortal(h.acceptInvitation)},
		{Method: http.MethodGet, Path: "/portal/sign-in/:token", Needs: application.Visitor, Handle: inPortal(h.signInPage)},
		{Method: http.MethodPost, Path: "/portal/sign-in/:token", Needs: application.Visitor, Handle: inPortal(h.signIn)},
		{Method: http.MethodGet, Path: "/portal", Needs: application.Visitor, Handle: inPortal(h.portalPage)},
		{Method: http.MethodPost, Path: "/portal/sign-out", Needs: application.Visitor, Handle: inPortal(h.signOut)},
	}
}

type invitationContent struct {
	programquery.InvitationView

	Wrong string
	Terms bool
}

// invitationPage shows whom an invitation is for. It does not use the invitation up: programs that look into mails open
// links too.
func (h Handlers) invitationPage(k *httpport.Call) { h.showInvitation(k, http.StatusOK, "", false) }

func (h Handlers) showInvitation(k *httpport.Call, status int, wrong string, terms bool) {
	view, err := h.OpenInvitation.Handle(k.Context(), programquery.OpenInvitation{Token: k.Param("token")})
	if err != nil {
		failPage(k, err)
		return
	}
	page(k, status, invitationHTML, invitationContent{view, wrong, terms})
}

func (h Handlers) acceptInvitation(k *httpport.Call) {
	if k.MediaType() != "application/x-www-form-urlencoded" {
		k.Fail(httpport.ErrMediaType)
		return
	}
	var body bytes.Buffer
	form := field.Set{}
	err := k.ReadBody(&body)
	if errors.Is(err, httpport.ErrBodyTooLarge) {
		k.Fail(err)
		return
	}
	if err == nil {
		err = httpport.ParseForm(body.String(), form)
	}
	terms := form["tos"].Text == "1"
	if err != nil {
		h.showInvitation(k, http.StatusUnprocessableEntity, "The form could not be read. Please try again.", terms)
		return
	}
	session, err := h.AcceptInvitation.Handle(k.Context(), programcommand.AcceptInvitation{
		Token:    k.Param("token"),
		Password: form["password"].Text, TermsAccepted: terms,
	})
	if e := fault.As(err); e != nil && len(e.Violations) > 0 {
		h.showInvitation(k, http.StatusUnprocessableEntity, "The password "+e.Violations[0].Message+".", terms)
		return
	}
	signedIn(k, session, err)
}

// signInPage shows whom a sign-in link is for, with a button. It does not use the link up: browsers fetch links ahead, and programs that
// look into mails and messages open them too.
func (h Handlers) signInPage(k *httpport.Call) {
	view, err := h.OpenSignIn.Handle(k.Context(), programquery.OpenSignIn{Token: k.Param("token")})
	if err != nil {
		failPage(k, err)
		return
	}
	page(k, http.StatusOK, signInHTML, view)
}

func (h Handlers) signIn(k *httpport.Call) {
	session, err := h.OpenSession.Handle(k.Context(), programcommand.OpenSession{Token: k.Param("token")})
	signedIn(k, session, err)
}

// signedIn keeps a session in the browser and goes on to the partner's page.
func signedIn(k *httpport.Call, s programcommand.Session, err error) {
	if err != nil {
		failPage(k, err)
		return
	}
	setSession(k, s.Token, int(s.ExpiresAt.Sub(k.Now())/time.Second))
	k.Redirect("/portal")
}

// sessionCookie keeps a partner's session.
const sessionCookie = "leadmill_portal"

// setSession keeps a session for some seconds; -1 forgets it.
func setSession(k *httpport.Call, token string, seconds int) {
	http.SetCookie(k.Writer(), &http.Cookie{ //nolint:gosec // Secure where clients come by https
		Name: sessionCookie, Value: token, Path: "/portal", MaxAge: seconds, HttpOnly: true,
		Secure: k.Secure(), SameSite: http.SameSiteLaxMode,
	})
}

// sessionOf is the token of the browser's session; empty when there is none that could be ours.
func sessionOf(k *httpport.Call) string {
	cookie, err := k.Request().Cookie(sessionCookie)
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

func (h Handlers) portalPage(k *httpport.Call) {
	token, err := sessionOf(k), error(program.ErrTokenUnknown)
	var view programquery.PartnerPageView
	if token != "" {
		view, err = h.PartnerPage.Handle(k.Context(), programquery.PartnerPage{Token: token})
	}
	if errors.Is(err, program.ErrTokenUnknown) {
		notice(k, http.StatusUnauthorized, "You are signed out",
			fmt.Sprintf("To see your partner page, use the sign-in link that you get from the program. A session ends after %d hours.",
				programcommand.SessionLife/time.Hour))
		return
	}
	if err != nil {
		k.Fail(err)
		return
	}
	p := view.Partner
	content := portalContent{
		Program: view.Program, Name: contact.FullName(p.Name, p.Surname), Status: p.Status,
		Clicks: p.Clicks, Customers: p.Signups, Leads: p.Leads,
	}
	if content.Name == "" {
		content.Name = p.Email
	}
	if view.Website != "" {
		for _, key := range p.Keys {
			content.Links = append(content.Links, portalLink{key, program.ReferralURL(view.Website, view.LinkParameter, key)})
		}
	}
	page(k, http.StatusOK, portalHTML, content)
}

func (h Handlers) signOut(k *httpport.Call) {
	if token := sessionOf(k); token != "" {
		_, err := h.CloseSession.Handle(k.Context(), programcommand.CloseSession{Token: token})
		if err != nil && !errors.Is(err, program.ErrTokenUnknown) {
			k.Fail(err)
			return
		}
	}
	setSession(k, "", -1)
	k.Redirect("/portal") // which says that nobody is signed in
}
