package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

func TestTheSystemIsSeenByOwnersOfItsOnlySeller(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		console := apptest.StartConsole(t, databaseURL, leadmill.StartOptions{})
		d := console.NewData(t)
		b := d.Browse(t, "owner")
		page := b.Get(t, "/console/system").Body
		assert.Contains(t, page, "partner-activity")
		assert.Contains(t, page, "It did not run yet.")
		require.Equal(t, http.StatusSeeOther, b.Post(t, "/console/system/audit", nil).Status)
		apptest.Eventually(t, func() error {
			page = b.Get(t, "/console/system").Body
			for _, part := range []string{"The last audit began", "Measured"} {
				if !strings.Contains(page, part) {
					return fmt.Errorf("the page does not say: %s", part)
				}
			}
			return nil
		})

		assert.Equal(t, http.StatusNotFound, b.Post(t, "/console/system/retry", url.Values{"consumer": {"nobody"}}).Status)
		require.Equal(t, http.StatusSeeOther, b.Post(t, "/console/system/retry", url.Values{"consumer": {"partner-activity"}}).Status)
		out := b.Post(t, "/console/system/skip", url.Values{"consumer": {"partner-activity"}, "position": {"1"}})
		require.Equal(t, http.StatusUnprocessableEntity, out.Status)
		assert.Contains(t, out.Body, "reason")
		out = b.Post(t, "/console/system/skip", url.Values{"consumer": {"partner-activity"}, "position": {"1"}, "reason": {"a test"}})
		assert.Equal(t, http.StatusConflict, out.Status)

		console.NewData(t)
		page = b.Get(t, "/console/system").Body
		assert.Contains(t, page, "This installation is shared")
		assert.NotContains(t, page, "partner-activity")
		for _, action := range []string{"audit", "retry", "skip"} {
			form := url.Values{"consumer": {"partner-activity"}, "position": {"1"}, "reason": {"a test"}}
			assert.Equal(t, http.StatusForbidden, b.Post(t, "/console/system/"+action, form).Status, action)
		}
	})
}

// Below a thing stands who changed it, for those who may know.
func TestChangesAreListedBelowWhatWasChanged(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		operator, viewer, owner := d.Browse(t, "operator"), d.Browse(t, "viewer"), d.Browse(t, "owner")
		for _, c := range []struct{ page, action, says string }{
			{"/console/buyers/:id", "/pause", "Pause buyer"},
			{"/console/campaigns/:id", "/pause", "Pause campaign"},
			{"/console/campaigns/:id/contracts/:contract", "/pause", "Pause contract"},
			{"/console/partners/:id", "/archive", "Archive partner"},
			{"/console/customers/:id", "/archive", "Archive customer"},
			{"/console/form-leads/:number", "/reject", "Reject lead"},
			{"/console/leads/:id", "/fields", "Reveal lead"},
			{"/console/webhooks/:id", "/disable", "Update webhook"},
		} {
			page := d.AddressOf(t, c.page)
			require.Less(t, operator.Post(t, page+c.action, nil).Status, 400, page+c.action)
			assert.Contains(t, operator.Get(t, page).Body, `data-label="What">`+c.says+`</td>`, page)
			assert.NotContains(t, viewer.Get(t, page).Body, "Who changed it", page)
		}
		key := d.AddressOf(t, "/console/keys/:id")
		assert.Contains(t, owner.Get(t, key).Body, `data-label="What">Create API key</td>`)
	})
}

func TestChangesAreListed(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		b := d.Browse(t, "operator")
		partner := d.AddressOf(t, "/console/partners/:id")
		id := strings.TrimPrefix(partner, "/console/partners/")
		require.Equal(t, http.StatusSeeOther, b.Post(t, partner+"/archive", nil).Status)
		apptest.Eventually(t, func() error {
			if page := b.Get(t, "/console/people/changes?object="+id).Body; !strings.Contains(page, "Archive partner") {
				return fmt.Errorf("the change is not listed")
			}
			return nil
		})
		assert.Contains(t, b.Get(t, "/console/people/changes.csv?object="+id).Body, "ArchivePartner")
		assert.Contains(t, b.Get(t, "/console/people/changes?object=nothing").Body, "No changes")
	})
}
