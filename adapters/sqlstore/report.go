package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/money"
)

// CampaignReport keeps what campaign reports are made of and answers them.
type CampaignReport struct{ db *dialect.DB }

var (
	_ projection.CampaignReportStore = (*CampaignReport)(nil)
	_ query.CampaignReports          = (*CampaignReport)(nil)
)

// NewCampaignReport returns the tables report_sellers, report_leads and report_sales of a database.
func NewCampaignReport(db *dialect.DB) *CampaignReport { return &CampaignReport{db} }

// reportTable is a table of figures that are added to. Names of columns are never from outside.
type reportTable struct {
	name          string
	keys, figures []string
}

var (
	reportLeads = reportTable{"report_leads", []string{"seller_id", "day", "campaign_id", "category", "partner_id"},
		[]string{"submitted", "pending", "sold", "duplicate", "rejected", "unsold"}}
	reportSales = reportTable{"report_sales", []string{"seller_id", "day", "campaign_id", "category", "partner_id", "buyer_id"},
		[]string{"sales", "revenue", "payout"}}
)

// reportKey is the longest key of a table; a shorter one leaves the rest empty.
type reportKey [6]string

// reportFigures is the most figures a table has; one with less leaves the rest zero.
type reportFigures [6]int64

type reportRow struct {
	key     reportKey
	figures reportFigures
}

// Add implements projection.CampaignReportStore.
func (r *CampaignReport) Add(ctx context.Context, tx projection.Tx, leads map[projection.CampaignReportGroup]projection.LeadsDelta,
	sales map[projection.SalesGroup]projection.SalesDelta,
) error {
	rows := make([]reportRow, 0, len(leads))
	for g, d := range leads {
		rows = append(rows, reportRow{reportKey{g.SellerID, g.Day, g.CampaignID, g.Category, g.PartnerID},
			reportFigures{d.Submitted, d.Pending, d.Sold, d.Duplicate, d.Rejected, d.Unsold}})
	}
	if err := r.add(ctx, tx, reportLeads, rows); err != nil {
		return err
	}
	rows = rows[:0]
	for g, d := range sales {
		rows = append(rows, reportRow{reportKey{g.SellerID, g.Day, g.CampaignID, g.Category, g.PartnerID, g.BuyerID},
			reportFigures{d.Sales, int64(d.Revenue), int64(d.Payout)}})
	}
	return r.add(ctx, tx, reportSales, rows)
}

// reportChunk is how many rows one statement finds: well below SQLite's 1,000 levels of an expression.
const reportChunk = 200

// add reads the rows that are there with a lock and writes them again with what is added: three statements for up to 200
// rows on every engine, where one UPDATE a row would not keep up with the log.
func (r *CampaignReport) add(ctx context.Context, tx projection.Tx, t reportTable, rows []reportRow) error {
	slices.SortFunc(rows, func(a, b reportRow) int { return slices.Compare(a.key[:], b.key[:]) })
	for chunk := range slices.Chunk(rows, reportChunk) {
		where, args := t.where(chunk)
		found, err := r.read(ctx, tx, t, where, args)
		if err != nil {
			return r.failed("read "+t.name, err)
		}
		if len(found) > 0 {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+t.name+where, args...); err != nil {
				return r.failed("replace "+t.name, err)
			}
		}
		values := make([]any, 0, len(chunk)*(len(t.keys)+len(t.figures)))
		for _, row := range chunk {
			for i := range t.keys {
				values = append(values, row.key[i])
			}
			stored := found[row.key]
			for i, name := range t.figures {
				sum, err := money.Micros(stored[i]).Add(money.Micros(row.figures[i]))
				if err != nil {
					return fmt.Errorf("%s of %s: %w", name, t.name, err)
				}
				values = append(values, int64(sum))
			}
		}
		if _, err := tx.ExecContext(ctx, t.insert(len(chunk)), values...); err != nil {
			return r.failed("write "+t.name, err)
		}
	}
	return nil
}

func (t reportTable) where(rows []reportRow) (string, []any) {
	one := "(" + strings.Join(t.keys, " = ? AND ") + " = ?)"
	args := make([]any, 0, len(rows)*len(t.keys))
	for _, row := range rows {
		for i := range t.keys {
			args = append(args, row.key[i])
		}
	}
	return " WHERE " + one + strings.Repeat(" OR "+one, len(rows)-1), args
}

func (t reportTable) insert(rows int) string {
	columns := slices.Concat(t.keys, t.figures)
	one := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
	return "INSERT INTO " + t.name + " (" + strings.Join(columns, ", ") + ") VALUES " + one + strings.Repeat(", "+one, rows-1)
}

func (r *CampaignReport) read(ctx context.Context, tx projection.Tx, t reportTable, where string, args []any,
) (found map[reportKey]reportFigures, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT "+strings.Join(slices.Concat(t.keys, t.figures), ", ")+" FROM "+t.name+where+
		r.db.ForUpdate(), args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found = map[reportKey]reportFigures{}
	for rows.Next() {
		var row reportRow
		into := make([]any, 0, len(t.keys)+len(t.figures))
		for i := range t.keys {
			into = append(into, &row.key[i])
		}
		for i := range t.figures {
			into = append(into, &row.figures[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		found[row.key] = row.figures
	}
	return found, rows.Err()
}

// Zones implements projection.CampaignReportStore.
func (r *CampaignReport) Zones(ctx context.Context, tx projection.Tx, sellerIDs []string) (map[string][]projection.SellerZone, error) {
	zones := map[string][]projection.SellerZone{}
	for chunk := range slices.Chunk(sellerIDs, reportChunk) {
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
			if len(keys) == 2*reportChunk {
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
	for _, table := range []string{"report_sales", "report_leads", "report_sellers"} {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table); err != nil {
			return r.failed("empty "+table, err)
		}
	}
	return nil
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

// failed says what failed. What can succeed when it is tried again is of kind unavailable; a row that somebody else
// inserted meanwhile too.
func (r *CampaignReport) failed(what string, err error) error {
	err = dialect.Redact(err)
	switch r.db.Classify(err) {
	case dialect.Lost, dialect.Retry, dialect.Duplicate:
		return fmt.Errorf("%s: %w", what, application.ErrUnavailable.Because(err))
	}
	return fmt.Errorf("%s: %w", what, err)
}
