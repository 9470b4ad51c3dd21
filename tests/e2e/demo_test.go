package e2e_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

// TestTheDemoHasAHistory starts the demo on an empty database: what a seller looks at is there, of the last month, and nothing is wrong with
// it. A second start adds nothing.
func TestTheDemoHasAHistory(t *testing.T) {
	t.Parallel()
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		d := runDemo(t, databaseURL)
		count := func(path string) int {
			t.Helper()
			return len(d.program.Must(t, "GET", path, nil).List(t))
		}
		apptest.Eventually(t, func() error {
			first := d.program.Must(t, "GET", "/v1/events?limit=1", nil).List(t)
			if len(first) == 0 {
				return errors.New("no event has a position")
			}
			if began, err := time.Parse(time.RFC3339Nano, fmt.Sprint(first[0]["time"])); err != nil || time.Since(began) < 29*24*time.Hour {
				t.Errorf("it began at %v: %v", first[0]["time"], err)
			}
			return nil
		})
		if n := count("/v1/buyers?limit=50"); n != 6 {
			t.Errorf("%d buyers", n)
		}
		if n := count("/v1/partners?limit=50"); n != 13 {
			t.Errorf("%d partners, one of them invited", n)
		}
		for _, path := range []string{
			"/v1/marketplace/leads?status=pending&limit=1", "/v1/marketplace/leads?status=duplicate&limit=1", "/v1/customers?limit=1", "/v1/leads?limit=1",
			"/v1/returns?status=pending&limit=1", "/v1/returns?status=approved&limit=1",
		} {
			if count(path) == 0 {
				t.Errorf("%s has nothing", path)
			}
		}
		rows := func(table string) (n int) {
			t.Helper()
			if err := apptest.Open(t, databaseURL).Reader.GetContext(t.Context(), &n, "SELECT COUNT(*) FROM "+table); err != nil {
				t.Fatal(err)
			}
			return n
		}
		apptest.Eventually(t, func() error {
			if rows("webhook_attempts") == 0 {
				return errors.New("nothing was sent to the webhook")
			}
			return nil
		})
		if hook := d.program.Must(t, "GET", "/v1/webhooks", nil).List(t)[0]; hook["failing_since"] == nil {
			t.Errorf("the webhook does not fail: %v", hook)
		}
		matches(t, "the curl example", d.supplier.Do("POST", "/api/leads", documentedCurl), 200, soldPattern)
		d.Stop(t)
		must(t, databaseURL, "doctor")
		before := rows("leads")
		if before < 1_500 || before > 2_500 {
			t.Errorf("%d leads", before)
		}
		d = runDemo(t, databaseURL)
		d.Stop(t)
		if after := rows("leads"); after != before {
			t.Errorf("a second start made of %d leads %d", before, after)
		}
	})
}
