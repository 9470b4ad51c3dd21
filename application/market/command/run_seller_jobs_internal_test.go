package command

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
)

// TestAPieceThatPanicsIsAnError so that the jobs behind it go on.
func TestAPieceThatPanicsIsAnError(t *testing.T) {
	t.Parallel()
	h := RunSellerJobsHandler{Steps: market.JobSteps{
		market.SellerJobLeads: func(context.Context, market.SellerJob, market.JobPiece) error { panic("a defect") },
	}}
	err := h.take(t.Context(), &nextPiece{job: market.SellerJob{Kind: market.SellerJobLeads}})
	var panicked *bus.PanicError
	require.ErrorAs(t, err, &panicked)
	require.NotContains(t, err.Error(), "a defect")
}
