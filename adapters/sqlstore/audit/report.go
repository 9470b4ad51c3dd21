package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/application/projection"
)

// reportTables are the tables of the campaign report in memory.
type reportTables struct {
	zones map[string][]projection.SellerZone // by seller, oldest first
	leads map[projection.CampaignReportGroup]projection.LeadsDelta
	sales map[projection.SalesGroup]projection.SalesDelta
}

var _ projection.CampaignReportStore = (*reportTables)(nil)

// reportReplay is the campaign report.
func reportReplay() replay {
	replayed := newReportTables()
	return replay{projection.NewCampaignReport(replayed), func(ctx context.Context, c *chunk) (func(c *chunk), error) {
		stored, err := readReport(ctx, c)
		return func(c *chunk) { stored.compare(c, replayed) }, err
	}}
}

func newReportTables() *reportTables {
	return &reportTables{map[string][]projection.SellerZone{}, map[projection.CampaignReportGroup]projection.LeadsDelta{},
		map[projection.SalesGroup]projection.SalesDelta{}}
}

// Zones implements projection.CampaignReportStore.
func (r *reportTables) Zones(_ context.Context, _ projection.Tx, sellerIDs []string) (map[string][]projection.SellerZone, error) {
	zones := map[string][]projection.SellerZone{}
	for _, id := range sellerIDs {
		if known := r.zones[id]; len(known) > 0 {
			zones[id] = slices.Clone(known)
		}
	}
	return zones, nil
}

// SaveZones implements projection.CampaignReportStore.
func (r *reportTables) SaveZones(_ context.Context, _ projection.Tx, zones map[string][]projection.SellerZone) error {
	for id, list := range zones {
		for _, z := range list {
			at, known := slices.BinarySearchFunc(r.zones[id], z, func(a, b projection.SellerZone) int { return cmp.Compare(a.Since, b.Since) })
			if known {
				r.zones[id][at] = z
			} else {
				r.zones[id] = slices.Insert(r.zones[id], at, z)
			}
		}
	}
	return nil
}

// Add implements projection.CampaignReportStore.
func (r *reportTables) Add(_ context.Context, _ projection.Tx, leads map[projection.CampaignReportGroup]projection.LeadsDelta,
	sales map[projection.SalesGroup]projection.SalesDelta,
) error {
	for g, d := range leads {
		n := r.leads[g]
		r.leads[g] = projection.LeadsDelta{Submitted: n.Submitted + d.Submitted, Pending: n.Pending + d.Pending, Sold: n.Sold + d.Sold,
			Duplicate: n.Duplicate + d.Duplicate, Rejected: n.Rejected + d.Rejected, Unsold: n.Unsold + d.Unsold}
	}
	for g, d := range sales {
		n := r.sales[g]
		r.sales[g] = projection.SalesDelta{Sales: n.Sales + d.Sales, Revenue: n.Revenue + d.Revenue, Payout: n.Payout + d.Payout}
	}
	return nil
}

// Reset implements projection.CampaignReportStore.
func (r *reportTables) Reset(context.Context, projection.Tx) error {
	*r = *newReportTables()
	return nil
}

// readReport reads the tables as they are stored.
func readReport(ctx context.Context, c *chunk) (*reportTables, error) {
	r := newReportTables()
	err := c.rows(ctx, "SELECT seller_id, since, time_zone, latest FROM report_sellers ORDER BY seller_id, since", func(rows *sqlx.Rows) error {
		var id string
		var z projection.SellerZone
		if err := rows.Scan(&id, &z.Since, &z.TimeZone, &z.Latest); err != nil {
			return err
		}
		r.zones[id] = append(r.zones[id], z)
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = c.rows(ctx, `SELECT seller_id, day, campaign_id, category, partner_id, submitted, pending, sold, duplicate, rejected, unsold
		FROM report_leads`, func(rows *sqlx.Rows) error {
		var g projection.CampaignReportGroup
		var d projection.LeadsDelta
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
	err = c.rows(ctx, `SELECT seller_id, day, campaign_id, category, partner_id, buyer_id, sales, revenue, payout
		FROM report_sales`, func(rows *sqlx.Rows) error {
		var g projection.SalesGroup
		var d projection.SalesDelta
		if err := rows.Scan(&g.SellerID, &g.Day, &g.CampaignID, &g.Category, &g.PartnerID, &g.BuyerID, &d.Sales, &d.Revenue, &d.Payout); err != nil {
			return err
		}
		r.sales[g] = d
		return nil
	})
	return r, err
}

// compare reports the rows of r that differ from the replayed ones, those that are only in one of both with them.
func (r *reportTables) compare(c *chunk, want *reportTables) {
	compareRows(c, "report_sellers", want.zonesByKey(), r.zonesByKey(), func(k zoneKey) string { return fmt.Sprintf("%s %d", k.seller, k.since) },
		func(z projection.SellerZone) string { return fmt.Sprintf("%s, latest %d", z.TimeZone, z.Latest) })
	compareRows(c, "report_leads", want.leads, r.leads, groupID, func(d projection.LeadsDelta) string {
		return fmt.Sprintf("submitted %d, pending %d, sold %d, duplicate %d, rejected %d, unsold %d", d.Submitted, d.Pending, d.Sold,
			d.Duplicate, d.Rejected, d.Unsold)
	})
	compareRows(c, "report_sales", want.sales, r.sales,
		func(g projection.SalesGroup) string { return groupID(g.CampaignReportGroup) + " " + g.BuyerID },
		func(d projection.SalesDelta) string {
			return fmt.Sprintf("sales %d, revenue %d, payout %d", d.Sales, d.Revenue, d.Payout)
		})
}

// zoneKey is the key of report_sellers.
type zoneKey struct {
	seller string
	since  int64
}

func (r *reportTables) zonesByKey() map[zoneKey]projection.SellerZone {
	zones := map[zoneKey]projection.SellerZone{}
	for id, list := range r.zones {
		for _, z := range list {
			zones[zoneKey{id, z.Since}] = z
		}
	}
	return zones
}

// groupID leaves the category out: the campaign stands for it.
func groupID(g projection.CampaignReportGroup) string {
	return g.SellerID + " " + g.Day + " " + g.CampaignID + " " + g.PartnerID
}

func compareRows[K, V comparable](c *chunk, table string, want, got map[K]V, id func(K) string, figures func(V) string) {
	of := *c
	of.rule.table = table
	type difference struct{ id, want, got string }
	var found []difference
	for key, w := range want {
		if g, stored := got[key]; !stored {
			found = append(found, difference{id(key), figures(w), "none"})
		} else if g != w {
			found = append(found, difference{id(key), figures(w), figures(g)})
		}
	}
	for key, g := range got {
		if _, known := want[key]; !known {
			found = append(found, difference{id(key), "none", figures(g)})
		}
	}
	slices.SortFunc(found, func(a, b difference) int { return cmp.Compare(a.id, b.id) })
	for _, d := range found {
		of.breach(d.id, d.want, d.got)
	}
}
