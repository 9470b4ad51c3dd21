package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/money"
)

// CampaignReport keeps what campaign reports are made of and answers them.
type CampaignReport struct{ figures }

var (
	_ projection.CampaignReportStore = (*CampaignReport)(nil)
	_ query.CampaignReports          = (*CampaignReport)(nil)
)

// NewCampaignReport returns the tables report_sellers, report_leads and report_sales of a database.
func NewCampaignReport(db *dialect.DB) *CampaignReport { return &CampaignReport{figures{db}} }

var (
	reportLeads = figureTable{"report_leads", []string{"seller_id", "day", "campaign_id", "category", "partner_id"},
		[]string{"submitted", "pending", "sold", "duplicate", "rejected", "unsold"}}
	reportSales = figureTable{"report_sales", []string{"seller_id", "day", "campaign_id", "category", "partner_id", "buyer_id"},
		[]string{"sales", "revenue", "payout"}}
)

// Add implements projection.CampaignReportStore.
func (r *CampaignReport) Add(ctx context.Context, tx projection.Tx, leads map[projection.CampaignReportGroup]projection.LeadsDelta,
	sales map[projection.SalesGroup]projection.SalesDelta,
) error {
	rows := make([]figureRow, 0, len(leads))
	for g, d := range leads {
		rows = append(rows, figureRow{figureKey{g.SellerID, g.Day, g.CampaignID, g.Category, g.PartnerID},
			figureValues{d.Submitted, d.Pending, d.Sold, d.Duplicate, d.Rejected, d.Unsold}})
	}
	if err := r.add(ctx, tx, reportLeads, rows); err != nil {
		return err
	}
	rows = rows[:0]
	for g, d := range sales {
		rows = append(rows, figureRow{figureKey{g.SellerID, g.Day, g.CampaignID, g.Category, g.PartnerID, g.BuyerID},
			figureValues{d.Sales, int64(d.Revenue), int64(d.Payout)}})
	}
	return r.add(ctx, tx, reportSales, rows)
}

// Zones implements projection.CampaignReportStore.
func (r *CampaignReport) Zones(ctx context.Context, tx projection.Tx, sellerIDs []string) (map[string][]projection.SellerZone, error) {
	zones := map[string][]projection.SellerZone{}
	for chunk := range slices.Chunk(sellerIDs, figureChunk) {
		if err := r.zones(ctx, tx, chunk, zones); err != nil {
			return nil, r.failed("read report_sellers", err)
		}
	}
	return zones, nil
}

func (r *CampaignReport) zones(ctx context.Context, tx projection.Tx, ids []string, into map[string][]projection.SellerZone) (err error) {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	rows, err := tx.QueryContext(ctx, "SELECT seller_id, since, time_zone, latest FROM report_sellers WHERE seller_id IN (?"+
		strings.Repeat(", ?", len(ids)-1)+") ORDER BY seller_id, since"+r.db.ForUpdate(), args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		var z projection.SellerZone
		if err := rows.Scan(&id, &z.Since, &z.TimeZone, &z.Latest); err != nil {
			return err
		}
		into[id] = append(into[id], z)
	}
	return rows.Err()
}

// SaveZones implements projection.CampaignReportStore: with two statements for up to 200 rows.
func (r *CampaignReport) SaveZones(ctx context.Context, tx projection.Tx, zones map[string][]projection.SellerZone) error {
	var keys, rows []any
	flush := func() error {
		n := len(keys) / 2
		if n == 0 {
			return nil
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM report_sellers WHERE (seller_id = ? AND since = ?)"+
			strings.Repeat(" OR (seller_id = ? AND since = ?)", n-1), keys...); err != nil {
			return r.failed("replace report_sellers", err)
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO report_sellers (seller_id, since, time_zone, latest) VALUES (?, ?, ?, ?)"+
			strings.Repeat(", (?, ?, ?, ?)", n-1), rows...); err != nil {
			return r.failed("write report_sellers", err)
		}
		keys, rows = keys[:0], rows[:0]
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(zones)) {
		for _, z := range zones[id] {
			keys, rows = append(keys, id, z.Since), append(rows, id, z.Since, z.TimeZone, z.Latest)
			if len(keys) == 2*figureChunk {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

// Reset implements projection.CampaignReportStore.
func (r *CampaignReport) Reset(ctx context.Context, tx projection.Tx) error {
	return r.reset(ctx, tx, "report_sales", "report_leads", "report_sellers")
}

// reportColumns are the columns that a report can be grouped by.
var reportColumns = map[string]string{query.ByDay: "day", query.ByCategory: "category", query.BySupplier: "partner_id",
	query.ByBuyer: "buyer_id"}

// CampaignReport implements query.CampaignReports: with one statement, so that leads and sales are of one moment.
func (r *CampaignReport) CampaignReport(ctx context.Context, q query.CampaignReport) (out []query.CampaignReportRow, err error) {
	q, err = q.Check()
	if err != nil {
		return nil, err
	}
	column := reportColumns[q.GroupBy]
	where, args := " WHERE seller_id = ?", []any{q.SellerID}
	if q.From != "" {
		where, args = where+" AND day >= ?", append(args, q.From)
	}
	if q.To != "" {
		where, args = where+" AND day <= ?", append(args, q.To)
	}
	tail := where + " GROUP BY " + column
	statement := "SELECT buyer_id, 0, 0, SUM(sales), 0, 0, 0, SUM(sales), SUM(revenue), SUM(payout) FROM report_sales" + tail +
		" ORDER BY buyer_id"
	if q.GroupBy != query.ByBuyer {
		statement = "SELECT grp, SUM(submitted), SUM(pending), SUM(sold), SUM(duplicate), SUM(rejected), SUM(unsold), SUM(sales), " +
			"SUM(revenue), SUM(payout) FROM (SELECT " + column + " AS grp, SUM(submitted) AS submitted, SUM(pending) AS pending, " +
			"SUM(sold) AS sold, SUM(duplicate) AS duplicate, SUM(rejected) AS rejected, SUM(unsold) AS unsold, 0 AS sales, " +
			"0 AS revenue, 0 AS payout FROM report_leads" + tail + " UNION ALL SELECT " + column +
			", 0, 0, 0, 0, 0, 0, SUM(sales), SUM(revenue), SUM(payout) FROM report_sales" + tail + ") figures GROUP BY grp ORDER BY grp"
		args = append(args, args...)
	}
	rows, err := r.db.Reader.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, r.failed("read campaign report", err)
	}
	defer func() { err = cmp.Or(err, rows.Close()) }()
	for rows.Next() {
		row, err := reportGroup(rows, q.GroupBy)
		if err != nil {
			return nil, r.failed("read campaign report", err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		return nil, r.failed("read campaign report", err)
	}
	return out, nil
}

func reportGroup(rows *sql.Rows, groupBy string) (query.CampaignReportRow, error) {
	var group string
	var n query.LeadCounts
	var sales, revenue, payout int64
	err := rows.Scan(&group, &n.Submitted, &n.Pending, &n.Sold, &n.Duplicate, &n.Rejected, &n.Unsold, &sales, &revenue, &payout)
	if err != nil {
		return query.CampaignReportRow{}, err
	}
	return query.NewCampaignReportRow(groupBy, group, n, sales, money.Micros(revenue), money.Micros(payout))
}
