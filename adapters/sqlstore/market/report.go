package market

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/figure"
	marketprojection "github.com/leadmill/leadmill/application/market/projection"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/money"
)

// CampaignReport keeps what campaign reports are made of and answers them.
type CampaignReport struct {
	figures figure.Store
	db      *dialect.DB
}

var _ marketprojection.CampaignReportStore = (*CampaignReport)(nil)

// NewCampaignReport returns the tables report_sellers, report_leads and report_sales of an open database.
func NewCampaignReport(db *dialect.DB) *CampaignReport {
	return &CampaignReport{figure.NewStore(db), db}
}

var (
	reportLeads = figure.Table{
		Name: "report_leads", Keys: []string{"seller_id", "day", "campaign_id", "category", "partner_id"},
		Figures: []string{"submitted", "pending", "sold", "duplicate", "rejected", "unsold"},
	}
	reportSales = figure.Table{
		Name: "report_sales", Keys: []string{"seller_id", "day", "campaign_id", "category", "partner_id", "buyer_id"},
		Figures: []string{"sales", "revenue", "payout"},
	}
)

// Add implements marketprojection.CampaignReportStore.
func (r *CampaignReport) Add(ctx context.Context, tx projection.Tx, leads map[marketprojection.CampaignReportGroup]marketprojection.LeadsDelta,
	sales map[marketprojection.SalesGroup]marketprojection.SalesDelta,
) error {
	rows := make([]figure.Row, 0, len(leads))
	for g, d := range leads {
		rows = append(rows, figure.Row{
			Key:     figure.Key{g.SellerID, g.Day, g.CampaignID, g.Category, g.PartnerID},
			Figures: figure.Values{d.Submitted, d.Pending, d.Sold, d.Duplicate, d.Rejected, d.Unsold},
		})
	}
	if err := r.figures.Add(ctx, tx, reportLeads, rows); err != nil {
		return err
	}
	rows = rows[:0]
	for g, d := range sales {
		rows = append(rows, figure.Row{
			Key:     figure.Key{g.SellerID, g.Day, g.CampaignID, g.Category, g.PartnerID, g.BuyerID},
			Figures: figure.Values{d.Sales, int64(d.Revenue), int64(d.Payout)},
		})
	}
	return r.figures.Add(ctx, tx, reportSales, rows)
}

// Zones implements marketprojection.CampaignReportStore.
func (r *CampaignReport) Zones(ctx context.Context, tx projection.Tx, sellerIDs []string) (map[string][]marketprojection.SellerZone, error) {
	zones := map[string][]marketprojection.SellerZone{}
	for chunk := range slices.Chunk(sellerIDs, figure.Chunk) {
		if err := r.zones(ctx, tx, chunk, zones); err != nil {
			return nil, r.figures.Failed("read report_sellers", err)
		}
	}
	return zones, nil
}

func (r *CampaignReport) zones(ctx context.Context, tx projection.Tx, ids []string, into map[string][]marketprojection.SellerZone) (err error) {
	rows, err := tx.QueryContext(ctx, "SELECT seller_id, since, time_zone, latest FROM report_sellers WHERE seller_id IN ("+
		engine.Marks(len(ids))+") ORDER BY seller_id, since"+r.db.ForUpdate(), engine.Anys(ids)...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		var z marketprojection.SellerZone
		if err := rows.Scan(&id, &z.Since, &z.TimeZone, &z.Latest); err != nil {
			return err
		}
		into[id] = append(into[id], z)
	}
	return rows.Err()
}

// SaveZones implements marketprojection.CampaignReportStore: with two statements for up to 200 rows.
func (r *CampaignReport) SaveZones(ctx context.Context, tx projection.Tx, zones map[string][]marketprojection.SellerZone) error {
	var keys, rows []any
	flush := func() error {
		n := len(keys) / 2
		if n == 0 {
			return nil
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM report_sellers WHERE (seller_id = ? AND since = ?)"+
			strings.Repeat(" OR (seller_id = ? AND since = ?)", n-1), keys...); err != nil {
			return r.figures.Failed("replace report_sellers", err)
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO report_sellers (seller_id, since, time_zone, latest) VALUES (?, ?, ?, ?)"+
			strings.Repeat(", (?, ?, ?, ?)", n-1), rows...); err != nil {
			return r.figures.Failed("write report_sellers", err)
		}
		keys, rows = keys[:0], rows[:0]
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(zones)) {
		for _, z := range zones[id] {
			keys, rows = append(keys, id, z.Since), append(rows, id, z.Since, z.TimeZone, z.Latest)
			if len(keys) == 2*figure.Chunk {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

// Reset implements marketprojection.CampaignReportStore.
func (r *CampaignReport) Reset(ctx context.Context, tx projection.Tx) error {
	return r.figures.Reset(ctx, tx, "report_sales", "report_leads", "report_sellers")
}

// reportColumns are the columns that a report can be grouped by.
var reportColumns = map[string]string{
	marketquery.ByDay: "day", marketquery.ByCategory: "category", marketquery.BySupplier: "partner_id",
	marketquery.ByBuyer: "buyer_id",
}

// CampaignReport answers marketquery.CampaignReport: with one statement, so that leads and sales are of one moment, the groups in the
// order of their names. Its figures follow the events, a moment behind. The error names the members of the question at fault,
// or is application.ErrUnavailable.
func (r *CampaignReport) CampaignReport(ctx context.Context, q marketquery.CampaignReport) (out []marketquery.CampaignReportRow, err error) {
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
	if q.GroupBy != marketquery.ByBuyer {
		statement = "SELECT grp, SUM(submitted), SUM(pending), SUM(sold), SUM(duplicate), SUM(rejected), SUM(unsold), SUM(sales), " +
			"SUM(revenue), SUM(payout) FROM (SELECT " + column + " AS grp, SUM(submitted) AS submitted, SUM(pending) AS pending, " +
			"SUM(sold) AS sold, SUM(duplicate) AS duplicate, SUM(rejected) AS rejected, SUM(unsold) AS unsold, 0 AS sales, " +
			"0 AS revenue, 0 AS payout FROM report_leads" + tail + " UNION ALL SELECT " + column +
			", 0, 0, 0, 0, 0, 0, SUM(sales), SUM(revenue), SUM(payout) FROM report_sales" + tail + ") figures GROUP BY grp ORDER BY grp"
		args = append(args, args...)
	}
	if err := r.db.Reads.Err(); err != nil {
		return nil, r.figures.Failed("read campaign report", err)
	}
	rows, err := r.db.Reader.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, r.figures.Failed("read campaign report", err)
	}
	defer func() { err = cmp.Or(err, rows.Close()) }()
	for rows.Next() {
		row, err := reportGroup(rows, q.GroupBy)
		if err != nil {
			return nil, r.figures.Failed("read campaign report", err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		return nil, r.figures.Failed("read campaign report", err)
	}
	return out, nil
}

func reportGroup(rows *sql.Rows, groupBy string) (marketquery.CampaignReportRow, error) {
	var group string
	var n marketquery.LeadCounts
	var sales, revenue, payout int64
	err := rows.Scan(&group, &n.Submitted, &n.Pending, &n.Sold, &n.Duplicate, &n.Rejected, &n.Unsold, &sales, &revenue, &payout)
	if err != nil {
		return marketquery.CampaignReportRow{}, err
	}
	return marketquery.NewCampaignReportRow(groupBy, group, n, sales, money.Micros(revenue), money.Micros(payout))
}
