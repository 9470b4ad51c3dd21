package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

var madeKey = regexp.MustCompile(`id="made-key"[^>]*>([^<]+)</pre>`)

func TestAKeysTextIsShownOnce(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		b := d.Browse(t, "owner")
		out := b.Post(t, "/console/keys/new", url.Values{"scope": {"site"}, "origins": {"no address"}, "requests": {"x"}})
		require.Equal(t, http.StatusUnprocessableEntity, out.Status)
		assert.Contains(t, out.Body, `id="w-requests"`)
		form := url.Values{"scope": {"program"}, "name": {"CRM"}, "requests": {"100"}, "days": {"30"}, "_once": {strings.Repeat("k", 22)}}
		out = b.Post(t, "/console/keys/new", form)
		require.Equal(t, http.StatusOK, out.Status)
		assert.Equal(t, "no-store", out.Header.Get("Cache-Control"))
		key := madeKey.FindStringSubmatch(out.Body)
		require.NotNil(t, key, out.Body)
		d.App.Client(t, key[1]).Must(t, "GET", "/v1/partners", nil)
		assert.Equal(t, http.StatusSeeOther, b.Post(t, "/console/keys/new", form).Status, "it is made once, and its text is not kept")
		list := b.Get(t, "/console/keys").Body
		assert.Contains(t, list, "CRM")
		assert.Contains(t, list, "100 a minute")
		assert.NotContains(t, list, key[1])

		id := regexp.MustCompile(`href="(/console/keys/[^/]+)/rotate" aria-label="Rotate CRM"`).FindStringSubmatch(list)
		require.NotNil(t, id)
		out = b.Post(t, id[1]+"/rotate", url.Values{"hours": {"many"}})
		require.Equal(t, http.StatusUnprocessableEntity, out.Status)
		assert.Contains(t, out.Body, `id="w-hours"`)
		out = b.Post(t, id[1]+"/rotate", url.Values{"hours": {"1"}})
		require.Equal(t, http.StatusOK, out.Status)
		next := madeKey.FindStringSubmatch(out.Body)
		require.NotNil(t, next)
		d.App.Client(t, next[1]).Must(t, "GET", "/v1/partners", nil)
		require.Equal(t, http.StatusSeeOther, b.Post(t, id[1]+"/revoke", nil).Status)
		assert.Equal(t, http.StatusUnauthorized, d.App.Client(t, key[1]).Do("GET", "/v1/partners", nil).Status)
	})
}

func TestPeopleAreInvitedAndTakenAway(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		b := d.Browse(t, "owner")
		out := b.Post(t, "/console/people/invite", url.Values{"email": {"x"}, "role": {"king"}})
		require.Equal(t, http.StatusUnprocessableEntity, out.Status)
		assert.Contains(t, out.Body, `id="w-email"`)
		assert.Contains(t, out.Body, `id="w-role"`)
		out = b.Post(t, "/console/people/invite", url.Values{"email": {"vic@people.example"}, "name": {"Vic"}, "role": {"viewer"}, "link": {"1"}})
		require.Equal(t, http.StatusOK, out.Status, out.Body)
		assert.Contains(t, out.Body, "/join/")
		assert.Equal(t, "no-store", out.Header.Get("Cache-Control"))
		require.Equal(t, http.StatusSeeOther, b.Post(t, "/console/people/invite", url.Values{"email": {"mel@people.example"}, "role": {"operator"}}).Status)
		assert.Contains(t, b.Get(t, "/console/people").Body, "vic@people.example")

		someone := d.AddressOf(t, "/console/people/:id")
		require.Equal(t, http.StatusSeeOther, b.Post(t, someone+"/role", url.Values{"role": {"operator"}}).Status)
		require.Equal(t, http.StatusUnprocessableEntity, b.Post(t, someone+"/role", url.Values{"role": {"king"}}).Status)
		require.Equal(t, http.StatusSeeOther, b.Post(t, someone+"/remove", nil).Status)
		assert.Equal(t, http.StatusNotFound, b.Get(t, someone+"/remove").Status)
	})
}

func TestSettingsAreChanged(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		b := d.Browse(t, "owner")
		form := url.Values{
			"program_name": {"Solar <i>"}, "website": {"https://shop.example"}, "approval": {"manual"}, "attribution": {"last_touch"}, "link_parameter": {"via me"},
			"cookie_lifetime": {"45"}, "attribution_window": {""}, "lead_retention_days": {"0"}, "unique_emails": {"1"},
		}
		out := b.Send(t, "/console/settings", form)
		require.Equal(t, http.StatusUnprocessableEntity, out.Status)
		assert.Contains(t, out.Body, `id="w-link_parameter"`)
		form.Set("link_parameter", "via")
		form.Del("_seen")
		require.Equal(t, http.StatusSeeOther, b.Send(t, "/console/settings", form).Status)
		page := b.Get(t, "/console/settings").Body
		assert.Contains(t, page, `value="Solar &lt;i&gt;"`)
		assert.Contains(t, page, `value="45"`)
		assert.Contains(t, page, `<option value="last_touch" selected>`)
		assert.Contains(t, b.Get(t, "/console/settings/tracking").Body, "/track.js")
	})
}

func TestTheLeadFormIsEditedAndShown(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		b := d.Browse(t, "operator")
		row := func(n string, pairs ...string) url.Values {
			form := url.Values{}
			for i := 0; i < len(pairs); i += 2 {
				form.Set("leads_custom_form_fields."+n+"."+pairs[i], pairs[i+1])
			}
			return form
		}
		form := row("0", "type", "select", "title", "Roof?")
		form.Set("leads_enabled", "1")
		out := b.Send(t, "/console/settings/form", form)
		require.Equal(t, http.StatusUnprocessableEntity, out.Status)
		assert.Contains(t, out.Body, `id="w-leads_custom_form_fields.0.options"`)
		form.Set("leads_custom_form_fields.0.options", "flat\r\npitched\r\n")
		form.Set("preview", "1")
		out = b.Send(t, "/console/settings/form", form)
		require.Equal(t, http.StatusOK, out.Status)
		assert.Contains(t, out.Body, "<option>pitched</option>")
		assert.NotContains(t, b.Get(t, "/console/settings/form").Body, "Roof?", "it was only shown")
		form.Del("preview")
		require.Equal(t, http.StatusSeeOther, b.Send(t, "/console/settings/form", form).Status)
		page := b.Get(t, "/console/settings/form").Body
		assert.Contains(t, page, `value="Roof?"`)
		id := regexp.MustCompile(`name="leads_custom_form_fields.0.id" value="(\d+)"`).FindStringSubmatch(page)
		require.NotNil(t, id)
		change := row("0", "type", "select", "title", "Roof?", "options", "flat", "id", id[1], "remove", "1")
		change["leads_custom_form_fields.1.type"], change["leads_custom_form_fields.1.title"] = []string{"input"}, []string{"Company"}
		require.Equal(t, http.StatusSeeOther, b.Send(t, "/console/settings/form", change).Status)
		page = b.Get(t, "/console/settings/form").Body
		assert.NotContains(t, page, "Roof?")
		assert.Contains(t, page, `value="Company"`)
	})
}
