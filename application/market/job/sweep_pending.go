// Package job holds the repeated jobs of the marketplace: one file a job.
//
// Stability: unsupported; it may change at any time.
package job

import (
	"context"

	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
)

// SweepPending is the job that offers all pending leads in turn. It sells leads that no event announces a buyer for, as when
// a cap starts again at midnight or a schedule opens, and ends leads whose time ran out.
func SweepPending(sweep bus.Handler[marketcommand.SweepPending, marketcommand.Matched]) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := sweep.Handle(ctx, marketcommand.SweepPending{})
		return err
	}
}
