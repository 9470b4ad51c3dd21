// Package job holds what the marketplace does by the clock: one file a job.
package job

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
)

// SweepPending is the job that looks at all pending leads in turn, so that each is sold or ends in time even when no event
// announced it, as with a cap that is empty again at midnight.
func SweepPending(sweep bus.Handler[marketcommand.SweepPending, marketcommand.Matched]) application.Job {
	return application.Job{Name: "sweep pending leads", Every: 5 * time.Second, Do: func(ctx context.Context) error {
		_, err := sweep.Handle(ctx, marketcommand.SweepPending{})
		return err
	}}
}
