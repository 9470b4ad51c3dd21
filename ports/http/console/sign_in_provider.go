package consolehttp

import (
	"net/url"
	"time"

	accountcommand "github.com/leadmill/leadmill/application/account/command"
)

// providerPath is where people leave for the identity provider; it sends them back below.
const providerPath = signInPath + "/oidc"

// The names of the cookie that ties somebody who comes back from the provider to the browser that left for it, as those of sessions. Like them it
// is of the whole host: by https no other host of the domain can set it then, and so sign somebody in as another.
const (
	secureTrip = "__Host-leadmill_oidc"
	plainTrip  = "leadmill_oidc"
)

func (v *Visit) tripName() string {
	if v.call.Secure() {
		return secureTrip
	}
	return plainTrip
}

// ByProvider reports whether people may sign in by an identity provider.
func (c signInContent) ByProvider() bool { return c.console.Provider }

// FitsBag reports whether a form that was kept can be taken along to the provider and back.
func (c signInContent) FitsBag() bool {
	return c.Kept == "" || len(nextPath(c.Next))+len(c.Kept) <= accountcommand.MaxOIDCBag
}

type providerContent struct {
	*Visit

	Address string
}

// goToProvider sends the browser to the identity provider. It answers a page that goes on by itself, because browsers do not follow a form to
// another site from a page whose forms may only be sent here.
func goToProvider(v *Visit) {
	next := nextPath(v.Form.Text("next"))
	if len(next) > accountcommand.MaxOIDCBag/2 {
		next = consolePath
	}
	begun, err := Do[accountcommand.OIDCBegun](v, accountcommand.BeginOIDC{Next: next, Kept: v.Form.Value(keptField), Browser: v.browser()})
	if err != nil {
		v.Fail(err)
		return
	}
	v.setCookie(v.tripName(), begun.Cookie, int(begun.ExpiresAt.Sub(v.Now())/time.Second))
	v.call.Writer().Header().Set("Refresh", "0; url="+begun.Address)
	v.Show("sign_in_provider", providerContent{v, begun.Address})
}

// backFromProvider signs in who comes back. What the browser kept for it is used up, whatever comes of it.
func backFromProvider(v *Visit) {
	kept := ""
	if c, err := v.call.Request().Cookie(v.tripName()); err == nil {
		kept = c.Value
	}
	v.setCookie(v.tripName(), "", -1)
	s, err := Do[accountcommand.OIDCFinished](v, accountcommand.FinishOIDC{
		State: v.Query("state"), Code: v.Query("code"), Cookie: kept, Former: v.cookie(), Browser: v.browser(),
	})
	if v.tryAgain("sign_in", signInContent{Visit: v, Next: consolePath}, err) {
		return
	}
	if err == nil && s.Kept == "" {
		v.leaveCallback(s)
		return
	}
	v.signedIn(s.SignedIn, err, s.Next, s.Kept)
}

// leaveCallback goes on by another address, which can be loaded again.
func (v *Visit) leaveCallback(s accountcommand.OIDCFinished) {
	if !s.SecondFactor {
		v.signedIn(s.SignedIn, nil, s.Next, "")
		return
	}
	v.keepSession(s.SignedIn)
	v.call.SeeOther(codePath + "?next=" + url.QueryEscape(s.Next))
}
