package market_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	marketprojection "github.com/leadmill/leadmill/application/market/projection"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// kolkata is half an hour off the hours of UTC.
const kolkata = "Asia/Kolkata"

// TestDetailedReports groups leads by every pair of dimensions in which one is read from the leads and sales, and wants what counting one lead after
// another finds.
func TestDetailedReports(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h, ctx := sqlstoretest.New(t, migrated.URL(t, e)), t.Context()
			all := searchable(t, h, 120)
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
				return tx.Sellers().Add(ctx, sqlstoretest.NewSeller(t, "seller_1", "ABCD1234", "slug"))
			})
			h.Exec(t, "UPDATE sellers SET time_zone = '"+kolkata+"'")
			h.Exec(t, "UPDATE leads SET code = 'duplicate_lead', status = 'duplicate' WHERE partner_id = 'partner_3' AND status = 'unsold'")
			h.Exec(t, "UPDATE leads SET payout = 700000 WHERE status = 'sold'")
			h.Exec(t, "UPDATE sales SET payout = 300000, slot = -slot WHERE buyer_id = 'buyer_2'") // given back, with a payout of their own
			h.Exec(t, "UPDATE sales SET payout = NULL WHERE buyer_id <> 'buyer_2'")
			zone, err := time.LoadLocation(kolkata)
			require.NoError(t, err)
			r := marketstore.NewCampaignReport(h.DB)
			from, to := "2026-04-01", "2026-04-03"
			dims := []string{"hour", "day", "category", "supplier", "buyer", "contract", "state", "reason"}
			for i, one := range dims {
				for _, two := range append([]string{""}, dims[:i]...) {
					q := marketquery.CampaignReport{Actor: application.Actor{SellerID: "seller_1"}, From: from, To: to, GroupBy: one}
					if two != "" {
						q.GroupBy += "," + two
					}
					if !q.Detailed() {
						continue
					}
					value := func(n lead.Snapshot, s *lead.Sale, dim string) string {
						local := n.CreatedAt.In(zone)
						code := ""
						if n.Status == lead.StatusUnsold && n.PartnerID == "partner_3" {
							code = "duplicate_lead"
						}
						state := ""
						for _, d := range n.Dimensions {
							if d.Name == field.DimensionState {
								state = d.Value
							}
						}
						switch dim {
						case "hour":
							return local.Add(-time.Duration(local.Minute()) * time.Minute).Format(time.RFC3339)
						case "day":
							return local.Format(time.DateOnly)
						case "category":
							return "Category " + n.CampaignID[len("campaign_"):]
						case "supplier":
							return n.PartnerID
						case "buyer":
							return s.BuyerID
						case "contract":
							return s.ContractID
						case "state":
							return state
						case "reason":
							return code
						}
						return ""
					}
					type figures struct {
						submitted, sold, gross, net int64
						revenue, payout             money.Micros
					}
					want := map[string]figures{}
					for _, n := range all {
						local := n.CreatedAt.In(zone).Format(time.DateOnly)
						if local < from || local > to {
							continue
						}
						if !q.OfSales() {
							key := value(n, nil, one) + "|" + value(n, nil, two)
							f := want[key]
							f.submitted++
							if n.Status == lead.StatusSold {
								f.sold++
							}
							want[key] = f
						}
						for _, s := range n.Sales {
							key := value(n, &s, one) + "|" + value(n, &s, two)
							f := want[key]
							f.gross++
							if s.BuyerID != "buyer_2" {
								if q.OfSales() {
									f.sold++ // what a buyer gave back it has not bought
								}
								f.net++
								f.revenue += s.Price
								f.payout += 700_000
							}
							want[key] = f
						}
					}
					rows, err := r.CampaignReport(ctx, q)
					require.NoError(t, err, q.GroupBy)
					got := map[string]figures{}
					for _, row := range rows {
						of := func(dim string) string {
							return map[string]string{
								"hour": row.Hour, "day": row.Day, "category": row.Category, "supplier": row.Supplier, "buyer": row.Buyer, "contract": row.Contract,
								"state": row.State, "reason": row.Reason,
							}[dim]
						}
						got[of(one)+"|"+of(two)] = figures{row.Leads.Submitted, row.Leads.Sold, row.SoldGross, row.SoldNet, row.Revenue, row.Payout}
						require.Equal(t, q.OfSales(), row.AcceptanceRate == "", q.GroupBy)
						if row.Contract != "" {
							require.Equal(t, "Buyer 0", row.BuyerName)
						}
					}
					if two == "buyer" && one == "contract" {
						continue // a contract has its own buyer in both
					}
					require.Equal(t, want, got, q.GroupBy)
					require.Len(t, rows, len(want), q.GroupBy)
				}
			}
			_, err = r.CampaignReport(ctx, marketquery.CampaignReport{Actor: application.Actor{SellerID: "seller_1"}, GroupBy: "state", From: from})
			require.Error(t, err)
		})
	}
}

// TestDetailedReportsOfADayWithoutMidnight: a day that begins with an hour that does not exist begins behind it, where the day before ends.
func TestDetailedReportsOfADayWithoutMidnight(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h, ctx := sqlstoretest.New(t, migrated.URL(t, e)), t.Context()
			begins := time.Date(2026, 9, 6, 4, 0, 0, 0, time.UTC) // 1:00 in Santiago, where it is 23:59 a minute before
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
				var all []application.StoredLead
				for i, at := range []time.Time{begins.Add(-30 * time.Minute), begins.Add(30 * time.Minute), begins.Add(40 * time.Minute)} {
					n := sqlstoretest.NewLead(idOf(at, i), "campaign_1").Snapshot()
					n.CreatedAt, n.Status = at, lead.StatusUnsold
					all = append(all, application.StoredLead{Lead: lead.FromSnapshot(n)})
				}
				return errors.Join(tx.Sellers().Add(ctx, sqlstoretest.NewSeller(t, "seller_1", "ABCD1234", "slug")), tx.Leads().AddAll(ctx, all))
			})
			h.Exec(t, "UPDATE sellers SET time_zone = 'America/Santiago'")
			for day, want := range map[string]string{"2026-09-05": "2026-09-05T23:00:00-04:00 1", "2026-09-06": "2026-09-06T01:00:00-03:00 2", "2026-09-07": ""} {
				rows, err := marketstore.NewCampaignReport(h.DB).CampaignReport(ctx, marketquery.CampaignReport{
					Actor: application.Actor{SellerID: "seller_1"}, From: day, To: day, GroupBy: "hour",
				})
				require.NoError(t, err)
				got := ""
				for _, row := range rows {
					got += fmt.Sprint(row.Hour, " ", row.Leads.Submitted)
				}
				require.Equal(t, want, got, day)
			}
		})
	}
}

// TestEarnings sums up what the report has of a partner, net of what was given back.
func TestEarnings(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h, ctx := sqlstoretest.New(t, migrated.URL(t, e)), t.Context()
			r := marketstore.NewCampaignReport(h.DB)
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
				return errors.Join(tx.Campaigns().Add(ctx, sqlstoretest.NewCampaign(t, "campaign_1", "Auto")))
			})
			h.Exec(t, "INSERT INTO partners (seller_id, id, email, email_key, name, surname, status, approved, terms_accepted, tags, referring_partner_id, password_hash, created_at, updated_at, version) "+
				"VALUES ('seller_1', 'p1', '', 'p1', 'Sam', 'Poe', 'active', 1, 1, '[]', '', '', 1, 1, 1)")
			group := func(day, campaignID, partnerID, buyerID string) marketprojection.SalesGroup {
				return marketprojection.SalesGroup{
					CampaignReportGroup: marketprojection.CampaignReportGroup{SellerID: "seller_1", Day: day, CampaignID: campaignID, Category: "Auto", PartnerID: partnerID}, BuyerID: buyerID,
				}
			}
			tx, err := h.DB.Writer.BeginTxx(ctx, nil)
			require.NoError(t, err)
			require.NoError(t, r.Add(ctx, tx, nil, map[marketprojection.SalesGroup]marketprojection.SalesDelta{
				group("2026-01-01", "campaign_1", "p1", "b1"): {Sales: 2, Revenue: 90, Payout: 60}, group("2026-01-01", "campaign_1", "p1", "b2"): {Sales: 1, Revenue: 45, Payout: 30},
				group("2026-01-01", "campaign_2", "p1", "b1"): {Sales: 1, Revenue: 45, Payout: 30}, group("2026-01-02", "campaign_1", "p1", "b1"): {Sales: 1, Revenue: 9, Payout: 5},
				group("2026-01-01", "campaign_1", "p2", "b1"): {Sales: 7, Revenue: 90, Payout: 60}, group("2026-01-03", "campaign_1", "p1", "b1"): {Sales: 1, Revenue: 9, Payout: 5},
			}, map[marketprojection.SalesGroup]marketprojection.ReturnsDelta{
				group("2026-01-01", "campaign_1", "p1", "b2"): {Sales: 1, Revenue: 45, Payout: 30}, group("2026-01-01", "campaign_1", "p1", ""): {Leads: 1},
				group("2026-01-02", "campaign_2", "p1", ""): {Leads: 1},
			}))
			require.NoError(t, tx.Commit())
			q := marketquery.Earnings{Actor: application.Actor{SellerID: "seller_1"}, PartnerID: "p1", From: "2026-01-01", To: "2026-01-02"}
			got, err := r.Earnings(ctx, q)
			require.NoError(t, err)
			require.Equal(t, []marketquery.Earning{
				{Day: "2026-01-01", CampaignID: "campaign_1", CampaignName: "Name", SoldGross: 3, SoldNet: 2, Earned: 90, Returned: 30, Owed: 60},
				{Day: "2026-01-01", CampaignID: "campaign_2", SoldGross: 1, SoldNet: 1, Earned: 30, Owed: 30},
				{Day: "2026-01-02", CampaignID: "campaign_1", CampaignName: "Name", SoldGross: 1, SoldNet: 1, Earned: 5, Owed: 5},
			}, got)
			rows, err := r.CampaignReport(ctx, marketquery.CampaignReport{Actor: q.Actor, GroupBy: "supplier,day"})
			require.NoError(t, err)
			var pairs []string
			for _, row := range rows {
				pairs = append(pairs, fmt.Sprint(row.Supplier, " ", row.SupplierName, " ", row.Day, " ", row.SoldGross, " ", row.SoldNet, " ", int64(row.Payout)))
			}
			require.Equal(t, []string{"p1 Sam Poe 2026-01-01 4 3 90", "p1 Sam Poe 2026-01-02 1 1 5", "p1 Sam Poe 2026-01-03 1 1 5", "p2  2026-01-01 7 7 60"}, pairs)
			rows, err = r.CampaignReport(ctx, marketquery.CampaignReport{Actor: q.Actor, GroupBy: "buyer,day", To: "2026-01-01"})
			require.NoError(t, err)
			require.Len(t, rows, 2)
			require.Equal(t, []int64{10, 1, 0}, []int64{rows[0].SoldGross, rows[1].SoldGross, rows[1].SoldNet})

			q.PartnerID = "P1"
			_, err = r.Earnings(ctx, q)
			require.ErrorIs(t, err, partner.ErrNotFound)
			for _, days := range [][2]string{{"", "2026-01-01"}, {"2026-01-02", "2026-01-01"}, {"2025-01-01", "2026-01-02"}} {
				_, err := r.Earnings(ctx, marketquery.Earnings{Actor: q.Actor, PartnerID: "p1", From: days[0], To: days[1]})
				require.Error(t, err, days)
			}
		})
	}
}
