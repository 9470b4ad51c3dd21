package programhttp

import (
	_ "embed"
	"net/http"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/program"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// TrackingHandlers are the commands and queries that the routes of what visitors open who follow a referral link call.
type TrackingHandlers struct {
	FollowLink     bus.Handler[programcommand.FollowLink, programcommand.Followed]
	SignUpCustomer bus.Handler[programcommand.SignUpCustomer, programcommand.SignedUp]
}

// trackingRoutes: the router has one name for a segment, so /r/:key/:link_key is /r/{seller_code}/{key}.
func (h Handlers) trackingRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/r/:key", Needs: application.Visitor, Handle: h.followShort},
		{Method: http.MethodHead, Path: "/r/:key", Needs: application.Visitor, Handle: h.followShort},
		{Method: http.MethodGet, Path: "/r/:key/:link_key", Needs: application.Visitor, Handle: h.followOfSeller},
		{Method: http.MethodHead, Path: "/r/:key/:link_key", Needs: application.Visitor, Handle: h.followOfSeller},
		{Method: http.MethodGet, Path: "/track.js", Needs: application.Visitor, Handle: trackScript},
		{Method: http.MethodGet, Path: "/js/universal.js", Needs: application.Visitor, Handle: trackScript},
		{Method: http.MethodGet, Path: "/track/:site_key", Needs: application.Visitor, Handle: h.showTracking},
		{Method: http.MethodPost, Path: "/track/:site_key/clicks", Needs: application.Visitor, Handle: h.viewPage},
		{Method: http.MethodPost, Path: "/track/:site_key/customers", Needs: application.Visitor, Handle: h.signUp},
	}
}

// partnerCookie keeps the key of the referral link that a visitor followed.
const partnerCookie = "partnero_partner"

func (h Handlers) followShort(k *httpport.Call) { h.follow(k, "", k.Param("key")) }

func (h Handlers) followOfSeller(k *httpport.Call) { h.follow(k, k.Param("key"), k.Param("link_key")) }

// follow sends a visitor on to the seller's website. The target never comes from the request. A request that only prepares
// a visit (a prefetch, or HEAD, with which links are checked) is sent on too, but it is no click and leaves no cookie.
func (h Handlers) follow(k *httpport.Call, sellerCode, key string) {
	visit := k.Request().Method == http.MethodGet && !prefetches(k.Request().Header)
	to, err := h.FollowLink.Handle(k.Context(), programcommand.FollowLink{SellerCode: sellerCode, Key: key, Count: visit, Tally: visit && manyClicks(k), Address: k.Address(), Trail: k.Trail()})
	if err == nil && to.Website == "" {
		err = program.ErrNoReferral
	}
	if err != nil {
		k.Fail(err)
		return
	}
	if to.ClickErr != nil {
		k.Warn("click lost", to.ClickErr)
	}
	target := to.Website
	if to.Live {
		target = program.ReferralURL(to.Website, to.Parameter, to.Key)
		if visit {
			const day = 24 * 60 * 60
			http.SetCookie(k.Writer(), &http.Cookie{ //nolint:gosec // the seller's script reads it; Secure where visitors come by https
				Name: partnerCookie, Value: to.Key, Path: "/", MaxAge: to.CookieDays * day,
				Secure: k.Secure(), SameSite: http.SameSiteLaxMode,
			})
		}
	}
	k.Redirect(target)
}

// clicks is how many clicks of one address are stored one by one. Those beyond it are counted with others, because each would be a row
// for ever, written for whoever asks. Their visitors, such as those of a company or behind a proxy, are sent on as ever, cookie and all.
var clicks = application.RateLimit{Requests: 60, Window: time.Minute}

func manyClicks(k *httpport.Call) bool { return !k.WithinLimit("clicks", clicks) }

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

// trackJS is the script that sellers load into their own pages: it keeps the referral key in a first-party cookie, and is what
// Partnero's snippet loads.
//
//go:embed track.js
var trackJS []byte

// trackScript is loaded by pages of other origins, also by those that isolate themselves (Cross-Origin-Embedder-Policy).
func trackScript(k *httpport.Call) {
	header := k.Writer().Header()
	header.Set("Cache-Control", "public, max-age=3600")
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	k.Send(http.StatusOK, "text/javascript; charset=utf-8", trackJS)
}
