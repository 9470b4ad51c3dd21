package job

import (
	"context"

	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
)

// EraseOldLeads is the job that erases what leads hold of persons when the retention of their seller is over.
func EraseOldLeads(erase bus.Handler[marketcommand.EraseOldLeads, marketcommand.LeadsErased]) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := erase.Handle(ctx, marketcommand.EraseOldLeads{})
		return err
	}
}
