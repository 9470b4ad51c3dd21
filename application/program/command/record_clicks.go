package command

import (
	"context"

	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/program"
)

// RecordClicksHandler stores clicks in batches, which bus.Batcher collects.
type RecordClicksHandler struct{ Log program.ClickLog }

// HandleBatch implements bus.BatchHandler.
func (h RecordClicksHandler) HandleBatch(ctx context.Context, clicks []program.Click) []bus.Outcome[struct{}] {
	outcomes := make([]bus.Outcome[struct{}], len(clicks))
	if err := h.Log.AppendClicks(ctx, clicks); err != nil {
		for i := range outcomes {
			outcomes[i].Err = err
		}
	}
	return outcomes
}
