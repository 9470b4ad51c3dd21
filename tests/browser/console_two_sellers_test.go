package browser_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// A page that is open says so when its person went to another seller in another window, and a form that is sent from it is done nowhere: it leads back
// with what was typed.
func TestAPageSaysThatAnotherSellerIsOpen(t *testing.T) {
	t.Parallel()
	console := apptest.StartConsole(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{})
	first, second := console.NewData(t), console.NewData(t)
	email := first.Account(t, "operator")
	cookie := ""
	for _, c := range (&http.Response{Header: first.Browse(t, "").Post(t, "/sign-in", url.Values{"email": {email}, "password": {apptest.Password}}).Header}).Cookies() {
		if c.Name == "leadmill_session" {
			cookie = c.Value
		}
	}
	other := first.As(t, cookie)
	invited := second.Browse(t, "owner").Post(t, "/console/people/invite", url.Values{"email": {email}, "role": {"operator"}, "link": {"1"}})
	link := regexp.MustCompile(`/join/\w+`).FindString(invited.Body)
	require.Equal(t, http.StatusSeeOther, other.Post(t, link, nil).Status)
	open := func(d *apptest.ConsoleData) {
		t.Helper()
		require.Equal(t, http.StatusSeeOther, other.Post(t, "/console/profile/seller", url.Values{"seller": {d.Code}}).Status)
	}

	open(first)
	b := tabWith(t, first, "leadmill_session", cookie)
	b.mayComplain("409")
	b.open(first.App.URL + "/console/buyers/new")
	b.want("document.querySelector('#switched').textContent", "")
	open(second)
	b.wait("document.querySelector('#switched-note')?.textContent.includes('it does not follow what happens any more') ?? false", true)
	b.do("document.querySelector('#f-name').value = 'Typed before'; document.querySelector('main form.card button, main form button').click()")
	b.wait("document.querySelector('h1').textContent.startsWith('You are at')", true)
	b.do("document.querySelector('form[action=\"/console/profile/seller\"] button').click()")
	b.wait("document.body.textContent.includes('What you entered before is still here')", true)
	b.do("document.querySelector('main form button, form[action=\"/console/buyers/new\"] button').click()")
	b.wait("document.querySelector('#f-name')?.value ?? ''", "Typed before")
	b.want("document.querySelector('input[name=_seller]').value", first.Code)
}
