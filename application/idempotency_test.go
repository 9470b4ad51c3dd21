package application_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
)

// Who settles a lead may have read the clock before its time was over: a replay does not say what may still be replaced.
func TestAReplayWaitsUntilItsAnswerIsFinal(t *testing.T) {
	t.Parallel()
	stored := application.StoredResponse{LeadID: "lead_1", Response: application.Response{Status: 200}}
	require.Nil(t, stored.Replay("seller_1").Awaits)
	stored.AnswerUntil = time.Now().Add(-time.Hour)
	require.Equal(t, &application.Awaited{Lead: application.Ref{SellerID: "seller_1", ID: "lead_1"}, Until: stored.AnswerUntil}, stored.Replay("seller_1").Awaits)
}
