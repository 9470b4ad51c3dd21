package acme

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// A rule is pure, so it needs no Leadmill to be tested.
func TestOfAge(t *testing.T) {
	t.Parallel()
	rule := newOfAge(Settings{MinimumAge: 18})
	for _, age := range []any{18, 99, "18", "", nil} {
		assert.NoError(t, rule.Check(leadmilltest.Facts(leadmilltest.Fields{"age": age})), "%v", age)
	}
	for _, age := range []any{17, 0, -1, 17.9, "17", "eighteen", true} {
		assert.ErrorIs(t, rule.Check(leadmilltest.Facts(leadmilltest.Fields{"age": age})), errTooYoung, "%v", age)
	}
	assert.NoError(t, rule.Check(leadmilltest.Facts(nil)))
}

func TestNobodyIsSoldWhoIsTooYoung(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := start(t, databaseURL, settings)
		s := app.Seller(t)
		refused := s.Sell(t, s.Form().With("age", 17))
		assert.Equal(t, []string{"rejected", "acme_too_young", errTooYoung.Message}, []string{refused.Status, refused.Code, refused.Error})
		assert.Equal(t, "sold", s.Sell(t, s.Form().With("age", 18)).Status)
		assert.Equal(t, "sold", s.Sell(t, s.Form()).Status)

		events := s.Events(t, "lead.rejected.v1")
		if assert.Len(t, events, 1) {
			assert.Equal(t, refused.ID, events[0].Subject)
		}
		app.Doctor(t)
	})
}
