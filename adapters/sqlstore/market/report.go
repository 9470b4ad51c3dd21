package market

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/figure"
	marketprojection "github.com/leadmill/leadmill/application/market/projection"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/application/projection"
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
	reportReturns = figure.Table{Name: "report_returns", Keys: reportSales.Keys, Figures: []string{"leads", "sales", "revenue", "payout"}}
)

// Add implements marketprojection.CampaignReportStore.
func (r *CampaignReport) Add(ctx context.Context, tx projection.Tx, leads map[marketprojection.CampaignReportGroup]marketprojection.LeadsDelta,
	sales map[marketprojection.SalesGroup]marketprojection.SalesDelta, returns map[marketprojection.SalesGroup]marketprojection.ReturnsDelta,
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
	if err := r.figures.Add(ctx, tx, reportSales, rows); err != nil {
		return err
	}
	rows = rows[:0]
	for g, d := range returns {
		rows = append(rows, figure.Row{
			Key:     figure.Key{g.SellerID, g.Day, g.CampaignID, g.Category, g.PartnerID, g.BuyerID},
			Figures: figure.Values{d.Leads, d.Sales, int64(d.Revenue), int64(d.Payout)},
		})
	}
	return r.figures.Add(ctx, tx, reportReturns, rows)
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
	return r.figures.Reset(ctx, tx, "report_returns", "report_sales", "report_leads", "report_sellers")
}

// reportColumns are the columns that a report can be grouped by.
var reportColumns = map[string]string{
	marketquery.ByDay: "day", marketquery.ByCategory: "category", marketquery.BySupplier: "partner_id",
	marketquery.ByBuyer: "buyer_id",
}

// CampaignReport answers marketquery.CampaignReport, the groups in the order of their values. The error names the members of the question at
// fault, or is application.ErrUnavailable.
func (r *CampaignReport) CampaignReport(ctx context.Context, q marketquery.CampaignReport) (out []marketquery.CampaignReportRow, err error) {
	if q, err = q.Check(); err != nil {
		return nil, err
	}
	if err := r.db.Reads.Err(); err != nil {
		return nil, r.figures.Failed("read campaign report", err)
	}
	if q.Detailed() {
		out, err = r.detailed(ctx, q)
	} else {
		out, err = r.summed(ctx, q)
	}
	if err != nil {
		return nil, err
	}
	return out, r.addNames(ctx, q.SellerID, out)
}

// summed reads a report from the sums: with one statement, so that leads, sales and returns are of one moment.
func (r *CampaignReport) summed(ctx context.Context, q marketquery.CampaignReport) (out []marketquery.CampaignReportRow, err error) {
	by := q.Dimensions()
	columns := [2]string{reportColumns[by[0]], "''"}
	if len(by) == 2 {
		columns[1] = reportColumns[by[1]]
	}
	where, of := " WHERE seller_id = ?", []any{q.SellerID}
	if q.From != "" {
		where, of = where+" AND day >= ?", append(of, q.From)
	}
	if q.To != "" {
		where, of = where+" AND day <= ?", append(of, q.To)
	}
	group := " GROUP BY " + strings.Join(columns[:len(by)], ", ")
	groups := "SELECT " + columns[0] + " AS one, " + columns[1] + " AS two, "
	const figures = "SUM(submitted), SUM(pending), SUM(sold), SUM(duplicate), SUM(rejected), SUM(unsold), SUM(returned), SUM(sales), SUM(revenue), SUM(payout), " +
		"SUM(back), SUM(revenue_back), SUM(payout_back)"
	const named = "0 AS submitted, 0 AS pending, %s AS sold, 0 AS duplicate, 0 AS rejected, 0 AS unsold, 0 AS returned, SUM(sales) AS sales, SUM(revenue) AS revenue, " +
		"SUM(payout) AS payout, 0 AS back, 0 AS revenue_back, 0 AS payout_back"
	sold, given, back := "0", "0", "SUM(leads)"
	if q.OfSales() { // a lead that is not sold has no buyer, and what is counted of leads is how many a buyer has
		sold, given, back = "SUM(sales)", "-SUM(sales)", "0"
	}
	parts := []string{groups + fmt.Sprintf(named, sold) + " FROM report_sales" + where + group}
	returns := where
	if q.OfSales() {
		returns += " AND buyer_id <> ''"
	} else {
		parts = append(parts, groups+"SUM(submitted), SUM(pending), SUM(sold), SUM(duplicate), SUM(rejected), SUM(unsold), 0, 0, 0, 0, 0, 0, 0 FROM report_leads"+where+group)
	}
	parts = append(parts, groups+"0, 0, "+given+", 0, 0, 0, "+back+", 0, 0, 0, SUM(sales), SUM(revenue), SUM(payout) FROM report_returns"+returns+group)
	var args []any
	for range parts {
		args = append(args, of...)
	}
	rows, err := r.db.Reader.QueryContext(ctx, "SELECT one, two, "+figures+" FROM ("+strings.Join(parts, " UNION ALL ")+") figures GROUP BY one, two ORDER BY one, two LIMIT ?",
		append(args, int64(marketquery.MostReportRows+1))...)
	if err != nil {
		return nil, r.figures.Failed("read campaign report", err)
	}
	defer func() { err = cmp.Or(err, rows.Close()) }()
	for rows.Next() {
		var keys [2]string
		var n marketquery.LeadCounts
		var sold, back marketquery.SaleFigures
		if err := rows.Scan(&keys[0], &keys[1], &n.Submitted, &n.Pending, &n.Sold, &n.Duplicate, &n.Rejected, &n.Unsold, &n.Returned, &sold.Sales, &sold.Revenue, &sold.Payout,
			&back.Sales, &back.Revenue, &back.Payout); err != nil {
			return nil, r.figures.Failed("read campaign report", err)
		}
		row, err := q.NewRow(keys[:], n, sold, back)
		if err != nil {
			return nil, r.figures.Failed("read campaign report", err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		return nil, r.figures.Failed("read campaign report", err)
	}
	if len(out) > marketquery.MostReportRows {
		return nil, marketquery.ErrTooManyRows()
	}
	return out, nil
}
