package console_test

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// shown returns what a page says, once it says all of some texts: what follows events is a moment behind.
func shown(t *testing.T, b *apptest.Browser, path string, texts ...string) string {
	t.Helper()
	p := b.Get(t, path)
	require.Equal(t, http.StatusOK, p.Status, path)
	for _, text := range texts {
		assert.Contains(t, p.Body, text, path)
	}
	return p.Body
}

func TestWhyALeadWaitsAndWhatFreesIt(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		data := apptest.StartConsole(t, databaseURL, leadmill.StartOptions{}).NewData(t)
		b := data.Browse(t, "operator")
		shown(t, b, "/console/waiting", "<strong>2</strong> leads wait", "$90.00 for Buyer 0 frees 2 leads worth $90.00", "Buyer 1: daily cap is reached, 1 of 1 used now")
		shown(t, b, "/console", "$90.00 for Buyer 0 frees 2 leads worth $90.00")
		pending := data.Sell(t, data.Form())
		require.Equal(t, "pending", pending.Status)
		lead := "/console/leads/" + pending.ID
		shown(t, b, lead, "the balance does not cover the price", "daily cap is reached, 1 of 1 used now", "Offer again")
		data.Deposit(t, data.BuyerIDs[0], 1000)
		apptest.Eventually(t, func() error {
			if strings.Contains(b.Get(t, lead).Body, "Sold to Buyer 0") {
				return nil
			}
			return errNotYet
		})
		shown(t, b, "/console/waiting", "Nothing waits")
		apptest.Eventually(t, func() error { // the sums of days follow the events
			if strings.Contains(b.Get(t, "/console").Body, "$245.00") {
				return nil
			}
			return errNotYet
		})
		shown(t, b, "/console/today/hours", "<strong>6</strong> leads, <strong>6</strong> sold, <strong>$245.00</strong>")
	})
}

func TestWhatAnOperatorDoesWithALead(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		data := apptest.StartConsole(t, databaseURL, leadmill.StartOptions{}).NewData(t)
		b, viewer := data.Browse(t, "operator"), data.Browse(t, "viewer")
		form := data.Form()
		form["phone"], form["firstName"] = "+12125550123", `<script>alert("x")</script>`
		waits := data.Sell(t, form)
		lead := "/console/leads/" + waits.ID

		assert.NotContains(t, shown(t, b, lead, "&#43;•••••", "&lt;•••••"), "2125550123", "what is personal is masked")
		assert.NotContains(t, shown(t, viewer, lead), "Show the fields")
		assert.Equal(t, http.StatusForbidden, viewer.Post(t, lead+"/fields", nil).Status)
		revealed := b.Post(t, lead+"/fields", nil)
		assert.Contains(t, revealed.Body, "12125550123")
		assert.Contains(t, revealed.Body, `&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;`)
		assert.NotContains(t, revealed.Body, "<script>alert")

		assert.Contains(t, b.Post(t, lead+"/redistribute", nil).Location, lead)
		shown(t, b, lead+"/cancel", "no buyer is offered it any more")
		assert.Equal(t, http.StatusSeeOther, b.Post(t, lead+"/cancel", nil).Status)
		assert.Equal(t, "rejected", data.Lead(t, waits.ID)["status"])
		twice := b.Post(t, lead+"/cancel", nil)
		assert.Equal(t, http.StatusUnprocessableEntity, twice.Status)
		assert.Contains(t, twice.Body, "Only a lead that is not decided yet can be rejected.")

		shown(t, b, lead+"/erase", "cannot be brought back")
		assert.Equal(t, http.StatusSeeOther, b.Post(t, lead+"/erase", nil).Status)
		shown(t, b, lead, "What it held of a person is erased.")

		sold := data.Examples["/console/leads/:id"]
		page := shown(t, b, sold+"/return", "Buyer 0, $45.00")
		sale := regexp.MustCompile(`<option value="(sale_[^"]+)"`).FindStringSubmatch(page)[1]
		wrong := b.Post(t, sold+"/return", url.Values{"sale": {"sale_of_nobody"}, "reason": {"other"}, "note": {"<kept>"}})
		assert.Equal(t, http.StatusUnprocessableEntity, wrong.Status)
		assert.Contains(t, wrong.Body, "must be a sale of this lead")
		assert.Contains(t, wrong.Body, "&lt;kept&gt;")
		assert.Equal(t, http.StatusSeeOther, b.Post(t, sold+"/return", url.Values{"sale": {sale}, "reason": {"duplicate"}, "note": {"again"}}).Status)
		today := shown(t, b, "/console", "1 return to decide")
		open := regexp.MustCompile(`href="(/console/returns/[^"]+)"`).FindStringSubmatch(today)[1]
		assert.Contains(t, shown(t, b, "/console/returns"), `href="`+open+`"`)
		assert.Contains(t, shown(t, b, open, "Duplicate", "$45.00", "again"), "Approve: pay it back")
		assert.NotContains(t, shown(t, viewer, open), "Approve: pay it back")
		long := b.Post(t, open+"/approve", url.Values{"note": {strings.Repeat("n", 1001)}})
		require.Equal(t, http.StatusUnprocessableEntity, long.Status)
		assert.Contains(t, long.Body, `id="w-note"`)
		assert.Equal(t, "/console/returns", b.Post(t, open+"/approve", url.Values{"note": {"so be it"}}).Location)
		shown(t, b, open, "so be it", "It is decided, and stays so.")
		assert.NotContains(t, shown(t, b, "/console/returns"), open)
		assert.Contains(t, shown(t, b, "/console/returns?status=approved"), open)
		assert.Equal(t, "returned", data.Lead(t, strings.TrimPrefix(sold, "/console/leads/"))["status"])
		assert.NotContains(t, shown(t, b, "/console"), "to decide")
		again := b.Post(t, open+"/reject", nil)
		assert.Equal(t, http.StatusUnprocessableEntity, again.Status)
	})
}

func TestLeadsAreFilteredAndExported(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		data := apptest.StartConsole(t, databaseURL, leadmill.StartOptions{}).NewData(t)
		b := data.Browse(t, "viewer")
		form := data.Form()
		form["external_id"] = "=1+1"
		data.Sell(t, form)
		assert.Equal(t, 6, strings.Count(shown(t, b, "/console/leads"), `href="/console/leads/lead_`))
		assert.Equal(t, 3, strings.Count(shown(t, b, "/console/leads?status=pending"), `href="/console/leads/lead_`))
		assert.Equal(t, 1, strings.Count(shown(t, b, "/console/leads?buyer="+data.BuyerIDs[1]), `href="/console/leads/lead_`))
		shown(t, b, "/console/leads?state=CA", "No lead is like this")
		wrong := b.Get(t, "/console/leads?state=Texas&from=tomorrow")
		assert.Equal(t, http.StatusUnprocessableEntity, wrong.Status)
		assert.Contains(t, wrong.Body, "must be a day")
		assert.Contains(t, wrong.Body, `value="Texas"`)

		file := b.Get(t, "/console/leads.csv?status=pending")
		assert.Equal(t, `attachment; filename="leads.csv"`, file.Header.Get("Content-Disposition"))
		rows, err := csv.NewReader(strings.NewReader(file.Body)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 4)
		assert.Equal(t, "'=1+1", rows[1][8], "a text is no formula")
	})
}

func TestSearchFindsPages(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		console := apptest.StartConsole(t, databaseURL, leadmill.StartOptions{})
		data, other := console.NewData(t), console.NewData(t)
		b := data.Browse(t, "viewer")
		form := data.Form()
		form["phone"], form["email"] = "(212) 555-0177", "jane.doe@example.com"
		lead := data.Sell(t, form)
		find := func(q string) apptest.Page {
			t.Helper()
			return b.Post(t, "/console/search", url.Values{"q": {q}})
		}
		for _, exact := range []string{lead.ID, " " + lead.ID + " "} {
			assert.Equal(t, "/console/leads/"+lead.ID, find(exact).Location, exact)
		}
		assert.Equal(t, "/console/buyers/"+data.BuyerIDs[0], find(data.BuyerIDs[0]).Location)
		assert.Equal(t, "/console/campaigns/"+data.CampaignID, find(data.CampaignID).Location)
		for q, link := range map[string]string{
			"+1 212 555 0177": "/console/leads/" + lead.ID, "Jane.Doe@example.com": "/console/leads/" + lead.ID,
			"buyer 1": "/console/buyers/" + data.BuyerIDs[1], "auto ins": "/console/campaigns/" + data.CampaignID,
			"supplier": "/console/partners/supplier",
		} {
			assert.Contains(t, find(q).Body, `href="`+link+`"`, q)
		}
		for _, q := range []string{other.BuyerIDs[0], other.CampaignID, strings.TrimPrefix(other.Examples["/console/leads/:id"], "/console/leads/"), "lead_none", "nobody@example.com", "<b>", strings.Repeat("x", 150)} {
			p := find(q)
			assert.Equal(t, http.StatusOK, p.Status, q)
			assert.Contains(t, p.Body, "Nothing found", q)
		}
	})
}
