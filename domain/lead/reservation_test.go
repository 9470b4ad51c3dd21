package lead_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/lead"
)

var reservedAt = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// reserved is a lead of which buyer a is asked, and that buyer b takes if it is sold.
func reserved(t *testing.T) *lead.Lead {
	t.Helper()
	l := lead.Submit(lead.Submission{ID: "lead_1", SellerID: "seller_1", At: reservedAt})
	l.SetTrace(lead.Trace{Considered: []lead.Consideration{{ContractID: "ka", Reason: "sold"}, {ContractID: "kb", Reason: "sold"}, {ContractID: "kc", Reason: "filter"}}})
	require.NoError(t, l.Reserve([]lead.Reservation{
		{SaleID: "sale_a", ContractID: "ka", BuyerID: "a", Price: 10, Currency: "USD", Asked: true}, {SaleID: "sale_b", ContractID: "kb", BuyerID: "b", Price: 5, Currency: "USD"},
	}, reservedAt.Add(lead.AskFor), reservedAt.Add(time.Hour), reservedAt))
	return l
}

func reasons(l *lead.Lead) (out []string) {
	for _, c := range l.Snapshot().Trace.Considered {
		out = append(out, c.Reason)
	}
	return out
}

func types(l *lead.Lead) (out []string) {
	for _, e := range l.Pending() {
		out = append(out, e.EventType())
	}
	return out
}

func TestAReservedLeadIsSoldWhenNobodyIsAsked(t *testing.T) {
	t.Parallel()
	l := reserved(t)
	require.Equal(t, lead.StatusPending, l.Status())
	require.True(t, l.Asked())
	require.Equal(t, []string{"reserved", "reserved", "filter"}, reasons(l))
	require.Len(t, l.Taken(), 1, "who is not asked takes it at once")
	require.ErrorIs(t, l.Sell(lead.Outcome{}, reservedAt), lead.ErrReserved)
	require.ErrorIs(t, l.Accept("sale_b", 5, reservedAt), lead.ErrSaleNotFound, "nobody was asked about that one")
	require.NoError(t, l.Accept("sale_a", 12, reservedAt))
	require.ErrorIs(t, l.Accept("sale_a", 10, reservedAt), lead.ErrSaleNotFound)
	require.ErrorIs(t, l.Release("sale_a", "timeout", reservedAt), lead.ErrSaleNotFound, "who took it has it")
	require.False(t, l.Asked())
	taken := l.Taken()
	require.Len(t, taken, 2)
	require.EqualValues(t, 10, taken[0].Price, "it is never more than what was reserved")
	l.StopAsking(reservedAt)
	require.False(t, l.Deadline().IsZero(), "something is held")
	require.NoError(t, l.Sell(lead.Outcome{Sales: []lead.Sale{{ID: "sale_a", Status: lead.SaleCaptured}, {ID: "sale_b", Status: lead.SaleCaptured}}}, reservedAt))
	require.Equal(t, []string{"sold", "sold", "filter"}, reasons(l))
	require.Equal(t, []string{"lead.submitted", "lead.pending", "lead.sold"}, types(l), "once, with all sales")
	require.Zero(t, l.Deadline())
	require.Empty(t, l.Reservations())
}

func TestAReleasedReservationStays(t *testing.T) {
	t.Parallel()
	for reason, traced := range map[string]string{"buyer_rejected": "buyer_rejected", "buyer_duplicate": "buyer_duplicate", "refused": "buyer_timeout"} {
		l := reserved(t)
		require.NoError(t, l.Release("sale_a", reason, reservedAt))
		require.Equal(t, []string{traced, "reserved", "filter"}, reasons(l))
		require.NoError(t, l.Reserve([]lead.Reservation{{SaleID: "sale_c", ContractID: "kc", BuyerID: "c", Price: 1, Asked: true}}, l.Deadline(), time.Time{}, reservedAt.Add(time.Second)))
		require.Equal(t, []string{"lead.submitted", "lead.pending", "sale.released"}, types(l), "it is pending already")
		all := l.Reservations()
		require.Equal(t, []int64{1, 2, 3}, []int64{all[0].Slot, all[1].Slot, all[2].Slot})
		require.Equal(t, all[0].Deadline, all[2].Deadline, "all have the same time together")
	}
}

func TestNothingElseChangesAReservedLead(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(l *lead.Lead) error{
		"price":    func(l *lead.Lead) error { return l.ChangePrice(1, 0, "USD", reservedAt) },
		"reject":   func(l *lead.Lead) error { return l.RejectByOperator(reservedAt) },
		"offer":    func(l *lead.Lead) error { return l.Redistribute() },
		"suppress": func(l *lead.Lead) error { return l.Suppress(reservedAt) },
		"expire":   func(l *lead.Lead) error { return l.Expire(reservedAt) },
		"erase":    func(l *lead.Lead) error { return l.Erase(reservedAt) },
	} {
		l := reserved(t)
		require.ErrorIs(t, do(l), lead.ErrReserved, name)
		require.Len(t, l.ReleaseAll("lead_erased", reservedAt), 2, name)
		require.NoError(t, do(l), name)
	}
	sold := reserved(t)
	sold.ReleaseAll("x", reservedAt)
	require.NoError(t, sold.Sell(lead.Outcome{}, reservedAt))
	require.ErrorIs(t, sold.Reserve(nil, reservedAt, reservedAt, reservedAt), lead.ErrAlreadySold)
	rejected := lead.Submit(lead.Submission{ID: "lead_2", At: reservedAt})
	require.NoError(t, rejected.Reject(lead.ErrSuppressed, reservedAt))
	require.ErrorIs(t, rejected.Reserve(nil, reservedAt, reservedAt, reservedAt), lead.ErrNotPending)
}

func TestWhatIsStoredOfReservations(t *testing.T) {
	t.Parallel()
	l := reserved(t)
	require.Len(t, l.ReservationChanges().Added, 2)
	l = lead.FromSnapshot(l.Snapshot())
	require.Empty(t, l.ReservationChanges())
	require.NoError(t, l.Accept("sale_a", 7, reservedAt))
	require.Len(t, l.ReservationChanges().Changed, 1)
	require.NoError(t, l.Sell(lead.Outcome{}, reservedAt))
	require.Equal(t, lead.ReservationChanges{Gone: []string{"sale_a", "sale_b"}}, l.ReservationChanges())
}

// A buyer that was not asked knows nothing of the lead: it may take it later. One that said yes is not asked again.
func TestWhoPaysTooLittleIsReleased(t *testing.T) {
	t.Parallel()
	l := reserved(t)
	require.NoError(t, l.Accept("sale_a", 4, reservedAt))
	deadline := l.Deadline()
	require.Len(t, l.ReleaseAll("below_quote", reservedAt), 2)
	require.Equal(t, []string{"below_quote", "below_quote", "filter"}, reasons(l))
	require.Equal(t, []string{"lead.submitted", "lead.pending", "sale.released", "sale.released"}, types(l))
	require.Zero(t, l.Deadline())
	for i, barred := range []bool{true, false} {
		r := l.Reservations()[i]
		require.True(t, r.Bars(deadline), "not in this time")
		require.Equal(t, barred, r.Bars(time.Time{}))
		require.Equal(t, barred, r.Bars(deadline.Add(time.Minute)))
	}
}
