package acme

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/tests/leadmilltest"
)

var audited = regexp.MustCompile(`operation=(\S+) (seller=.*)`)

// trail returns what the audit wrote of an operation.
func trail(t *testing.T, app *leadmilltest.App, operation string) (found []string) {
	t.Helper()
	for _, line := range lines(app.Logs, "acme: audit") {
		m := audited.FindStringSubmatch(line)
		if assert.NotNil(t, m, line) && m[1] == operation {
			found = append(found, m[2])
		}
	}
	return found
}

func TestCommandsAreAudited(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := start(t, databaseURL, settings)
		s := app.SellerWith(t, leadmilltest.SellerOptions{Buyers: []leadmilltest.Buyer{{Contract: leadmilltest.Object{"price": 5.00}}}})
		reports := reportsKey(t, s)

		// Two are accepted, the second although its lead is rejected. One is refused for what it says and one for its key.
		s.Sell(t, s.Form())
		s.Sell(t, s.Form().With("age", 3))
		refused := s.Program.Do("POST", "/v1/partners", leadmilltest.Object{"email": "none"})
		assert.Equal(t, 422, refused.Status, "%v", refused)
		forbidden := s.Program.With(reports).Do("POST", "/v1/partners", leadmilltest.Object{"email": "a@b.example", "name": "A"})
		assert.Equal(t, 403, forbidden.Status, "%v", forbidden)
		s.Deposit(t, s.BuyerIDs[0], 100) // Leadmill sells the lead that waits, by a command of its own

		sellerID := s.Admin.Must(t, "GET", "/v1/sellers/"+s.Code, nil).Data(t)["id"]
		keys := map[any]any{}
		for _, key := range s.Program.Must(t, "GET", "/v1/api-keys", nil).List(t) {
			keys[key["scope"]] = key["id"]
		}
		by := func(scope, partner, outcome string) string {
			return fmt.Sprintf("seller=%s key=%s partner=%s outcome=%s", sellerID, keys[scope], partner, outcome)
		}
		assert.Equal(t, []string{by("supplier", "supplier", "ok"), by("supplier", "supplier", "ok")}, trail(t, app, "SubmitLead"))
		assert.Equal(t, []string{
			by("program", `""`, "ok"), by("program", `""`, refused.Refusal().Code), by("acme-reports", `""`, "forbidden"),
		}, trail(t, app, "CreatePartner"))
		assert.Len(t, s.Events(t, "lead.sold.v1"), 1)
		assert.Empty(t, trail(t, app, "MatchPending"), "it is Leadmill's own")
		app.Doctor(t)
	})
}
