package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// hiddenIn returns what a hidden field of a page holds.
func hiddenIn(t *testing.T, page, name string) string {
	t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
	require.NotNil(t, m, "the page has %s", name)
	return strings.ReplaceAll(m[1], "&#43;", "+")
}

func TestABuyerIsToppedUpOnceAForm(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		data := apptest.StartConsole(t, databaseURL, leadmill.StartOptions{}).NewData(t)
		operator, buyer := data.Browse(t, "operator"), "/console/buyers/"+data.BuyerIDs[0]
		page := operator.Get(t, buyer)
		assert.Contains(t, page.Body, "Empty", "90.00 were spent on two leads")
		assert.Contains(t, page.Body, "leads wait for it")
		form := url.Values{"amount": {"1,000.50"}, "note": {"wire 42"}, "_once": {hiddenIn(t, page.Body, "_once")}}
		for range 2 {
			out := operator.Post(t, buyer+"/deposit", form)
			assert.Equal(t, http.StatusSeeOther, out.Status, out.Body)
			assert.Equal(t, buyer, out.Location)
		}
		ledger := operator.Get(t, buyer+"/ledger").Body
		assert.Equal(t, 1, strings.Count(ledger, "wire 42"))
		assert.Contains(t, ledger, "$1,000.50")
		assert.Contains(t, ledger, "/console/leads/lead_")

		out := operator.Post(t, buyer+"/deposit", url.Values{"amount": {"ten"}, "note": {"kept"}})
		assert.Equal(t, http.StatusUnprocessableEntity, out.Status)
		assert.Contains(t, out.Body, `value="kept"`)
		assert.Contains(t, out.Body, `id="w-amount"`)
		out = operator.Post(t, buyer+"/deposit", nil)
		assert.Equal(t, http.StatusUnprocessableEntity, out.Status)

		month := operator.Get(t, buyer+"/statement.csv")
		assert.Contains(t, month.Header.Get("Content-Type"), "text/csv")
		assert.Contains(t, month.Body, "opening_balance")
		assert.Contains(t, month.Body, "wire 42")
		assert.Contains(t, operator.Get(t, buyer+"/statement").Body, "Closing balance")
		assert.Equal(t, http.StatusUnprocessableEntity, operator.Get(t, buyer+"/statement?month=may").Status)
	})
}

func TestABuyerIsMadeAndChanged(t *testing.T) {
	t.Parallel()
	data := apptest.StartConsole(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{}).NewData(t)
	operator := data.Browse(t, "operator")
	form := url.Values{
		"name": {"<b>Calisolar</b>"}, "email": {"leads@calisolar.example"}, "credit_limit": {"50"}, "low_balance": {"100"}, "return_window_days": {"7"},
		"auto_share": {"5"}, "auto_days": {"30"}, "auto_duplicate": {"1"}, "cap_day_leads": {"10"}, "cap_month_budget": {"5,000"},
	}
	out := operator.Post(t, "/console/buyers/new", form)
	require.Equal(t, http.StatusSeeOther, out.Status, out.Body)
	address := out.Location
	page := operator.Get(t, address)
	assert.Contains(t, page.Body, "&lt;b&gt;Calisolar&lt;/b&gt;")
	assert.Contains(t, page.Body, "0 of 10 a day")
	assert.Contains(t, page.Body, "$0.00 of $5,000.00 a month")
	stored := data.Program.Must(t, "GET", "/v1/buyers/"+strings.TrimPrefix(address, "/console/buyers/"), nil).Data(t)
	assert.InDelta(t, 7, stored["return_window_days"], 0)

	edit := operator.Get(t, address+"/edit")
	assert.Contains(t, edit.Body, `value="5000.00"`)
	seen := hiddenIn(t, edit.Body, "_seen")
	form.Set("_seen", seen)
	form.Set("name", "Calisolar")
	require.Equal(t, http.StatusSeeOther, operator.Post(t, address+"/edit", form).Status)
	form.Set("name", "Somebody else's name")
	out = operator.Post(t, address+"/edit", form)
	assert.Equal(t, http.StatusConflict, out.Status, "it was changed since")
	assert.Contains(t, out.Body, "Somebody else&#39;s name")
	form.Set("_seen", hiddenIn(t, out.Body, "_seen"))
	assert.Equal(t, http.StatusSeeOther, operator.Post(t, address+"/edit", form).Status, "sent again it replaces")

	form.Set("cap_day_leads", "many")
	form.Set("name", "")
	out = operator.Post(t, "/console/buyers/new", form)
	assert.Equal(t, http.StatusUnprocessableEntity, out.Status)
	assert.Contains(t, out.Body, `id="w-cap_day_leads"`)
	assert.Equal(t, http.StatusSeeOther, operator.Post(t, address+"/pause", nil).Status)
	assert.Contains(t, operator.Get(t, address).Body, "Paused")
	assert.Equal(t, http.StatusBadRequest, operator.Post(t, address+"/pause", nil).Status)
	assert.Equal(t, http.StatusSeeOther, operator.Post(t, address+"/resume", nil).Status)
}
