package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

func TestADeliveryOfAWebhookShowsItsAttempts(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		b := d.Browse(t, "viewer")
		delivery := d.AddressOf(t, "/console/webhooks/:id/deliveries/:event")
		hook := d.AddressOf(t, "/console/webhooks/:id")
		assert.Contains(t, b.Get(t, hook).Body, `href="`+delivery+`"`)
		page := b.Get(t, delivery).Body
		assert.Contains(t, page, "partner.updated.v1")
		assert.Contains(t, page, "&#34;partner_id&#34;")
		assert.Regexp(t, `data-label="Attempt">1</th>`, page)
		assert.NotContains(t, page, "Tell it again")
		assert.Contains(t, d.Browse(t, "operator").Get(t, delivery).Body, "Tell it again")
		assert.Equal(t, http.StatusNotFound, b.Get(t, hook+"/deliveries/evt_none").Status)
	})
}

func TestEventsAreShownTheNewestFirst(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		d.App.Settle(t)
		b := d.Browse(t, "viewer")
		page := b.Get(t, "/console/events?type=partner.created.v1").Body
		positions := regexp.MustCompile(`href="/console/events/(\d+)">partner.created.v1`).FindAllStringSubmatch(page, -1)
		require.Len(t, positions, 2)
		assert.NotContains(t, page, `">lead.sold.v1</a>`)
		newest := positions[0][1]
		before := b.Get(t, "/console/events?type=partner.created.v1&before="+newest).Body
		assert.NotContains(t, before, `/console/events/`+newest+`"`)
		assert.Contains(t, before, `/console/events/`+positions[1][1]+`"`)
		one := b.Get(t, "/console/events/"+newest).Body
		assert.Contains(t, one, "&#34;partner_id&#34;: ")
		assert.Contains(t, one, "&#34;$schema&#34;")
		for _, p := range []string{"0", "-1", "x", "999999999", "99999999999999999999"} {
			assert.Equal(t, http.StatusNotFound, b.Get(t, "/console/events/"+p).Status, p)
		}
	})
}

func TestAWebhookIsAddedAndLookedAfter(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		b := d.Browse(t, "operator")
		form := url.Values{"name": {"ERP"}, "url": {"http://10.0.0.1/"}, "events": {"nothing.v1"}}
		out := b.Post(t, "/console/webhooks/new", form)
		require.Equal(t, http.StatusUnprocessableEntity, out.Status)
		assert.Contains(t, out.Body, `id="w-url"`)
		assert.Contains(t, out.Body, `id="w-events"`)
		form.Set("url", "https://erp.example.com/hook")
		form["events"] = []string{"lead.sold.v1", "partner.created.v1"}
		out = b.Post(t, "/console/webhooks/new", form)
		require.Equal(t, http.StatusOK, out.Status, out.Body)
		assert.Regexp(t, `id="made-secret"[^>]*>whsec_`, out.Body)
		assert.NotContains(t, b.Get(t, "/console/webhooks").Body, "whsec_")
		found := regexp.MustCompile(`action="(/console/webhooks/[^/"]+)/test"`).FindStringSubmatch(out.Body)
		require.NotNil(t, found)
		hook := found[1]
		require.Equal(t, http.StatusSeeOther, b.Post(t, hook+"/disable", nil).Status)
		assert.NotContains(t, b.Get(t, hook).Body, hook+"/disable")
		out = b.Post(t, hook+"/replay", url.Values{"from": {"2"}})
		assert.NotEqual(t, http.StatusSeeOther, out.Status, "it is not active")
		require.Equal(t, http.StatusSeeOther, b.Post(t, hook+"/enable", nil).Status)
		assert.Contains(t, b.Get(t, hook).Body, hook+"/disable")
		out = b.Post(t, hook+"/replay", url.Values{"event_id": {"x"}})
		require.Equal(t, http.StatusUnprocessableEntity, out.Status)
		assert.Contains(t, out.Body, `id="w-event_id"`)
		require.Equal(t, http.StatusUnprocessableEntity, b.Post(t, hook+"/replay", nil).Status)
		require.Equal(t, http.StatusSeeOther, b.Post(t, hook+"/replay", url.Values{"from": {"2"}}).Status)
		edited := b.Get(t, hook+"/edit").Body
		assert.Contains(t, edited, `value="https://erp.example.com/hook"`)
		assert.Regexp(t, `value="lead.sold.v1" checked`, edited)
		assert.NotRegexp(t, `value="lead.unsold.v1" checked`, edited)
		out = b.Send(t, hook+"/edit", url.Values{"name": {"ERP 2"}, "url": {"ftp://erp.example.com"}, "events": {"lead.sold.v1"}})
		require.Equal(t, http.StatusUnprocessableEntity, out.Status)
		assert.Contains(t, out.Body, `id="w-url"`)
		assert.Contains(t, out.Body, `value="ERP 2"`)
		require.Equal(t, http.StatusSeeOther, b.Send(t, hook+"/edit", url.Values{"name": {"ERP 2"}, "url": {"https://erp.example.com/v2"}, "events": {"lead.unsold.v1"}}).Status)
		page := b.Get(t, hook).Body
		assert.Contains(t, page, "https://erp.example.com/v2")
		assert.Contains(t, page, `<li class="mono">lead.unsold.v1</li>`)
		assert.NotContains(t, page, `<li class="mono">lead.sold.v1</li>`)
		for _, did := range []string{"Create webhook", "Update webhook", "Replay webhook"} {
			assert.Contains(t, page, `data-label="What">`+did, "what was done stands below it")
		}
		assert.NotContains(t, d.Browse(t, "viewer").Get(t, hook).Body, "Who changed it")

		out = b.Post(t, hook+"/rotate", nil)
		require.Equal(t, http.StatusOK, out.Status)
		assert.Regexp(t, `id="made-secret"[^>]*>whsec_`, out.Body)

		assert.Contains(t, b.Get(t, hook+"/delete").Body, "Nothing is sent to it any more")
		require.Equal(t, http.StatusSeeOther, b.Post(t, hook+"/delete", nil).Status)
		assert.Equal(t, http.StatusNotFound, b.Get(t, hook).Status)
		assert.NotContains(t, b.Get(t, "/console/webhooks").Body, "ERP 2")
	})
}
