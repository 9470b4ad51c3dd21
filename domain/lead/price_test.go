package lead_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

func TestChangePrice(t *testing.T) {
	t.Parallel()
	for _, status := range lead.Statuses() {
		s := lead.Submit(submission(false)).Snapshot()
		s.Status, s.AskingPrice = status, 20
		l := lead.FromSnapshot(s)
		want := map[lead.Status]error{lead.StatusPending: nil, lead.StatusUnsold: nil, lead.StatusReturned: nil, lead.StatusSold: lead.ErrLive}
		if err, there := want[status]; err != nil || !there {
			if !there {
				err = lead.ErrNotRepriceable
			}
			require.ErrorIs(t, l.ChangePrice(30, 20, "USD", later), err, status)
			assert.Equal(t, s, l.Snapshot(), "nothing changes")
			continue
		}
		for _, saw := range []money.Micros{0, 30} {
			require.ErrorIs(t, l.ChangePrice(30, saw, "USD", later), lead.ErrChanged)
		}
		for _, saw := range []money.Micros{20, 0, 30} {
			require.NoError(t, l.ChangePrice(20, saw, "USD", later))
		}
		assert.Equal(t, s, l.Snapshot(), "it is the same price")

		require.NoError(t, l.ChangePrice(30, 20, "USD", later))
		assert.Equal(t, money.Micros(30), l.AskingPrice())
		assert.Equal(t, []any{status, later, s.Version + 1}, []any{l.Status(), l.Snapshot().UpdatedAt, l.Version()})
		require.NoError(t, l.ChangePrice(0, 30, "USD", later.Add(time.Hour)))
		assert.Zero(t, l.AskingPrice())
		require.Len(t, l.Pending(), 2)
		told := l.Pending()[0].(lead.PriceChanged)
		assert.Equal(t, lead.PriceChanged{Ref: told.Ref, Status: status, Price: 30, Previous: 20, Currency: "USD", At: later}, told)
		assert.Equal(t, s.ID, told.LeadID)
		told = l.Pending()[1].(lead.PriceChanged)
		assert.Equal(t, []money.Micros{0, 30}, []money.Micros{told.Price, told.Previous})

		s.ErasedAt = later
		require.ErrorIs(t, lead.FromSnapshot(s).ChangePrice(30, 20, "USD", later), lead.ErrErased)
		s.ErasedAt, s.Test = time.Time{}, true
		require.ErrorIs(t, lead.FromSnapshot(s).ChangePrice(30, 20, "USD", later), lead.ErrNotRepriceable)
	}
}

// What a lead was offered at is over with its sale, and stays while it is not sold.
func TestAPriceLastsUntilTheLeadIsSold(t *testing.T) {
	t.Parallel()
	s := lead.Submit(submission(false)).Snapshot()
	s.Status, s.AskingPrice = lead.StatusPending, 20
	l := lead.FromSnapshot(s)
	require.NoError(t, l.Expire(later))
	assert.Equal(t, money.Micros(20), l.AskingPrice())
	require.NoError(t, l.Redistribute())
	require.NoError(t, l.Wait(later, later))
	assert.Equal(t, money.Micros(20), l.AskingPrice())
	require.NoError(t, l.Sell(outcome(), later))
	assert.Zero(t, l.AskingPrice())
}
