package acme

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// reportsKey makes a key that sees Acme's reports, as an operator does.
func reportsKey(t *testing.T, s *leadmilltest.Seller) string {
	t.Helper()
	return strings.TrimSpace(run(t, s.App.DatabaseURL, "keys", "create", "--seller", s.Code, "--scope", "acme-reports", "--rate", "none"))
}

func TestWhoSeesSales(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := start(t, databaseURL, settings)
		s := app.Seller(t)
		s.Sell(t, s.Form())
		app.Settle(t)
		reports := s.Program.With(reportsKey(t, s))

		assert.Equal(t, map[string]sold{"TX": {1, 20_000_000}}, salesOf(t, reports))
		for who, refused := range map[string]struct {
			client *leadmilltest.Client
			status int
		}{
			"nobody":   {s.Program.With(""), http.StatusUnauthorized},
			"a guess":  {s.Program.With("acme-reports"), http.StatusUnauthorized},
			"supplier": {s.Supplier, http.StatusForbidden},
			"admin":    {s.Admin, http.StatusForbidden},
		} {
			assert.Equal(t, refused.status, refused.client.Do("GET", salesPath, nil).Status, who)
		}

		// The key opens this route and nothing else.
		for _, path := range []string{"/v1/buyers", "/v1/customers", "/v1/partners", "/v1/marketplace/leads", "/v1/reports/campaigns", "/v1/events", "/v1/settings", "/v1/api-keys"} {
			assert.Equal(t, http.StatusOK, s.Program.Do("GET", path, nil).Status, path)
			a := reports.Do("GET", path, nil)
			assert.Equal(t, http.StatusForbidden, a.Status, "%s: %v", path, a)
		}
		assert.Equal(t, http.StatusForbidden, reports.Do("POST", casesPath, leadmilltest.Object{"lead_id": "lead_1"}).Status)
		assert.Equal(t, http.StatusForbidden, reports.Do("GET", "/v1/sellers", nil).Status)
		assert.Equal(t, http.StatusUnauthorized, reports.Do("POST", "/api/leads", s.Form()).Status)

		document := string(reports.With("").Must(t, "GET", "/openapi.yaml", nil).Body)
		assert.Contains(t, document, salesPath+":")
		assert.Contains(t, document, "operationId: acmeSalesByState")
		assert.Contains(t, document, casesPath+":")
	})
}
