package market_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// addBought stores four leads that buyer_0 and buyer_1 both bought, a minute after each other: the second is given back by buyer_0.
func addBought(t *testing.T, h *sqlstoretest.Harness) (leads, sales []string) {
	t.Helper()
	h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
		c := sqlstoretest.NewCampaign(t, "campaign_1", "Solar")
		for i := range 2 {
			b := sqlstoretest.NewBuyer(t, fmt.Sprint("buyer_", i))
			if i == 1 {
				_, err := b.Update(buyer.Details{ReturnWindow: &buyer.ReturnWindow{Own: true, Days: 1}}, noon)
				require.NoError(t, err)
			}
			_, err := b.Deposit(entryID(noon.Add(-time.Hour), i), 9_000_000_000, "", noon.Add(-time.Hour))
			require.NoError(t, err)
			sqlstoretest.AddContract(t, c, fmt.Sprint("contract_", i), b.ID())
			for n := range 4 {
				at := noon.Add(time.Duration(n) * time.Minute)
				sale := "sale_" + strings.TrimPrefix(idOf(at, 2*n+i), "lead_")
				if i == 0 {
					sales = append(sales, sale)
				}
				_, err := b.Charge(entryID(at, 2*n+i), sale, 7_000_000, at)
				require.NoError(t, err)
			}
			require.NoError(t, tx.Buyers().Add(ctx, b))
		}
		require.NoError(t, tx.Campaigns().Add(ctx, c))
		var all []application.StoredLead
		for n := range 4 {
			at := noon.Add(time.Duration(n) * time.Minute)
			l := sqlstoretest.NewLead(idOf(at, n), "campaign_1").Snapshot()
			l.CreatedAt, l.Status = at, lead.StatusSold
			l.Fields = field.Set{"email": field.TextValue("jane@example.com"), "zip": field.TextValue("75001")}
			l.Dimensions = []field.Dimension{{Name: field.DimensionState, Value: "TX"}}
			for i := range 2 {
				sale := lead.Sale{
					ID: "sale_" + strings.TrimPrefix(idOf(at, 2*n+i), "lead_"), ContractID: fmt.Sprint("contract_", i), BuyerID: fmt.Sprint("buyer_", i), Currency: "USD",
					Status: lead.SaleCaptured, Price: 7_000_000, At: at,
				}
				if n == 1 && i == 0 {
					sale.Status = lead.SaleReturned
				}
				l.Sales = append(l.Sales, sale)
			}
			leads = append(leads, l.ID)
			all = append(all, application.StoredLead{Lead: lead.FromSnapshot(l)})
		}
		return tx.Leads().AddAll(ctx, all)
	})
	return leads, sales
}

// TestABuyerSeesWhatItBought: its own sales and nothing of others, with what its contract delivers.
func TestABuyerSeesWhatItBought(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h := sqlstoretest.New(t, migrated.URL(t, e))
			leads, sales := addBought(t, h)
			r := marketstore.NewReader(h.DB, standing{})
			list := func(q marketquery.BoughtLeads) application.List[marketquery.BoughtLead] {
				t.Helper()
				if q.Actor.SellerID == "" {
					q.Actor = ours
				}
				q.Page.Limit, q.Page.Number = max(q.Page.Limit, 1), 1
				l, err := r.BoughtLeads(t.Context(), q)
				require.NoError(t, err)
				return l
			}
			var got []string
			after := ""
			for range 9 {
				l := list(marketquery.BoughtLeads{BuyerID: "buyer_0", Page: application.Page{Limit: 3, After: after}})
				for _, b := range l.Items {
					got = append(got, b.SaleID)
				}
				if after = l.Next; after == "" {
					break
				}
			}
			require.Equal(t, []string{sales[3], sales[2], sales[1], sales[0]}, got, "the newest first, each once")
			newest := list(marketquery.BoughtLeads{BuyerID: "buyer_0"}).Items[0]
			want := marketquery.BoughtLead{
				EntryID: newest.EntryID, SaleID: sales[3], LeadID: leads[3], CampaignID: "campaign_1", CampaignName: newest.CampaignName, ContractID: "contract_0", Category: newest.Category,
				State: "TX", Status: "captured", Delivery: "none", Price: money.Micros(7_000_000), SoldAt: noon.Add(3 * time.Minute), ReturnUntil: newest.ReturnUntil,
				Fields: field.Set{"email": field.TextValue("jane@example.com"), "zip": field.TextValue("75001")},
			}
			require.Equal(t, want, newest)
			require.NotEmpty(t, newest.CampaignName)
			require.Equal(t, 7*24*time.Hour, newest.ReturnUntil.Sub(newest.SoldAt), "what the campaign says")
			require.Equal(t, 24*time.Hour, list(marketquery.BoughtLeads{BuyerID: "buyer_1"}).Items[0].ReturnUntil.Sub(newest.SoldAt), "what is the buyer's own")

			for name, c := range map[string]struct {
				from, to time.Duration
				want     []string
			}{
				"of a time":     {time.Minute, 3 * time.Minute, []string{sales[2], sales[1]}},
				"before it":     {-time.Hour, 0, nil},
				"from the last": {3 * time.Minute, time.Hour, []string{sales[3]}},
			} {
				var found []string
				for _, b := range list(marketquery.BoughtLeads{BuyerID: "buyer_0", From: noon.Add(c.from), To: noon.Add(c.to), Page: application.Page{Limit: 9}}).Items {
					found = append(found, b.SaleID)
				}
				require.Equal(t, c.want, found, name)
			}

			one := func(a application.Actor, buyerID, sale string) (marketquery.BoughtLead, error) {
				return r.BoughtLeadBySale(t.Context(), marketquery.BoughtLeadBySale{Actor: a, BuyerID: buyerID, SaleID: sale})
			}
			found, err := one(ours, "buyer_0", sales[3])
			require.NoError(t, err)
			want.EntryID = ""
			require.Equal(t, want, found)
			returned, err := one(ours, "buyer_0", sales[1])
			require.NoError(t, err)
			require.True(t, returned.Returned())
			require.Empty(t, returned.Fields, "what was given back is not the buyer's any more")
			for name, of := range map[string][2]string{"another buyer's": {"buyer_1", sales[3]}, "none": {"buyer_0", "sale_none"}, "no id": {"buyer_0", "?"}, "with a space": {"buyer_0", sales[3] + " "}} {
				_, err = one(ours, of[0], of[1])
				require.Equal(t, lead.ErrSaleNotFound, err, name)
			}
			_, err = one(application.Actor{SellerID: "another"}, "buyer_0", sales[3])
			require.Equal(t, buyer.ErrNotFound, err)
			_, err = r.BoughtLeads(t.Context(), marketquery.BoughtLeads{Actor: application.Actor{SellerID: "another"}, BuyerID: "buyer_0", Page: application.Page{Limit: 1, Number: 1}})
			require.Equal(t, buyer.ErrNotFound, err)
			_, err = r.BoughtLeads(t.Context(), marketquery.BoughtLeads{Actor: ours, BuyerID: "buyer_0", Page: application.Page{Limit: 1, Number: 1, After: "ä"}})
			require.Error(t, err)

			// A contract that delivers some fields gives the buyer no others, also when it has ended.
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
				c, err := tx.Campaigns().Lock(ctx, "seller_1", "campaign_1")
				require.NoError(t, err)
				_, err = c.UpdateContract("contract_0", campaign.Terms{Delivery: &campaign.DeliveryTerms{
					Mode: new("notify"), Email: new("leads@buyer.example"), Fields: &map[string]string{"plz": "lead.zip", "id": "lead.id"},
				}}, campaign.Zones{Seller: "UTC"}, noon)
				require.NoError(t, err)
				require.NoError(t, c.DeleteContract("contract_0", noon))
				return tx.Campaigns().Save(ctx, c)
			})
			found, err = one(ours, "buyer_0", sales[3])
			require.NoError(t, err)
			require.Equal(t, field.Set{"zip": field.TextValue("75001")}, found.Fields)
		})
	}
}
