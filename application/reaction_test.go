package application_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
)

func TestCheckReactions(t *testing.T) {
	t.Parallel()
	c, err := eventsv1.NewCatalogue(eventsv1.Definition{Type: "x.acme.lead_scored.v1", Schema: []byte(`{"type":"object"}`)})
	require.NoError(t, err)
	good := func(change func(*application.Reaction)) application.Reaction {
		r := application.Reaction{
			Name: "tell", Types: []string{"lead.sold.v1", "x.acme.lead_scored.v1"},
			Handler: application.ReactorFunc(func(context.Context, application.StoredEvent) error { return nil }),
		}
		if change != nil {
			change(&r)
		}
		return r
	}
	named := func(name string) application.Reaction {
		return good(func(r *application.Reaction) { r.Name = name })
	}
	require.NoError(t, application.CheckReactions(c, []string{"campaign-report"}, []application.Reaction{
		good(func(r *application.Reaction) { r.AtOnce = 64 }), named("other"),
	}))
	for name, tc := range map[string]struct {
		in   []application.Reaction
		says string
	}{
		"a projection's name": {[]application.Reaction{named("campaign-report")}, `reaction "campaign-report": a projection has this name`},
		"one name twice":      {[]application.Reaction{named("a"), named("b"), named("a")}, `reaction "a": two reactions have this name`},
		"no types":            {[]application.Reaction{good(func(r *application.Reaction) { r.Types = nil })}, `reaction "tell": it names no types`},
		"an unknown type": {
			[]application.Reaction{good(func(r *application.Reaction) { r.Types = []string{"lead.sold.v1", "lead.sold.v9"} })},
			`reaction "tell": there is no public event type "lead.sold.v9"`,
		},
		"an internal type": {
			[]application.Reaction{good(func(r *application.Reaction) { r.Types = []string{"seller.created.v1"} })},
			`reaction "tell": there is no public event type "seller.created.v1"`,
		},
		"too many at once": {[]application.Reaction{good(func(r *application.Reaction) { r.AtOnce = 65 })}, `reaction "tell": 65 at once; it must be 1 to 64`},
		"below none":       {[]application.Reaction{good(func(r *application.Reaction) { r.AtOnce = -1 })}, `reaction "tell": -1 at once`},
		"no handler":       {[]application.Reaction{good(func(r *application.Reaction) { r.Handler = nil })}, `reaction "tell": it has no handler`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := application.CheckReactions(c, []string{"campaign-report"}, tc.in)
			require.ErrorContains(t, err, tc.says)
			assert.NotContains(t, err.Error(), "\n", "one mistake is one line")
		})
	}
	err = application.CheckReactions(c, nil, []application.Reaction{{Name: "bare"}})
	assert.Equal(t, 2, strings.Count(err.Error(), "bare"), "all mistakes are named: %v", err)
}
