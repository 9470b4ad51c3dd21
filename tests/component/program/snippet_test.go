package program_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

const shop = "https://shop.example"

// page is a page of a seller's site with the snippet, in a visitor's browser.
type page struct {
	*partnero

	app *apptest.App
	key string
}

// newSite makes a site key of a program.
func (p *partnero) newSite(app *apptest.App, more string) page {
	p.t.Helper()
	made := p.post("api-keys", `{"scope":"site","name":"shop","origins":["`+shop+`"]`+more+`}`).did(201).data()
	key, _ := made["key"].(string)
	if !strings.HasPrefix(key, "lm_site_") {
		p.t.Fatalf("the key is %q", key)
	}
	return page{p, app, key}
}

// from sends what the script sends on a page of an origin.
func (s page) from(origin, method, path, body string) apptest.Answer {
	s.t.Helper()
	headers := []string{"Content-Type", "text/plain;charset=UTF-8"}
	if origin != "" {
		headers = append(headers, "Origin", origin)
	}
	var content any
	if body != "" {
		content = body
	}
	return s.app.Client(s.t, "").Do(method, "/track/"+s.key+path, content, headers...)
}

func (s page) views(key string) {
	s.t.Helper()
	if a := s.from(shop, http.MethodPost, "/clicks", `{"key":"`+key+`"}`); a.Status != http.StatusOK {
		s.t.Errorf("a page with %s is answered %v", key, a)
	}
}

func (s page) signsUp(body string) apptest.Answer {
	s.t.Helper()
	return s.from(shop, http.MethodPost, "/customers", body)
}

// "A page view with a key counts a click as /r/ does, once per key and address within 60 s, whichever comes first", as
// clients were promised.
func TestPageViewsAndLinksAreOneClickWithinAMinute(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		db := apptest.Open(t, databaseURL)
		p, q := newProgram(t, app, theirWebsite), newProgram(t, app, theirWebsite)
		for _, one := range []*partnero{p, q} {
			one.post("partners", `{"id":"one","key":"ref-1","email":"one@example.com"}`).did(201)
			one.post("partner_referral_links", `{"key":"second","partner":{"id":"one"}}`).did(201)
		}
		site, visitor, want := p.newSite(app, ""), newBrowser(t), 0
		follows := func(key string) {
			t.Helper()
			visitor.get(app.URL+"/r/"+p.code+"/"+key).sendsOn(t, "a link", theirWebsite+"?aff="+key, key, 30)
		}
		counted := func(what string, more int) {
			t.Helper()
			want += more
			db.Settle()
			if got, less := p.clicks("one"), lost(app); got > want || got < want-less {
				t.Errorf("%s: %d clicks, want %d of which %d may be lost", what, got, want, less)
			}
		}
		site.views("ref-1")
		counted("a page", 1)
		site.views("ref-1")
		follows("ref-1")
		counted("the page again, and its link", 0)
		site.views("second")
		counted("a page with another key", 1)
		hands.Advance(59 * time.Second)
		site.views("ref-1")
		counted("the page after 59 s", 0)
		hands.Advance(time.Second)
		follows("ref-1")
		site.views("ref-1")
		counted("a link after 60 s, and its page", 1)
		follows("ref-1")
		counted("a further visit through the link", 1)
		hands.Advance(59 * time.Second)
		site.views("ref-1")
		counted("the page 59 s after the link", 0)
		hands.Advance(time.Second)
		site.views("ref-1")
		counted("the page a minute after the link", 1)
		for _, nobodys := range []string{"nobody", "REF-1", "", "a b"} {
			if a := site.from(shop, http.MethodPost, "/clicks", `{"key":"`+nobodys+`"}`); a.Status != http.StatusOK && a.Status != http.StatusNotFound {
				t.Errorf("a page with %q is answered %v", nobodys, a)
			}
		}
		counted("keys of nobody", 0)
		hands.Advance(time.Minute)
		q.newSite(app, "").views("ref-1")
		counted("a page of another seller's", 0)
		if n := q.clicks("one"); n > 1 || n < 1-lost(app) {
			t.Errorf("the other's partner has %d clicks, want 1", n)
		}
		db.Audit()
	})
}

// Who signs up becomes the customer of the partner whose key the page kept, and nothing that is there changes.
func TestSignUpsOfAPageMakeCustomers(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app, db := apptest.Start(t, databaseURL, leadmill.StartOptions{}), apptest.Open(t, databaseURL)
		p := newProgram(t, app, theirWebsite)
		p.post("partners", `{"id":"one","key":"ref-1","email":"one@example.com"}`).did(201)
		p.post("partners", `{"id":"two","key":"ref-2","email":"two@example.com"}`).did(201)
		site := p.newSite(app, `,"rate_limit":{"requests":1000}`)
		taken := func(body string) {
			t.Helper()
			if a := site.signsUp(body); a.Status != http.StatusOK || string(a.Body) != `{"status":1}` || a.Header.Get("Access-Control-Allow-Origin") != shop {
				t.Errorf("%s is answered %v with %v", body, a, a.Header)
			}
		}
		is := func(path, key, partner, email string) {
			t.Helper()
			c := p.get("customers/" + path).did(200).data()
			if c["partner"] != partner || c["email"] != email || key != "" && c["key"] != key {
				t.Errorf("customer %s is %v", path, c)
			}
		}
		taken(`{"partner":{"key":"ref-1"},"options":{"clicked_at":null},"customer":{"key":"account-1","email":"alice@example.com","name":"Alice Brown"}}`)
		is("account-1", "account-1", "one", "alice@example.com")

		// Their clients call it on every page, and anybody can call it with what is somebody's.
		before := p.get("customers/account-1").text
		taken(`{"partner":{"key":"ref-2"},"customer":{"key":"account-1","email":"new@example.com","name":"Mallory"}}`)
		taken(`{"partner":{"key":"ref-2"},"customer":{"key":"account-9","email":"ALICE@example.com"}}`)
		taken(`{"partner":{"key":"ref-2"},"customer":{"email":"alice@example.com"}}`)
		if after := p.get("customers/account-1").text; after != before {
			t.Errorf("the customer was %s and is %s", before, after)
		}
		p.get("customers/account-9").fails(404, "customer_not_found")
		p.get("customers/new@example.com").fails(404, "customer_not_found")

		// A form has no key: it gets one that says nothing of the person.
		taken(`{"partner":{"key":"ref-2"},"customer":{"email":"bob@example.com"}}`)
		is("bob@example.com", "", "two", "bob@example.com")
		// The partner itself, and one that is not there any more, are told in the log alone.
		taken(`{"partner":{"key":"ref-1"},"customer":{"key":"self","email":"One@example.com"}}`)
		p.post("partners/two/archive", nil).done()
		taken(`{"partner":{"key":"ref-2"},"customer":{"key":"late","email":"late@example.com"}}`)
		for _, none := range []string{"self", "late"} {
			p.get("customers/"+none).fails(404, "customer_not_found")
		}
		if logs := app.Logs.String(); strings.Count(logs, "a sign-up made no customer") != 2 || !strings.Contains(logs, "self_referral") {
			t.Error("the log does not say why there is no customer")
		}

		p.put("settings", `{"unique_customer_email":false}`).did(200)
		taken(`{"partner":{"key":"ref-1"},"customer":{"email":"alice@example.com"}}`)
		taken(`{"partner":{"key":"ref-1"},"customer":{"key":"account-2","email":"alice@example.com"}}`)
		is("account-2", "account-2", "one", "alice@example.com")
		if n := db.Number("SELECT COUNT(*) FROM customers WHERE seller_id = (SELECT id FROM sellers WHERE code = '" + p.code + "')"); n != 3 {
			t.Errorf("there are %d customers, want 3", n)
		}

		for body, want := range map[string]int{
			`{"partner":{"key":"nobody"},"customer":{"key":"a"}}`:                                     400,
			`{"partner":{"key":"ref-1"},"customer":{}}`:                                               422,
			`{"customer":{"key":"a"}}`:                                                                422,
			`{"partner":{"id":"one"},"customer":{"key":"a"}}`:                                         422,
			`{"partner":{"key":"ref-1"},"customer":{"email":"x"}}`:                                    422,
			`{"partner":{"key":"ref-1"},"customer":{"key":"a","transaction":{"key":"t","amount":5}}}`: 422,
			`{`: 400,
		} {
			if a := site.signsUp(body); a.Status != want {
				t.Errorf("%s is answered %v, want %d", body, a, want)
			}
		}
		p.get("customers/a").fails(404, "customer_not_found")

		db.Settle()
		for _, e := range p.get("events", "limit", "1000").did(200).body["data"].([]any) {
			if text := strings.ToLower(fmt.Sprint(e)); strings.Contains(text, "@example.com") || strings.Contains(text, "brown") {
				t.Errorf("an event tells of a person: %v", e)
			}
		}
		if logs := strings.ToLower(app.Logs.String()); strings.Contains(logs, "alice") || strings.Contains(logs, "brown") || strings.Contains(logs, "@example.com") {
			t.Error("the log tells of a person")
		}
		db.Audit()
	})
}

// What everybody can read must be worth little: a site key opens nothing but this, on its own pages, as often as it says, and no
// longer than the seller wants.
func TestASiteKeyOpensNothingElse(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: clock.NewManual(time.Now())})
		p := newProgram(t, app, theirWebsite)
		p.post("partners", `{"id":"one","key":"ref-1","email":"one@example.com"}`).did(201)
		site := p.newSite(app, "")
		if a := site.from(shop, http.MethodGet, "", ""); a.Status != http.StatusOK || string(a.Body) != `{"data":{"link_parameter":"aff","cookie_lifetime":30},"status":1}` {
			t.Errorf("the program is answered %v", a)
		}
		thief := p.with(site.key)
		for _, path := range []string{"partners", "customers", "settings", "events", "api-keys", "test"} {
			thief.get(path).fails(403, "forbidden")
		}
		thief.post("customers", `{"partner":{"key":"ref-1"},"key":"a"}`).fails(403, "forbidden")
		thief.post("api-keys", `{"scope":"program"}`).fails(403, "forbidden")
		if a := app.Client(t, site.key).Do(http.MethodPost, "/api/leads", `{}`); a.Status != http.StatusUnauthorized {
			t.Errorf("a lead with a site key is answered %v", a)
		}
		for _, origin := range []string{"", "null", "https://evil.example", "http://shop.example", shop + ".evil.example"} {
			for path, body := range map[string]string{"": "", "/clicks": `{"key":"ref-1"}`, "/customers": `{"partner":{"key":"ref-1"},"key":"a"}`} {
				method := http.MethodPost
				if body == "" {
					method = http.MethodGet
				}
				if a := site.from(origin, method, path, body); a.Status != http.StatusForbidden || a.Refusal().Code != "origin_not_allowed" {
					t.Errorf("%s from %q is answered %v", path, origin, a)
				}
			}
		}
		for i := range 11 {
			want := http.StatusOK
			if i == 10 {
				want = http.StatusTooManyRequests
			}
			if a := site.signsUp(fmt.Sprintf(`{"partner":{"key":"ref-1"},"customer":{"key":"account-%d"}}`, i)); a.Status != want {
				t.Errorf("sign-up %d within a minute is answered %v", i+1, a)
			}
		}
		p.get("customers/account-10").fails(404, "customer_not_found")

		keys, _ := p.get("api-keys").did(200).body["data"].([]any)
		for _, k := range keys {
			k, _ := k.(map[string]any)
			if k["scope"] == "site" {
				if fmt.Sprint(k["origins"], k["rate_limit"]) != "["+shop+"] map[requests:10 window_seconds:60]" {
					t.Errorf("the key is listed as %v", k)
				}
				p.delete("api-keys/" + fmt.Sprint(k["id"])).done()
			}
		}
		if a := site.from(shop, http.MethodGet, "", ""); a.Status != http.StatusUnauthorized {
			t.Errorf("a revoked key is answered %v", a)
		}
	})
}
