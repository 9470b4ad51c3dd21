package command

import (
	"context"
	"errors"
	"time"

	"github.com/leadmill/leadmill/application"
)

// SweepPending does what MatchPending does, for every campaign with pending leads. Each call continues in each campaign
// where the last call stopped, so that every pending lead is offered in turn.
type SweepPending struct{}

// Needs implements application.Message.
func (SweepPending) Needs() application.Scope { return application.Internal }

// SweepPendingHandler handles SweepPending.
type SweepPendingHandler struct {
	Match *MatchPendingHandler

	cursors map[string]string // by campaign: the id of the lead where the last call stopped
	last    time.Time         // when the last call began
}

// sweepPages is how many pages without a changed lead a campaign gets in one sweep.
const sweepPages = 10

// Handle implements bus.Handler. It must not be called concurrently. An error in one campaign does not stop the others.
func (h *SweepPendingHandler) Handle(ctx context.Context, _ SweepPending) (Matched, error) {
	campaigns, err := h.Match.Reader.PendingCampaigns(ctx)
	if err != nil {
		return Matched{}, err
	}
	if h.cursors == nil {
		h.cursors = map[string]string{}
	}
	began := h.Match.Clock.Now()
	var all Matched
	var failed error
	for _, of := range campaigns {
		if err := ctx.Err(); err != nil {
			return all, errors.Join(failed, err)
		}
		first, end, err := h.Match.walk(ctx, of, "", 0)
		all = all.plus(first)
		if h.Match.Plans.opened(of.ID, h.last, began) {
			delete(h.cursors, of.ID) // the oldest lead that waited for it comes first
		}
		if err == nil && end != "" {
			var rest Matched
			rest, h.cursors[of.ID], err = h.Match.walk(ctx, of, max(end, h.cursors[of.ID]), sweepPages)
			all = all.plus(rest)
		}
		failed = errors.Join(failed, err)
	}
	h.last = began
	return all, failed
}
