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

// Two people in one form: whoever saves second is told, with what was typed, and replaces what the other did by saving again.
func TestWhoeverSavesSecondIsTold(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		owner := d.Browse(t, "owner")
		made := owner.Post(t, "/console/webhooks/new", url.Values{"name": {"ERP"}, "url": {"https://erp.example.com/hook"}, "events": {"lead.sold.v1"}})
		require.Equal(t, http.StatusOK, made.Status, made.Body)
		hook := regexp.MustCompile(`action="(/console/webhooks/[^/"]+)/test"`).FindStringSubmatch(made.Body)
		require.NotNil(t, hook)
		contract := d.Examples["/buyer/contracts/:id"]
		partner := d.BrowseAsPartner(t, adaOf(t, d))
		for path, c := range map[string]struct {
			who           *apptest.Browser
			first, second url.Values
			typed         string // what the page has of the second form
		}{
			"/console/settings": {
				owner,
				url.Values{"program_name": {"First"}, "link_parameter": {"via"}, "cookie_lifetime": {"30"}, "approval": {"auto"}, "attribution": {"first_touch"}, "website": {"https://a.example"}},
				url.Values{"program_name": {"Second"}, "link_parameter": {"via"}, "cookie_lifetime": {"30"}, "approval": {"auto"}, "attribution": {"first_touch"}, "website": {"https://b.example"}},
				`value="Second"`,
			},
			"/console/settings/brand": {owner, url.Values{"brand_color": {"#0b6455"}}, url.Values{"brand_color": {"#113355"}}, `value="#113355"`},
			"/console/settings/form": {
				owner,
				url.Values{"leads_enabled": {"1"}, "leads_custom_form_fields.0.type": {"input"}, "leads_custom_form_fields.0.title": {"First"}},
				url.Values{"leads_enabled": {"1"}, "leads_custom_form_fields.0.type": {"input"}, "leads_custom_form_fields.0.title": {"Second"}},
				`value="Second"`,
			},
			hook[1] + "/edit": {
				owner,
				url.Values{"name": {"First"}, "url": {"https://erp.example.com/1"}, "events": {"lead.sold.v1"}},
				url.Values{"name": {"Second"}, "url": {"https://erp.example.com/2"}, "events": {"lead.sold.v1"}},
				`value="Second"`,
			},
			"/portal/profile":  {partner, url.Values{"name": {"First"}}, url.Values{"name": {"Second"}}, `value="Second"`},
			contract + "/caps": {d.Browse(t, "buyer"), url.Values{"cap_day_leads": {"3"}}, url.Values{"cap_day_leads": {"4"}}, `value="4"`},
		} {
			t.Run(path, func(t *testing.T) { // one after the other: the settings and the brand are of one seller
				seen := hidden(c.who.Get(t, path).Body, "_seen")
				require.NotEmpty(t, seen)
				require.Equal(t, http.StatusSeeOther, c.who.Send(t, path, c.first).Status)
				c.second.Set("_seen", seen)
				late := c.who.Send(t, path, c.second)
				require.Equal(t, http.StatusConflict, late.Status, late.Body)
				assert.Contains(t, late.Body, c.typed)
				assert.NotContains(t, c.who.Get(t, path).Body, c.typed)
				c.second.Set("_seen", hidden(late.Body, "_seen"))
				require.Equal(t, http.StatusSeeOther, c.who.Send(t, path, c.second).Status, "saved again it replaces")
				assert.Contains(t, c.who.Get(t, path).Body, c.typed)

				c.first.Set("_seen", "")
				assert.Equal(t, http.StatusConflict, c.who.Send(t, path, c.first).Status, "a form that does not say what it saw has seen nothing")
			})
		}
	})
}

// What a form saw goes through signing in with it: nobody else changed anything, and so nobody is said to have.
func TestAFormThatOutlivesItsSessionKnowsWhatItSaw(t *testing.T) {
	t.Parallel()
	data := newConsole(t)
	email := data.Account(t, "operator")
	operator := data.Browse(t, "operator")
	path := data.Examples["/console/buyers/:id"] + "/edit"
	nobody := data.Browse(t, "")
	lost := nobody.Post(t, path, formOf(t, operator.Get(t, path), url.Values{"name": {"Typed"}, "credit_limit": {"0"}}))
	require.Equal(t, http.StatusUnauthorized, lost.Status)
	in := nobody.Post(t, "/sign-in", url.Values{"email": {email}, "password": {apptest.Password}, "_kept": {hidden(lost.Body, "_kept")}})
	require.Equal(t, http.StatusOK, in.Status)
	who := data.As(t, sessionOf(in).Value)
	again := who.Post(t, path, formOf(t, in, url.Values{"credit_limit": {"0"}}))
	require.Equal(t, http.StatusOK, again.Status)
	assert.Contains(t, again.Body, `value="Typed"`)
	sent := who.Post(t, path, formOf(t, again, url.Values{"name": {"Typed"}, "credit_limit": {"0"}}))
	assert.Equal(t, http.StatusSeeOther, sent.Status)
}
