package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// What needs somebody stands on Today with the way to it, and goes when it is done.
func TestTodaySaysWhatNeedsSomebody(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		d := apptest.StartConsole(t, databaseURL, leadmill.StartOptions{}).NewData(t)
		owner, operator := d.Browse(t, "owner"), d.Browse(t, "operator")
		today := shown(t, operator, "/console", "The webhook CRM has been failing for", `href="`+d.Examples["/console/webhooks/:id"]+`">Open the webhook`)
		assert.NotContains(t, today, "to approve", "who was invited waits for nobody")

		d.Program.Must(t, "PUT", "/v1/settings", apptest.Object{"approval": "manual"})
		d.Partner(t, "newcomer", apptest.Object{"name": "Nora"})
		shown(t, operator, "/console", "1 partner to approve", `href="/console/partners/newcomer">Open the partner`)
		d.Partner(t, "another", apptest.Object{"name": "Otis"})
		shown(t, operator, "/console", "2 partners to approve", `href="/console/partners?status=pending">Look at them`)
		for _, id := range []string{"newcomer", "another"} {
			require.Equal(t, http.StatusSeeOther, operator.Post(t, "/console/partners/"+id+"/approve", nil).Status)
		}
		assert.NotContains(t, shown(t, operator, "/console"), "to approve")

		assert.NotContains(t, shown(t, owner, "/console"), "parked")
		db := apptest.Open(t, databaseURL)
		_, err := db.Writer.ExecContext(t.Context(), "INSERT INTO event_parked (consumer, position, seller_id, aggregate_type, aggregate_id, attempts, error, parked_at) "+
			"VALUES ('partner-activity', 1, 'seller_none', 'partner', 'partner_none', 5, 'no', 1)")
		require.NoError(t, err)
		shown(t, owner, "/console", "1 event is parked", `href="/console/system">Open the system`)
		assert.NotContains(t, shown(t, operator, "/console"), "parked", "an operator does not see the system")
	})
}

// Every list says what to do when there is nothing in it.
func TestEmptyListsSayWhatToDo(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		console := apptest.StartConsole(t, databaseURL, leadmill.StartOptions{})
		b := console.NewEmpty(t).Browse(t, "owner")
		for path, link := range map[string]string{
			"/console": "/console/campaigns", "/console/leads": "/console/keys", "/console/waiting": "/console/leads", "/console/campaigns": "/console/campaigns/new",
			"/console/buyers": "/console/buyers/new", "/console/partners": "/console/partners/invite", "/console/customers": "/console/settings/tracking",
			"/console/form-leads": "/console/settings/form", "/console/reports": "/console/reports", "/console/events?type=lead.sold.v1": "", "/console/webhooks": "/console/webhooks/new",
			"/console/people/changes?object=nothing": "",
		} {
			body := shown(t, b, path)
			_, empty, found := strings.Cut(body, `<div class="empty">`)
			if !assert.True(t, found, path) {
				continue
			}
			empty, _, _ = strings.Cut(empty, "</div>")
			assert.Regexp(t, `<h2>[^<]+</h2><p>[^<]{20,}</p>`, empty, path)
			if link != "" {
				assert.Contains(t, empty, fmt.Sprintf(`class="button" href="%s"`, link), path)
				assert.Equal(t, http.StatusOK, b.Get(t, link).Status, "where %s leads", path)
			}
		}
	})
}
