package programhttp

import (
	"net/http"
	"time"

	"github.com/leadmill/leadmill/application"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// What the script asks for in a visitor's browser. The requests are such that a browser sends them without asking before (no
// preflight): the key is in the path, and a body is JSON of whatever type.

// ofSite lets on what a seller's page sends with the site key of the path.
func ofSite(k *httpport.Call) (limit application.RateLimit, ok bool) {
	return k.AdmitPage(k.Param("site_key"), application.Site)
}

// pageLoads is how many pages of sites one address may open. It leaves room for many visitors behind one address, as with companies,
// mobile networks and a proxy in front of this server.
var pageLoads = application.RateLimit{Requests: 6000, Window: time.Minute}

// showTracking answers what a page must know of the program to keep referrals.
func (h Handlers) showTracking(k *httpport.Call) {
	if _, ok := ofSite(k); !ok || !k.LimitAddress("page-loads", pageLoads) {
		return
	}
	httpport.Answer(k, http.StatusOK, Tracking{LinkParameter: k.Actor().LinkParameter, CookieLifetime: k.Actor().CookieDays})
}

// viewPage counts a page with a referral key in its address as a click on the link, unless following the link was one already.
func (h Handlers) viewPage(k *httpport.Call) {
	if _, ok := ofSite(k); !ok {
		return
	}
	var key string
	if _, ok := k.Bind(httpport.Lenient, func(b *httpport.Body) { key = b.Label("key") }); !ok {
		return
	}
	to, err := h.FollowLink.Handle(k.Context(), programcommand.FollowLink{
		SellerCode: k.Actor().SellerCode, Key: key, Page: true,
		Count: true, Tally: manyClicks(k), Address: k.Address(), Trail: k.Trail(),
	})
	if err != nil {
		k.Fail(err)
		return
	}
	if to.ClickErr != nil {
		k.Warn("click lost", to.ClickErr)
	}
	k.OK()
}

// signUp makes a customer. The answer does not say whether it did, as whoever sees the page could ask who is a customer.
func (h Handlers) signUp(k *httpport.Call) {
	limit, ok := ofSite(k)
	if !ok || !k.LimitAddress("sign-ups:"+k.Actor().KeyID, limit) {
		return
	}
	c := programcommand.SignUpCustomer{Actor: k.Actor()}
	_, ok = k.Bind(httpport.Lenient, func(b *httpport.Body) {
		own := b.Inside("customer")
		c.Key, c.Email, c.Name, c.Surname = own.Label("key"), own.Text("email"), own.Text("name"), own.Text("surname")
		r := referral(b.Outer, own)
		c.ReferralKey, c.ClickedAt = r.Partner.Key, r.ClickedAt
		refuseSales(b.Outer, own)
		b.AlsoCheck(c.Check)
	})
	if !ok {
		return
	}
	done, err := h.SignUpCustomer.Handle(k.Context(), c)
	if err != nil {
		k.Fail(err)
		return
	}
	if done.Refused != nil {
		k.Note("a sign-up made no customer", done.Refused)
	}
	k.OK()
}
