package fault_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// An erasure that is killed in the middle again and again, by whoever does it, goes on where it was and does nothing twice.
func TestAnErasureKilledAgainAndAgainErasesAll(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		const leads = 1600
		a := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, a, apptest.Object{"dedupe": apptest.Object{"fields": []string{"phone"}, "match": "any", "window_days": 1}}, apptest.Rich)
		apptest.Parallel(32, func(int) {
			for range leads / 32 {
				if l := s.Supplier.Insist("POST", "/api/leads", s.Form().With("email", "jane@killed.example")); l.Status != 200 {
					t.Errorf("answered %s", l)
				}
			}
		})
		a.Settle(t)
		a.Stop(t)
		db := apptest.Open(t, databaseURL)
		asking := apptest.Run(t, databaseURL, []string{"serve"})
		id := s.Program.At(&asking.App).Must(t, "POST", "/v1/erasures", apptest.Object{"email": "jane@killed.example"}).Data(t)["id"]
		asking.Kill() // soon after it was asked

		nothing := filepath.Join(t.TempDir(), "nothing.jsonl")
		if err := os.WriteFile(nothing, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		open := func() bool { return db.Number("SELECT COUNT(*) FROM open_erasures") > 0 }
		step := func() int64 { return db.Number("SELECT SUM(step) FROM erasure_runs") }
		rounds := 0
		for ; open(); rounds++ {
			before := step()
			both := []*apptest.Process{
				apptest.Launch(t, databaseURL, []string{"erasures", "apply", nothing}), apptest.Launch(t, databaseURL, []string{"erasures", "apply", nothing}),
			}
			apptest.Eventually(t, func() error {
				if open() && step() == before {
					return fmt.Errorf("nothing was stored since step %d", before)
				}
				return nil
			})
			for _, p := range both {
				p.Kill()
			}
		}
		if rounds < 2 {
			t.Errorf("killed %d times only", rounds)
		}
		last := apptest.Run(t, databaseURL, []string{"serve"})
		got := s.Program.At(&last.App).Must(t, "GET", fmt.Sprintf("/v1/erasures/%v", id), nil).Data(t)
		erased, _ := got["erased"].(map[string]any)
		if got["state"] != "done" || erased["leads"] != float64(leads) || erased["claims"] != float64(leads) {
			t.Errorf("after %d kills the receipt counts %v", rounds, erased)
		}
		db.Audit()
		if n := len(db.Events("lead.erased.v1")); n != leads {
			t.Errorf("%d events tell of %d erased leads", n, leads)
		}
		if n := db.Number("SELECT COUNT(*) FROM claims"); n != 0 {
			t.Errorf("%d claims are left", n)
		}
		last.Stop(t)
		t.Logf("%d rounds", rounds)
	})
}
