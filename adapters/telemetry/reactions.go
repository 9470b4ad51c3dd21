package telemetry

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill/application"
)

// Reactions counts what reactions are told and how long they take.
type Reactions struct {
	clock    application.Clock
	total    *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// NewReactions registers leadmill_reaction_total and leadmill_reaction_duration_seconds. It fails when the registry has a
// metric of these names.
func NewReactions(registry prometheus.Registerer, clock application.Clock) (*Reactions, error) {
	r := &Reactions{
		clock: clock,
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadmill_reaction_total", Help: "Events that reactions were told of, each attempt, by reaction and outcome.",
		}, []string{"reaction", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "leadmill_reaction_duration_seconds", Help: "How long reactions took for an event, each attempt.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10, 30, 60},
		}, []string{"reaction"}),
	}
	return r, errors.Join(registry.Register(r.total), registry.Register(r.duration))
}

// Measure returns a reaction that is counted and timed. The outcome is "ok", the error's code, or "panic".
func (m *Reactions) Measure(r application.Reaction) application.Reaction {
	next := r.Handler
	r.Handler = application.ReactorFunc(func(ctx context.Context, e application.StoredEvent) error {
		start, became := application.Elapsed(m.clock), "panic"
		defer func() {
			m.total.WithLabelValues(r.Name, became).Inc()
			m.duration.WithLabelValues(r.Name).Observe((application.Elapsed(m.clock) - start).Seconds())
		}()
		err := next.React(ctx, e)
		became = outcome(err)
		return err
	})
	return r
}
