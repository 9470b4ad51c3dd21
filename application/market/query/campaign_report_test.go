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
		{GroupBy: "day,supplier"},
		{From: "2025-05-01", To: "2025-05-31", GroupBy: "hour,reason"},
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
		{marketquery.CampaignReport{From: "yesterday", To: "2025-5-2", GroupBy: "moon"}, []string{"group_by", "from", "to"}},
		{marketquery.CampaignReport{From: "2025-05-03", To: "2025-05-02"}, []string{"to"}},
		{marketquery.CampaignReport{GroupBy: "day,supplier,buyer"}, []string{"group_by"}},
		{marketquery.CampaignReport{GroupBy: "day,day"}, []string{"group_by"}},
		{marketquery.CampaignReport{GroupBy: "day,"}, []string{"group_by"}},
		{marketquery.CampaignReport{GroupBy: "hour"}, []string{"from", "to"}},
		{marketquery.CampaignReport{GroupBy: "day,state", From: "2025-05-01", To: "2025-06-01"}, []string{"to"}},
		{marketquery.CampaignReport{From: "2025-05-02T00:00:00Z"}, []string{"from"}},
		{marketquery.CampaignReport{From: "0000-01-01", To: "0000-01-31"}, []string{"from", "to"}},
		{marketquery.CampaignReport{From: "0000-01-01", To: "0000-01-31", GroupBy: "state"}, []string{"from", "to"}},
	} {
		_, err := c.q.Check()
		require.ErrorIs(t, err, fault.ErrValidation)
		assert.Equal(t, c.fields, fault.As(err).Fields())
	}
}

func TestNewCampaignReportRow(t *testing.T) {
	t.Parallel()
	leads := marketquery.LeadCounts{Submitted: 3, Sold: 2, Duplicate: 1}
	row, err := marketquery.CampaignReport{GroupBy: marketquery.ByDay}.NewRow([]string{"2025-05-02"}, leads, marketquery.SaleFigures{Sales: 4, Revenue: 100_000_000, Payout: 70_000_000}, marketquery.SaleFigures{})
	require.NoError(t, err)
	assert.Equal(t, marketquery.CampaignReportRow{
		Day: "2025-05-02", Leads: leads, SoldGross: 4, SoldNet: 4, Revenue: 100_000_000,
		Payout: 70_000_000, Margin: 30_000_000, AcceptanceRate: "0.6667",
	}, row)

	row, err = marketquery.CampaignReport{GroupBy: marketquery.ByCategory}.NewRow([]string{"Auto"}, marketquery.LeadCounts{}, marketquery.SaleFigures{Sales: 0, Revenue: 0, Payout: 0}, marketquery.SaleFigures{})
	require.NoError(t, err)
	assert.Equal(t, marketquery.CampaignReportRow{Category: "Auto", AcceptanceRate: "0.0000"}, row)

	row, err = marketquery.CampaignReport{GroupBy: marketquery.BySupplier}.NewRow([]string{"partner_1"}, marketquery.LeadCounts{Submitted: 1, Sold: 1}, marketquery.SaleFigures{Sales: 1, Revenue: 1, Payout: 2}, marketquery.SaleFigures{})
	require.NoError(t, err)
	assert.Equal(t, marketquery.CampaignReportRow{
		Supplier: "partner_1", Leads: marketquery.LeadCounts{Submitted: 1, Sold: 1}, SoldGross: 1, SoldNet: 1,
		Revenue: 1, Payout: 2, Margin: -1, AcceptanceRate: "1.0000",
	}, row)

	row, err = marketquery.CampaignReport{GroupBy: marketquery.ByBuyer}.NewRow([]string{"buyer_1"}, marketquery.LeadCounts{Sold: 1}, marketquery.SaleFigures{Sales: 1, Revenue: 2, Payout: 1}, marketquery.SaleFigures{})
	require.NoError(t, err)
	assert.Equal(t, marketquery.CampaignReportRow{
		Buyer: "buyer_1", Leads: marketquery.LeadCounts{Sold: 1}, SoldGross: 1, SoldNet: 1,
		Revenue: 2, Payout: 1, Margin: 1,
	}, row)

	_, err = marketquery.CampaignReport{GroupBy: marketquery.ByDay}.NewRow([]string{"2025-05-02"}, leads, marketquery.SaleFigures{Sales: 1, Revenue: math.MaxInt64, Payout: -1}, marketquery.SaleFigures{})
	require.Error(t, err)
}
