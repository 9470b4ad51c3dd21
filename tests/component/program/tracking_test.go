package program_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// sendsOn checks where a referral link leads. A key of "" is a link that leads on without parameter and cookie.
func (s shown) sendsOn(t testing.TB, what, target, key string, days int) {
	t.Helper()
	if s.Status != http.StatusFound || s.Err != nil || s.Header.Get("Location") != target || s.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s is answered %v with %v, want 302 to %s", what, s.Answer, s.Header, target)
	}
	if key == "" {
		if len(s.cookies) > 0 {
			t.Errorf("%s sets the cookies %v", what, s.cookies)
		}
		return
	}
	if len(s.cookies) != 1 {
		t.Errorf("%s sets the cookies %v, want one", what, s.cookies)
		return
	}
	if c := s.cookies[0]; c.Name != "partnero_partner" || c.Value != key || c.Path != "/" || c.MaxAge != days*24*60*60 || c.SameSite != http.SameSiteLaxMode || c.HttpOnly {
		t.Errorf("%s sets the cookie %v, want partnero_partner=%s for %d days", what, c, key, days)
	}
}

// leadsNowhere checks for a link that belongs to nobody.
func (s shown) leadsNowhere(t testing.TB, what string) {
	t.Helper()
	if s.Status != http.StatusNotFound || s.Header.Get("Location") != "" || len(s.cookies) > 0 {
		t.Errorf("%s is answered %v, want 404", what, s.Answer)
	}
}

// clicks is how often a partner's links were followed, as far as the projection got.
func (p *partnero) clicks(id string) int {
	p.t.Helper()
	referrals, _ := p.get("partners/" + id).data()["referrals"].(map[string]any)
	n, _ := referrals["clicks"].(float64)
	return int(n)
}

// lost is how many clicks an app gave up waiting for, because a visitor waits half a second at most. They may be stored all
// the same.
func lost(app *apptest.App) int { return strings.Count(app.Logs.String(), "click lost") }

func TestReferralLinksSendVisitorsOn(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		db := apptest.Open(t, databaseURL)
		const website, other = "https://yourcompany.com/start?lang=en&aff=old#top", "https://other.example"
		p, q := newProgram(t, app, website), newProgram(t, app, other)
		visitor := newBrowser(t)
		target := func(key string) string { return "https://yourcompany.com/start?lang=en&aff=" + key + "#top" }
		follow := func(path string, headers ...string) shown {
			t.Helper()
			return visitor.ask(http.MethodGet, app.URL+"/r/"+path, nil, headers...)
		}
		// changed lets pass what a change may take to reach links.
		changed := func() { hands.Advance(5 * time.Second) }
		p.post("partners", `{"id":"one","key":"Ref_1","email":"one@example.com"}`).did(201)
		p.post("partner_referral_links", `{"key":"second","partner":{"id":"one"}}`).did(201)
		p.post("partners", `{"id":"two","key":"both","email":"two@example.com"}`).did(201)
		q.post("partners", `{"id":"two","key":"both","email":"two@example.com"}`).did(201)

		follow(p.code+"/Ref_1").sendsOn(t, "a link", target("Ref_1"), "Ref_1", 30)
		follow("Ref_1").sendsOn(t, "a short link", target("Ref_1"), "Ref_1", 30)
		follow(p.code+"/Ref_1/").sendsOn(t, "a link with a slash", target("Ref_1"), "Ref_1", 30)
		follow(p.code+"/second").sendsOn(t, "a further link", target("second"), "second", 30)
		follow(p.code+"/Ref_1?to=https://evil.example&aff=evil&lang=xx").sendsOn(t, "a link that says where to go", target("Ref_1"), "Ref_1", 30)
		follow(p.code+"/both").sendsOn(t, "one's link of a key that two have", target("both"), "both", 30)
		follow(q.code+"/both").sendsOn(t, "the other's link of a key that two have", other+"?aff=both", "both", 30)
		follow("both").sendsOn(t, "a short link of a key that two have is the first one's", target("both"), "both", 30)
		follow("nobody").leadsNowhere(t, "a short link of nobody")
		follow("ref_1").leadsNowhere(t, "a short link with another case")
		follow("NOBODY00/Ref_1").leadsNowhere(t, "a link of an unknown seller")
		follow(url.PathEscape("' OR 1=1 --")).leadsNowhere(t, "a short link that is no key")
		counted := func(what string, one, two int) {
			t.Helper()
			db.Settle()
			less := lost(app)
			if a, b := p.clicks("one"), p.clicks("two"); a > one || b > two || a+b < one+two-less {
				t.Errorf("%s: %d and %d clicks, want %d and %d of which %d may be lost", what, a, b, one, two, less)
			}
		}
		counted("after visits", 5, 2)
		if n := q.clicks("two"); n > 1 || n < 1-lost(app) {
			t.Errorf("the other's partner has %d clicks, want 1", n)
		}

		// What is no visit leads on as well, but leaves no mark.
		for _, headers := range [][]string{{"Purpose", "prefetch"}, {"Sec-Purpose", "prefetch"}, {"Sec-Purpose", "prefetch;prerender"}, {"X-Moz", "prefetch"}} {
			follow(p.code+"/Ref_1", headers...).sendsOn(t, fmt.Sprint(headers), target("Ref_1"), "", 0)
		}
		for _, path := range []string{p.code + "/Ref_1", "Ref_1"} {
			visitor.ask(http.MethodHead, app.URL+"/r/"+path, nil).sendsOn(t, "HEAD of "+path, target("Ref_1"), "", 0)
			for _, method := range []string{http.MethodPost, http.MethodOptions} {
				if a := visitor.ask(method, app.URL+"/r/"+path, nil); a.Status != http.StatusMethodNotAllowed || len(a.cookies) > 0 {
					t.Errorf("%s of %s is answered %v", method, path, a.Answer)
				}
			}
		}
		visitor.ask(http.MethodHead, app.URL+"/r/nobody", nil).leadsNowhere(t, "HEAD of a short link of nobody")
		for _, path := range []string{"/v1/partners", "/v1/partners/one", "/v1/leads/convert?id=1", "/portal", "/track.js"} {
			if a := visitor.ask(http.MethodHead, app.URL+path, nil, "Authorization", "Bearer "+p.key); a.Status != http.StatusMethodNotAllowed {
				t.Errorf("HEAD %s is answered %v", path, a.Answer)
			}
		}

		// Whoever is not in the program any more brings nobody.
		plain := "https://yourcompany.com/start?lang=en&aff=old#top"
		follow(p.code+"/nobody").sendsOn(t, "a link of nobody", plain, "", 0)
		follow(p.code+"/ref_1").sendsOn(t, "a link with another case", plain, "", 0)
		follow(p.code+"/"+strings.Repeat("x", 64)).sendsOn(t, "a link of the longest key", plain, "", 0)
		p.post("partners/one/archive", nil).done()
		changed()
		follow(p.code+"/Ref_1").sendsOn(t, "an archived partner's link", plain, "", 0)
		follow("Ref_1").sendsOn(t, "an archived partner's short link", plain, "", 0)
		p.post("partners/one/revoke-archive", nil).done()
		p.put("settings", `{"settings":{"approval":"manual"}}`).did(200)
		p.post("partners", `{"id":"three","key":"third","email":"three@example.com"}`).did(201)
		p.post("partners/three/reject", nil).done()
		p.delete("partner_referral_links/second").done()
		q.delete("partners/two").done()
		changed()
		follow(p.code+"/third").sendsOn(t, "a rejected partner's link", plain, "", 0)
		follow(p.code+"/second").sendsOn(t, "a deleted link", plain, "", 0)
		follow(q.code+"/both").sendsOn(t, "a deleted partner's link", other, "", 0)
		counted("after what does not count", 5, 2)

		// Settings reach links, and a partner that is back counts again.
		p.put("settings", `{"settings":{"link_parameter":"via","cookie_lifetime":45,"website":"https://yourcompany.com"}}`).did(200)
		changed()
		follow(p.code+"/Ref_1").sendsOn(t, "a link after a change", "https://yourcompany.com?via=Ref_1", "Ref_1", 45)
		counted("after one more", 6, 2)
		if total := p.get("program/overview").data()["total_clicks"].(float64); total > 8 || total < float64(8-lost(app)) {
			t.Errorf("the overview counts %v clicks, want 8", total)
		}

		// A click tells of the partner and nothing of the visitor.
		for _, e := range db.Events(clicked) {
			var click map[string]any
			if err := json.Unmarshal(e.Payload, &click); err != nil || click["partner_id"] == nil || click["referral_key"] == nil || click["clicked_at"] == nil || len(click) != 3 {
				t.Errorf("a click is stored as %s", e.Payload)
			}
		}
		for _, e := range p.get("events", "limit", "1000").did(200).body["data"].([]any) {
			if e, _ := e.(map[string]any); strings.Contains(fmt.Sprint(e["type"]), "click") {
				t.Errorf("the feed tells of a click: %v", e)
			}
		}
		db.Audit()
	})
}

// clicked is the type of the events of clicks.
const clicked = program.PartnerClickedType

func TestClicksAtOnceAreCountedOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.StartConfig(t, databaseURL, func(c *leadmill.Config) {
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		}, leadmill.StartOptions{})
		p, db := newProgram(t, app, theirWebsite), apptest.Open(t, databaseURL)
		p.post("partners", `{"id":"one","key":"ref-1","email":"one@example.com"}`).did(201)
		db.Settle()
		before := db.Number("SELECT version FROM partners WHERE id = 'one'")
		visitor := newBrowser(t)
		// As many as this machine stores while their visitors wait.
		clicks := 0
		for atOnce := 200; ; atOnce = max(1, atOnce/2) {
			before := lost(app)
			answers := make([]shown, atOnce)
			apptest.Parallel(atOnce, func(i int) {
				path := []string{"ref-1", p.code + "/ref-1"}[i%2]
				answers[i] = visitor.ask(http.MethodGet, app.URL+"/r/"+path, nil, "X-Forwarded-For", fmt.Sprint("192.0.2.", i)) // each from elsewhere
			})
			for _, a := range answers {
				a.sendsOn(t, "a click among many", theirWebsite+"?aff=ref-1", "ref-1", 30)
			}
			db.Settle()
			clicks += atOnce
			told := lost(app)
			if n := p.clicks("one"); n > clicks || n < clicks-told {
				t.Errorf("%d clicks are counted, want %d of which %d may be lost", n, clicks, told)
			}
			apptest.Eventually(t, func() error { // a lost one may be stored later
				if stored, counted := len(db.Events(clicked)), p.clicks("one"); stored != counted {
					return fmt.Errorf("%d clicks are stored, %d counted", stored, counted)
				}
				return nil
			})
			if told == before || t.Failed() {
				break
			}
		}
		if after := db.Number("SELECT version FROM partners WHERE id = 'one'"); after != before {
			t.Errorf("clicks changed the partner: version %d, was %d", after, before)
		}
		db.Audit()
	})
}

// TestOneAddressDoesNotFillTheLog: what one address clicks beyond 60 times a minute is counted, and adds next to nothing to the log.
func TestOneAddressDoesNotFillTheLog(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now()) // which stands still, so that all are of one minute
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		p, db := newProgram(t, app, theirWebsite), apptest.Open(t, databaseURL)
		p.post("partners", `{"id":"one","key":"ref-1","email":"one@example.com"}`).did(201)
		visitor := newBrowser(t)
		const clicks = 300
		for range clicks {
			visitor.get(app.URL+"/r/ref-1").sendsOn(t, "a click", theirWebsite+"?aff=ref-1", "ref-1", 30)
		}
		less := lost(app)
		app.Stop(t)
		p.base = apptest.Start(t, databaseURL, leadmill.StartOptions{}).URL + "/v1/"
		db.Settle()
		if n := p.clicks("one"); n > clicks || n < clicks-less {
			t.Errorf("%d clicks are counted, want %d of which %d may be lost", n, clicks, less)
		}
		if n := len(db.Events(clicked)); n > 60+5 {
			t.Errorf("%d clicks are %d events", clicks, n)
		}
		db.Audit()
	})
}
