package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

// TestTheNightlyAuditGoesOnWhereItFoundNoBreach audits what is new, tells a breach in it, and does not pass by it.
func TestTheNightlyAuditGoesOnWhereItFoundNoBreach(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		p := apptest.Run(t, databaseURL, []string{"serve"})
		s := apptest.NewShop(t, &p.App, nil, apptest.Rich)
		db := apptest.Open(t, databaseURL)
		sell := func() string {
			t.Helper()
			l := s.Sell(t, s.Form())
			if l.Status != "sold" {
				t.Fatalf("answered %+v", l)
			}
			db.Settle()
			return l.ID
		}
		proven := func() (position int64) {
			t.Helper()
			out := must(t, databaseURL, "doctor", "--since", "proven")
			_, after, _ := strings.Cut(out, "Only what came from position ")
			_, _ = fmt.Sscan(after, &position)
			return position
		}
		if n := proven(); n != 0 {
			t.Errorf("before the first audit position %d is proven", n)
		}
		sell()
		if out := must(t, databaseURL, "jobs", "run", "audit"); out != "audit is done.\n" {
			t.Errorf("it says %q", out)
		}
		first := proven()
		if first == 0 {
			t.Error("an audit without a breach proves nothing")
		}
		id := sell()
		change := func(by int) {
			t.Helper()
			if _, err := db.Writer.ExecContext(t.Context(), fmt.Sprintf("UPDATE ledger_entries SET amount = amount + %d WHERE type = 'sale' AND sale_id IN (SELECT s.id FROM sales s WHERE s.lead_id = '%s')", by, id)); err != nil {
				t.Fatal(err)
			}
		}
		change(1)
		for range 2 { // it does not pass by what it found
			code, _, stderr := end(t, databaseURL, []string{"jobs", "run", "audit"})
			if code != 1 || !strings.Contains(stderr, "breaches since position") || !strings.Contains(stderr, "doctor --since") {
				t.Errorf("it ends with %d: %s", code, stderr)
			}
		}
		change(-1)
		must(t, databaseURL, "jobs", "run", "audit")
		if n := proven(); n <= first {
			t.Errorf("position %d is proven after %d", n, first)
		}
		p.Stop(t)
	})
}
