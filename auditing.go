package leadmill

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
)

// auditing audits what came since the last audit that found no breach, at night: of a year, only a day is left to look at.
var auditing = ownModule("auditing",
	AsJob("audit", application.Cron("30 3 * * *"), newAudit),
	Provide(newTending),
	AsJob("tend", application.Every(tendEvery), newTend),
	Share(newInstallation),
)

const (
	// auditPass bounds the memory of an audit beside the service.
	auditPass = 100_000
	// breachesLogged is how many breaches one audit logs.
	breachesLogged = 20
)

func newAudit(_ migrated, db *dialect.DB, store *sqlstore.Store, clock application.Clock, logger *slog.Logger, registry *prometheus.Registry,
) (func(context.Context) error, error) {
	breaches := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "leadmill_audit_breaches", Help: "Breaches that the last audit of this instance found.",
	})
	position := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "leadmill_audit_proven_position", Help: "The position of the log up to which the last audit of this instance found no breach.",
	})
	for _, c := range []prometheus.Collector{breaches, position} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) error {
		since, err := audit.Proven(ctx, db)
		if err != nil {
			return err
		}
		head, err := audit.PositionAt(ctx, db, clock.Now().Add(time.Hour)) // the last stretch: the next audit begins with it
		if err != nil {
			return err
		}
		report, err := audit.Run(ctx, db, audit.Options{Now: clock.Now(), Since: since, PassEvents: auditPass}, sqlstore.AuditRules()...)
		if err != nil {
			return err
		}
		found := 0
		for _, check := range report.Checks {
			found += check.Breaches
		}
		breaches.Set(float64(found))
		for i, b := range report.Breaches {
			if i == breachesLogged {
				break
			}
			logger.ErrorContext(ctx, "the audit found a breach", slog.String("invariant", b.Invariant), slog.String("rule", b.Rule),
				slog.String("table", b.Table), slog.String("id", b.ID), slog.String("want", b.Want), slog.String("got", b.Got))
		}
		if found > 0 {
			return fmt.Errorf("%d breaches since position %d: see leadmill doctor --since %d", found, report.Since, report.Since)
		}
		position.Set(float64(head))
		return store.SetInstallation(ctx, audit.ProvenName, strconv.AppendInt(nil, head, 10))
	}, nil
}
