package console_test

import (
	"encoding/csv"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// What another buyer of the same seller has is answered as what nobody has, to each page and button.
func TestABuyersPeopleSeeOnlyTheirs(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		data := apptest.StartConsole(t, databaseURL, leadmill.StartOptions{}).NewData(t)
		first, other := data.Browse(t, "buyer"), data.Browse(t, apptest.OtherBuyer)
		ours, theirs := data.SaleTo(t, data.BuyerIDs[0]), data.SaleTo(t, data.BuyerIDs[1])
		for _, page := range []struct{ method, before, ours, theirs, after string }{
			{"GET", "/buyer/leads/", ours, theirs, ""},
			{"POST", "/buyer/leads/", ours, theirs, "/fields"},
			{"GET", "/buyer/leads/", ours, theirs, "/return"},
			{"POST", "/buyer/leads/", ours, theirs, "/return"},
			{"GET", "/buyer/contracts/", data.ContractIDs[0], data.ContractIDs[1], ""},
			{"POST", "/buyer/contracts/", data.ContractIDs[0], data.ContractIDs[1], "/pause"},
			{"POST", "/buyer/contracts/", data.ContractIDs[0], data.ContractIDs[1], "/resume"},
			{"POST", "/buyer/contracts/", data.ContractIDs[0], data.ContractIDs[1], "/caps"},
			{"POST", "/buyer/contracts/", data.ContractIDs[0], data.ContractIDs[1], "/test"},
		} {
			ask := func(b *apptest.Browser, id string) apptest.Page {
				if page.method == "GET" {
					return b.Get(t, page.before+id+page.after)
				}
				return b.Post(t, page.before+id+page.after, url.Values{"reason": {"duplicate"}})
			}
			none := ask(first, "none")
			assert.Equal(t, http.StatusNotFound, none.Status)
			for _, foreign := range []apptest.Page{ask(first, page.theirs), ask(other, page.ours)} {
				assert.Equal(t, http.StatusNotFound, foreign.Status, "%s %s%s", page.method, page.before, page.after)
				assert.Equal(t, none.Body, foreign.Body)
			}
		}
		assert.Contains(t, first.Get(t, "/buyer").Body, ours)
		assert.NotContains(t, first.Get(t, "/buyer").Body, theirs)
		assert.NotContains(t, other.Get(t, "/buyer").Body, ours)
		for _, path := range []string{"/buyer", "/buyer/account", "/buyer/contracts", "/buyer/leads/" + ours} {
			body := first.Get(t, path).Body
			assert.NotContains(t, body, "Buyer 1", path)
			assert.NotContains(t, body, data.BuyerIDs[1], path)
			assert.NotContains(t, body, data.ContractIDs[1], path)
		}

		// What the seller did not let the second buyer do is refused, and not offered.
		contract := "/buyer/contracts/" + data.ContractIDs[1]
		assert.NotContains(t, other.Get(t, contract).Body, contract+"/pause")
		assert.Equal(t, http.StatusForbidden, other.Get(t, contract+"/caps").Status)
		for _, button := range []string{"/pause", "/resume", "/caps"} {
			assert.Equal(t, http.StatusForbidden, other.Post(t, contract+button, nil).Status, button)
		}
		assert.Equal(t, http.StatusForbidden, data.Browse(t, "owner").Get(t, "/buyer").Status)
	})
}

// A lead is masked until it is opened; that it was opened, or taken as a file, is in the audit trail. What somebody typed into a form runs neither
// in a page nor in a spreadsheet.
func TestABuyerOpensItsLeads(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		data := apptest.StartConsole(t, databaseURL, leadmill.StartOptions{}).NewData(t)
		data.Deposit(t, data.BuyerIDs[0], 1000)
		data.App.Settle(t)
		form := data.Form()
		form["firstName"], form["lastName"] = `<script>alert(1)</script>`, `=HYPERLINK("https://evil.example")`
		require.Equal(t, "sold", data.Sell(t, form).Status)
		b, operator := data.Browse(t, "buyer"), data.Browse(t, "operator")
		sale := data.SaleTo(t, data.BuyerIDs[0])
		lead := "/buyer/leads/" + sale
		masked := b.Get(t, lead)
		require.Equal(t, http.StatusOK, masked.Status)
		assert.Contains(t, masked.Body, "•••••")
		for _, secret := range []string{"alert(1)", "HYPERLINK", form["phone"].(string)[4:]} {
			assert.NotContains(t, masked.Body, secret)
		}
		opened := b.Post(t, lead+"/fields", nil)
		require.Equal(t, http.StatusOK, opened.Status)
		assert.Contains(t, opened.Body, "&lt;script&gt;alert(1)&lt;/script&gt;")
		assert.NotContains(t, opened.Body, "<script>alert")
		assert.Contains(t, opened.Body, "=HYPERLINK")

		sheet := b.Post(t, "/buyer/leads.csv", nil)
		require.Equal(t, http.StatusOK, sheet.Status)
		assert.Contains(t, sheet.Header.Get("Content-Type"), "text/csv")
		rows, err := csv.NewReader(strings.NewReader(sheet.Body)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 6, "five leads and the columns")
		column := map[string]int{}
		for i, name := range rows[0] {
			column[name] = i
		}
		assert.Equal(t, sale, rows[1][column["sale_id"]])
		assert.Equal(t, `'=HYPERLINK("https://evil.example")`, rows[1][column["fields.lastName"]])
		assert.Equal(t, "45.00", rows[1][column["price"]])
		require.Len(t, strings.Split(strings.TrimSpace(b.Post(t, "/buyer/leads.csv", url.Values{"month": {"2001-01"}}).Body), "\n"), 1, "nothing was bought then")
		assert.Equal(t, http.StatusUnprocessableEntity, b.Get(t, "/buyer?month=may").Status)
		assert.Contains(t, b.Get(t, "/buyer?month=2001-01").Body, "No leads here")

		kept := operator.Get(t, "/console/people/changes").Body
		for _, what := range []string{"Pat buyer", "Reveal bought lead", "Export bought leads"} {
			assert.Contains(t, kept, what)
		}

		// The page speaks the language of the browser.
		spanish := b.Speaking("es-MX").Get(t, "/buyer")
		assert.Contains(t, spanish.Body, `<html lang="es">`)
		assert.Contains(t, spanish.Body, "Leads comprados")
		assert.Contains(t, b.Speaking("es").Get(t, "/buyer/statement").Body, "Saldo final")
		assert.Contains(t, b.Get(t, "/buyer/statement").Body, "Closing balance")
		assert.Contains(t, b.Get(t, "/buyer/statement.csv").Body, "opening_balance")
		assert.Equal(t, http.StatusUnprocessableEntity, b.Get(t, "/buyer/statement?month=may").Status)
	})
}

func TestABuyerGivesALeadBack(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		data := apptest.StartConsole(t, databaseURL, leadmill.StartOptions{}).NewData(t)
		b, operator := data.Browse(t, "buyer"), data.Browse(t, "operator")
		sale := data.SaleTo(t, data.BuyerIDs[0])
		lead := "/buyer/leads/" + sale
		assert.Contains(t, b.Get(t, lead).Body, lead+"/return")
		wrong := b.Post(t, lead+"/return", url.Values{"reason": {"because"}, "note": {"kept"}})
		assert.Equal(t, http.StatusUnprocessableEntity, wrong.Status)
		assert.Contains(t, wrong.Body, "kept")
		form := url.Values{"reason": {"invalid_contact"}, "note": {"<i>dead</i> number"}}
		out := b.Post(t, lead+"/return", form)
		require.Equal(t, http.StatusSeeOther, out.Status, out.Body)
		assert.Equal(t, lead, out.Location)
		page := b.Get(t, lead).Body
		assert.Contains(t, page, "Waits for the seller")
		assert.Contains(t, page, "&lt;i&gt;dead&lt;/i&gt; number")
		assert.NotContains(t, page, lead+"/return")
		again := b.Post(t, lead+"/return", form)
		assert.Equal(t, http.StatusUnprocessableEntity, again.Status)
		assert.Contains(t, b.Get(t, "/buyer/returns").Body, "Cannot be reached")
		assert.Contains(t, operator.Get(t, "/console/buyers/"+data.BuyerIDs[0]+"/returns").Body, "Invalid contact")

		open := data.Program.Must(t, "GET", "/v1/returns?status=pending", nil).List(t)
		require.Len(t, open, 1)
		data.Program.Must(t, "POST", "/v1/returns/"+open[0]["id"].(string)+"/approve", apptest.Object{"note": "You are right."})
		page = b.Get(t, lead).Body
		assert.Contains(t, page, "Given back")
		assert.Contains(t, page, "You are right.")
		assert.NotContains(t, page, "•••••", "its fields are the buyer's no more")
		assert.NotContains(t, b.Post(t, lead+"/fields", nil).Body, "John")
		assert.Contains(t, b.Get(t, "/buyer/account").Body, "Lead given back")

		// A window that is over is said beside the form.
		data.Program.Must(t, "PUT", "/v1/buyers/"+data.BuyerIDs[1], apptest.Object{"return_window_days": 0})
		other := data.Browse(t, apptest.OtherBuyer)
		late := other.Post(t, "/buyer/leads/"+data.SaleTo(t, data.BuyerIDs[1])+"/return", url.Values{"reason": {"duplicate"}})
		assert.Equal(t, http.StatusUnprocessableEntity, late.Status)
		assert.Contains(t, late.Body, "too late to give this lead back")
	})
}

func TestABuyerRunsItsContracts(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		var got []byte
		status := http.StatusOK
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got, _ = io.ReadAll(r.Body)
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<b>thanks</b>"))
		}))
		t.Cleanup(server.Close)
		data := apptest.StartConsoleConfig(t, databaseURL, func(c *leadmill.Config) {
			c.OutboundAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		}, leadmill.StartOptions{}).NewData(t)
		b := data.Browse(t, "buyer")
		address, api := "/buyer/contracts/"+data.ContractIDs[0], "/v1/campaigns/"+data.CampaignID+"/contracts/"+data.ContractIDs[0]
		stored := func(member string) any { return data.Program.Must(t, "GET", api, nil).Data(t)[member] }
		for _, button := range []string{"pause", "resume"} {
			out := b.Post(t, address+"/"+button, nil)
			require.Equal(t, http.StatusSeeOther, out.Status, out.Body)
			assert.Equal(t, map[string]string{"pause": "paused", "resume": "active"}[button], stored("status"))
		}
		assert.Equal(t, http.StatusUnprocessableEntity, b.Post(t, address+"/resume", nil).Status)

		form := b.Get(t, address+"/caps")
		seen := hiddenIn(t, form.Body, "_seen")
		wrong := b.Post(t, address+"/caps", url.Values{"_seen": {seen}, "cap_day_leads": {"many"}})
		assert.Equal(t, http.StatusUnprocessableEntity, wrong.Status)
		assert.Contains(t, wrong.Body, `value="many"`)
		assert.Contains(t, wrong.Body, `id="w-cap_day_leads"`)
		caps := url.Values{"_seen": {seen}, "cap_day_leads": {"7"}, "cap_month_budget": {"5,000"}}
		require.Equal(t, http.StatusSeeOther, b.Post(t, address+"/caps", caps).Status)
		page := b.Get(t, address).Body
		assert.Contains(t, page, "of 7 a day")
		assert.Contains(t, page, "of $5,000.00 a month")
		assert.InDelta(t, 45, stored("price"), 0, "nothing but the caps changed")
		assert.Equal(t, http.StatusConflict, b.Post(t, address+"/caps", caps).Status, "it was changed since")

		// A test lead arrives, costs nothing, and is not kept; who does not take it is told.
		assert.Equal(t, http.StatusUnprocessableEntity, b.Post(t, address+"/test", nil).Status, "nothing is delivered yet")
		data.Program.Must(t, "PUT", api, apptest.Object{"delivery": apptest.Object{"mode": "notify", "url": server.URL + "/leads"}})
		assert.Contains(t, b.Get(t, address).Body, server.URL+"/leads")
		sold := len(data.Program.Must(t, "GET", "/v1/sales", nil).List(t))
		out := b.Post(t, address+"/test", nil)
		require.Equal(t, http.StatusOK, out.Status)
		assert.Contains(t, out.Body, "The test lead arrived.")
		assert.Contains(t, out.Body, "&lt;b&gt;thanks&lt;/b&gt;")
		assert.Contains(t, string(got), `"test":true`)
		status = http.StatusInternalServerError
		assert.Contains(t, b.Post(t, address+"/test", nil).Body, "The test lead did not arrive.")
		assert.Len(t, data.Program.Must(t, "GET", "/v1/sales", nil).List(t), sold)
	})
}

// Operators invite people of a buyer and take them away, which holds at once. One of a buyer's may work for another seller, and switches.
func TestPeopleOfABuyerComeAndGo(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		console := apptest.StartConsole(t, databaseURL, leadmill.StartOptions{})
		data, theirs := console.NewData(t), console.NewData(t)
		operator, nobody := data.Browse(t, "operator"), data.Browse(t, "")
		people := "/console/buyers/" + data.BuyerIDs[0] + "/people"
		email := "dana@" + data.Slug + ".example"
		invited := operator.Post(t, people, url.Values{"email": {email}, "name": {"Dana"}, "link": {"1"}})
		require.Equal(t, http.StatusOK, invited.Status, invited.Body)
		_, link, found := strings.Cut(invited.Body, data.App.URL+"/join/")
		require.True(t, found)
		token, _, _ := strings.Cut(link, "<")
		joined := nobody.Post(t, "/join/"+token, url.Values{"name": {"Dana"}, "password": {apptest.Password}})
		require.Equal(t, http.StatusSeeOther, joined.Status, joined.Body)
		dana := data.As(t, cookieOf(joined, "leadmill_session").Value)
		assert.Equal(t, "/buyer", dana.Get(t, "/console").Location)
		require.Equal(t, http.StatusOK, dana.Get(t, "/buyer").Status)
		assert.Equal(t, http.StatusOK, dana.Get(t, "/console/profile").Status)
		assert.NotContains(t, dana.Get(t, "/console/profile").Body, "/console/search")
		for _, path := range []string{"/console/leads", "/console/live", "/console/people", people} {
			assert.Equal(t, http.StatusForbidden, dana.Get(t, path).Status, path)
		}
		assert.NotContains(t, operator.Get(t, "/console/people").Body, email, "people of buyers are not the seller's own")
		assert.Contains(t, operator.Get(t, people).Body, email)
		assert.Equal(t, http.StatusUnprocessableEntity, inviteColleague(t, data.Browse(t, "owner"), email).Status, "nobody is both")
		assert.Equal(t, http.StatusUnprocessableEntity, operator.Post(t, people, url.Values{"email": {"nobody"}}).Status)
		assert.Equal(t, http.StatusForbidden, data.Browse(t, "viewer").Post(t, people, url.Values{"email": {"eve@example.com"}}).Status)

		// The other seller invites her too: she switches between both.
		require.Equal(t, http.StatusSeeOther, inviteColleague(t, theirs.Browse(t, "owner"), email).Status)
		require.Equal(t, http.StatusSeeOther, dana.Post(t, "/join/"+colleagueLink(t, theirs.Browse(t, "owner"), email), nil).Status)
		assert.Equal(t, http.StatusOK, dana.Get(t, "/console/leads").Status)
		assert.Equal(t, http.StatusForbidden, dana.Get(t, "/buyer").Status)
		require.Equal(t, http.StatusSeeOther, dana.Post(t, "/console/profile/seller", url.Values{"seller": {data.Code}}).Status)
		assert.Equal(t, http.StatusForbidden, dana.Get(t, "/console/leads").Status)
		assert.Equal(t, http.StatusOK, dana.Get(t, "/buyer").Status)

		// Taken away, she is left with the other seller.
		_, row, found := strings.Cut(operator.Get(t, people).Body, email)
		require.True(t, found)
		_, rest, found := strings.Cut(row, people+"/")
		require.True(t, found)
		id, _, _ := strings.Cut(rest, "/")
		assert.Equal(t, http.StatusNotFound, operator.Post(t, "/console/buyers/"+data.BuyerIDs[1]+"/people/"+id+"/remove", nil).Status)
		assert.Contains(t, operator.Get(t, people+"/"+id+"/remove").Body, "Take this person away?")
		require.Equal(t, http.StatusSeeOther, operator.Post(t, people+"/"+id+"/remove", nil).Status)
		assert.Equal(t, http.StatusForbidden, dana.Get(t, "/buyer").Status)
		assert.Equal(t, http.StatusOK, dana.Get(t, "/console/leads").Status)

		// Who is nobody's any more is signed out.
		pat := data.Browse(t, apptest.OtherBuyer)
		others := "/console/buyers/" + data.BuyerIDs[1] + "/people"
		_, rest, found = strings.Cut(operator.Get(t, others).Body, others+"/")
		require.True(t, found)
		id, _, _ = strings.Cut(rest, "/")
		require.Equal(t, http.StatusSeeOther, operator.Post(t, others+"/"+id+"/remove", nil).Status)
		assert.Equal(t, "/sign-in?next=%2Fbuyer", pat.Get(t, "/buyer").Location)
		changes := operator.Get(t, "/console/people/changes").Body
		assert.Contains(t, changes, "Invite person of buyer")
		assert.Contains(t, changes, "Remove person of buyer")
	})
}

// What people of a buyer may do is said in the buyer's form, and in the API.
func TestASellerSaysWhatPeopleOfABuyerMayDo(t *testing.T) {
	t.Parallel()
	data := apptest.StartConsole(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{}).NewData(t)
	operator, api := data.Browse(t, "operator"), "/v1/buyers/"+data.BuyerIDs[1]
	assert.Nil(t, data.Program.Must(t, "GET", api, nil).Data(t)["portal"])
	address := "/console/buyers/" + data.BuyerIDs[1]
	form := url.Values{"name": {"Buyer 1"}, "portal_caps": {"1"}, "_seen": {hiddenIn(t, operator.Get(t, address+"/edit").Body, "_seen")}}
	require.Equal(t, http.StatusSeeOther, operator.Post(t, address+"/edit", form).Status)
	assert.Equal(t, map[string]any{"pause_contracts": false, "change_caps": true}, data.Program.Must(t, "GET", api, nil).Data(t)["portal"])
	assert.Contains(t, operator.Get(t, address+"/edit").Body, `name="portal_caps" value="1" checked`)
	data.Program.Must(t, "PUT", api, apptest.Object{"name": "Same"})
	assert.NotNil(t, data.Program.Must(t, "GET", api, nil).Data(t)["portal"], "what is not said stays")
	data.Program.Must(t, "PUT", api, apptest.Object{"portal": nil})
	assert.Nil(t, data.Program.Must(t, "GET", api, nil).Data(t)["portal"])
	assert.Equal(t, http.StatusUnprocessableEntity, data.Program.Do("PUT", api, apptest.Object{"portal": apptest.Object{"change_caps": true}}).Status)
}

func inviteColleague(t *testing.T, owner *apptest.Browser, email string) apptest.Page {
	t.Helper()
	return owner.Post(t, "/console/people/invite", url.Values{"email": {email}, "role": {"viewer"}})
}

// colleagueLink invites somebody by a link and returns its token.
func colleagueLink(t *testing.T, owner *apptest.Browser, email string) string {
	t.Helper()
	page := owner.Post(t, "/console/people/invite", url.Values{"email": {email}, "role": {"viewer"}, "link": {"1"}})
	_, link, found := strings.Cut(page.Body, "/join/")
	require.True(t, found, page.Body)
	token, _, _ := strings.Cut(link, "<")
	return token
}
