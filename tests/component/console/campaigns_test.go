package console_test

import (
	"maps"
	"net/http"
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

func TestACampaignAndItsContractAreMadeByForms(t *testing.T) {
	t.Parallel()
	data := apptest.StartConsole(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{}).NewData(t)
	operator := data.Browse(t, "operator")
	out := operator.Post(t, "/console/campaigns/new", url.Values{
		"name": {"Solar"}, "category": {"Solar"}, "status": {"active"}, "mode": {"shared"}, "max_sales": {"3"}, "strategy": {"weighted"}, "pending_ttl_hours": {"24"}, "price_shown": {"hidden"},
		"dedupe_phone": {"1"}, "dedupe_days": {"30"}, "payout_type": {"percent"}, "payout_value": {"70"}, "return_window_days": {"5"}, "cap_day_leads": {"100"},
		"field_1_name": {"homeowner"}, "field_1_type": {"boolean"}, "field_1_required": {"1"}, "field_4_name": {"roof"}, "field_4_type": {"enum"}, "field_4_options": {"flat\r\nsteep"},
		"field_map": {"owner = homeowner"},
	})
	require.Equal(t, http.StatusSeeOther, out.Status, out.Body)
	campaign := out.Location
	stored := data.Program.Must(t, "GET", "/v1"+strings.TrimPrefix(campaign, "/console"), nil).Data(t)
	assert.Equal(t, "Solar", stored["category"])
	assert.Len(t, stored["fields"], 2)
	assert.Equal(t, map[string]any{"owner": "homeowner"}, stored["field_map"])
	assert.Contains(t, operator.Get(t, campaign).Body, "Nobody buys here yet")
	assert.Contains(t, operator.Get(t, campaign+"/edit").Body, ">flat\nsteep</textarea>")

	wrong := operator.Post(t, campaign+"/edit", url.Values{"_seen": {hiddenIn(t, operator.Get(t, campaign+"/edit").Body, "_seen")}, "name": {"Solar"}, "category": {"Solar"}, "mode": {"exclusive"}, "strategy": {"priority"}, "field_7_name": {"roof"}, "field_7_type": {"enum"}})
	assert.Equal(t, http.StatusUnprocessableEntity, wrong.Status)
	assert.Contains(t, wrong.Body, `id="w-field_7_options"`)

	terms := url.Values{
		"buyer_id": {data.BuyerIDs[1]}, "status": {"active"}, "price": {"25"}, "priority": {"1"}, "weight": {"5"}, "cap_day_leads": {"10"}, "cap_month_budget": {"5000"},
		"filter_mode": {"rows"}, "filter_join": {"and"}, "filter_0_field": {"state"}, "filter_0_op": {"in"}, "filter_0_value": {"tx, CA"}, "filter_1_field": {"homeowner"}, "filter_1_op": {"yes"},
		"hours_mon_0_from": {"09:00"}, "hours_mon_0_to": {"17:00"}, "hours_tue_0_from": {"09:00"}, "hours_tue_0_to": {"17:00"}, "hours_sat_1_from": {"22:00"}, "hours_sat_1_to": {"02:00"},
	}
	check := operator.Post(t, campaign+"/filter", terms)
	assert.Contains(t, check.Body, "lead.state in [&#39;TX&#39;, &#39;CA&#39;] &amp;&amp; lead.fields.homeowner == true")
	assert.Contains(t, check.Body, "This filter can be used")
	out = operator.Post(t, campaign+"/new-contract", terms)
	require.Equal(t, http.StatusSeeOther, out.Status, out.Body)
	contract := out.Location
	page := operator.Get(t, contract).Body
	for _, text := range []string{"Mon, Tue 09:00–17:00; Sat 22:00–02:00", "state is one of TX, CA", "and homeowner is yes", "0 of 10 a day", "$0.00 of $5,000.00 a month"} {
		assert.Contains(t, page, text)
	}
	edit := operator.Get(t, contract+"/edit").Body
	assert.Contains(t, edit, `value="TX, CA"`)
	assert.Contains(t, edit, `name="hours_sat_0_from" value="22:00"`)

	// Two people edit the contract: the second is told, and keeps what was typed.
	terms.Set("_seen", hiddenIn(t, edit, "_seen"))
	terms.Set("price", "26")
	require.Equal(t, http.StatusSeeOther, operator.Post(t, contract+"/edit", terms).Status)
	terms.Set("price", "99")
	second := operator.Post(t, contract+"/edit", terms)
	assert.Equal(t, http.StatusConflict, second.Status)
	assert.Contains(t, second.Body, "Somebody else changed this")
	assert.Contains(t, second.Body, `value="99"`)
	assert.Contains(t, operator.Get(t, contract).Body, "$26.00")

	for field, value := range map[string]url.Values{
		"filter":              {"filter_mode": {"cel"}, "filter": {"lead.state = 'TX'"}},
		"filter_0_value":      {"filter_mode": {"rows"}, "filter_0_field": {"state"}, "filter_0_op": {"is"}, "filter_0_value": {""}},
		"hours_mon_0_to":      {"hours_mon_0_to": {"25:00"}},
		"price":               {"price": {""}},
		"delivery_url":        {"delivery_mode": {"notify"}},
		"cap_day_leads":       {"cap_day_leads": {"-1"}},
		"dedupe_days":         {"dedupe_phone": {"1"}},
		"accepted_equals":     {"delivery_mode": {"confirm"}, "delivery_url": {"https://buyer.example/leads"}, "rejected_equals": {"no"}},
		"bid_timeout_ms":      {"bid_url": {"https://buyer.example/bid"}, "bid_timeout_ms": {"5"}},
		"delivery_timeout_ms": {"delivery_mode": {"notify"}, "delivery_url": {"https://buyer.example/leads"}, "delivery_timeout_ms": {"5"}},
	} {
		form := maps.Clone(terms)
		maps.Copy(form, value)
		delete(form, "_token")
		form.Set("_seen", hiddenIn(t, operator.Get(t, contract+"/edit").Body, "_seen"))
		out := operator.Post(t, contract+"/edit", form)
		assert.Equal(t, http.StatusUnprocessableEntity, out.Status, field)
		assert.Contains(t, out.Body, `id="w-`+field+`"`, field)
		if field == "filter" {
			assert.Contains(t, out.Body, "line 1, column 12", "where the mistake is")
		}
	}

	assert.Equal(t, http.StatusSeeOther, operator.Post(t, contract+"/pause", nil).Status)
	assert.Equal(t, http.StatusSeeOther, operator.Post(t, contract+"/resume", nil).Status)
	assert.Contains(t, operator.Get(t, contract+"/archive").Body, "cannot be opened again")
	assert.Equal(t, http.StatusSeeOther, operator.Post(t, contract+"/archive", nil).Status)
	assert.Equal(t, http.StatusNotFound, operator.Get(t, contract).Status)
	assert.Equal(t, http.StatusSeeOther, operator.Post(t, campaign+"/pause", nil).Status)
	assert.Equal(t, http.StatusSeeOther, operator.Post(t, campaign+"/resume", nil).Status)
	assert.Equal(t, http.StatusSeeOther, operator.Post(t, campaign+"/archive", nil).Status)
	assert.Contains(t, operator.Get(t, campaign).Body, "Archived")
}

func TestADryRunSaysWhoWouldBuyAndWhy(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		data := apptest.StartConsole(t, databaseURL, leadmill.StartOptions{}).NewData(t)
		operator, campaign := data.Browse(t, "operator"), "/console/campaigns/"+data.CampaignID
		leads := len(data.Program.Must(t, "GET", "/v1/marketplace/leads?limit=100", nil).List(t))
		for _, lead := range []string{"firstName: Jane\nlastName: Doe\nphone: 214-555-0199\nstate: TX", `{"firstName":"Jane","lastName":"Doe","phone":"214-555-0199","state":"TX"}`} {
			out := operator.Post(t, campaign+"/dry-run", url.Values{"lead": {lead}})
			require.Equal(t, http.StatusOK, out.Status, out.Body)
			assert.Contains(t, out.Body, "It would wait: no contract takes it now.")
			assert.Contains(t, out.Body, "the balance does not cover the price")
			assert.Contains(t, out.Body, "1 of 1 used now")
		}
		out := operator.Post(t, campaign+"/dry-run", url.Values{"lead": {"state = TX"}})
		assert.Equal(t, http.StatusUnprocessableEntity, out.Status)
		assert.Contains(t, out.Body, `id="w-lead"`)
		assert.Len(t, data.Program.Must(t, "GET", "/v1/marketplace/leads?limit=100", nil).List(t), leads, "nothing was kept")

		// Two leads wait for 45.00 each; with so much more than that, a third one would be bought too.
		data.Program.Must(t, "POST", "/v1/buyers/"+data.BuyerIDs[0]+"/deposits", apptest.Object{"amount": 1000.00})
		out = operator.Post(t, campaign+"/dry-run", url.Values{"lead": {"firstName: Jane\nlastName: Doe\nphone: 214-555-0199\nstate: TX"}})
		assert.Contains(t, out.Body, "It would be sold to ")
		assert.Contains(t, out.Body, "would buy it")
		board := operator.Get(t, campaign).Body
		first, second := strings.Index(board, data.ContractIDs[0]), strings.Index(board, data.ContractIDs[1])
		assert.Less(t, first, second, "in the order in which they are asked")
		assert.Contains(t, board, "1 of 1 a day")
		assert.Contains(t, board, "else mostly: ")
	})
}
