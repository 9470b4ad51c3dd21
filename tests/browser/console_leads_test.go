package browser_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
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

// Pages that were left follow nothing any more, or the next would find all six connections taken that browsers open to a server; one that is
// gone back to shows what happened meanwhile.
func TestOnlyThePageThatIsSeenFollowsWhatHappens(t *testing.T) {
	t.Parallel()
	b, data := openConsole(t)
	server, err := url.Parse(data.App.URL)
	require.NoError(t, err)
	var open, most atomic.Int64
	between := httputil.NewSingleHostReverseProxy(server)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/console/live" {
			most.Store(max(most.Load(), open.Add(1)))
			defer open.Add(-1)
		}
		between.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		proxy.CloseClientConnections() // the page is still open
		proxy.Close()
	})

	b.open(proxy.URL + "/console/leads?status=pending")
	b.want("document.querySelectorAll('#rows tbody tr').length", float64(2))
	for range 6 {
		b.follow(".navlist", "Buyers")
		b.follow(".navlist", "Campaigns")
	}
	if n := most.Load(); n == 0 || n > 4 { // one, and those that are about to end
		t.Errorf("%d pages followed what happens at once", n)
	}
	b.open(proxy.URL + "/console/leads?status=pending")
	b.follow(".navlist", "Buyers")
	data.Sell(t, data.Form())
	b.do("history.back()")
	b.wait("document.querySelectorAll('#rows tbody tr').length", float64(3))
	b.open("about:blank")
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

// A lead that was sold is given back for its buyer, and the return is decided.
func TestAReturnIsDecided(t *testing.T) {
	t.Parallel()
	b, data := openConsole(t)
	data.Deposit(t, data.BuyerIDs[0], 1000)
	b.inEachLook("returns", func(int) {
		lead := data.Sell(t, data.Form())
		b.open(data.App.URL + "/console/leads/" + lead.ID)
		b.follow("main .actions", "Return")
		b.send(map[string]string{"note": "Sent twice"}, "Open the return")
		b.wait("document.querySelector('.notice')?.textContent.startsWith('The return is open') ?? false", true)
		b.follow(".navlist", "Returns")
		b.follow("#rows", "…"+lead.ID[len(lead.ID)-10:])
		b.want("document.querySelector('main .facts').textContent.includes('Sent twice')", true)
		b.send(map[string]string{"note": "Agreed"}, "Approve: pay it back")
		b.wait("document.querySelector('.notice')?.textContent ?? ''", "The return is approved: the buyer has its money back.")
	})
	b.wait("document.querySelector('#rows h2')?.textContent ?? ''", "Nothing waits for you")
}
