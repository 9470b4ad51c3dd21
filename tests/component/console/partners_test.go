package console_test

import (
	"fmt"
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

		find := func(path, status, search string) apptest.Page {
			t.Helper()
			return b.Post(t, path, url.Values{"status": {status}, "search": {search}})
		}
		for _, c := range []struct {
			status, search string
			want           bool
		}{{"", "zoe@partners", true}, {"active", "b>", true}, {"", "zo", true}, {"rejected", "zo", false}} {
			assert.Equal(t, c.want, strings.Contains(find("/console/partners", c.status, c.search).Body, "Zoë"), c)
		}
		assert.Equal(t, "/console/partners?status=rejected", find("/console/partners", "rejected", "").Location)
		assert.NotContains(t, b.Get(t, "/console/partners?status=rejected").Body, "Zoë")
		sheet := find("/console/partners.csv", "", "zoe")
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
		assert.Regexp(t, `(?s)id="history".*>Ada Lovelace</bdi></a>: The partner was named when the customer was created\.`, body)
		assert.Contains(t, b.Get(t, "/console/customers?partner=other_one").Body, "Bo Li")
		find := func(search, partner string) apptest.Page {
			t.Helper()
			return b.Post(t, "/console/customers", url.Values{"search": {search}, "partner": {partner}})
		}
		key := strings.TrimPrefix(page, "/console/customers/")
		for _, search := range []string{key, strings.Replace(key, "c_", "bo-", 1) + "@customers.example"} {
			out := find(search, "")
			require.Equal(t, http.StatusSeeOther, out.Status, search)
			assert.NotContains(t, out.Location, "@")
			assert.Contains(t, b.Get(t, out.Location).Body, "Bo Li")
		}
		for _, partner := range []string{"other_one", "otto"} {
			assert.Equal(t, "/console/customers?partner=other_one", find("", partner).Location, partner)
		}
		assert.Equal(t, "/console/customers", find("", "").Location)
		assert.Contains(t, find("nobody", "").Body, "No customer is like this")
		assert.Contains(t, find("", "nobody@example.com").Body, "No customer is like this")

		require.Equal(t, http.StatusSeeOther, b.Post(t, page+"/archive", nil).Status)
		assert.Contains(t, b.Get(t, page).Body, "Take out of the archive")
		require.Equal(t, http.StatusSeeOther, b.Post(t, page+"/unarchive", nil).Status)
	})
}

// What somebody looks for may name a person: the page that answers has it in its fields, and in no address.
func TestWhatIsLookedForIsInNoAddress(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		b := d.Browse(t, "viewer")
		for i := range 60 {
			d.Partner(t, fmt.Sprintf("many_%02d", i), apptest.Object{"name": "Quirin", "email": fmt.Sprintf("quirin.%02d@partners.example", i)})
		}
		address := regexp.MustCompile(`(?:href|action|src|hx-get|hx-post|formaction|sse-connect)="([^"]*)"`)
		hidden := regexp.MustCompile(`<input type="hidden" name="after" value="([^"]+)">`)
		found := 0
		form := url.Values{"search": {"quirin."}, "status": {"active"}}
		for range 2 {
			out := b.Post(t, "/console/partners", form)
			require.Equal(t, http.StatusOK, out.Status)
			found += strings.Count(out.Body, `data-label="Partner"><a `)
			for _, m := range address.FindAllStringSubmatch(out.Body, -1) {
				assert.NotContains(t, strings.ToLower(m[1]), "quirin", m[0])
			}
			if next := hidden.FindStringSubmatch(out.Body); next != nil {
				form.Set("after", next[1])
			}
		}
		assert.Equal(t, 60, found, "the second page goes on where the first ended")
		form.Del("after")
		assert.Equal(t, 61, strings.Count(b.Post(t, "/console/partners.csv", form).Body, "\r\n"))
		assert.NotContains(t, b.Get(t, "/console/partners?search=quirin.05").Body, `value="quirin`, "an address that somebody typed looks for nothing")
	})
}

func TestFormLeadsAreReviewed(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		b := d.Browse(t, "operator")
		queue := func(status string) string { return b.Get(t, "/console/form-leads?status="+status).Body }
		assert.Contains(t, queue(""), `/console/form-leads/1"`)
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
		assert.Contains(t, queue("converted"), `/console/form-leads/1"`)
		assert.Contains(t, queue("rejected"), `/console/form-leads/2"`)
		assert.Contains(t, queue("all"), `/console/form-leads/1"`)
		for _, n := range []string{"3", "0", "x", "99999999999999999999"} {
			assert.Equal(t, http.StatusNotFound, b.Get(t, "/console/form-leads/"+n).Status, n)
		}
	})
}

// What a form lead says of a person is masked for everybody, until somebody who may asks for it, which the audit trail has.
func TestAFormLeadIsMaskedUntilSomebodyAsks(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		operator, viewer := d.Browse(t, "operator"), d.Browse(t, "viewer")
		const one = "/console/form-leads/1"
		for _, who := range []*apptest.Browser{operator, viewer} {
			for _, path := range []string{one, "/console/form-leads", "/console/form-leads?status=all"} {
				page := who.Get(t, path)
				require.Equal(t, http.StatusOK, page.Status)
				assert.Contains(t, page.Body, "P•••••", path)
				assert.NotContains(t, page.Body, "Philippa", path)
				assert.NotContains(t, strings.ToLower(page.Body), "@leads.example", path)
			}
		}
		assert.NotContains(t, operator.Get(t, one).Body, "Reveal form lead")
		assert.Equal(t, http.StatusForbidden, viewer.Post(t, one+"/fields", nil).Status)
		assert.NotContains(t, viewer.Get(t, one).Body, one+"/fields")
		shown := operator.Post(t, one+"/fields", nil)
		require.Equal(t, http.StatusOK, shown.Status, shown.Body)
		assert.Contains(t, shown.Body, "<bdi>Philippa</bdi>")
		assert.Contains(t, strings.ToLower(shown.Body), "@leads.example")
		assert.Contains(t, operator.Get(t, one).Body, `data-label="What">Reveal form lead`, "who looked is kept")
		assert.NotContains(t, operator.Get(t, one).Body, "Philippa", "and the next page is masked again")
		assert.Equal(t, http.StatusNotFound, operator.Post(t, "/console/form-leads/99/fields", nil).Status)
	})
}
