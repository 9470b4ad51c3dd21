package acme

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/tests/leadmilltest"
)

func TestNotListed(t *testing.T) {
	t.Parallel()
	check := func(answers map[string]leadmilltest.Fields) error {
		return newNotListed().Check(leadmilltest.Facts(leadmilltest.Fields{"phone": "+15551234567"}, leadmilltest.Answered(answers)))
	}
	assert.NoError(t, check(map[string]leadmilltest.Fields{"do_not_call": {"listed": false}}))
	assert.ErrorIs(t, check(map[string]leadmilltest.Fields{"do_not_call": {"listed": true}}), errListed)
	assert.ErrorIs(t, check(nil), errListAway)
	assert.ErrorIs(t, check(map[string]leadmilltest.Fields{"another": {"listed": false}}), errListAway)
}

func TestTheDoNotCallListIsAsked(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		list := leadmilltest.NewHTTPSink(t)
		with := settings
		with.DoNotCall = list.URL
		app := start(t, databaseURL, with)
		s := app.Seller(t)

		list.Answer(http.StatusNotFound, "", "")
		form := s.Form()
		assert.Equal(t, "sold", s.Sell(t, form).Status)
		assert.Equal(t, form["phone"], list.Requests()[0].Query.Get("phone"))

		list.Answer(http.StatusOK, "", "")
		listed := s.Sell(t, s.Form())
		assert.Equal(t, []string{"rejected", "acme_do_not_call"}, []string{listed.Status, listed.Code})
		app.Doctor(t)
	})
}

// A lead that cannot be decided is answered 503 and leaves nothing behind: when the supplier sends it again, it is new.
func TestALeadWaitsForTheDoNotCallList(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		list := leadmilltest.NewHTTPSink(t)
		list.Answer(http.StatusNotFound, "", "")
		with := settings
		with.DoNotCall = list.URL
		app := start(t, databaseURL, with)
		s := app.Seller(t)
		form := s.Form()
		refused := func() {
			t.Helper()
			a := s.Supplier.Do("POST", "/api/leads", form, "Idempotency-Key", "one")
			assert.Equal(t, http.StatusServiceUnavailable, a.Status, "%v", a)
			assert.Equal(t, "service_unavailable", a.Lead().Code)
			assert.Empty(t, a.Lead().ID)
			assert.Empty(t, s.Events(t, "lead.submitted.v1", "lead.rejected.v1"))
			assert.Empty(t, s.Program.Must(t, "GET", "/v1/marketplace/leads", nil).List(t))
		}

		list.Fail(http.StatusInternalServerError, -1)
		refused()
		assert.Len(t, lines(app.Logs, `the intake rule \"acme_do_not_call\" cannot tell now`), 1, "the operator is told why")
		list.Recover()
		list.Hang() // it is given a second
		refused()
		list.Release()

		sold := s.Supplier.Must(t, "POST", "/api/leads", form, "Idempotency-Key", "one")
		assert.Equal(t, "sold", sold.Lead().Status)
		assert.False(t, sold.Replayed())
		assert.Len(t, s.Events(t, "lead.sold.v1"), 1)
		assert.NotContains(t, app.Logs.String(), form["phone"])
		app.Doctor(t)
	})
}
