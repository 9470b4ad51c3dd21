package buyer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/returns"
)

func TestReturnRules(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rule := buyer.AutoApprove{Share: money.Hundred / 10, Reasons: []returns.Reason{returns.Duplicate, returns.Duplicate}, Days: 30}
	b, err := buyer.New("b", "s", buyer.Details{Name: new("B"), ReturnWindow: &buyer.ReturnWindow{Own: true, Days: 3}, AutoApprove: &rule}, at)
	require.NoError(t, err)
	r := b.Returns()
	assert.Equal(t, 72*time.Hour, r.Window.Within(7))
	assert.Equal(t, 7*24*time.Hour, buyer.ReturnWindow{}.Within(7))
	assert.Zero(t, buyer.ReturnWindow{Own: true}.Within(7))
	assert.Equal(t, []returns.Reason{returns.Duplicate}, r.AutoApprove.Reasons)
	since, ok := r.AutoApprove.Since(returns.Duplicate, at)
	assert.True(t, ok)
	assert.Equal(t, at.AddDate(0, 0, -30), since)
	_, ok = r.AutoApprove.Since(returns.Other, at)
	assert.False(t, ok)
	for returned, want := range map[int64]int64{0: 10, 1: 20, 9: 100} {
		assert.Equal(t, want, r.AutoApprove.Sales(returned))
	}
	assert.Equal(t, int64(4), buyer.AutoApprove{Share: 333_333}.Sales(0), "a third of three is more than 33.3333 %")
	assert.Equal(t, int64(1), buyer.AutoApprove{Share: money.Hundred}.Sales(0))

	_, err = b.Update(buyer.Details{AutoApprove: &buyer.AutoApprove{}, ReturnWindow: &buyer.ReturnWindow{}}, at)
	require.NoError(t, err)
	assert.Equal(t, buyer.ReturnRules{}, b.Returns())

	for _, d := range []buyer.Details{
		{ReturnWindow: &buyer.ReturnWindow{Own: true, Days: -1}},
		{ReturnWindow: &buyer.ReturnWindow{Own: true, Days: 366}},
		{AutoApprove: &buyer.AutoApprove{Share: 1, Days: 1}},
		{AutoApprove: &buyer.AutoApprove{Share: 1, Reasons: rule.Reasons}},
		{AutoApprove: &buyer.AutoApprove{Days: 1, Reasons: rule.Reasons}},
		{AutoApprove: &buyer.AutoApprove{Share: money.Hundred + 1, Days: 1, Reasons: rule.Reasons}},
		{AutoApprove: &buyer.AutoApprove{Share: 1, Days: 1, Reasons: []returns.Reason{"bored"}}},
	} {
		_, err := b.Update(d, at)
		require.ErrorIs(t, err, fault.ErrValidation)
	}
}

func TestRefund(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	b := buyer.FromSnapshot(buyer.Snapshot{ID: "b", SellerID: "s", Balance: -5})
	e := b.Refund("entry", "sale", 7, at)
	assert.Equal(t, buyer.Entry{ID: "entry", SellerID: "s", BuyerID: "b", Type: buyer.ReturnEntry, Amount: 7, BalanceAfter: 2, SaleID: "sale", At: at}, e)
	assert.Equal(t, []buyer.Entry{e}, b.Entries())
	assert.Empty(t, b.Pending())
}
