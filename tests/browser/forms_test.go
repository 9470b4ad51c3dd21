package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// The page of docs/suppliers.md, on a host of its own, posts leads to Leadmill: as a plain form, and by its script.
func TestAPageOfAnotherOriginPostsLeads(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/suppliers.md")
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`(?s)<form method="post" action="https://leads.example.com/api/forms/YOUR_FORM_KEY">.*?</form>`).FindString(string(guide))
	script := regexp.MustCompile("(?s)```js\n(const url = 'https://leads.example.com/api/forms/YOUR_FORM_KEY';.*?)```").FindStringSubmatch(string(guide))
	if form == "" || script == nil {
		t.Fatal("the guide has no form or no script for it")
	}
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := leadmilltest.NewClock(time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC))
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
		var pages [2]string
		shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			switch r.URL.Path {
			case "/plain":
				_, _ = fmt.Fprint(w, pages[0])
			case "/scripted":
				_, _ = fmt.Fprint(w, pages[1])
			case "/thanks":
				_, _ = fmt.Fprint(w, "<!DOCTYPE html><title>Thanks</title>")
			default:
				http.NotFound(w, r)
			}
		}))
		t.Cleanup(shop.Close)
		address := atHost(t, shopHost, shop.URL)
		s := apptest.NewShop(t, app, apptest.Object{"redirect_url": address + "/thanks"}, apptest.Rich)
		key, _ := s.Program.Must(t, "POST", "/v1/api-keys", apptest.Object{"scope": "form", "campaign_id": s.CampaignID, "origins": []string{address}}).Data(t)["key"].(string)
		here := strings.NewReplacer("https://leads.example.com", app.URL, "YOUR_FORM_KEY", key)
		pages[0] = "<!DOCTYPE html><title>Plain</title>" + here.Replace(form)
		pages[1] = pages[0] + "<script>" + here.Replace(script[1]) + "</script>"
		sold := func() int { return len(s.Program.Must(t, "GET", "/v1/marketplace/leads?status=sold", nil).List(t)) }
		var persons atomic.Int64
		fill := func(b *tab) {
			for name, text := range map[string]string{"firstName": "Jane", "lastName": "Doe", "phone": fmt.Sprintf("(604) 785-%04d", persons.Add(1)), "state": "new york", "zip": "501"} {
				b.do(value(name) + " = '" + text + "'")
			}
		}

		plain := newTab(t)
		plain.open(address + "/plain")
		plain.want("document.querySelector('[name=website_url]').getBoundingClientRect().right < 0", true)
		fill(plain)
		plain.do("document.querySelector('button').click()")
		plain.wait("location.href", address+"/thanks")
		if n := sold(); n != 1 {
			t.Errorf("a plain form made %d leads", n)
		}

		scripted := newTab(t)
		scripted.open(address + "/scripted")
		scripted.do("token.then(t => { window.given = t.success })")
		scripted.wait("window.given", true)
		fill(scripted)
		hands.Advance(3 * time.Second)
		scripted.do("document.querySelector('button').click()")
		scripted.wait("document.querySelector('form')", nil)
		scripted.want("document.body.firstChild.textContent.trim()", "Thank you, we will call you.")
		scripted.want("location.href", address+"/scripted")
		if n := sold(); n != 2 {
			t.Errorf("a plain form and a script made %d leads", n)
		}
	})
}
