package market

import (
	"cmp"
	"context"

	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/partner"
)

// Earnings answers marketquery.Earnings from the sums of the report, by day, then by campaign. It follows the events, a moment behind.
func (r *CampaignReport) Earnings(ctx context.Context, q marketquery.Earnings) (out []marketquery.Earning, err error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	if err := r.db.Reads.Err(); err != nil {
		return nil, r.figures.Failed("read earnings", err)
	}
	var there []string
	if err := r.db.Reader.SelectContext(ctx, &there, "SELECT id FROM partners WHERE seller_id = ? AND id = ?", q.SellerID, q.PartnerID); err != nil {
		return nil, r.figures.Failed("read earnings", err)
	}
	if len(there) == 0 || there[0] != q.PartnerID {
		return nil, partner.ErrNotFound
	}
	const of = " WHERE seller_id = ? AND day >= ? AND day <= ? AND partner_id = ? GROUP BY day, campaign_id"
	rows, err := r.db.Reader.QueryContext(ctx, "SELECT f.day, f.campaign_id, COALESCE(c.name, ''), SUM(f.sales), SUM(f.payout), SUM(f.back), SUM(f.payout_back) FROM ("+
		"SELECT day, campaign_id, SUM(sales) AS sales, SUM(payout) AS payout, 0 AS back, 0 AS payout_back FROM report_sales"+of+
		" UNION ALL SELECT day, campaign_id, 0, 0, SUM(sales), SUM(payout) FROM report_returns"+of+") f "+
		"LEFT JOIN campaigns c ON c.seller_id = ? AND c.id = f.campaign_id GROUP BY f.day, f.campaign_id, c.name ORDER BY f.day, f.campaign_id LIMIT ?",
		q.SellerID, q.From, q.To, q.PartnerID, q.SellerID, q.From, q.To, q.PartnerID, q.SellerID, int64(marketquery.MostReportRows+1))
	if err != nil {
		return nil, r.figures.Failed("read earnings", err)
	}
	defer func() { err = cmp.Or(err, rows.Close()) }()
	for rows.Next() {
		var day, campaignID, name string
		var sold, back marketquery.SaleFigures
		if err := rows.Scan(&day, &campaignID, &name, &sold.Sales, &sold.Payout, &back.Sales, &back.Payout); err != nil {
			return nil, r.figures.Failed("read earnings", err)
		}
		if sold.Sales == 0 && back.Sales == 0 {
			continue
		}
		e, err := marketquery.NewEarning(day, campaignID, name, sold, back)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, r.figures.Failed("read earnings", err)
	}
	if len(out) > marketquery.MostReportRows {
		return nil, marketquery.ErrTooManyRows()
	}
	return out, nil
}
