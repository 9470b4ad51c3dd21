package browser_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/leadmill/leadmill"
	consolehttp "github.com/leadmill/leadmill/ports/http/console"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// partnersData is a seller in whose program somebody may sign up, with a brand of its own, and one of its partners.
func partnersData(t *testing.T) (d *apptest.ConsoleData, partnerID string) {
	t.Helper()
	d = apptest.StartConsole(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{}).NewData(t)
	d.Program.Must(t, "PUT", "/v1/settings", apptest.Object{
		"website": "https://shop.example", "partner_sign_up": true, "terms": "Be fair.", "terms_url": "https://shop.example/terms", "brand_color": "#ff8800",
	})
	d.Program.Must(t, "PUT", "/v1/leads/details", apptest.Object{"leads_enabled": true, "leads_custom_form_fields": []apptest.Object{
		{"type": "text", "title": "Please", "text": "Only with consent."},
		{"type": "input", "title": "Company", "required": true},
		{"type": "radio", "title": "What", "options": []string{"Solar", "Wind"}},
		{"type": "checkbox", "title": "When", "options": []string{"Now", "Later"}},
		{"type": "select", "title": "Size", "options": []string{"Small", "Large"}},
		{"type": "countries", "title": "Country"},
		{"type": "textarea", "title": "More"},
	}})
	d.Partner(t, "partner_ada", apptest.Object{"name": "Ada", "surname": "Byron", "key": "ada"})
	for range 3 {
		d.Browse(t, "").Get(t, "/r/"+d.Code+"/ada")
	}
	d.App.Settle(t)
	return d, "partner_ada"
}

// speaking opens a tab whose browser asks for a language.
func speaking(t *testing.T, language string) *tab {
	t.Helper()
	b := newTab(t)
	b.call(func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0", AcceptLanguage: language})
		return err
	})
	return b
}

// partnerTab opens a tab in which a partner is signed in.
func partnerTab(t *testing.T, d *apptest.ConsoleData, partnerID, language string) *tab {
	t.Helper()
	b := speaking(t, language)
	b.call(func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: apptest.PartnerCookie, Value: d.SignInPartner(t, partnerID), URL: d.App.URL + "/portal", Path: "/portal"})
		return err
	})
	return b
}

// Every page of partners, and those before signing in, in both languages.
func TestEveryPageOfPartnersIsUsable(t *testing.T) {
	t.Parallel()
	d, ada := partnersData(t)
	for _, language := range []string{"en", "es"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			b := partnerTab(t, d, ada, language)
			for _, p := range consolehttp.PartnerPages() {
				if p.Method == http.MethodGet {
					b.look(d.App.URL+p.Path, strings.Trim(strings.ReplaceAll(p.Path, "/", "-"), "-")+"-"+language)
					b.want("document.documentElement.lang", language)
				}
			}
			nobody := speaking(t, language)
			nobody.mayComplain("401", "404")
			nobody.look(d.App.URL+"/portal", "portal-signed-out-"+language)
			nobody.look(d.App.URL+"/p/"+d.Code, "sign-up-"+language)
			nobody.look(d.App.URL+"/p/"+d.Code+"/sign-in", "sign-in-mail-"+language)
			nobody.look(d.App.URL+"/p/nobody", "no-program-"+language)
		})
	}
}

// Somebody signs up, joins by the mail, sees the own links, submits a lead, and signs out.
func TestSomebodyBecomesAPartnerOnPages(t *testing.T) {
	t.Parallel()
	d, _ := partnersData(t)
	source := axe(t)
	b := speaking(t, "es")
	b.mayComplain("401", "422")
	b.as(360, 740, "light")
	b.open(d.App.URL + "/p/" + d.Code)
	b.do(`document.getElementById('f-name').value = 'Zoë'; document.getElementById('f-email').value = 'zoe@new.example'; document.getElementById('f-terms').checked = true; document.querySelector('main form button').click()`)
	b.wait("document.querySelector('h1').textContent", "Mire su correo")
	b.examine("what is told after signing up", source)
	b.open(d.App.Mails.WaitFor(t, 1, "zoe@new.example")[0].Links()[0])
	b.examine("an invitation", source)
	b.do(`document.getElementById('f-password').value = 'Passw0rd'; document.querySelector('main form button').click()`)
	b.wait("location.pathname", "/portal")
	b.wait("document.querySelector('.plot') !== null", true)
	b.want("document.querySelector('input[readonly]').value.startsWith('https://shop.example?aff=')", true)
	b.open(d.App.URL + "/portal/leads/new")
	b.do(`document.getElementById('f-name').value = 'Lea'; document.getElementById('f-email').value = 'lea@leads.example'; document.querySelectorAll('input[type=radio]')[1].click(); document.querySelector('main form').noValidate = true; document.querySelector('main form button').click()`)
	b.wait("document.querySelectorAll('.wrong').length", float64(1))
	b.examine("a lead with a mistake", source)
	b.do(`document.querySelector('.at-fault input').value = 'Acme'; document.querySelector('main form button').click()`)
	b.wait("location.pathname", "/portal/leads")
	b.want("document.querySelector('main').textContent.includes('lea@leads.example')", true)
	b.do(`document.querySelector('form[action="/portal/sign-out"] button').click()`)
	b.wait("document.querySelector('h1').textContent", "No ha iniciado sesión")
}
