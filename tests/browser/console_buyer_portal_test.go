package browser_test

import (
	"fmt"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// Somebody of a buyer signs in, opens a lead and gives it back, on a phone and on a desk.
func TestABuyerOpensALeadAndGivesItBack(t *testing.T) {
	t.Parallel()
	data := apptest.StartConsole(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{}).NewData(t)
	source := axe(t)
	for i, l := range looks {
		if l.scheme != "light" {
			continue
		}
		role := "buyer"
		if i > 0 { // each gives back a lead of its own
			role = apptest.OtherBuyer
		}
		email := data.Account(t, role)
		b := newTab(t)
		b.as(l.width, l.height, l.scheme)
		b.open(data.App.URL + "/buyer")
		b.wait("location.pathname", "/sign-in")
		b.do(fmt.Sprintf(`document.getElementById('f-email').value = %q; document.getElementById('f-password').value = %q; document.querySelector('main form button').click()`, email, apptest.Password))
		b.wait("location.pathname", "/buyer")
		b.examine("leads bought", source)
		b.do(`document.querySelector('main tbody a').click()`)
		b.wait(`document.querySelector('main h1')?.textContent.startsWith('Lead')`, true)
		b.wait(`!!document.querySelector("main dl")?.textContent.includes("•••••")`, true)
		b.do(`document.querySelector('form[action$="/fields"] button').click()`)
		b.wait(`document.querySelector("main dl")?.textContent.includes("•••••")`, false)
		b.examine("an opened lead", source)
		b.do(`document.querySelector('a[href$="/return"]').click()`)
		b.wait(`!!document.getElementById('f-reason')`, true)
		b.do(`document.getElementById('f-reason').value = 'invalid_contact'; document.getElementById('f-note').value = 'The number is dead.'; document.querySelector('main form button').click()`)
		b.wait(`document.querySelector('.notice.good')?.textContent.startsWith('The return is open')`, true)
		b.wait(`document.querySelector("main").textContent.includes("Waits for the seller")`, true)
		b.examine("a lead that is given back", source)
		b.open(data.App.URL + "/buyer/returns")
		b.wait(`document.querySelectorAll("main tbody tr").length`, float64(1))
		b.keep(fmt.Sprintf("buyer-gives-back-%d", l.width))
	}
}
