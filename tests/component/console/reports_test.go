package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

func TestReportsAreShownAndSaved(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		data := apptest.StartConsole(t, databaseURL, leadmill.StartOptions{}).NewData(t)
		data.App.Settle(t)
		viewer := data.Browse(t, "viewer")
		days := viewer.Get(t, "/console/reports").Body
		assert.Contains(t, days, "$110.00", "two leads for 45.00 and one for 20.00")
		assert.Contains(t, days, "60 %", "three of five were sold")
		for _, by := range []string{"day", "hour", "category", "supplier", "buyer", "contract", "state", "reason"} {
			page := viewer.Get(t, "/console/reports?by="+by)
			assert.Equal(t, http.StatusOK, page.Status, by)
			assert.Contains(t, page.Body, "$110.00", by)
			sheet := viewer.Get(t, "/console/reports.csv?by="+by)
			assert.Contains(t, sheet.Header.Get("Content-Type"), "text/csv", by)
			assert.GreaterOrEqual(t, strings.Count(sheet.Body, "\r\n"), 2, by)
		}
		both := viewer.Get(t, "/console/reports?by=category&again=buyer")
		assert.Contains(t, both.Body, data.BuyerIDs[0])
		wrong := viewer.Get(t, "/console/reports?from=yesterday&by=moon")
		assert.Equal(t, http.StatusUnprocessableEntity, wrong.Status)
		assert.Contains(t, wrong.Body, `id="w-from"`)
		assert.Contains(t, wrong.Body, `id="w-by"`)
		assert.Equal(t, http.StatusUnprocessableEntity, viewer.Get(t, "/console/reports?by=hour&from=2020-01-01").Status, "that would be too many days")
		assert.Contains(t, viewer.Get(t, "/console/reports?from=2020-01-01&to=2020-01-02").Body, "Nothing happened in these days")
	})
}
