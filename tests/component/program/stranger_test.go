package program_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// TestNoStrangerBreaksWhatASellerPublished lets another seller take every name that a seller gave away, in every way that its key allows.
// What the seller published before (short links, links with its code, site keys, form keys, invitations, sign-in links, the feed) is
// answered as before.
func TestNoStrangerBreaksWhatASellerPublished(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		r := startRelay(t, 0)
		app := apptest.StartConfig(t, databaseURL, func(c *leadmill.Config) { c.SMTPURL = r.url }, leadmill.StartOptions{Clock: hands})
		db := apptest.Open(t, databaseURL)
		owner, stranger := newProgram(t, app, "https://owner.example"), newProgram(t, app, "https://stranger.example")
		partner := func(id, key string) string {
			return fmt.Sprintf(`{"id":%q,"key":%q,"email":"%s@example.com","name":"N","surname":"S"}`, id, key, id)
		}
		owner.post("partners", partner("ann", "ann-key")).did(201)
		owner.post("partners", partner("bob", "bob-key")).did(201)
		owner.post("partner_referral_links", `{"key":"ann-more","partner":{"id":"ann"}}`).did(201)
		owner.post("partner_referral_links", `{"key":"ann-old","partner":{"id":"ann"}}`).did(201)
		owner.delete("partner_referral_links/ann-old").done()
		owner.post("customers", `{"key":"c-1","email":"customer@example.com","partner":{"id":"ann"}}`).did(201)
		owner.put("leads/details", `{"leads_enabled":true,"leads_custom_form_fields":[]}`).did(200)
		owner.post("leads", `{"name":"Lead","email":"lead@example.com","partner":{"id":"ann"}}`).did(201)
		campaign := owner.post("campaigns", `{"name":"Solar","category":"Solar"}`).data()["id"]
		site := owner.post("api-keys", `{"scope":"site","name":"site","origins":["https://owner.example"]}`).data()["key"]
		form := owner.post("api-keys", fmt.Sprintf(`{"scope":"form","name":"form","origins":["https://owner.example"],"campaign_id":%q}`, campaign)).data()["key"]
		owner.invite()
		invitation := r.wait(t, 1)[0].link
		signIn := fmt.Sprint(owner.post("partners:sign-in-url", `{"id":"ann","expires_in":900}`).data()["url"])

		visitor := newBrowser(t)
		published := func() (all []string) {
			t.Helper()
			add := func(what string, a shown, with string) {
				t.Helper()
				all = append(all, fmt.Sprintf("%s: %d %q %s", what, a.Status, a.Header.Get("Location"), with))
			}
			for _, key := range []string{"ann-key", "ann-more", "ann-old", "bob-key"} {
				for _, path := range []string{"/r/" + key, "/r/" + owner.code + "/" + key} {
					a := visitor.ask(http.MethodHead, app.URL+path, nil) // which is no click
					if a.Status != http.StatusFound || !strings.HasPrefix(a.Header.Get("Location"), "https://owner.example") {
						t.Errorf("%s leads to %v %s", path, a.Answer, a.Header.Get("Location"))
					}
					add(path, a, "")
				}
			}
			a := visitor.ask(http.MethodGet, fmt.Sprintf("%s/track/%s", app.URL, site), nil, "Origin", "https://owner.example")
			add("the site", a, string(a.Body))
			a = visitor.ask(http.MethodPost, fmt.Sprintf("%s/api/forms/%s", app.URL, form), url.Values{}, "Origin", "https://owner.example")
			add("the form", a, "")
			add("the invitation", visitor.get(invitation), "")
			for _, uri := range []string{"partners/ann", "partner?key=bob-key", "partners?limit=50", "partner_referral_links?limit=50", "customers/c-1", "customers?limit=50", "leads?limit=50", "leads/details", "settings", "campaigns"} {
				got := owner.get(uri)
				all = append(all, fmt.Sprint(uri, got.status, without(got.text)))
			}
			return all
		}
		before := published()

		other := stranger
		for _, id := range []string{"ann", "bob"} {
			other.post("partners", partner(id, id+"-key")).did(201)
		}
		other.post("partner_referral_links", `{"key":"ann-more","partner":{"id":"bob"}}`).did(201)
		other.post("partners", partner("thief", "thief")).did(201)
		other.put("partners/thief", `{"key":"ann-old"}`).did(200)
		other.post("customers", `{"key":"c-1","email":"customer@example.com","partner":{"key":"ann-key"}}`).did(201)
		other.put("leads/details", `{"leads_enabled":true,"leads_custom_form_fields":[{"title":"Company","type":"input","required":true}]}`).did(200)
		other.post("campaigns", `{"name":"Solar","category":"Solar"}`).did(201)
		other.post("api-keys", `{"scope":"site","name":"site","origins":["https://owner.example"]}`).did(201)
		other.invite()
		r.wait(t, 2)
		other.put("settings", `{"settings":{"link_parameter":"evil","cookie_lifetime":1,"website":"https://owner.example.evil.example"}}`).did(200)
		hands.Advance(5 * time.Second) // what links may be remembered for
		same := func(when string) {
			t.Helper()
			for i, now := range published() {
				if now != before[i] {
					t.Errorf("%s %s\nit was %s", when, now, before[i])
				}
			}
		}
		same("after another seller took the names:")

		// And gives them up again.
		other.post("partners/ann/archive", nil).done()
		other.delete("partner_referral_links/ann-more").done()
		other.delete("partners/bob").done()
		other.delete("partners/thief").done()
		other.delete("customers/c-1").done()
		hands.Advance(5 * time.Second)
		same("after another seller gave up the names:")
		newBrowser(t).press(signIn).signsIn(t, "the sign-in link")
		db.Audit()
	})
}

// without leaves out of a body what is different each time.
func without(body string) string {
	body, _, _ = strings.Cut(body, `"request_id"`)
	return body
}
