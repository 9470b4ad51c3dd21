package market

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// quarterOf is what the databases group times by: the hours and days of all zones begin with a quarter of an hour.
const quarterOf = "l.created_at - l.created_at % 900000000"

// stateOf is a lead's state with the quotes around it, or what is no state: within the JSON object of its dimensions the text that is looked for is
// nothing but that member.
const stateOf = `SUBSTR(CAST(l.dimensions AS CHAR), NULLIF(INSTR(CAST(l.dimensions AS CHAR), '"state":"'), 0) + 8, 4)`

// detailColumns are the columns of leads l and sales s that a detailed report can be grouped by; times are grouped by quarters.
var detailColumns = map[string]string{
	marketquery.ByCategory: "l.campaign_id", marketquery.BySupplier: "l.partner_id", marketquery.ByBuyer: "s.buyer_id",
	marketquery.ByContract: "s.contract_id", marketquery.ByState: stateOf, marketquery.ByReason: "l.code",
}

// detailed reads a report from the leads and the sales. Days and hours are those of the seller's present time zone.
func (r *CampaignReport) detailed(ctx context.Context, q marketquery.CampaignReport) ([]marketquery.CampaignReportRow, error) {
	d := detail{r: r, q: q, by: q.Dimensions(), groups: map[[2]string]*detailGroup{}}
	if err := d.prepare(ctx); err != nil {
		return nil, err
	}
	if !q.OfSales() {
		if err := d.read(ctx, "l.status, COUNT(*), 0, 0", " FROM leads l WHERE l.seller_id = ?", "l.status", d.countLeads); err != nil {
			return nil, err
		}
	}
	if err := d.read(ctx, "CASE WHEN s.slot > 0 THEN 'live' ELSE '' END, COUNT(*), SUM(s.price), SUM(COALESCE(s.payout, l.payout))",
		" FROM leads l JOIN sales s ON s.seller_id = l.seller_id AND s.lead_id = l.id WHERE l.seller_id = ?", "CASE WHEN s.slot > 0 THEN 'live' ELSE '' END", d.countSales); err != nil {
		return nil, err
	}
	return d.rows()
}

// detailGroup is what was counted of a group.
type detailGroup struct {
	key            [2]string
	leads          marketquery.LeadCounts
	sold, returned marketquery.SaleFigures
}

// detail is a detailed report that is made.
type detail struct {
	r          *CampaignReport
	q          marketquery.CampaignReport
	by         []string
	zone       *time.Location
	from, to   time.Time
	categories map[string]string // of campaigns
	groups     map[[2]string]*detailGroup
}

// prepare reads what the report needs besides leads and sales, and sees that there are not too many leads.
func (d *detail) prepare(ctx context.Context) error {
	var zone string
	if err := d.r.db.Reader.GetContext(ctx, &zone, "SELECT time_zone FROM sellers WHERE id = ?", d.q.SellerID); err != nil {
		return d.r.figures.Failed("read campaign report", err)
	}
	var err error
	if d.zone, err = calendar.ParseZone(zone); err != nil {
		d.zone = time.UTC
	}
	from, err := contact.ParseDate(d.q.From)
	if err != nil {
		return err
	}
	to, err := contact.ParseDate(d.q.To)
	if err != nil {
		return err
	}
	d.from, d.to = from.Start(d.zone), to.End(d.zone)
	var campaigns []struct {
		ID       string `db:"id"`
		Category string `db:"category"`
	}
	if err := d.r.db.Reader.SelectContext(ctx, &campaigns, "SELECT id, category FROM campaigns WHERE seller_id = ?", d.q.SellerID); err != nil {
		return d.r.figures.Failed("read campaign report", err)
	}
	d.categories = make(map[string]string, len(campaigns))
	for _, c := range campaigns {
		d.categories[c.ID] = c.Category
	}
	var beyond []string
	if err := d.r.db.Reader.SelectContext(ctx, &beyond, "SELECT id FROM leads WHERE seller_id = ? AND id >= ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?", d.q.SellerID,
		engine.FirstID("lead", d.from), engine.FirstID("lead", d.to), int64(marketquery.MostDetailed)); err != nil {
		return d.r.figures.Failed("read campaign report", err)
	}
	if len(beyond) > 0 {
		return marketquery.ErrTooManyLeads()
	}
	return nil
}

// read groups leads l, and sales s where there are some, by the dimensions and by what else is given, and tells each group.
func (d *detail) read(ctx context.Context, what, from, group string, tell func(g *detailGroup, kind string, n, price, payout int64) error) (err error) {
	columns := [2]string{"''", "''"}
	at := "0"
	for i, by := range d.by {
		if by == marketquery.ByHour || by == marketquery.ByDay {
			at = quarterOf
		} else {
			columns[i] = detailColumns[by]
		}
	}
	var grouped []string
	for _, c := range append(columns[:], at) {
		if c != "''" && c != "0" {
			grouped = append(grouped, c)
		}
	}
	if group != "" {
		grouped = append(grouped, group)
	}
	rows, err := d.r.db.Reader.QueryContext(ctx, "SELECT "+columns[0]+", "+columns[1]+", "+at+", "+what+from+" AND l.id >= ? AND l.id < ? AND l.created_at >= ? AND l.created_at < ? "+
		"AND l.status <> '' AND l.test = 0 GROUP BY "+strings.Join(grouped, ", "),
		d.q.SellerID, engine.FirstID("lead", d.from.Add(-idSlack)), engine.FirstID("lead", d.to.Add(idSlack)), engine.Micros(d.from), engine.Micros(d.to))
	if err != nil {
		return d.r.figures.Failed("read campaign report", err)
	}
	defer func() { err = cmp.Or(err, rows.Close()) }()
	for rows.Next() {
		var keys [2]sql.RawBytes
		var kind string
		var micros, n, price, payout int64
		if err := rows.Scan(&keys[0], &keys[1], &micros, &kind, &n, &price, &payout); err != nil {
			return d.r.figures.Failed("read campaign report", err)
		}
		g := d.group([2]string{string(keys[0]), string(keys[1])}, time.UnixMicro(micros))
		if err := tell(g, kind, n, price, payout); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return d.r.figures.Failed("read campaign report", err)
	}
	return nil
}

// group returns the group of what the databases grouped by.
func (d *detail) group(key [2]string, at time.Time) *detailGroup {
	for i, by := range d.by {
		local := at.In(d.zone)
		switch by {
		case marketquery.ByHour:
			key[i] = local.Add(-time.Duration(local.Minute()) * time.Minute).Format(time.RFC3339)
		case marketquery.ByDay:
			key[i] = local.Format(time.DateOnly)
		case marketquery.ByState:
			if s := key[i]; len(s) == 4 && s[0] == '"' && s[3] == '"' {
				key[i] = s[1:3]
			} else {
				key[i] = ""
			}
		case marketquery.ByCategory:
			key[i] = cmp.Or(d.categories[key[i]], key[i])
		}
	}
	g := d.groups[key]
	if g == nil {
		g = &detailGroup{key: key}
		d.groups[key] = g
	}
	return g
}

func (d *detail) countLeads(g *detailGroup, status string, n, _, _ int64) error {
	g.leads.Submitted += n
	into := map[lead.Status]*int64{
		lead.StatusPending: &g.leads.Pending, lead.StatusSold: &g.leads.Sold, lead.StatusDuplicate: &g.leads.Duplicate, lead.StatusRejected: &g.leads.Rejected,
		lead.StatusUnsold: &g.leads.Unsold, lead.StatusReturned: &g.leads.Returned,
	}[lead.Status(status)]
	if into != nil {
		*into += n
	}
	return nil
}

func (d *detail) countSales(g *detailGroup, live string, n, price, payout int64) error {
	sums := []*marketquery.SaleFigures{&g.sold}
	if live == "" {
		sums = append(sums, &g.returned)
	} else if d.q.OfSales() {
		g.leads.Sold += n
	}
	for _, s := range sums {
		var err error
		s.Sales += n
		if s.Revenue, err = s.Revenue.Add(money.Micros(price)); err != nil {
			return err
		}
		if s.Payout, err = s.Payout.Add(money.Micros(payout)); err != nil {
			return err
		}
	}
	return nil
}

// rows returns the groups in the order of their values; hours are sorted as times, because their offset changes with clocks.
func (d *detail) rows() ([]marketquery.CampaignReportRow, error) {
	if len(d.groups) > marketquery.MostReportRows {
		return nil, marketquery.ErrTooManyRows()
	}
	all := make([]*detailGroup, 0, len(d.groups))
	for _, g := range d.groups {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *detailGroup) int {
		for i, by := range d.by {
			order := strings.Compare(a.key[i], b.key[i])
			if by == marketquery.ByHour {
				x, _ := time.Parse(time.RFC3339, a.key[i])
				y, _ := time.Parse(time.RFC3339, b.key[i])
				order = x.Compare(y)
			}
			if order != 0 {
				return order
			}
		}
		return 0
	})
	out := make([]marketquery.CampaignReportRow, len(all))
	for i, g := range all {
		var err error
		if out[i], err = d.q.NewRow(g.key[:], g.leads, g.sold, g.returned); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// namesAtOnce is how many names one statement reads.
const namesAtOnce = 250

// addNames gives rows the names of suppliers and buyers, and contracts their buyers.
func (r *CampaignReport) addNames(ctx context.Context, sellerID string, rows []marketquery.CampaignReportRow) error {
	type named struct {
		ID   string `db:"id"`
		Name string `db:"name"`
		More string `db:"more"`
	}
	look := func(query string, id func(*marketquery.CampaignReportRow) string, tell func(*marketquery.CampaignReportRow, named)) error {
		var ids []string
		for i := range rows {
			if key := id(&rows[i]); key != "" {
				ids = append(ids, key)
			}
		}
		slices.Sort(ids)
		names := map[string]named{}
		for some := range slices.Chunk(slices.Compact(ids), namesAtOnce) {
			var found []named
			if err := r.db.Reader.SelectContext(ctx, &found, query+" WHERE seller_id = ? AND id IN ("+engine.Marks(len(some))+")", append([]any{sellerID}, engine.Anys(some)...)...); err != nil {
				return r.figures.Failed("read campaign report", err)
			}
			for _, n := range found {
				names[n.ID] = n
			}
		}
		for i := range rows {
			if n, ok := names[id(&rows[i])]; ok {
				tell(&rows[i], n)
			}
		}
		return nil
	}
	if err := look("SELECT id, buyer_id AS name, '' AS more FROM contracts", func(r *marketquery.CampaignReportRow) string { return r.Contract },
		func(r *marketquery.CampaignReportRow, n named) { r.Buyer = n.Name }); err != nil {
		return err
	}
	if err := look("SELECT id, name, '' AS more FROM buyers", func(r *marketquery.CampaignReportRow) string { return r.Buyer },
		func(r *marketquery.CampaignReportRow, n named) { r.BuyerName = n.Name }); err != nil {
		return err
	}
	return look("SELECT id, name, surname AS more FROM partners", func(r *marketquery.CampaignReportRow) string { return r.Supplier },
		func(r *marketquery.CampaignReportRow, n named) { r.SupplierName = contact.FullName(n.Name, n.More) })
}
