package leadmill

import (
	"context"
	"errors"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/telemetry"
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
func countingGivenUp(mails *telemetry.Mails, next bus.Handler[programcommand.SendMails, []programcommand.UnsentMail]) bus.Handler[programcommand.SendMails, []programcommand.UnsentMail] {
	return bus.HandlerFunc[programcommand.SendMails, []programcommand.UnsentMail](func(ctx context.Context, c programcommand.SendMails) ([]programcommand.UnsentMail, error) {
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
