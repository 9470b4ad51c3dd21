package job

import (
	"context"

	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
)

// RunSellerJobs is the job that does what sellers asked for and that takes long.
func RunSellerJobs(run bus.Handler[marketcommand.RunSellerJobs, marketcommand.SellerJobsRun]) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := run.Handle(ctx, marketcommand.RunSellerJobs{})
		return err
	}
}
