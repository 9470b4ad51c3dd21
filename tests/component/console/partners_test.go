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
)

func onConsole(t *testing.T, test func(t *testing.T, d *apptest.ConsoleData)) {
	t.Helper()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		test(t, apptest.StartConsole(t, databaseURL, leadmill.StartOptions{}).NewData(t))
	})
}

func TestPartnersArePutInByInvitationOrByHand(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		b := d.Browse(t, "operator")
		out := b.Post(t, "/console/partners/new", url.Values{"email": {"no email"}, "name": {"Zoë <b>"}, "key": {"a b"}})
		require.Equal(t, http.StatusUnprocessableEntity, out.Status)
		assert.Contains(t, out.Body, `id="w-email"`)
		assert.Contains(t, out.Body, `id="w-key"`)
		assert.Contains(t, out.Body, `value="Zoë &lt;b&gt;"`)

		form := url.Values{"email": {"zoe@partners.example"}, "name": {"Zoë <b>"}, "tags": {"a, b"}, "_once": {strings.Repeat("x", 22)}}
		out = b.Post(t, "/console/partners/new", form)
		require.Equal(t, http.StatusSeeOther, out.Status, out.Body)
		page := b.Get(t, out.Location)
		assert.Contains(t, page.Body, "Zoë &lt;b&gt;")
		assert.Contains(t, page.Body, "Active")
		again := b.Post(t, "/console/partners/new", form)
		assert.Equal(t, http.StatusSeeOther, again.Status, "it was sent twice")

		out = b.Post(t, "/console/partners/invite", url.Values{"email": {"ian@partners.example"}})
		require.Equal(t, http.StatusUnprocessableEntity, out.Status)
		assert.Contains(t, out.Body, `id="w-name"`)
		out = b.Post(t, "/console/partners/invite", url.Values{"email": {"ian@partners.example"}, "name": {"Ian"}})
		require.Equal(t, http.StatusSeeOther, out.Status)
		ian := out.Location
		assert.Contains(t, b.Get(t, ian).Body, "waits for you")

		require.Equal(t, http.StatusSeeOther, b.Post(t, ian+"/approve", nil).Status)
		assert.NotContains(t, b.Get(t, ian).Body, "waits for you")
		require.Equal(t, http.StatusSeeOther, b.Post(t, ian+"/archive", nil).Status)
		assert.Contains(t, b.Get(t, ian).Body, "Take out of the archive")
		require.Equal(t, http.StatusSeeOther, b.Post(t, ian+"/unarchive", nil).Status)

		for search, want := range map[string]bool{"search=zoe%40partners": true, "status=active&search=b%3E": true, "search=zo": true, "status=rejected": false} {
			assert.Equal(t, want, strings.Contains(b.Get(t, "/console/partners?"+search).Body, "Zoë"), search)
		}
		sheet := b.Get(t, "/console/partners.csv?search=zoe")
		assert.Equal(t, 2, strings.Count(sheet.Body, "\r\n"))
		assert.Contains(t, sheet.Body, ",a b,0,0,0,")
	})
}

func TestAPartnersSignInLinkIsShownOnce(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		b, ada := d.Browse(t, "operator"), d.AddressOf(t, "/console/partners/:id")
		form := url.Values{"_once": {strings.Repeat("y", 22)}}
		out := b.Post(t, ada+"/sign-in", form)
		require.Equal(t, http.StatusOK, out.Status)
		assert.Equal(t, "no-store", out.Header.Get("Cache-Control"))
		link := regexp.MustCompile(`<code>[^<]*(/portal/sign-in/[^<]+)</code>`).FindStringSubmatch(out.Body)
		require.NotNil(t, link, out.Body)
		assert.Equal(t, http.StatusOK, b.Get(t, link[1]).Status)
		out = b.Post(t, ada+"/sign-in", form)
		assert.Equal(t, http.StatusSeeOther, out.Status, "what was shown once is not kept")
		assert.NotContains(t, b.Get(t, ada).Body, link[1])

		out = b.Post(t, ada+"/links", url.Values{"key": {"not a key"}})
		require.Equal(t, http.StatusUnprocessableEntity, out.Status)
		assert.Contains(t, out.Body, `value="not a key"`)
		require.Equal(t, http.StatusSeeOther, b.Post(t, ada+"/links", url.Values{"key": {"solar-spring"}}).Status)
		assert.Contains(t, b.Get(t, ada).Body, "=solar-spring</code>")
	})
}

func TestACustomerGoesToAnotherPartner(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		d.Partner(t, "other_one", apptest.Object{"name": "Otto", "key": "otto"})
		b, page := d.Browse(t, "operator"), d.AddressOf(t, "/console/customers/:id")
		assert.Contains(t, b.Get(t, page).Body, "The partner was named when the customer was created.")
		for partner, says := range map[string]string{"": "is required", "nobody": "Partner not found in this program."} {
			out := b.Post(t, page+"/partner", url.Values{"partner": {partner}})
			require.Equal(t, http.StatusUnprocessableEntity, out.Status)
			assert.Contains(t, out.Body, says)
		}
		require.Equal(t, http.StatusSeeOther, b.Post(t, page+"/partner", url.Values{"partner": {"otto"}}).Status)
		body := b.Get(t, page).Body
		assert.Contains(t, body, "An operator gave the customer to this partner.")
		assert.Contains(t, body, "went from another partner to this one")
		assert.Contains(t, b.Get(t, "/console/customers?partner=other_one").Body, "Bo Li")
		out := b.Get(t, "/console/customers?search="+strings.TrimPrefix(page, "/console/customers/"))
		require.Equal(t, http.StatusSeeOther, out.Status)
		assert.Contains(t, b.Get(t, out.Location).Body, "Bo Li")
		assert.Contains(t, b.Get(t, "/console/customers?search=nobody").Body, "No customer is like this")

		require.Equal(t, http.StatusSeeOther, b.Post(t, page+"/archive", nil).Status)
		assert.Contains(t, b.Get(t, page).Body, "Take out of the archive")
		require.Equal(t, http.StatusSeeOther, b.Post(t, page+"/unarchive", nil).Status)
	})
}

func TestFormLeadsAreReviewed(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		b := d.Browse(t, "operator")
		queue := func(status string) string { return b.Get(t, "/console/form-leads?status="+status).Body }
		assert.Contains(t, queue(""), "Mia")
		out := b.Post(t, "/console/form-leads/1/convert", url.Values{"amount": {"much"}})
		require.Equal(t, http.StatusUnprocessableEntity, out.Status)
		assert.Contains(t, out.Body, `id="w-amount"`)
		require.Equal(t, http.StatusSeeOther, b.Post(t, "/console/form-leads/1/convert", url.Values{"amount": {"1,200.50"}}).Status)
		assert.Contains(t, b.Get(t, "/console/form-leads/1").Body, "Became the customer")
		out = b.Post(t, "/console/form-leads/1/reject", nil)
		assert.Equal(t, http.StatusBadRequest, out.Status)
		assert.Contains(t, out.Body, "This is not possible")
		require.Equal(t, http.StatusSeeOther, b.Post(t, "/console/form-leads/2/reject", nil).Status)
		assert.Contains(t, queue(""), "Nothing waits for you")
		assert.Contains(t, queue("converted"), "Mia")
		assert.Contains(t, queue("rejected"), "Noa")
		assert.Contains(t, queue("all"), "Mia")
		for _, n := range []string{"3", "0", "x", "99999999999999999999"} {
			assert.Equal(t, http.StatusNotFound, b.Get(t, "/console/form-leads/"+n).Status, n)
		}
	})
}
