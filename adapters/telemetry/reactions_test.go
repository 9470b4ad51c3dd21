package telemetry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

// stepping is a clock that goes on by a second at each look.
type stepping struct{ at time.Time }

func (c *stepping) Now() time.Time {
	c.at = c.at.Add(time.Second)
	return c.at
}

func TestReactionsAreMeasured(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	metrics, err := telemetry.NewReactions(registry, &stepping{time.Unix(0, 0)})
	require.NoError(t, err)
	answers := map[string]error{
		"good": nil, "bad": errors.New("jane@example.com"), "away": fault.New(fault.Unavailable, "receiver_away", "Away"),
	}
	r := metrics.Measure(application.Reaction{Name: "tell", AtOnce: 7, Handler: application.ReactorFunc(
		func(_ context.Context, e application.StoredEvent) error {
			if err, known := answers[e.ID]; known {
				return err
			}
			panic("jane@example.com")
		})})
	assert.Equal(t, "tell", r.Name)
	assert.Equal(t, 7, r.AtOnce)
	for id, want := range answers {
		e := application.StoredEvent{}
		e.ID = id
		assert.Equal(t, want, r.Handler.React(t.Context(), e))
	}
	assert.Panics(t, func() { _ = r.Handler.React(t.Context(), application.StoredEvent{}) }, "a panic goes on")

	families, err := registry.Gather()
	require.NoError(t, err)
	counted := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := ""
			for _, l := range m.GetLabel() {
				labels += " " + l.GetName() + "=" + l.GetValue()
			}
			if h := m.GetHistogram(); h != nil {
				counted[f.GetName()+labels] = h.GetSampleSum()
				continue
			}
			counted[f.GetName()+labels] = m.GetCounter().GetValue()
		}
	}
	assert.Equal(t, map[string]float64{
		"leadmill_reaction_duration_seconds reaction=tell":       4,
		"leadmill_reaction_total outcome=ok reaction=tell":       1,
		"leadmill_reaction_total outcome=internal reaction=tell": 1, "leadmill_reaction_total outcome=panic reaction=tell": 1,
		"leadmill_reaction_total outcome=receiver_away reaction=tell": 1,
	}, counted)
	_, err = telemetry.NewReactions(registry, &stepping{time.Unix(0, 0)})
	require.Error(t, err, "the names are taken")
}
