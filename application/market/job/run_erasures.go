package job

import (
	"context"

	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
)

// RunErasures is the job that finishes what was asked to be erased.
func RunErasures(run bus.Handler[marketcommand.RunErasures, marketcommand.ErasuresRun]) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := run.Handle(ctx, marketcommand.RunErasures{})
		return err
	}
}
