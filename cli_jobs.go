package leadmill

import (
	"context"
	"fmt"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/leadmill/leadmill/adapters/jobs"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/application"
)

// newJobs returns what runs the jobs of all modules.
func newJobs(_ migrated, db *dialect.DB, l *eventLog, clock application.Clock, logger *slog.Logger, registry *prometheus.Registry, list []part[application.Job]) (*jobs.Runner, error) {
	observer, err := telemetry.NewJobs(registry, logger)
	if err != nil {
		return nil, err
	}
	return jobs.New(db, clock, values(list), jobs.Config{Quiet: l.head.Quiet, Observer: observer, Logger: logger})
}

func (c *cli) jobs() *cobra.Command {
	run := &cobra.Command{
		Use: "run NAME", Short: "Run a job now, unless another instance has it", Args: cobra.ExactArgs(1),
		RunE: c.run(func(ctx context.Context, k *core, args []string) error {
			k.Address.set(k.base(k.Config.HTTPAddr))
			if err := k.Jobs.RunNow(ctx, args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(c.stdout, "%s is done.\n", args[0])
			return err
		}),
	}
	list := group("jobs", "List the jobs, when they are due and how they went; run one", run)
	list.RunE = c.run(func(ctx context.Context, k *core, _ []string) error {
		all, err := k.Jobs.Status(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.stdout, 0, 4, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "NAME\tSCHEDULE\tNEXT\tLAST\tRESULT\tOWNER")
		for _, s := range all {
			result, owner := s.Result, "no"
			switch s.Result {
			case "":
				result = "-"
			case jobs.Failed:
				result += ": " + s.Reason
			}
			if s.Owned {
				owner = "yes"
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", s.Name, s.Schedule, stamp(s.Next), stamp(s.Started), result, owner)
		}
		return w.Flush()
	})
	return list
}

// stamp writes a time for the command line; "-" when it never was.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}
