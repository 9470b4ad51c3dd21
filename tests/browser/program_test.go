package browser_test

import (
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// lifetime is the program's: another one than the default of everything.
const lifetime = 45

// store is a seller with a web shop that does what the documents ask of one: the script in its page, the page's inputs in
// its form, and one call from its server when somebody signs up.
type store struct {
	*apptest.Shop

	leadmill string
	URL      string
}

var storePage = template.Must(template.New("").Parse(`<!DOCTYPE html>
<head><title>Shop</title><script src="{{.Script}}" data-param="aff" data-days="{{.Days}}" async></script></head>
<form method="post" action="/sign-up">
<input name="email"><input name="account" type="hidden" value="{{.Account}}">
<input type="hidden" name="partnero_partner"><input type="hidden" name="partnero_clicked_at">
<button>Sign up</button></form>`))

func openStore(t *testing.T, databaseURL string) *store {
	t.Helper()
	app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
	s := &store{Shop: apptest.NewShop(t, app, nil), leadmill: app.URL}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost && r.URL.Path == "/sign-up":
			s.signUp(w, r)
		case r.Method == http.MethodGet && r.URL.Path == "/":
			if err := storePage.Execute(w, map[string]any{
				"Script": app.URL + "/track.js", "Days": lifetime,
				"Account": "account-of-" + r.URL.Query().Get("visitor"),
			}); err != nil {
				t.Errorf("the shop's page: %v", err)
			}
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	s.URL = atHost(t, shopHost, server.URL)
	s.Program.Must(t, http.MethodPut, "/v1/settings", apptest.Object{"settings": apptest.Object{
		"website": s.URL + "/?visitor=redirected", "cookie_lifetime": lifetime,
	}})
	return s
}

// signUp is what a seller's server does with the form.
func (s *store) signUp(w http.ResponseWriter, r *http.Request) {
	answer := s.Program.Do(http.MethodPost, "/v1/customers", apptest.Object{
		"partner": apptest.Object{"key": r.PostFormValue("partnero_partner")},
		"key":     r.PostFormValue("account"),
		"email":   r.PostFormValue("email"),
		"options": apptest.Object{"clicked_at": r.PostFormValue("partnero_clicked_at")},
	})
	w.Header().Set("Content-Type", "text/plain")
	_, _ = fmt.Fprintf(w, "%d", answer.Status)
	if answer.Status != http.StatusCreated {
		_, _ = fmt.Fprintf(w, " %v", answer)
	}
}

// partner makes a partner and returns its id.
func (s *store) partner(t *testing.T, key string) string {
	t.Helper()
	id := "partner-" + key
	s.Program.Must(t, http.MethodPost, "/v1/partners", apptest.Object{
		"id": id, "key": key, "email": key + "@partners.example",
		"name": "Pat", "surname": "Ner",
	})
	return id
}

// join fills in the form of the open page, and checks whom the customer is attributed to.
func (s *store) join(t *testing.T, b *tab, key, partnerID, account string) {
	t.Helper()
	b.wait(value(partnerCookie), key)
	at, _ := b.read(value(clickedCookie)).(string)
	_, err := time.Parse(time.RFC3339, at)
	require.NoError(t, err)
	b.do(fmt.Sprintf("document.querySelector('[name=email]').value = %q", account+"@customers.example"))
	b.do("document.querySelector('button').click()")
	b.wait("location.pathname", "/sign-up")
	b.wait("document.body.textContent", "201")
	customer := s.Program.Must(t, http.MethodGet, "/v1/customers/"+account, nil).Data(t)
	require.Equal(t, partnerID, customer["partner"])
	require.Equal(t, account, customer["key"])
}

// The whole way of a visitor: a partner's link, the seller's page and its cookie, the form, the seller's server, the customer.
func TestVisitorBecomesCustomer(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s := openStore(t, databaseURL)
		partnerID := s.partner(t, "ref_123")

		t.Run("on a page with the parameter", func(t *testing.T) {
			b := newTab(t)
			visit := during(func() {
				b.open(s.URL + "/?visitor=direct&aff=ref_123")
				b.wait("window.leadmill && "+key, "ref_123")
			})
			for _, cookie := range b.wantTouch(s.URL, "ref_123") {
				visit.wantLife(t, cookie, lifetime)
			}
			b.wantCookies(s.leadmill) // the cookie is the seller's alone

			// Days later, on a page without the parameter, the cookie still says who sent the visitor.
			b.open(s.URL + "/?visitor=direct")
			s.join(t, b, "ref_123", partnerID, "account-of-direct")
		})

		t.Run("through the partner's link", func(t *testing.T) {
			link := s.leadmill + "/r/" + s.Code + "/ref_123"
			client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			answer, err := client.Get(link + "?to=http://evil.example/&aff=other")
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, http.StatusFound, answer.StatusCode)
			require.Equal(t, "no-store", answer.Header.Get("Cache-Control"))
			target, err := url.Parse(answer.Header.Get("Location"))
			require.NoError(t, err)
			require.Equal(t, s.URL, "http://"+target.Host)
			require.Equal(t, url.Values{"visitor": {"redirected"}, "aff": {"ref_123"}}, target.Query())

			b := newTab(t)
			visit := during(func() { b.open(link) })
			cookie := b.wantCookies(s.leadmill, partnerCookie, "ref_123")[partnerCookie]
			visit.wantLife(t, cookie, lifetime)
			require.Equal(t, "/", cookie.Path)
			require.EqualValues(t, "Lax", cookie.SameSite)
			b.want("location.origin", s.URL, "new URLSearchParams(location.search).get('aff')", "ref_123")
			b.wait("window.leadmill && "+key, "ref_123")
			b.wantTouch(s.URL, "ref_123")
			s.join(t, b, "ref_123", partnerID, "account-of-redirected")
		})
	})
}
