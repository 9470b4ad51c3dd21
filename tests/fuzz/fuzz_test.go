package fuzz_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/fuzz"
)

func TestMain(m *testing.M) { apptest.Main(m) }

// TestFuzzedRequestsAreAnswered sends 25,000 requests on each engine, or as many as LEADMILL_TEST_FUZZ says within
// LEADMILL_TEST_FUZZ_MINUTES. None is answered 5xx, each as the document says, and the books are right afterwards.
func TestFuzzedRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	requests := apptest.Setting(t, "LEADMILL_TEST_FUZZ", 25_000)
	seed := uint64(apptest.Setting(t, "LEADMILL_TEST_FUZZ_SEED", int(time.Now().UnixNano()%1_000_000)))
	var until time.Time
	if minutes := apptest.Setting(t, "LEADMILL_TEST_FUZZ_MINUTES", 0); minutes > 0 {
		until = time.Now().Add(time.Duration(minutes) * time.Minute)
	}
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.StartConfig(t, databaseURL, func(c *leadmill.Config) { c.SecretKey = strings.Repeat("k", 40) }, leadmill.StartOptions{})
		keys := func() map[string][]string {
			s := apptest.NewShop(t, app, nil, apptest.Rich, apptest.Rich)
			other := apptest.NewShop(t, app, nil, apptest.Rich)
			for n := range 5 {
				s.Sell(t, s.Form())
				text := strconv.Itoa(n)
				s.Program.Must(t, "POST", "/v1/customers", apptest.Object{"partner": apptest.Object{"id": s.PartnerID}, "key": "customer_" + text, "email": text + "@customers.example"})
				s.Program.Must(t, "POST", "/v1/leads", apptest.Object{"partner": apptest.Object{"id": s.PartnerID}, "name": "Alice Brown", "email": text + "@leads.example"})
			}
			return map[string][]string{
				"admin": {s.Admin.Key}, "program": {s.Program.Key, s.Program.Key, s.Program.Key, other.Program.Key}, "supplier": {s.Supplier.Key, other.Supplier.Key},
			}
		}
		r := fuzz.Run(fuzz.Options{URL: app.URL, Spec: apptest.Spec(t), Keys: keys, Seed: seed, Requests: requests, Clients: 8, Until: until})
		for _, wrong := range r.Wrong {
			t.Error(wrong)
		}
		t.Logf("%d requests, seed %d, answered %v", r.Requests, seed, r.Answers)
		done := 0
		for _, n := range r.Done {
			done += n
		}
		if done < r.Requests/20 {
			t.Errorf("%d of %d requests did what they ask for: these are too wrong to find anything", done, r.Requests)
		}
		for _, o := range apptest.Spec(t).Operations() {
			if r.Done[o.ID] == 0 {
				t.Logf("%s was never done: %s", o.ID, r.Last[o.ID])
			}
		}
		if logs := app.Logs.String(); strings.Contains(logs, "panic") {
			t.Errorf("something panicked: %s", app.Logs.Tail())
		}
		apptest.Open(t, databaseURL).Audit()
	})
}
