package telemetry_test

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/fault"
)

func TestJobsAreCountedAndFailuresLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	j, err := telemetry.NewJobs(registry, slog.New(slog.NewJSONHandler(&log, nil)))
	require.NoError(t, err)
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ran := func(after time.Duration, err error) {
		j.JobRan(t.Context(), "purge", start, start.Add(after), err)
	}
	ran(20*time.Millisecond, nil)
	require.Empty(t, log.String(), "what went well is not worth a line")
	ran(2*time.Second, fault.New(fault.Unavailable, "service_unavailable", "Later.").Because(errors.New("disk full")))
	ran(time.Second, &application.DataError{Err: errors.New(canary)})
	ran(time.Second, bus.Panicked(canary))
	assert.Contains(t, log.String(), `"msg":"a job failed; it is tried again","job":"purge","outcome":"service_unavailable","error":"disk full"`)
	assert.Contains(t, log.String(), `"outcome":"internal","error":"panic","stack":`)
	assert.NotContains(t, log.String(), canary)

	families, err := registry.Gather()
	require.NoError(t, err)
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetHistogram().GetSampleSum()
		}
	}
	assert.Equal(t, map[string]float64{
		"leadmill_job_runs_total purge ok":                  1,
		"leadmill_job_runs_total purge service_unavailable": 1,
		"leadmill_job_runs_total purge internal":            2,
		"leadmill_job_duration_seconds purge":               4.02,
		"leadmill_job_last_success_timestamp_seconds purge": float64(start.UnixMicro()+20_000) / 1e6,
	}, got)
	_, err = telemetry.NewJobs(registry, slog.New(slog.DiscardHandler))
	require.Error(t, err, "a name is registered once")
}
