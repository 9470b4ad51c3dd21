package market

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	marketprojection "github.com/leadmill/leadmill/application/market/projection"
	"github.com/leadmill/leadmill/application/projection"
)

// reportTables are the tables of the campaign report in memory.
type reportTables struct {
	zones map[string][]marketprojection.SellerZone // by seller, oldest first
	leads map[marketprojection.CampaignReportGroup]marketprojection.LeadsDelta
	sales map[marketprojection.SalesGroup]marketprojection.SalesDelta
	back  map[marketprojection.SalesGroup]marketprojection.ReturnsDelta
}

var _ marketprojection.CampaignReportStore = (*reportTables)(nil)

// reportReplay makes the campaign report from the first event on.
func reportReplay() audit.Replay {
	replayed := newReportTables()
	return audit.Replay{Projection: marketprojection.NewCampaignReport(replayed), Read: func(ctx context.Context, c *audit.Chunk) (func(c *audit.Chunk), error) {
		stored, err := readReport(ctx, c)
		return func(c *audit.Chunk) { stored.compare(c, replayed) }, err
	}}
}

func newReportTables() *reportTables {
	return &reportTables{
		map[string][]marketprojection.SellerZone{},
		map[marketprojection.CampaignReportGroup]marketprojection.LeadsDelta{},
		map[marketprojection.SalesGroup]marketprojection.SalesDelta{},
		map[marketprojection.SalesGroup]marketprojection.ReturnsDelta{},
	}
}

// Zones implements marketprojection.CampaignReportStore.
func (r *reportTables) Zones(_ context.Context, _ projection.Tx, sellerIDs []string) (map[string][]marketprojection.SellerZone, error) {
	zones := map[string][]marketprojection.SellerZone{}
	for _, id := range sellerIDs {
		if known := r.zones[id]; len(known) > 0 {
			zones[id] = slices.Clone(known)
		}
	}
	return zones, nil
}

// SaveZones implements marketprojection.CampaignReportStore.
func (r *reportTables) SaveZones(_ context.Context, _ projection.Tx, zones map[string][]marketprojection.SellerZone) error {
	for id, list := range zones {
		for _, z := range list {
			at, known := slices.BinarySearchFunc(r.zones[id], z, func(a, b marketprojection.SellerZone) int { return cmp.Compare(a.Since, b.Since) })
			if known {
				r.zones[id][at] = z
			} else {
				r.zones[id] = slices.Insert(r.zones[id], at, z)
			}
		}
	}
	return nil
}

// Add implements marketprojection.CampaignReportStore.
func (r *reportTables) Add(_ context.Context, _ projection.Tx, leads map[marketprojection.CampaignReportGroup]marketprojection.LeadsDelta,
	sales map[marketprojection.SalesGroup]marketprojection.SalesDelta, back map[marketprojection.SalesGroup]marketprojection.ReturnsDelta,
) error {
	for g, d := range leads {
		n := r.leads[g]
		r.leads[g] = marketprojection.LeadsDelta{
			Submitted: n.Submitted + d.Submitted, Pending: n.Pending + d.Pending, Sold: n.Sold + d.Sold,
			Duplicate: n.Duplicate + d.Duplicate, Rejected: n.Rejected + d.Rejected, Unsold: n.Unsold + d.Unsold,
		}
	}
	for g, d := range sales {
		n := r.sales[g]
		r.sales[g] = marketprojection.SalesDelta{Sales: n.Sales + d.Sales, Revenue: n.Revenue + d.Revenue, Payout: n.Payout + d.Payout}
	}
	for g, d := range back {
		n := r.back[g]
		r.back[g] = marketprojection.ReturnsDelta{Leads: n.Leads + d.Leads, Sales: n.Sales + d.Sales, Revenue: n.Revenue + d.Revenue, Payout: n.Payout + d.Payout}
	}
	return nil
}

// Reset implements marketprojection.CampaignReportStore.
func (r *reportTables) Reset(context.Context, projection.Tx) error {
	*r = *newReportTables()
	return nil
}

// readReport reads the tables as they are stored.
func readReport(ctx context.Context, c *audit.Chunk) (*reportTables, error) {
	r := newReportTables()
	err := c.Rows(ctx, "SELECT seller_id, since, time_zone, latest FROM report_sellers ORDER BY seller_id, since", func(rows *sqlx.Rows) error {
		var id string
		var z marketprojection.SellerZone
		if err := rows.Scan(&id, &z.Since, &z.TimeZone, &z.Latest); err != nil {
			return err
		}
		r.zones[id] = append(r.zones[id], z)
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = c.Rows(ctx, `SELECT seller_id, day, campaign_id, category, partner_id, submitted, pending, sold, duplicate, rejected, unsold
		FROM report_leads`, func(rows *sqlx.Rows) error {
		var g marketprojection.CampaignReportGroup
		var d marketprojection.LeadsDelta
		if err := rows.Scan(&g.SellerID, &g.Day, &g.CampaignID, &g.Category, &g.PartnerID, &d.Submitted, &d.Pending, &d.Sold,
			&d.Duplicate, &d.Rejected, &d.Unsold); err != nil {
			return err
		}
		r.leads[g] = d
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = c.Rows(ctx, `SELECT seller_id, day, campaign_id, category, partner_id, buyer_id, sales, revenue, payout
		FROM report_sales`, func(rows *sqlx.Rows) error {
		var g marketprojection.SalesGroup
		var d marketprojection.SalesDelta
		if err := rows.Scan(&g.SellerID, &g.Day, &g.CampaignID, &g.Category, &g.PartnerID, &g.BuyerID, &d.Sales, &d.Revenue, &d.Payout); err != nil {
			return err
		}
		r.sales[g] = d
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = c.Rows(ctx, `SELECT seller_id, day, campaign_id, category, partner_id, buyer_id, leads, sales, revenue, payout
		FROM report_returns`, func(rows *sqlx.Rows) error {
		var g marketprojection.SalesGroup
		var d marketprojection.ReturnsDelta
		if err := rows.Scan(&g.SellerID, &g.Day, &g.CampaignID, &g.Category, &g.PartnerID, &g.BuyerID, &d.Leads, &d.Sales, &d.Revenue, &d.Payout); err != nil {
			return err
		}
		r.back[g] = d
		return nil
	})
	return r, err
}

// compare reports the rows of r that differ from the replayed ones, those that are only in one of both with them.
func (r *reportTables) compare(c *audit.Chunk, want *reportTables) {
	audit.CompareRows(c, "report_sellers", want.zonesByKey(), r.zonesByKey(), func(k zoneKey) string { return k.seller },
		func(k zoneKey) string { return fmt.Sprintf("%s %d", k.seller, k.since) },
		func(z marketprojection.SellerZone) string { return fmt.Sprintf("%s, latest %d", z.TimeZone, z.Latest) })
	audit.CompareRows(c, "report_leads", want.leads, r.leads, func(g marketprojection.CampaignReportGroup) string { return g.SellerID }, groupID, func(d marketprojection.LeadsDelta) string {
		return fmt.Sprintf("submitted %d, pending %d, sold %d, duplicate %d, rejected %d, unsold %d", d.Submitted, d.Pending, d.Sold,
			d.Duplicate, d.Rejected, d.Unsold)
	})
	audit.CompareRows(c, "report_sales", want.sales, r.sales, func(g marketprojection.SalesGroup) string { return g.SellerID },
		func(g marketprojection.SalesGroup) string { return groupID(g.CampaignReportGroup) + " " + g.BuyerID },
		func(d marketprojection.SalesDelta) string {
			return fmt.Sprintf("sales %d, revenue %d, payout %d", d.Sales, d.Revenue, d.Payout)
		})
	audit.CompareRows(c, "report_returns", want.back, r.back, func(g marketprojection.SalesGroup) string { return g.SellerID },
		func(g marketprojection.SalesGroup) string { return groupID(g.CampaignReportGroup) + " " + g.BuyerID },
		func(d marketprojection.ReturnsDelta) string {
			return fmt.Sprintf("leads %d, sales %d, revenue %d, payout %d", d.Leads, d.Sales, d.Revenue, d.Payout)
		})
}

// zoneKey is the key of report_sellers.
type zoneKey struct {
	seller string
	since  int64
}

func (r *reportTables) zonesByKey() map[zoneKey]marketprojection.SellerZone {
	zones := map[zoneKey]marketprojection.SellerZone{}
	for id, list := range r.zones {
		for _, z := range list {
			zones[zoneKey{id, z.Since}] = z
		}
	}
	return zones
}

// groupID leaves the category out: the campaign stands for it.
func groupID(g marketprojection.CampaignReportGroup) string {
	return g.SellerID + " " + g.Day + " " + g.CampaignID + " " + g.PartnerID
}
