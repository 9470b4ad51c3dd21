package browser_test

import (
	"strings"
	"testing"
)

// Leads appear in the open list by themselves, and what frees a waiting one shows on its page.
func TestLeadsAppearByThemselves(t *testing.T) {
	t.Parallel()
	b, data := openConsole(t)
	b.open(data.App.URL + "/console/leads?status=pending")
	b.want("document.querySelectorAll('#rows tbody tr').length", float64(2))
	lead := data.Sell(t, data.Form())
	b.wait("document.querySelectorAll('#rows tbody tr').length", float64(3))
	b.open(data.App.URL + "/console/leads/" + lead.ID)
	b.want("document.querySelector('h1 .status').textContent", "Pending")
	data.Deposit(t, data.BuyerIDs[0], 1000)
	b.wait("document.querySelector('.timeline').textContent.includes('Sold to Buyer 0')", true)
}

// What a lead holds is shown on demand; what cannot be undone asks first, and a change of mind changes nothing.
func TestALeadIsTakenOffTheMarket(t *testing.T) {
	t.Parallel()
	b, data := openConsole(t)
	form := data.Form()
	form["firstName"] = "<img src=x onerror=alert(1)>"
	lead := data.Sell(t, form)
	for _, l := range looks {
		b.as(l.width, l.height, l.scheme)
		b.open(data.App.URL + "/console/leads/" + lead.ID)
		b.do("document.querySelector('form[action$=\"/fields\"] button').click()")
		b.wait("[...document.querySelectorAll('.facts dd')].some(e => e.textContent === '<img src=x onerror=alert(1)>')", true)
		b.do("[...document.querySelectorAll('.actions a')].find(e => e.textContent.startsWith('Cancel')).click()")
		b.wait("location.pathname.endsWith('/cancel')", true)
		b.do("document.querySelector('main a.quiet').click()")
		b.wait("location.pathname", "/console/leads/"+lead.ID)
	}
	if status := data.Lead(t, lead.ID)["status"]; status != "pending" {
		t.Errorf("the lead is %v before anybody confirmed", status)
	}
	b.open(data.App.URL + "/console/leads/" + lead.ID + "/cancel")
	b.do("document.querySelector('main form button').click()")
	b.wait("document.querySelector('.notice')?.textContent ?? ''", "The lead is off the market.")
	b.want("document.querySelector('h1 .status').textContent", "Rejected")
}

// The search box of every page finds a person by phone, without the phone in any address.
func TestSearchByPhone(t *testing.T) {
	t.Parallel()
	b, data := openConsole(t)
	form := data.Form()
	form["phone"] = "+12125550142"
	lead := data.Sell(t, form)
	b.open(data.App.URL + "/console/waiting")
	b.do("document.querySelector('#q').value = '(212) 555-0142'; document.querySelector('form.search').requestSubmit()")
	b.wait("location.pathname", "/console/search")
	b.wait("document.querySelector('tbody th a')?.getAttribute('href') ?? ''", "/console/leads/"+lead.ID)
	if address, _ := b.read("location.href").(string); strings.Contains(address, "555") {
		t.Errorf("the phone is in the address %s", address)
	}
	b.want("localStorage.length", float64(0))
}
