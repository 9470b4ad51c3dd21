package command_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

// silent is a provider of facts that answers nothing.
type silent struct{}

func (silent) Name() string           { return "silent" }
func (silent) Timeout() time.Duration { return 5 * time.Second }
func (silent) Ask(ctx context.Context, _ lead.Facts) (field.Set, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// settledAt notes when the campaigns of two leads, of which each has its own, are locked.
type settledAt struct {
	heldCampaign
	market.ReservationReader

	began  time.Time
	locked []string
	after  []time.Duration
}

func (s *settledAt) CampaignsOf(context.Context, []application.Ref) (map[string]string, error) {
	return map[string]string{"lead_no": "campaign_1", "lead_yes": "campaign_2"}, nil
}

func (s *settledAt) MarketLead(context.Context, string, string) (*lead.Lead, error) {
	return lead.FromSnapshot(lead.Snapshot{ID: "lead_no", SellerID: "seller_1", CampaignID: "campaign_1"}), nil
}

func (s *settledAt) Do(ctx context.Context, fn func(context.Context, market.Tx) error) error {
	return fn(ctx, s)
}

func (s *settledAt) Campaigns() application.CampaignRepository { return s }

func (s *settledAt) LockAll(_ context.Context, of []application.Ref, _ map[string]*campaign.Campaign) (map[string]*campaign.Campaign, error) {
	s.locked, s.after = append(s.locked, of[0].ID), append(s.after, time.Since(s.began))
	return nil, nil
}

// What a buyer accepted is stored before others are asked about what another one refused.
func TestWhatIsAcceptedWaitsForNoFacts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		facts, err := application.NewFactProviders(silent{})
		require.NoError(t, err)
		s := &settledAt{began: time.Now()}
		h := marketcommand.SettleReservationsHandler{
			Deps: market.Deps{Work: s, Clock: &answersOf{}}, Reader: s, Plans: marketcommand.NewPlans(nil), Facts: facts,
		}
		_, err = h.Handle(t.Context(), marketcommand.SettleReservations{Results: []marketcommand.DeliveryResult{
			{SellerID: "seller_1", LeadID: "lead_no", Posted: market.Posted{Said: delivery.Answer{Verdict: delivery.Rejected}}},
			{SellerID: "seller_1", LeadID: "lead_yes", Posted: market.Posted{Said: delivery.Answer{Verdict: delivery.Accepted}}},
		}})
		require.NoError(t, err)
		require.Equal(t, []string{"campaign_2", "campaign_1"}, s.locked)
		require.Equal(t, []time.Duration{0, 2 * time.Second}, s.after)
	})
}
