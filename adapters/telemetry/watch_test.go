package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
)

// slowly is a rule and a strategy that take as long as takes says.
type slowly struct {
	hands *clock.Manual
	takes *time.Duration
	says  error
}

func (slowly) Order() int { return 7 }
func (s slowly) Check(lead.Facts) error {
	s.hands.Advance(*s.takes)
	return s.says
}

func (s slowly) Rank(_ lead.Facts, c []distribution.Candidate) []distribution.Candidate {
	s.hands.Advance(*s.takes)
	if s.says != nil {
		panic(s.says)
	}
	return c[:1]
}

type slowRule struct{ slowly }

func (slowRule) Code() fault.Code { return "acme_slow" }

type slowStrategy struct{ slowly }

func (slowStrategy) Code() string { return "acme_slow" }

// watching is a Watch with what it tells.
type watching struct {
	*telemetry.Watch

	hands    *clock.Manual
	log      bytes.Buffer
	registry *prometheus.Registry
}

func newWatching(t *testing.T) *watching {
	t.Helper()
	w := &watching{hands: clock.NewManual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), registry: prometheus.NewRegistry()}
	var err error
	w.Watch, err = telemetry.NewWatch(w.registry, w.hands, slog.New(slog.NewJSONHandler(&w.log, nil)))
	require.NoError(t, err)
	return w
}

// lines returns what was logged.
func (w *watching) lines(t *testing.T) (lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(w.log.String()) {
		var l map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &l))
		assert.Equal(t, "WARN", l["level"])
		lines = append(lines, l)
	}
	assert.NotContains(t, w.log.String(), canary)
	return lines
}

// counted returns the counters by name and labels.
func (w *watching) counted(t *testing.T) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	families, err := w.registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
				assert.NotContains(t, l.GetValue(), canary)
			}
			out[name] = m.GetCounter().GetValue()
		}
	}
	return out
}

func TestSlowDecisionsAreToldOnceAMinute(t *testing.T) {
	t.Parallel()
	w := newWatching(t)
	takes := new(time.Duration)
	refused := errors.New(canary)
	rule := telemetry.WatchRule(w.Watch, slowRule{slowly{w.hands, takes, refused}})
	strategy := telemetry.WatchStrategy(w.Watch, slowStrategy{slowly{hands: w.hands, takes: takes}})
	assert.Equal(t, fault.Code("acme_slow"), rule.Code())
	assert.Equal(t, 7, rule.Order())
	assert.Equal(t, "acme_slow", strategy.Code())
	assert.Equal(t, 7, strategy.Order())
	decide := func(d time.Duration) {
		*takes = d
		require.Equal(t, refused, rule.Check(lead.Facts{}))
		require.Len(t, strategy.Rank(lead.Facts{}, make([]distribution.Candidate, 2)), 1)
	}

	decide(5 * time.Millisecond)
	assert.Empty(t, w.lines(t), "5 ms are not slow")
	assert.Empty(t, w.counted(t))

	decide(5*time.Millisecond + time.Microsecond)
	decide(20 * time.Millisecond)
	lines := w.lines(t)
	require.Len(t, lines, 2, "one for each, a rule and a strategy of one code")
	for i, kind := range []string{"intake_rule", "strategy"} {
		assert.Equal(t, []any{kind, "acme_slow", 5.001e6}, []any{lines[i]["kind"], lines[i]["code"], lines[i]["duration"]})
	}
	slow := func(n float64) map[string]float64 {
		return map[string]float64{"leadmill_slow_decisions_total acme_slow intake_rule": n, "leadmill_slow_decisions_total acme_slow strategy": n}
	}
	assert.Equal(t, slow(2), w.counted(t), "each is counted")

	w.hands.Advance(59 * time.Second)
	decide(6 * time.Millisecond)
	assert.Len(t, w.lines(t), 2)
	w.hands.Advance(time.Second)
	decide(6 * time.Millisecond)
	assert.Len(t, w.lines(t), 4)
	assert.Equal(t, slow(4), w.counted(t))
}

func TestASlowPanicIsSlow(t *testing.T) {
	t.Parallel()
	w := newWatching(t)
	takes := 6 * time.Millisecond
	strategy := telemetry.WatchStrategy(w.Watch, slowStrategy{slowly{w.hands, &takes, errors.New(canary)}})
	assert.Panics(t, func() { strategy.Rank(lead.Facts{}, nil) }, "the panic goes on")
	assert.Len(t, w.lines(t), 1)
}

func TestMissingFactsAreToldOnceAMinute(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err                error
		reason, code, kind string
		stack              bool
	}{
		"timeout":      {context.DeadlineExceeded, "timeout", "", "context.deadlineExceededError", false},
		"late client":  {fmt.Errorf("get %s: %w", canary, context.DeadlineExceeded), "timeout", "", "*fmt.wrapError", false},
		"panic":        {bus.Panicked(canary), "panic", "", "*bus.PanicError", true},
		"error":        {errors.New(canary), "error", "", "*errors.errorString", false},
		"with a fault": {fault.New(fault.Unavailable, "scores_down", canary), "error", "scores_down", "*fault.Error", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWatching(t)
			for range 3 {
				w.FactMissing(t.Context(), "score", c.err)
			}
			w.FactMissing(t.Context(), "other", c.err)
			lines := w.lines(t)
			require.Len(t, lines, 2, "one a provider")
			assert.Equal(t, []any{"score", c.reason, c.code, c.kind}, []any{lines[0]["provider"], lines[0]["reason"], lines[0]["code"], lines[0]["type"]})
			_, stack := lines[0]["stack"]
			assert.Equal(t, c.stack, stack)
			w.hands.Advance(time.Minute)
			w.FactMissing(t.Context(), "score", c.err)
			assert.Len(t, w.lines(t), 3)
			assert.Equal(t, map[string]float64{
				"leadmill_facts_missing_total score " + c.reason: 4, "leadmill_facts_missing_total other " + c.reason: 1,
			}, w.counted(t))
		})
	}
}

func TestAWatchIsRegisteredOnce(t *testing.T) {
	t.Parallel()
	w := newWatching(t)
	_, err := telemetry.NewWatch(w.registry, w.hands, slog.New(slog.DiscardHandler))
	require.Error(t, err)
}
