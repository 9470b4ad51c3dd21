// Package job holds the repeated jobs of the marketplace: one file a job.
package job

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
)

// SweepPending is the job that offers all pending leads in turn. It sells leads that no event announces a buyer for, as when
// a cap starts again at midnight, and ends leads whose time ran out.
func SweepPending(sweep bus.Handler[marketcommand.SweepPending, marketcommand.Matched]) application.Job {
	return application.Job{Name: "sweep-pending", Schedule: application.Every(5 * time.Second), Do: func(ctx context.Context) error {
		_, err := sweep.Handle(ctx, marketcommand.SweepPending{})
		return err
	}}
}
