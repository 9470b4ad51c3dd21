package acme

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

const casesPath = "/v1/x/acme/cases"

// The files in testdata are what the readers of Acme's events rely on.
func TestEventsLookAsTheyDid(t *testing.T) {
	t.Parallel()
	leadmilltest.Golden(t, "testdata/events", []eventsv1.Definition{caseOpened},
		CaseOpened{CaseID: "case_1", LeadID: "lead_1", OpenedAt: time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.UTC)})
}

func TestOpenCase(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := start(t, databaseURL, settings)
		s, other := app.Seller(t), app.Seller(t)
		lead := s.Sell(t, s.Form()).ID
		open := func(lead string, headers ...string) leadmilltest.Answer {
			return s.Program.Do("POST", casesPath, leadmilltest.Object{"lead_id": lead}, headers...)
		}

		opened := open(lead, "Idempotency-Key", "one")
		require.Equal(t, http.StatusCreated, opened.Status, "%v", opened)
		again := open(lead, "Idempotency-Key", "one")
		assert.True(t, again.Replayed())
		assert.Equal(t, []any{opened.Status, string(opened.Body)}, []any{again.Status, string(again.Body)})

		// What is refused leaves neither a row nor an event.
		for code, refused := range map[string]leadmilltest.Answer{
			"acme_case_open":         open(lead),
			"idempotency_key_reused": open("lead_2", "Idempotency-Key", "one"),
			"validation_failed":      s.Program.Do("POST", casesPath, leadmilltest.Object{}),
			"forbidden":              s.Supplier.Do("POST", casesPath, leadmilltest.Object{"lead_id": "lead_2"}),
		} {
			assert.Equal(t, code, refused.Refusal().Code, "%v", refused)
		}
		assert.Equal(t, http.StatusConflict, open(lead).Status)
		other.Program.Must(t, "POST", casesPath, leadmilltest.Object{"lead_id": lead}) // each seller has its own cases

		var e CaseOpened
		events := s.Events(t, e.EventType())
		require.Len(t, events, 1)
		events[0].Into(t, &e)
		data := opened.Data(t)
		assert.Equal(t, []any{data["id"], lead, data["id"]}, []any{e.CaseID, e.LeadID, events[0].Subject})
		assert.Equal(t, [][]string{{e.CaseID, lead, "open", "1"}},
			app.Query(t, "SELECT id, lead_id, status, version FROM x_acme_cases WHERE id = ?", e.CaseID))
		assert.Equal(t, [][]string{{"2"}}, app.Query(t, "SELECT COUNT(*) FROM x_acme_cases"))
		app.Doctor(t)
	})
}

func TestReadersAreToldOfTheEvent(t *testing.T) {
	t.Parallel()
	c := start(t, leadmilltest.Database(t, "sqlite"), settings).Seller(t).Program.With("")
	assert.Contains(t, string(c.Must(t, "GET", "/asyncapi.yaml", nil).Body), "x.acme.case_opened.v1")
	schema := c.Must(t, "GET", "/schemas/x.acme.case_opened.v1.json", nil).Body
	assert.JSONEq(t, string(caseOpenedSchema), string(schema))
}

// opener opens cases and knows what it was answered.
type opener struct {
	mu     sync.Mutex
	opened map[string]string // the ids of the cases by lead; empty for a case without an answer
}

// open opens a case, again under the same Idempotency-Key while Leadmill is busy. It returns false when the process is gone.
func (o *opener) open(t *testing.T, c *leadmilltest.Client, lead string) bool {
	for {
		a := c.Do("POST", casesPath, leadmilltest.Object{"lead_id": lead}, "Idempotency-Key", "open-"+lead)
		id, _ := a.Object()["id"].(string)
		o.mu.Lock()
		o.opened[lead] = id
		o.mu.Unlock()
		if a.Err != nil || a.Status != http.StatusServiceUnavailable {
			return a.Err == nil && assert.Equal(t, http.StatusCreated, a.Status, "%v", a)
		}
	}
}

// answered returns how many cases are known to be open.
func (o *opener) answered() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range o.opened {
		if id != "" {
			n++
		}
	}
	return n
}

// A case that was answered is stored with its event, whatever happens to the process; one that was not is stored with its event
// or not at all.
func TestCasesAreOpenedWhole(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		const kills, clients, each = 3, 4, 15
		p := serve(t, databaseURL)
		s := p.SellerWith(t, leadmilltest.SellerOptions{})
		o := &opener{opened: map[string]string{}}
		whole := func() (stored int) {
			t.Helper()
			rows, events := map[string]string{}, map[string]string{}
			for _, e := range s.Events(t, caseOpened.Type) {
				var data CaseOpened
				e.Into(t, &data)
				assert.NotContains(t, events, data.LeadID, "the lead has two cases")
				events[data.LeadID] = data.CaseID
			}
			for _, row := range p.Query(t, "SELECT lead_id, id FROM x_acme_cases") {
				rows[row[0]] = row[1]
			}
			assert.Equal(t, rows, events)
			for lead, id := range o.opened {
				if id != "" {
					assert.Equal(t, rows[lead], id)
				}
			}
			return len(rows)
		}
		for kill := range kills {
			before := o.answered()
			var running sync.WaitGroup
			for client := range clients {
				running.Go(func() {
					alive := true
					for i := 0; alive; i++ {
						alive = o.open(t, s.Program, fmt.Sprintf("lead_%d_%d_%d", kill, client, i))
					}
				})
			}
			leadmilltest.Eventually(t, func() error {
				if n := o.answered() - before; n < each {
					return fmt.Errorf("%d cases are open", n)
				}
				return nil
			})
			p.Kill()
			running.Wait()
			p = serve(t, databaseURL)
			s = s.At(&p.App)
		}
		assert.GreaterOrEqual(t, whole(), o.answered())
		for lead := range o.opened {
			assert.True(t, o.open(t, s.Program, lead), "the client asks again")
		}
		assert.Equal(t, len(o.opened), whole())
		p.Doctor(t)
		p.Stop(t)
	})
}
