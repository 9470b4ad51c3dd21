package browser_test

import (
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// Somebody of a buyer signs in, opens a lead and gives it back.
func TestABuyerOpensALeadAndGivesItBack(t *testing.T) {
	t.Parallel()
	data := apptest.StartConsole(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{}).NewData(t)
	data.Deposit(t, data.BuyerIDs[0], 1000)
	data.App.Settle(t)
	email := data.Account(t, "buyer")
	b, source := newTab(t), axe(t)
	b.inEachLook("a buyer's returns", func(i int) {
		data.Sell(t, data.Form())
		sale := data.SaleTo(t, data.BuyerIDs[0])
		b.open(data.App.URL + "/buyer")
		if i == 0 {
			b.wait("location.pathname", "/sign-in")
			b.send(map[string]string{"email": email, "password": apptest.Password}, "Sign in")
			b.wait("location.pathname", "/buyer")
		}
		b.do("window.left = true; document.querySelector('main tbody a[href$=\"/" + sale + "\"]').click()")
		b.wait("window.left === undefined && document.querySelector('main h1')?.textContent.startsWith('Lead')", true)
		hidden := "document.querySelector('main dl')?.textContent.includes('•••••')"
		b.wait(hidden, true)
		b.press("form[action$=\"/fields\"] button")
		b.wait(hidden, false)
		b.examine("an opened lead", source)
		b.press("a[href$=\"/return\"]")
		b.wait("document.getElementById('f-reason') !== null", true)
		b.do("document.getElementById('f-reason').value = 'invalid_contact'; document.getElementById('f-note').value = 'The number is dead.'; document.querySelector('main form button').click()")
		b.wait("document.querySelector('.notice.good')?.textContent.startsWith('The return is open')", true)
		b.want("document.querySelector('main').textContent.includes('Waits for the seller')", true)
		b.examine("a lead that is given back", source)
		b.open(data.App.URL + "/buyer/returns")
		b.wait("[...document.querySelectorAll('main tbody tr')].filter(e => e.textContent.includes('Waits for the seller')).length", float64(i+1))
	})
}
