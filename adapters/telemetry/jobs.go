package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Jobs counts the runs of jobs and logs those that failed.
type Jobs struct {
	logger   *slog.Logger
	runs     *prometheus.CounterVec
	duration *prometheus.HistogramVec
	success  *prometheus.GaugeVec
}

// NewJobs registers leadmill_job_runs_total, leadmill_job_duration_seconds and leadmill_job_last_success_timestamp_seconds. It
// fails when the registry has a metric of such a name.
func NewJobs(registry prometheus.Registerer, logger *slog.Logger) (*Jobs, error) {
	j := &Jobs{
		logger: logger,
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadmill_job_runs_total", Help: "Runs of jobs in this process by name and outcome.",
		}, []string{"job", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "leadmill_job_duration_seconds",
			Help:    "Duration of the runs of jobs in this process by name.",
			Buckets: []float64{.01, .05, .1, .5, 1, 5, 15, 60, 300, 900, 3600},
		}, []string{"job"}),
		success: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "leadmill_job_last_success_timestamp_seconds",
			Help: "When a job last succeeded in this process, in seconds since 1970.",
		}, []string{"job"}),
	}
	return j, errors.Join(registry.Register(j.runs), registry.Register(j.duration), registry.Register(j.success))
}

// JobRan tells of a run that came to its end.
func (j *Jobs) JobRan(ctx context.Context, job string, started, finished time.Time, err error) {
	j.runs.WithLabelValues(job, outcome(err)).Inc()
	j.duration.WithLabelValues(job).Observe(finished.Sub(started).Seconds())
	if err == nil {
		j.success.WithLabelValues(job).Set(float64(finished.UnixMicro()) / 1e6)
		return
	}
	attrs := []slog.Attr{slog.String("job", job), slog.String("outcome", outcome(err)), slog.String("error", cause(err))}
	if stack, ok := panicStack(err); ok {
		attrs = append(attrs, slog.String("stack", string(stack)))
	}
	j.logger.LogAttrs(ctx, slog.LevelWarn, "a job failed; it is tried again", attrs...)
}
