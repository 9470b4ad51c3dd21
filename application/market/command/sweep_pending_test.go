package command_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/tests/mocks"
)

func TestASweepThatIsEndedLooksAtNoFurtherCampaign(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	campaigns := mocks.NewMockCampaignReader(gomock.NewController(t))
	campaigns.EXPECT().PendingCampaigns(gomock.Any()).DoAndReturn(func(context.Context) ([]application.Ref, error) {
		end()
		return []application.Ref{{SellerID: "seller_1", ID: "campaign_1"}}, nil
	})
	// Without a unit of work a campaign that was looked at would panic.
	sweep := marketcommand.SweepPendingHandler{Match: &marketcommand.MatchPendingHandler{Reader: campaigns, Clock: clock.NewManual(at)}}
	matched, err := sweep.Handle(ctx, marketcommand.SweepPending{})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, marketcommand.Matched{}, matched)
}
