package console_test

import (
	"html"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
			if slices.Contains([]string{"hour", "contract", "state", "reason"}, by) { // it comes after its page
				later := regexp.MustCompile(`id="report" hx-get="([^"]+)"`).FindStringSubmatch(page.Body)
				require.NotNil(t, later, by)
				assert.NotContains(t, page.Body, "$110.00", by)
				page = viewer.Get(t, html.UnescapeString(later[1]))
				assert.Equal(t, http.StatusOK, page.Status, by)
			}
			assert.Contains(t, page.Body, "$110.00", by)
			assert.Contains(t, page.Body, `href="/console/reports.csv?by=`+by+`"`)
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
		name, value := data.SignIn(t, "viewer")
		part, err := http.NewRequestWithContext(t.Context(), http.MethodGet, data.App.URL+"/console/reports/table?by=hour&from=2020-01-01", nil)
		require.NoError(t, err)
		part.Header.Set("Cookie", name+"="+value)
		part.Header.Set("HX-Request", "true")
		answer, err := http.DefaultClient.Do(part)
		require.NoError(t, err)
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, answer.StatusCode, "it takes the place of the report")
		assert.Regexp(t, `<div id="report"><div class="notice bad"`, string(text))
		assert.Equal(t, http.StatusUnprocessableEntity, viewer.Get(t, "/console/reports/table?by=hour&from=2020-01-01").Status)
		assert.Contains(t, viewer.Get(t, "/console/reports?from=2020-01-01&to=2020-01-02").Body, "Nothing happened in these days")
	})
}
