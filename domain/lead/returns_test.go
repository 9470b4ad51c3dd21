package lead_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/returns"
)

const week = 7 * 24 * time.Hour

// sharedLead is sold to two buyers, one and two, for 40 and 20 and payouts of 28 and 14.
func sharedLead(t *testing.T) *lead.Lead {
	t.Helper()
	l := lead.Submit(submission(false))
	require.NoError(t, l.Sell(lead.Outcome{Payout: 42, Shown: 42, Sales: []lead.Sale{
		{ID: "one", ContractID: "k1", BuyerID: "b1", Price: 40, Payout: 28, Currency: "USD", Status: lead.SaleCaptured, At: later},
		{ID: "two", ContractID: "k2", BuyerID: "b2", Price: 20, Payout: 14, Currency: "USD", Status: lead.SaleCaptured, At: later},
	}}, later))
	return lead.FromSnapshot(l.Snapshot())
}

func request(sale string) lead.ReturnRequest {
	return lead.ReturnRequest{ID: "return_" + sale, SaleID: sale, Reason: returns.InvalidContact, Note: "a\nb", Window: week}
}

func TestReturnOfASharedLead(t *testing.T) {
	t.Parallel()
	l, at := sharedLead(t), later.Add(time.Hour)
	r, err := l.RequestReturn(request("one"), at)
	require.NoError(t, err)
	s := l.Snapshot()
	assert.Equal(t, lead.Return{
		ID: "return_one", SellerID: s.SellerID, LeadID: s.ID, SaleID: "one", CampaignID: s.CampaignID, ContractID: "k1", BuyerID: "b1",
		Reason: returns.InvalidContact, Note: "a\nb", Status: lead.ReturnStatusPending, Price: 40, Payout: 28, Currency: "USD", SoldAt: later, RequestedAt: at,
	}, r)
	assert.Equal(t, lead.SaleReturnRequested, s.Sales[0].Status)
	assert.True(t, s.Sales[0].Status.Live())
	_, err = l.RequestReturn(request("one"), at)
	require.ErrorIs(t, err, lead.ErrReturnOpen)

	r, err = l.ApproveReturn(r, lead.ReturnDecision{EntryID: "entry", Note: "ok", Automatic: true}, at)
	require.NoError(t, err)
	assert.Equal(t, []any{lead.ReturnStatusApproved, "ok", true, at}, []any{r.Status, r.DecisionNote, r.Automatic, r.DecidedAt})
	s = l.Snapshot()
	assert.Equal(t, []any{lead.StatusSold, money.Micros(14), money.Micros(14)}, []any{s.Status, s.Payout, s.Shown}, "one is still sold")
	_, err = l.ApproveReturn(r, lead.ReturnDecision{}, at)
	require.ErrorIs(t, err, lead.ErrReturnDecided)
	_, err = l.RejectReturn(r, "", at)
	require.ErrorIs(t, err, lead.ErrReturnDecided)
	_, err = l.RequestReturn(request("one"), at)
	require.ErrorIs(t, err, lead.ErrSaleReturned)
	require.ErrorIs(t, l.Redistribute(), lead.ErrLive)

	second, err := l.RequestReturn(request("two"), at)
	require.NoError(t, err)
	second, err = l.RejectReturn(second, "no", at)
	require.NoError(t, err)
	assert.Equal(t, lead.SaleCaptured, l.Sales()[1].Status)
	_, err = l.RejectReturn(second, "", at)
	require.ErrorIs(t, err, lead.ErrReturnDecided)
	again := request("two")
	again.ID = "return_again"
	third, err := l.RequestReturn(again, at)
	require.NoError(t, err)
	_, err = l.ApproveReturn(second, lead.ReturnDecision{}, at)
	require.ErrorIs(t, err, lead.ErrReturnDecided, "the first return of it was rejected, whatever became of the sale since")
	_, err = l.ApproveReturn(third, lead.ReturnDecision{}, at)
	require.NoError(t, err)
	s = l.Snapshot()
	assert.Equal(t, []any{lead.StatusReturned, money.Micros(0), money.Micros(0)}, []any{s.Status, s.Payout, s.Shown})
	_, shown := l.Shown()
	assert.False(t, shown)

	var types []string
	for _, e := range l.Pending() {
		types = append(types, e.EventType())
	}
	assert.Equal(t, []string{
		"return.requested", "return.approved", "return.requested", "return.rejected", "return.requested", "return.approved", "lead.returned",
	}, types)
}

// What the supplier is shown goes on to be what it was shown, also where prices and payouts were together the same.
func TestPriceShownAfterAReturn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		payouts  [2]money.Micros
		decision lead.ReturnDecision
		shown    money.Micros
		want     money.Micros
	}{
		"prices":                 {payouts: [2]money.Micros{21, 14}, shown: 50, want: 20, decision: lead.ReturnDecision{PriceShown: true}},
		"payouts":                {payouts: [2]money.Micros{21, 14}, shown: 35, want: 14},
		"prices, fixed payout":   {payouts: [2]money.Micros{25, 25}, shown: 50, want: 20, decision: lead.ReturnDecision{PriceShown: true}},
		"payouts, fixed payout":  {payouts: [2]money.Micros{25, 25}, shown: 50, want: 25},
		"prices, changed since":  {payouts: [2]money.Micros{21, 14}, shown: 50, want: 20},
		"payouts, changed since": {payouts: [2]money.Micros{21, 14}, shown: 35, want: 14, decision: lead.ReturnDecision{PriceShown: true}},
	} {
		l := lead.Submit(submission(false))
		require.NoError(t, l.Sell(lead.Outcome{Payout: c.payouts[0] + c.payouts[1], Shown: c.shown, Sales: []lead.Sale{
			{ID: "one", Price: 30, Payout: c.payouts[0], Currency: "USD", Status: lead.SaleCaptured, At: later},
			{ID: "two", Price: 20, Payout: c.payouts[1], Currency: "USD", Status: lead.SaleCaptured, At: later},
		}}, later))
		r, err := l.RequestReturn(request("one"), later)
		require.NoError(t, err, name)
		_, err = l.ApproveReturn(r, c.decision, later)
		require.NoError(t, err, name)
		shown, ok := l.Shown()
		assert.True(t, ok, name)
		assert.Equal(t, c.want, shown, name)
		assert.Equal(t, c.payouts[1], l.Snapshot().Payout, name)
	}
}

func TestReturnWindow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		window, after time.Duration
		err           error
	}{
		"at once":      {window: week},
		"in time":      {window: week, after: week},
		"a minute off": {window: week, after: week + time.Minute, err: lead.ErrReturnWindowOver},
		"none":         {err: lead.ErrReturnWindowOver},
	} {
		q := request("one")
		q.Window = c.window
		l := sharedLead(t)
		_, err := l.RequestReturn(q, later.Add(c.after))
		if c.err == nil {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorIs(t, err, c.err, name)
		assert.Empty(t, l.Pending(), name)
	}
}

func TestReturnRequestsAreChecked(t *testing.T) {
	t.Parallel()
	for _, q := range []lead.ReturnRequest{
		{SaleID: "one", Window: week},
		{SaleID: "one", Reason: "bored", Window: week},
		{SaleID: "one", Reason: returns.Other, Note: string(make([]byte, 1)), Window: week},
	} {
		_, err := sharedLead(t).RequestReturn(q, later)
		require.ErrorIs(t, err, fault.ErrValidation)
	}
	_, err := sharedLead(t).RequestReturn(request("nobody's"), later)
	require.ErrorIs(t, err, lead.ErrSaleNotFound)
	for _, reason := range returns.Reasons() {
		q := request("one")
		q.Reason = reason
		_, err := sharedLead(t).RequestReturn(q, later)
		require.NoError(t, err)
	}
}

// What an operator notes about somebody who was erased would never be erased again.
func TestNothingIsNotedAboutAnErasedLead(t *testing.T) {
	t.Parallel()
	s := sharedLead(t).Snapshot()
	s.ErasedAt = later
	l := lead.FromSnapshot(s)
	r, err := l.RequestReturn(request("one"), later)
	require.NoError(t, err)
	assert.Empty(t, r.Note)
	r, err = l.ApproveReturn(r, lead.ReturnDecision{Note: "she called"}, later)
	require.NoError(t, err)
	assert.Empty(t, r.DecisionNote)
}

func TestRedistribute(t *testing.T) {
	t.Parallel()
	until := later.Add(time.Hour)
	for _, c := range []struct {
		from   lead.Status
		err    error
		events int // of one that waits
	}{
		{lead.StatusPending, nil, 0},
		{lead.StatusUnsold, nil, 1},
		{lead.StatusReturned, nil, 1},
		{lead.StatusSold, lead.ErrLive, 0},
		{lead.StatusRejected, lead.ErrNotOfferable, 0},
		{lead.StatusDuplicate, lead.ErrNotOfferable, 0},
	} {
		s := lead.Submit(submission(false)).Snapshot()
		s.Status = c.from
		if c.from == lead.StatusPending {
			s.PendingUntil = until
		}
		l := lead.FromSnapshot(s)
		if c.err != nil {
			require.ErrorIs(t, l.Redistribute(), c.err, c.from)
			continue
		}
		if c.from != lead.StatusPending {
			require.ErrorIs(t, l.Sell(outcome(), later), lead.ErrNotPending, "it must be offered again first")
		}
		require.NoError(t, l.Redistribute())
		require.NoError(t, l.Wait(until, later))
		assert.Equal(t, lead.StatusPending, l.Status())
		assert.Equal(t, until, l.PendingUntil())
		require.Len(t, l.Pending(), c.events, c.from)
		if c.events == 1 {
			assert.Equal(t, c.from, l.Pending()[0].(lead.Pending).PreviousStatus)
		}

		l = lead.FromSnapshot(s)
		require.NoError(t, l.Redistribute())
		require.NoError(t, l.Sell(outcome(), later))
		assert.Equal(t, c.from, l.Pending()[0].(lead.Sold).PreviousStatus)

		s.ErasedAt = later
		require.ErrorIs(t, lead.FromSnapshot(s).Redistribute(), lead.ErrErased)
	}
}

func TestRejectByOperator(t *testing.T) {
	t.Parallel()
	for _, from := range lead.Statuses() {
		s := lead.Submit(submission(false)).Snapshot()
		s.Status, s.PendingUntil = from, later
		l := lead.FromSnapshot(s)
		err := l.RejectByOperator(later)
		because := map[lead.Status]fault.Code{lead.StatusPending: "rejected_by_operator", lead.StatusQuarantined: "rejected_in_quarantine"}[from]
		if because == "" {
			require.ErrorIs(t, err, lead.ErrNotOpen, from)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, lead.StatusRejected, l.Status())
		code, _ := l.Why()
		assert.Equal(t, because, code)
		assert.True(t, l.PendingUntil().IsZero())
		assert.Equal(t, "lead.rejected", l.Pending()[0].EventType())
	}
}
