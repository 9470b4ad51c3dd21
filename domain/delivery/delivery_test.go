package delivery_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/event"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func pending() *delivery.Delivery {
	return delivery.FromSnapshot(delivery.Snapshot{
		ID: delivery.IDOf("sale_1"), SellerID: "seller_1", SaleID: "sale_1", LeadID: "lead_1", CampaignID: "campaign_1", ContractID: "contract_1", BuyerID: "buyer_1",
		State: delivery.Pending, NextAt: noon, CreatedAt: noon, UpdatedAt: noon,
	})
}

func ref() delivery.Ref {
	return delivery.Ref{DeliveryID: "delivery_1", SaleID: "sale_1", LeadID: "lead_1", CampaignID: "campaign_1", ContractID: "contract_1", BuyerID: "buyer_1"}
}

func TestADeliveryIsTriedBySchedule(t *testing.T) {
	t.Parallel()
	for _, shake := range []int64{0, 500, delivery.MostShake} {
		d, at := pending(), noon
		for i, pause := range []time.Duration{
			5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
		} {
			require.NoError(t, d.Attempted(delivery.Outcome{Try: int64(i), Reason: delivery.Timeout, Shake: shake}, at))
			s := d.Snapshot()
			require.Equal(t, delivery.Pending, s.State)
			require.Equal(t, pause+pause/10*time.Duration(shake)/1000, s.NextAt.Sub(at), "after attempt %d", i+1)
			at = s.NextAt
		}
		require.Empty(t, d.Pending())
		require.NoError(t, d.Attempted(delivery.Outcome{Try: 9, Reason: delivery.Refused}, at))
		s := d.Snapshot()
		require.Equal(t, delivery.Failed, s.State)
		require.Equal(t, delivery.Refused, s.Reason)
		require.Zero(t, s.NextAt)
		require.EqualValues(t, delivery.MostAttempts, s.Attempts)
		require.Equal(t, []event.Event{delivery.SaleDeliveryFailed{Ref: ref(), Attempts: 10, Reason: delivery.Refused, At: at}}, d.Pending())
		require.EqualValues(t, 1, s.Version)
	}
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome delivery.Outcome
		state   delivery.State
		next    time.Duration
		reason  delivery.Reason
		event   event.Event
	}{
		"taken":                 {delivery.Outcome{OK: true}, delivery.Delivered, 0, "", delivery.SaleDelivered{Ref: ref(), Attempts: 1, At: noon}},
		"gone":                  {delivery.Outcome{Final: true, Reason: delivery.Gone}, delivery.Failed, 0, delivery.Gone, delivery.SaleDeliveryFailed{Ref: ref(), Attempts: 1, Reason: delivery.Gone, At: noon}},
		"later, as asked for":   {delivery.Outcome{Reason: delivery.Refused, RetryAfter: time.Hour}, delivery.Pending, time.Hour, "", nil},
		"no sooner, when asked": {delivery.Outcome{Reason: delivery.Refused, RetryAfter: time.Second}, delivery.Pending, 5 * time.Second, "", nil},
		"no later than a day":   {delivery.Outcome{Reason: delivery.Refused, RetryAfter: 1000 * time.Hour}, delivery.Pending, 24 * time.Hour, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := pending()
			require.NoError(t, d.Attempted(c.outcome, noon))
			s := d.Snapshot()
			require.Equal(t, c.state, s.State)
			require.Equal(t, c.reason, s.Reason)
			if c.event == nil {
				require.Equal(t, c.next, s.NextAt.Sub(noon))
				require.Empty(t, d.Pending())
				return
			}
			require.Zero(t, s.NextAt)
			require.Equal(t, []event.Event{c.event}, d.Pending())
		})
	}
}

// Of two that wrote down the same attempt, or one of a delivery that ended and began anew meanwhile, the later does nothing.
func TestAStaleAttemptCountsForNothing(t *testing.T) {
	t.Parallel()
	d := pending()
	require.NoError(t, d.Attempted(delivery.Outcome{Reason: delivery.Timeout}, noon))
	require.ErrorIs(t, d.Attempted(delivery.Outcome{OK: true}, noon), delivery.ErrStale)
	require.ErrorIs(t, d.End(0, delivery.Returned, noon), delivery.ErrStale)
	require.ErrorIs(t, d.Redeliver(noon), delivery.ErrStillPending)
	require.NoError(t, d.End(1, delivery.Returned, noon))
	require.Equal(t, []event.Event{delivery.SaleDeliveryFailed{Ref: ref(), Attempts: 1, Reason: delivery.Returned, At: noon}}, d.Pending())
	require.ErrorIs(t, d.Attempted(delivery.Outcome{Try: 1, OK: true}, noon), delivery.ErrStale)
	later := noon.Add(time.Hour)
	require.NoError(t, d.Redeliver(later))
	s := d.Snapshot()
	require.Equal(t, delivery.Pending, s.State)
	require.Equal(t, later, s.NextAt)
	require.Empty(t, s.Reason)
	require.Zero(t, s.Attempts)
	require.EqualValues(t, 1, s.Tries)
	require.ErrorIs(t, d.Attempted(delivery.Outcome{OK: true}, later), delivery.ErrStale)
	require.NoError(t, d.Attempted(delivery.Outcome{Try: 1, OK: true}, later))
}
