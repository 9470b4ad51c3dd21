package delivery_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/event"
)

// asks is a delivery whose buyer is asked for half a minute.
func asks() *delivery.Delivery {
	s := pending().Snapshot()
	s.Confirm, s.Deadline = true, noon.Add(30*time.Second)
	return delivery.FromSnapshot(s)
}

func TestABuyerIsAskedUntilTheDeadline(t *testing.T) {
	t.Parallel()
	d, at := asks(), noon
	require.False(t, d.Snapshot().Unknown(), "nobody was asked yet")
	for i, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
		require.NoError(t, d.Answered(delivery.Outcome{Try: int64(i), Reason: delivery.Timeout}, delivery.Answer{}, at))
		s := d.Snapshot()
		require.Equal(t, pause, s.NextAt.Sub(at), "after attempt %d", i+1)
		require.True(t, s.Unknown())
		at = s.NextAt
	}
	require.NoError(t, d.Answered(delivery.Outcome{Try: 4, Reason: delivery.Timeout}, delivery.Answer{}, at))
	require.Equal(t, noon.Add(30*time.Second), d.Snapshot().NextAt, "the next try would come too late")
	require.True(t, d.Snapshot().Asks())
	require.Empty(t, d.Pending())
	require.NoError(t, d.End(5, delivery.Timeout, noon.Add(30*time.Second)))
	require.Equal(t, []event.Event{delivery.SaleDeliveryFailed{Ref: ref(), Attempts: 5, Reason: delivery.Timeout, At: noon.Add(30 * time.Second)}}, d.Pending())

	require.ErrorIs(t, d.Answered(delivery.Outcome{Try: 5}, delivery.Answer{Verdict: delivery.Accepted}, at), delivery.ErrStale, "nobody is charged for what comes too late")
	require.NoError(t, d.Late(5, at))
	require.EqualValues(t, 6, d.Snapshot().Tries)
	require.ErrorIs(t, d.Late(5, at), delivery.ErrStale, "it counts once")
	require.ErrorIs(t, d.Redeliver(at), delivery.ErrReleased)
}

func TestWhatABuyerAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome delivery.Outcome
		said    delivery.Verdict
		state   delivery.State
		reason  delivery.Reason
		event   event.Event
	}{
		"accepted":  {delivery.Outcome{}, delivery.Accepted, delivery.Delivered, "", delivery.SaleDelivered{Ref: ref(), Attempts: 1, At: noon}},
		"rejected":  {delivery.Outcome{}, delivery.Rejected, delivery.Failed, delivery.BuyerRejected, delivery.SaleDeliveryFailed{Ref: ref(), Attempts: 1, Reason: delivery.BuyerRejected, At: noon}},
		"duplicate": {delivery.Outcome{}, delivery.Duplicate, delivery.Failed, delivery.BuyerDuplicate, delivery.SaleDeliveryFailed{Ref: ref(), Attempts: 1, Reason: delivery.BuyerDuplicate, At: noon}},
		"gone":      {delivery.Outcome{Final: true, Reason: delivery.Gone}, delivery.Unsure, delivery.Failed, delivery.Gone, delivery.SaleDeliveryFailed{Ref: ref(), Attempts: 1, Reason: delivery.Gone, At: noon}},
	} {
		d := asks()
		require.ErrorIs(t, d.Answered(delivery.Outcome{Try: 1}, delivery.Answer{Verdict: c.said}, noon), delivery.ErrStale, name)
		require.ErrorIs(t, d.Attempted(delivery.Outcome{OK: true}, noon), delivery.ErrStale, "who is asked is not only told")
		require.NoError(t, d.Answered(c.outcome, delivery.Answer{Verdict: c.said, Reference: "r"}, noon), name)
		s := d.Snapshot()
		require.Equal(t, []any{c.state, c.reason}, []any{s.State, s.Reason}, name)
		require.Zero(t, s.NextAt, name)
		require.Equal(t, c.said != delivery.Unsure, s.Reference == "r", name)
		require.Equal(t, []event.Event{c.event}, d.Pending(), name)
		require.ErrorIs(t, d.Answered(delivery.Outcome{Try: 1}, delivery.Answer{Verdict: delivery.Accepted}, noon), delivery.ErrStale, name)
	}
	d := asks()
	require.NoError(t, d.Answered(delivery.Outcome{RetryAfter: 5 * time.Second, Reason: delivery.Refused}, delivery.Answer{}, noon))
	require.Equal(t, noon.Add(5*time.Second), d.Snapshot().NextAt, "the receiver asked for more time")
}

func TestWhoConfirmedIsOnlyToldAgain(t *testing.T) {
	t.Parallel()
	d := asks()
	require.ErrorIs(t, d.Redeliver(noon), delivery.ErrStillPending)
	require.NoError(t, d.Answered(delivery.Outcome{}, delivery.Answer{Verdict: delivery.Accepted}, noon))
	require.NoError(t, d.Redeliver(noon))
	require.False(t, d.Snapshot().Asks())
	require.ErrorIs(t, d.Answered(delivery.Outcome{Try: 1}, delivery.Answer{Verdict: delivery.Rejected}, noon), delivery.ErrStale)
	require.NoError(t, d.Attempted(delivery.Outcome{Try: 1, Reason: delivery.Refused}, noon))
	require.Equal(t, 5*time.Second, d.Snapshot().NextAt.Sub(noon), "by the schedule of who is told")
	require.NoError(t, d.GiveUp(delivery.Gone, noon))
	require.NoError(t, d.Redeliver(noon), "the sale was made")
}

func TestWhoConfirmedIsGivenUpWhenNothingIsSold(t *testing.T) {
	t.Parallel()
	d := asks()
	require.NoError(t, d.Answered(delivery.Outcome{}, delivery.Answer{Verdict: delivery.Accepted}, noon))
	require.NoError(t, d.GiveUp(delivery.Erased, noon.Add(time.Second)))
	n := d.Snapshot()
	require.Equal(t, []any{delivery.Failed, delivery.Erased, noon.Add(time.Second)}, []any{n.State, n.Reason, n.UpdatedAt})
	require.ErrorIs(t, d.Redeliver(noon), delivery.ErrReleased)
	require.ErrorIs(t, d.GiveUp(delivery.Erased, noon), delivery.ErrStale)
}
