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
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/fault"
)

// canary stands for personal data. It must not appear in any log, metric or trace.
const canary = "john.doe@canary.example"

type message struct{ Email string }

// rig is the whole chain with its logs, metrics and traces.
type rig struct {
	log      *bytes.Buffer
	registry *prometheus.Registry
	handler  bus.Handler[message, string]
}

func newRig(t *testing.T, level slog.Level, handle func(context.Context) error) rig {
	t.Helper()
	r := rig{log: &bytes.Buffer{}, registry: prometheus.NewRegistry()}
	c := clock.NewManual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	metrics, err := telemetry.NewMetrics(r.registry, c)
	require.NoError(t, err)
	logger := slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: level}))
	chain, err := bus.NewChain(telemetry.Log{Logger: logger, Clock: c}, metrics, telemetry.Trace{Tracer: noop.NewTracerProvider().Tracer("")}, telemetry.Recover{})
	require.NoError(t, err)
	assert.Equal(t, []string{"recover", "trace", "metrics", "log"}, chain.Codes())
	r.handler = bus.Wrap(chain, func(any) bus.Operation { return bus.Operation{Kind: bus.Command, Name: "SubmitLead"} }, bus.HandlerFunc[message, string](func(ctx context.Context, m message) (string, error) {
		c.Advance(20 * time.Millisecond)
		return m.Email, handle(ctx)
	}))
	return r
}

// measured returns the outcomes that were counted, with the sum of their durations.
func (r rig) measured(t *testing.T) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	families, err := r.registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		assert.Equal(t, "leadmill_operation_duration_seconds", f.GetName())
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
				assert.NotContains(t, l.GetValue(), canary)
			}
			out[labels["kind"]+" "+labels["name"]+" "+labels["outcome"]] += m.GetHistogram().GetSampleSum()
		}
	}
	return out
}

func TestFailuresAreToldWithoutPersonalData(t *testing.T) {
	t.Parallel()
	down := fault.New(fault.Unavailable, "service_unavailable", "Service unavailable")
	for name, tc := range map[string]struct {
		handle  func(context.Context) error
		level   string
		outcome string
		cause   string
		stack   bool
	}{
		"a refused value": {func(context.Context) error {
			return fmt.Errorf("save: %w", &application.DataError{Err: errors.New("Duplicate entry '" + canary + "' for key 'email'")})
		}, "ERROR", "internal", "the database refused a value", false},
		"a refused value behind a fault": {func(context.Context) error {
			return down.Because(&application.DataError{Err: errors.New(canary)})
		}, "WARN", "service_unavailable", "the database refused a value", false},
		"a panic":                   {func(context.Context) error { panic("cannot parse " + canary) }, "ERROR", "internal", "panic", true},
		"a panicking error":         {func(context.Context) error { panic(errors.New(canary)) }, "ERROR", "internal", "panic", true},
		"a panic in a rule":         {func(context.Context) error { return &bus.PanicError{Value: canary, Stack: []byte("frames")} }, "ERROR", "internal", "panic", true},
		"a panic in a batch":        {func(context.Context) error { return &bus.PanicError{Value: canary, Stack: []byte("frames")} }, "ERROR", "internal", "panic", true},
		"a panic without its stack": {func(context.Context) error { return fmt.Errorf("do: %w", &bus.PanicError{Value: canary}) }, "ERROR", "internal", "panic", true},
		"a dependency is down":      {func(context.Context) error { return down.Because(errors.New("connection refused")) }, "WARN", "service_unavailable", "connection refused", false},
		"anything else":             {func(context.Context) error { return errors.New("disk full") }, "ERROR", "internal", "disk full", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, slog.LevelDebug, tc.handle)
			ctx := application.WithTrail(t.Context(), application.Trail{CorrelationID: "req-1"})
			result, err := r.handler.Handle(ctx, message{Email: canary})
			require.Error(t, err)
			assert.Empty(t, result)
			assert.NotContains(t, r.log.String(), canary)
			var line map[string]any
			require.NoError(t, json.Unmarshal(r.log.Bytes(), &line), "one line: %s", r.log)
			assert.Equal(t, []any{tc.level, "operation failed", "command", "SubmitLead", tc.outcome, tc.cause, "req-1"},
				[]any{line["level"], line["msg"], line["kind"], line["name"], line["outcome"], line["error"], line["request_id"]})
			assert.InDelta(t, 20e6, line["duration"], 0)
			_, stack := line["stack"]
			assert.Equal(t, tc.stack, stack)
			assert.Len(t, r.measured(t), 1)
			assert.InDelta(t, 0.02, r.measured(t)["command SubmitLead "+tc.outcome], 1e-9, "panics are measured too")
		})
	}
}

func TestOrdinaryOutcomes(t *testing.T) {
	t.Parallel()
	refused := fault.New(fault.RuleViolated, "lead_already_sold", canary).Because(errors.New(canary))
	for want, err := range map[string]error{"ok": nil, "lead_already_sold": refused} {
		quiet := newRig(t, slog.LevelInfo, func(context.Context) error { return err })
		_, got := quiet.handler.Handle(t.Context(), message{Email: canary})
		assert.Equal(t, err, got)
		assert.Empty(t, quiet.log.String())
		assert.Contains(t, quiet.measured(t), "command SubmitLead "+want)

		debug := newRig(t, slog.LevelDebug, func(context.Context) error { return err })
		_, _ = debug.handler.Handle(t.Context(), message{Email: canary})
		assert.Contains(t, debug.log.String(), `"outcome":"`+want+`"`)
		assert.NotContains(t, debug.log.String(), canary)
		assert.Equal(t, 1, strings.Count(debug.log.String(), "\n"))
	}
}

// A job that ends because its instance stops is no failure either, though the database could not answer it; one that cannot reach the database is.
func TestAnInstanceThatStopsIsNoFailure(t *testing.T) {
	t.Parallel()
	away := fault.New(fault.Unavailable, "service_unavailable", "Service unavailable")
	ctx, stop := context.WithCancel(t.Context())
	stopping := newRig(t, slog.LevelInfo, func(ctx context.Context) error {
		stop()
		return away.Because(fmt.Errorf("read what is replayed: %w", ctx.Err()))
	})
	_, err := stopping.handler.Handle(ctx, message{Email: canary})
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, stopping.log.String())

	broken := newRig(t, slog.LevelInfo, func(context.Context) error { return away.Because(errors.New("connection refused")) })
	_, err = broken.handler.Handle(ctx, message{Email: canary})
	require.Error(t, err)
	assert.Contains(t, broken.log.String(), "connection refused", "what else fails meanwhile is told")
}

// A client that hangs up while the database reads is no failure of the service.
func TestAClientThatHungUpIsNoFailure(t *testing.T) {
	t.Parallel()
	ctx, hangUp := context.WithCancel(t.Context())
	r := newRig(t, slog.LevelInfo, func(ctx context.Context) error {
		hangUp()
		return fmt.Errorf("read campaign report: %w", ctx.Err())
	})
	_, err := r.handler.Handle(ctx, message{Email: canary})
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, r.log.String())
	assert.Contains(t, r.measured(t), "command SubmitLead cancelled")

	alive := newRig(t, slog.LevelInfo, func(context.Context) error { return context.Canceled })
	_, err = alive.handler.Handle(t.Context(), message{})
	require.ErrorIs(t, err, context.Canceled)
	assert.Contains(t, alive.log.String(), `"level":"ERROR"`, "nobody hung up")
}

func TestRecoverIsTheLastResort(t *testing.T) {
	t.Parallel()
	err := telemetry.Recover{}.Intercept(t.Context(), bus.Operation{}, func(context.Context) error { panic("an interceptor") })
	var p *bus.PanicError
	require.ErrorAs(t, err, &p)
	assert.Equal(t, "an interceptor", p.Value)
	assert.Contains(t, string(p.Stack), "TestRecoverIsTheLastResort")
	require.NoError(t, telemetry.Recover{}.Intercept(t.Context(), bus.Operation{}, func(context.Context) error { return nil }))
}

func TestMetricsAreRegisteredOnce(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	_, err := telemetry.NewMetrics(registry, clock.NewManual(time.Time{}))
	require.NoError(t, err)
	_, err = telemetry.NewMetrics(registry, clock.NewManual(time.Time{}))
	require.Error(t, err)
}
