package leadmill

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	programcommand "github.com/leadmill/leadmill/application/program/command"
)

// newRegistry returns the registry of all metrics, with those of the process.
func newRegistry() (*prometheus.Registry, error) {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "leadmill_build_info", Help: "1; the version of the program and of Go.",
		ConstLabels: prometheus.Labels{"version": Version(), "go": runtime.Version()},
	})
	build.Set(1)
	r := prometheus.NewRegistry()
	return r, errors.Join(r.Register(collectors.NewGoCollector()), r.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})), r.Register(build))
}

// tracing opens spans; they go nowhere unless it is on.
type tracing struct {
	tracer trace.Tracer
	on     bool
}

// lastSpans is how long the end waits until what was not sent yet is sent.
const lastSpans = 5 * time.Second

// newTracing begins to send traces and metrics as OpenTelemetry's variables ask, from instances that serve.
func newTracing(ctx starting, o opening, registry *prometheus.Registry, clock application.Clock, logger *slog.Logger, closing *closers) (*tracing, error) {
	var wanted telemetry.OpenTelemetry
	if o.makes {
		var err error
		if wanted, err = telemetry.ReadOpenTelemetry(os.Getenv); err != nil {
			return nil, &usageError{err}
		}
	}
	provider, stop, err := wanted.Start(ctx, Version(), registry, clock, logger)
	if err != nil {
		return nil, err
	}
	closing.add("OpenTelemetry", func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSpans)
		defer cancel()
		if err := stop(ctx); err != nil { // a collector that is away is no reason to end with an error
			logger.Warn("the last traces or metrics were not sent", slog.String("error", err.Error()))
		}
		return nil
	})
	if wanted.Traces() {
		otel.SetTracerProvider(provider) // for modules
	}
	return &tracing{provider.Tracer("leadmill"), wanted.Traces()}, nil
}

// measureDatabase adds the metrics of the pools, and what is counted in the database at each scrape.
func measureDatabase(registry *prometheus.Registry, db *dialect.DB) error {
	errs := []error{registry.Register(sqlstore.NewCollector(db))}
	if db.Reader == db.Writer {
		return errors.Join(append(errs, registry.Register(collectors.NewDBStatsCollector(db.Writer.DB, "all")))...)
	}
	return errors.Join(append(errs, registry.Register(collectors.NewDBStatsCollector(db.Writer.DB, "writer")),
		registry.Register(collectors.NewDBStatsCollector(db.Reader.DB, "reader")))...)
}

// newPurged returns the counter of rows that were purged.
func newPurged(registry *prometheus.Registry) (prometheus.Counter, error) {
	c := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "leadmill_purged_rows_total", Help: "Rows whose time was over that this instance deleted: claims, stored answers, requests, tokens and such.",
	})
	return c, registry.Register(c)
}

// countingGivenUp returns a handler that counts the mails that are not tried again.
func countingGivenUp(mails *telemetry.Mails, next bus.Handler[programcommand.SendMails, []application.UnsentMail]) bus.Handler[programcommand.SendMails, []application.UnsentMail] {
	return bus.HandlerFunc[programcommand.SendMails, []application.UnsentMail](func(ctx context.Context, c programcommand.SendMails) ([]application.UnsentMail, error) {
		unsent, err := next.Handle(ctx, c)
		n := 0
		for _, m := range unsent {
			if m.GivenUp {
				n++
			}
		}
		mails.GivenUp(n)
		return unsent, err
	})
}
