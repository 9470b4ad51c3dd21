package acme

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// cases returns the leads of the cases with a status, in order.
func cases(t *testing.T, app *leadmilltest.App, status string) string {
	t.Helper()
	var leads []string
	for _, row := range app.Query(t, "SELECT lead_id FROM x_acme_cases WHERE status = ? ORDER BY lead_id", status) {
		leads = append(leads, row[0])
	}
	return strings.Join(leads, " ")
}

func TestOldCasesAreClosed(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		clock := leadmilltest.NewClock(time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC))
		app := leadmilltest.StartWith(t, leadmilltest.Options{Clock: clock, DatabaseURL: databaseURL}, Module(settings))
		s := app.Seller(t)
		open := func(lead string) { s.Program.Must(t, "POST", casesPath, leadmilltest.Object{"lead_id": lead}) }
		open("first")
		clock.Advance(time.Second)
		open("second")
		clock.Advance(settings.CaseLasts - time.Second)
		app.RunJob(t, "acme-close-old-cases")
		assert.Empty(t, cases(t, app, "closed"))
		clock.Advance(time.Second)
		app.RunJob(t, "acme-close-old-cases")
		assert.Equal(t, []string{"first", "second"}, []string{cases(t, app, "closed"), cases(t, app, "open")})
		app.Doctor(t)
	})
}

// One process at a time runs a job; when it is killed, another takes over.
func TestAJobMovesToTheProcessThatIsLeft(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		sink := leadmilltest.NewHTTPSink(t)
		shift := func(name string) *leadmilltest.Process {
			return serve(t, databaseURL, "LEADMILL_X_SHIFTS_URL="+sink.URL+"/"+name)
		}
		first := shift("first")
		sink.WaitFor(t, 1)
		second := shift("second")
		s := second.Seller(t)
		closed := func(lead string) { // through the second process, whoever runs the job
			s.Program.Must(t, "POST", casesPath, leadmilltest.Object{"lead_id": lead})
			leadmilltest.Eventually(t, func() error {
				if !strings.Contains(cases(t, &second.App, "closed"), lead) {
					return assert.AnError
				}
				return nil
			})
		}
		closed("a")
		for _, r := range sink.WaitFor(t, len(sink.Requests())+2) {
			assert.Equal(t, "/first", r.Path)
		}
		first.Kill()
		before := len(sink.Requests())
		closed("b")
		for _, r := range sink.WaitFor(t, before+1)[before:] {
			assert.Equal(t, "/second", r.Path)
		}
		second.Doctor(t)
		second.Stop(t)
	})
}
