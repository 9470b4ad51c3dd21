package acme

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// told are the events that the CRM is told of.
func told(t *testing.T, s *leadmilltest.Seller) []leadmilltest.Event {
	t.Helper()
	return s.Events(t, eventsv1.LeadPending{}.Type(), eventsv1.LeadSold{}.Type())
}

// taken waits until the CRM took each of the events and returns what it took of each lead, in the order in which it first took it.
func taken(t *testing.T, crm *leadmilltest.HTTPSink, events []leadmilltest.Event) map[string][]string {
	t.Helper()
	leadmilltest.Eventually(t, func() error {
		for accepted := crm.Accepted(); len(events) > 0; events = events[1:] {
			if id := events[0].ID; accepted[id] == 0 {
				return fmt.Errorf("the CRM has not taken %s", id)
			}
		}
		return nil
	})
	byLead, known := map[string][]string{}, map[string]bool{}
	for _, r := range crm.Requests() {
		if r.Status != http.StatusOK || known[r.Key()] {
			continue
		}
		known[r.Key()] = true
		var data eventsv1.LeadSold // that of lead.pending.v1 has the id too
		require.NoError(t, json.Unmarshal(r.Body, &data))
		byLead[data.LeadID] = append(byLead[data.LeadID], r.Header.Get("Event-Type"))
	}
	return byLead
}

// inFeed returns the types of the events of each lead in the order of the log.
func inFeed(events []leadmilltest.Event) map[string][]string {
	byLead := map[string][]string{}
	for _, e := range events {
		byLead[e.Subject] = append(byLead[e.Subject], e.Type)
	}
	return byLead
}

// withCRM are the settings with a CRM.
func withCRM(crm *leadmilltest.HTTPSink) Settings {
	s := settings
	s.CRM = crm.URL
	return s
}

func TestTheCRMIsToldThroughAnOutage(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		crm := leadmilltest.NewHTTPSink(t)
		app := start(t, databaseURL, withCRM(crm))
		s := app.SellerWith(t, leadmilltest.SellerOptions{Buyers: []leadmilltest.Buyer{{Contract: leadmilltest.Object{"price": 10.00}}}})
		crm.Fail(http.StatusBadGateway, -1)
		for range 5 {
			assert.Equal(t, "pending", s.Sell(t, s.Form()).Status)
		}
		s.Deposit(t, s.BuyerIDs[0], 1000) // now all of them are sold
		failed := crm.WaitFor(t, 8)       // some for the second time
		crm.Recover()

		events := told(t, s)
		require.Len(t, events, 10)
		assert.Equal(t, inFeed(events), taken(t, crm, events), "in order for each lead")
		assert.Len(t, crm.Accepted(), len(events), "nothing comes under a key of another attempt")
		for _, r := range failed {
			assert.Equal(t, http.StatusBadGateway, r.Status)
			assert.Positive(t, crm.Accepted()[r.Key()], "what failed comes again under the same key")
		}
		app.Doctor(t)
	})
}

// To build a read model again is no reason to tell anybody anything.
func TestAReplayTellsTheCRMNothing(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		crm := leadmilltest.NewHTTPSink(t)
		app := start(t, databaseURL, withCRM(crm))
		s := app.Seller(t)
		for range 3 {
			s.Sell(t, s.Form())
		}
		app.Settle(t)
		want := crm.Counts()
		assert.Len(t, want, 3)
		run(t, databaseURL, "events", "replay", "acme-sales-by-state")
		refused := leadmilltest.LaunchProcess(t, leadmilltest.ProcessOptions{DatabaseURL: databaseURL, Args: []string{"events", "replay", "acme-crm"}})
		assert.Equal(t, 1, refused.Wait(t))
		assert.Contains(t, refused.Logs.String(), "acme-crm is a reaction")

		s.Sell(t, s.Form())
		events := told(t, s)
		require.Len(t, events, 4)
		want[events[3].ID] = 1
		assert.Equal(t, want, crm.Counts())
		assert.Equal(t, map[string]sold{"TX": {4, 80_000_000}}, salesOf(t, s.Program))
		app.Doctor(t)
	})
}

// What a process did not finish when it was killed comes again in the next one, under the same key.
func TestTheCRMIsToldAfterAKill(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		const leads, atOnce = 30, 8
		crm := leadmilltest.NewHTTPSink(t)
		p := serve(t, databaseURL, "LEADMILL_X_CRM_URL="+crm.URL)
		s := p.SellerWith(t, leadmilltest.SellerOptions{Buyers: []leadmilltest.Buyer{leadmilltest.Rich}})
		s.Sell(t, s.Form())
		crm.WaitFor(t, 1)
		crm.Hang()
		for range leads {
			s.Sell(t, s.Form())
		}
		hanging := crm.WaitFor(t, 1+atOnce)[1:]
		p.Kill()
		crm.Release()

		p = serve(t, databaseURL, "LEADMILL_X_CRM_URL="+crm.URL)
		s = s.At(&p.App)
		s.Sell(t, s.Form())
		events := told(t, s)
		assert.Len(t, events, leads+2)
		assert.Equal(t, inFeed(events), taken(t, crm, events))
		for _, r := range hanging {
			assert.Greater(t, crm.Counts()[r.Key()], 1, "it was at work when the process was killed")
		}
		p.Doctor(t)
		p.Stop(t)
	})
}
