package query_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/fault"
)

func TestCampaignReportCheck(t *testing.T) {
	t.Parallel()
	for _, q := range []marketquery.CampaignReport{
		{},
		{From: "2025-05-02"},
		{To: "2024-02-29", GroupBy: "buyer"},
		{From: "2025-05-02", To: "2025-05-02", GroupBy: "supplier"},
	} {
		checked, err := q.Check()
		require.NoError(t, err)
		assert.NotEmpty(t, checked.GroupBy)
		assert.Equal(t, q.From, checked.From)
		assert.Equal(t, q.To, checked.To)
	}
	checked, err := marketquery.CampaignReport{}.Check()
	require.NoError(t, err)
	assert.Equal(t, marketquery.ByDay, checked.GroupBy)

	for _, c := range []struct {
		q      marketquery.CampaignReport
		fields []string
	}{
		{marketquery.CampaignReport{From: "2025-02-30"}, []string{"from"}},
		{marketquery.CampaignReport{From: "yesterday", To: "2025-5-2", GroupBy: "hour"}, []string{"group_by", "from", "to"}},
		{marketquery.CampaignReport{From: "2025-05-03", To: "2025-05-02"}, []string{"to"}},
		{marketquery.CampaignReport{From: "2025-05-02T00:00:00Z"}, []string{"from"}},
	} {
		_, err := c.q.Check()
		require.ErrorIs(t, err, fault.ErrValidation)
		assert.Equal(t, c.fields, fault.As(err).Fields())
	}
}

func TestNewCampaignReportRow(t *testing.T) {
	t.Parallel()
	leads := marketquery.LeadCounts{Submitted: 3, Sold: 2, Duplicate: 1}
	row, err := marketquery.NewCampaignReportRow(marketquery.ByDay, "2025-05-02", leads, 4, 100_000_000, 70_000_000)
	require.NoError(t, err)
	assert.Equal(t, marketquery.CampaignReportRow{
		Day: "2025-05-02", Leads: leads, SoldGross: 4, SoldNet: 4, Revenue: 100_000_000,
		Payout: 70_000_000, Margin: 30_000_000, AcceptanceRate: "0.6667",
	}, row)

	row, err = marketquery.NewCampaignReportRow(marketquery.ByCategory, "Auto", marketquery.LeadCounts{}, 0, 0, 0)
	require.NoError(t, err)
	assert.Equal(t, marketquery.CampaignReportRow{Category: "Auto", AcceptanceRate: "0.0000"}, row)

	row, err = marketquery.NewCampaignReportRow(marketquery.BySupplier, "partner_1", marketquery.LeadCounts{Submitted: 1, Sold: 1}, 1, 1, 2)
	require.NoError(t, err)
	assert.Equal(t, marketquery.CampaignReportRow{
		Supplier: "partner_1", Leads: marketquery.LeadCounts{Submitted: 1, Sold: 1}, SoldGross: 1, SoldNet: 1,
		Revenue: 1, Payout: 2, Margin: -1, AcceptanceRate: "1.0000",
	}, row)

	row, err = marketquery.NewCampaignReportRow(marketquery.ByBuyer, "buyer_1", marketquery.LeadCounts{Sold: 1}, 1, 2, 1)
	require.NoError(t, err)
	assert.Equal(t, marketquery.CampaignReportRow{
		Buyer: "buyer_1", Leads: marketquery.LeadCounts{Sold: 1}, SoldGross: 1, SoldNet: 1,
		Revenue: 2, Payout: 1, Margin: 1,
	}, row)

	_, err = marketquery.NewCampaignReportRow(marketquery.ByDay, "2025-05-02", leads, 1, math.MaxInt64, -1)
	require.Error(t, err)
}
