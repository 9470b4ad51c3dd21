package market_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

var noon = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

type standing struct{}

// Now implements application.Clock.
func (standing) Now() time.Time { return noon }

// addFormLead stores a form lead; offered ones are pending in the market.
func addFormLead(t *testing.T, h *sqlstoretest.Harness, a application.Actor, number int64, offered bool, change ...func(l *lead.Lead) error) string {
	t.Helper()
	id := fmt.Sprintf("lead_%s_%d", a.SellerCode, number)
	n := lead.FormSubmission{ID: id, SellerID: a.SellerID, SellerCode: a.SellerCode, PartnerID: "a", Number: number, Name: "Eve", Email: "eve@example.com", At: noon}
	if offered {
		n.Offer = &lead.Offer{CampaignID: "campaign_1", Category: "Auto", Fields: field.Set{"email": field.TextValue("eve@example.com")}}
	}
	l, err := lead.SubmitForm(n)
	require.NoError(t, err)
	if offered {
		require.NoError(t, l.Wait(noon.Add(time.Hour), noon))
	}
	for _, c := range change {
		require.NoError(t, c(l))
	}
	require.NoError(t, h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error { return tx.FormLeads().Add(ctx, l) }))
	return id
}

func TestReadFormLeadsInTheMarket(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h, ctx := sqlstoretest.New(t, migrated.URL(t, e)), t.Context()
			r := marketstore.NewReader(h.DB, standing{})
			one, two := application.Actor{SellerID: "seller_1", SellerCode: "AAAA1111"}, application.Actor{SellerID: "seller_2", SellerCode: "BBBB2222"}
			addFormLead(t, h, one, 9, false)
			addFormLead(t, h, one, 10, true, func(l *lead.Lead) error { return l.Convert("customer_1", "key", nil, money.MustCurrency("USD"), noon) })
			erased := addFormLead(t, h, one, 12, true, func(l *lead.Lead) error { return l.Delete(noon) })
			never := addFormLead(t, h, one, 13, false, func(l *lead.Lead) error { return l.Delete(noon) })
			addFormLead(t, h, two, 1, true)

			// In the market are those that were ever offered; a deleted one is there without its fields.
			list := func(p application.Page) (application.List[marketquery.MarketplaceLead], error) {
				return r.MarketplaceLeads(ctx, marketquery.MarketplaceLeads{Actor: one, Page: p})
			}
			sqlstoretest.EveryWay(t, []string{erased, "lead_AAAA1111_10"}, list, func(l marketquery.MarketplaceLead) string { return l.ID })
			for id, want := range map[string]error{"lead_AAAA1111_10": nil, "lead_AAAA1111_9": lead.ErrNotFound, never: lead.ErrNotFound, erased: nil} {
				l, err := r.MarketplaceLeadByID(ctx, marketquery.MarketplaceLeadByID{Actor: one, ID: id})
				require.ErrorIs(t, err, want)
				assert.Equal(t, id == "lead_AAAA1111_10", len(l.Fields) > 0, id)
			}
		})
	}
}

// TestReadLeadsByStatus lists leads of many campaigns by each condition and by all together, and wants what a look at all of
// them finds.
func TestReadLeadsByStatus(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h, ctx := sqlstoretest.New(t, migrated.URL(t, e)), t.Context()
			r := marketstore.NewReader(h.DB, standing{})
			const campaigns, leads = 24, 150
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
				for i := range campaigns {
					c := sqlstoretest.NewCampaign(t, fmt.Sprintf("campaign_%02d", i), fmt.Sprint("Category ", i/2))
					sqlstoretest.AddContract(t, c, fmt.Sprint("contract_", i), "buyer")
					n := c.Snapshot()
					n.Version = 0
					if i%2 == 1 {
						n.Status = campaign.StatusArchived
					}
					if err := tx.Campaigns().Add(ctx, campaign.FromSnapshot(n)); err != nil {
						return err
					}
				}
				return nil
			})
			var all []lead.Snapshot
			statuses := lead.Statuses()
			for i := range leads {
				at := noon.Add(time.Duration(i%10) * time.Hour)
				n := sqlstoretest.NewLead(idOf(at.Add(time.Duration(i%7-3)*20*time.Minute), i*7919%leads), fmt.Sprintf("campaign_%02d", i*i%campaigns)).Snapshot()
				n.Status, n.Test, n.CreatedAt = statuses[i%len(statuses)], i%4 == 0, at // an hour before its id, or behind
				if i%11 == 0 {
					n.Status = statuses[0] // more of one status than of the others, in more campaigns
				}
				if n.Status == lead.StatusSold && !n.Test {
					for slot := range i%2 + 1 {
						n.Sales = append(n.Sales, lead.Sale{ID: fmt.Sprint("sale_", i, slot), ContractID: fmt.Sprint("contract_", i*i%campaigns), BuyerID: fmt.Sprint("b", slot), Currency: "USD", Status: lead.SaleCaptured, At: noon})
					}
				}
				if i%20 == 19 {
					n.SellerID = "seller_2"
				}
				all = append(all, n)
			}
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
				stored := make([]application.StoredLead, len(all))
				for i, n := range all {
					stored[i].Lead = lead.FromSnapshot(n)
				}
				return tx.Leads().AddAll(ctx, stored)
			})
			for _, status := range append(statuses, "", "returned") {
				for _, category := range []string{"", "Category 0", "category 3", "none"} {
					for _, days := range []struct{ from, to time.Time }{{}, {noon.Add(2 * time.Hour), noon.Add(7 * time.Hour)}} {
						q := marketquery.MarketplaceLeads{Actor: application.Actor{SellerID: "seller_1"}, Status: string(status), Category: category, From: days.from, To: days.to}
						var want []string
						for _, n := range all {
							number := 0
							_, err := fmt.Sscanf(n.CampaignID, "campaign_%d", &number)
							require.NoError(t, err)
							if n.SellerID == "seller_1" && (status == "" || n.Status == status) && (category == "" || strings.EqualFold(category, fmt.Sprint("Category ", number/2))) &&
								(days.from.IsZero() || !n.CreatedAt.Before(days.from) && n.CreatedAt.Before(days.to)) {
								want = append(want, n.ID)
							}
						}
						slices.Sort(want)
						slices.Reverse(want)
						list := func(p application.Page) (application.List[marketquery.MarketplaceLead], error) {
							q.Page = p
							return r.MarketplaceLeads(ctx, q)
						}
						for _, ascending := range []bool{false, true} {
							for _, limit := range []int{7, 250} {
								require.Equal(t, want, sqlstoretest.Walk(t, limit, ascending, list, func(l marketquery.MarketplaceLead) string { return l.ID }), "%+v", q)
							}
							slices.Reverse(want)
						}
						second, err := list(application.Page{Limit: 5, Number: 2})
						require.NoError(t, err)
						for i, l := range second.Items {
							require.Equal(t, want[5+i], l.ID, "%+v", q)
						}
						require.Len(t, second.Items, min(max(len(want)-5, 0), 5))
					}
				}
			}
			_, err := r.MarketplaceLeads(ctx, marketquery.MarketplaceLeads{Actor: application.Actor{SellerID: "seller_1"}, Status: "sold", Page: application.Page{Limit: 5, Number: 1, After: "é"}})
			require.Equal(t, fault.Invalid, fault.KindOf(err))
			campaignsWaiting, err := r.PendingCampaigns(ctx)
			require.NoError(t, err)
			require.Empty(t, campaignsWaiting, "no seller, no campaign")
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
				return tx.Sellers().Add(ctx, sqlstoretest.NewSeller(t, "seller_1", "ABCD1234", "slug"))
			})
			waiting := map[application.Ref]bool{}
			for _, n := range all {
				if n.SellerID == "seller_1" && n.Status == lead.StatusPending {
					waiting[application.Ref{SellerID: n.SellerID, ID: n.CampaignID}] = true
				}
			}
			campaignsWaiting, err = r.PendingCampaigns(ctx)
			require.NoError(t, err)
			require.Equal(t, application.SortedRefs(slices.Collect(maps.Keys(waiting))), campaignsWaiting)
		})
	}
}

// idOf is the id of a lead that came at a time.
func idOf(at time.Time, number int) string {
	var id ulid.ULID
	if err := errors.Join(id.SetTime(ulid.Timestamp(at)), id.SetEntropy(fmt.Appendf(nil, "%010d", number))); err != nil {
		panic(err)
	}
	return "lead_" + id.String()
}

// TestListsReadWhatTheyShow counts the rows that the servers read for the lists of a seller with many leads, and looks at the plans of
// SQLite, which does not count them.
func TestListsReadWhatTheyShow(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h, ctx := sqlstoretest.New(t, migrated.URL(t, e)), t.Context()
			const leads, apart = 3000, 15 * time.Minute
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
				for i := range 3 { // the last one never had a lead
					c := sqlstoretest.NewCampaign(t, fmt.Sprint("campaign_", i), fmt.Sprint("Category ", i))
					sqlstoretest.AddContract(t, c, fmt.Sprint("contract_", i), "buyer")
					if err := tx.Campaigns().Add(ctx, c); err != nil {
						return err
					}
				}
				all := make([]application.StoredLead, leads)
				for i := range all {
					at := noon.Add(time.Duration(i) * apart)
					n := sqlstoretest.NewLead(idOf(at, i), fmt.Sprint("campaign_", i%2)).Snapshot()
					n.CreatedAt, n.Status = at, lead.StatusUnsold
					if i%3 == 0 {
						n.Status = lead.StatusSold
						n.Sales = []lead.Sale{{ID: fmt.Sprint("sale_", i), ContractID: fmt.Sprint("contract_", i%2), BuyerID: "buyer", Currency: "USD", Status: lead.SaleCaptured, At: at}}
					}
					all[i].Lead = lead.FromSnapshot(n)
				}
				return tx.Leads().AddAll(ctx, all)
			})
			var sent []sqlstoretest.Statement
			var faults sqlstoretest.Faults
			db := h.Open(t, dialect.Options{MaxConnections: 1, Wrap: faults.Wrap})
			analyze := "ANALYZE"
			if e != dbtest.SQLite {
				analyze = "ANALYZE TABLE leads, unsold_leads, sales, campaigns, contracts"
			}
			h.Exec(t, analyze)
			r := marketstore.NewReader(db, standing{})
			read := handlerReads(t, db, e)
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
				return tx.Sellers().Add(ctx, sqlstoretest.NewSeller(t, "seller_1", "ABCD1234", "slug"))
			})
			h.Exec(t, "UPDATE unsold_leads SET status = 'pending'")
			_, err := r.PendingCampaigns(ctx)
			require.NoError(t, err)
			before := read()
			waiting, err := r.PendingCampaigns(ctx)
			rows := read() - before
			require.NoError(t, err)
			require.Len(t, waiting, 2)
			require.Less(t, rows, 100, "the campaigns that wait")
			h.Exec(t, "UPDATE unsold_leads SET status = 'unsold'")
			middle := noon.Add(leads / 2 * apart)
			day := func(from time.Time) marketquery.MarketplaceLeads {
				return marketquery.MarketplaceLeads{From: from, To: from.Add(24 * time.Hour)}
			}
			in := func(q marketquery.MarketplaceLeads, status, category string) marketquery.MarketplaceLeads {
				q.Status, q.Category = status, category
				return q
			}
			for name, c := range map[string]struct {
				q    marketquery.MarketplaceLeads
				want int
			}{
				"all":                          {marketquery.MarketplaceLeads{}, 15},
				"no match":                     {in(marketquery.MarketplaceLeads{}, "pending", ""), 0},
				"a category without leads":     {in(marketquery.MarketplaceLeads{}, "", "Category 2"), 0},
				"sold in it":                   {in(marketquery.MarketplaceLeads{}, "sold", "Category 2"), 0},
				"a category":                   {in(marketquery.MarketplaceLeads{}, "", "Category 1"), 15},
				"unsold":                       {in(marketquery.MarketplaceLeads{}, "unsold", ""), 15},
				"before all":                   {day(noon.Add(-240 * time.Hour)), 0},
				"behind all":                   {day(noon.Add((leads + 1000) * apart)), 0},
				"up to the first day":          {marketquery.MarketplaceLeads{To: noon.Add(5 * apart)}, 5},
				"from the last day":            {marketquery.MarketplaceLeads{From: noon.Add((leads - 5) * apart)}, 5},
				"a day in the middle":          {day(middle), 15},
				"unsold on a day":              {in(day(middle), "unsold", ""), 15},
				"sold on a day":                {in(day(middle), "sold", ""), 15},
				"a category on a day":          {in(day(middle), "", "Category 0"), 15},
				"pending on a day":             {in(day(middle), "pending", ""), 0},
				"unsold before all":            {in(day(noon.Add(-240*time.Hour)), "unsold", ""), 0},
				"sold before all":              {in(day(noon.Add(-240*time.Hour)), "sold", ""), 0},
				"a category's sold behind all": {in(day(noon.Add((leads+1000)*apart)), "sold", "Category 0"), 0},
			} {
				for _, ascending := range []bool{false, true} {
					c.q.Actor = application.Actor{SellerID: "seller_1"}
					c.q.Page = application.Page{Limit: 15, Number: 1, Ascending: ascending}
					_, err := r.MarketplaceLeads(ctx, c.q) // opens the tables, for which servers read their dictionary
					require.NoError(t, err, name)
					sent = nil
					faults.Told(func(s sqlstoretest.Statement) { sent = append(sent, s) })
					before := read()
					l, err := r.MarketplaceLeads(ctx, c.q)
					after := read()
					faults.Told(func(sqlstoretest.Statement) {})
					require.NoError(t, err, name)
					require.Len(t, l.Items, c.want, name)
					if rows := after - before; rows > 250 {
						t.Errorf("%s (ascending %v) reads %d rows for %d", name, ascending, rows, c.want)
					}
					if e == dbtest.SQLite {
						checkPlans(t, name, db, sent, !c.q.From.IsZero(), !c.q.To.IsZero())
					}
				}
			}
		})
	}
}

// checkPlans wants a list to go through no table of leads but by the seller's key, and by its bounds where the list has any.
func checkPlans(t *testing.T, name string, db *dialect.DB, sent []sqlstoretest.Statement, from, to bool) {
	t.Helper()
	for _, s := range sent {
		for _, step := range stepsOf(t, db, s) {
			for table, id := range map[string]string{"SEARCH l USING ": "id", "SEARCH u USING ": "lead_id", "SEARCH s USING ": "lead_id"} {
				if !strings.HasPrefix(step, table) || strings.Contains(step, id+"=?") || strings.Contains(step, "contract_id=?") || strings.Contains(s.Query, "SELECT ? AS status") {
					continue
				}
				for bound, wanted := range map[string]bool{id + ">?": from, id + "<?": to} {
					if wanted && !strings.Contains(step, bound) {
						t.Errorf("%s is looked for by %q, without the bound %s", name, step, bound)
					}
				}
			}
			if strings.HasPrefix(step, "SCAN ") && !strings.HasPrefix(step, "SCAN (subquery") && !strings.HasPrefix(step, "SCAN campaigns") && !strings.HasPrefix(step, "SCAN l") || strings.HasPrefix(step, "SCAN l USING") {
				t.Errorf("%s is looked for by %q", name, step)
			}
		}
	}
}

func TestReadCampaignsOfOtherStrategies(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h, ctx := sqlstoretest.New(t, migrated.URL(t, e)), t.Context()
			r := marketstore.NewReader(h.DB, standing{})
			for id, strategy := range map[string]string{
				"campaign_a": "priority", "campaign_b": "gone", "campaign_c": `odd "ü" 🙂`, "campaign_d": "gone", "campaign_e": "gone", "campaign_f": "acme",
			} {
				n := sqlstoretest.NewCampaign(t, id, "Category of "+id).Snapshot()
				n.Strategy = strategy
				c := campaign.FromSnapshot(n)
				switch id {
				case "campaign_d":
					require.NoError(t, c.Pause(noon))
				case "campaign_e":
					require.NoError(t, c.Archive(noon))
				}
				h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Campaigns().Add(ctx, c) })
			}
			list, err := r.CampaignsOfOtherStrategies(ctx, []string{"highest_price", "priority", "acme"})
			require.NoError(t, err)
			assert.Equal(t, []market.CampaignStrategy{
				{CampaignID: "campaign_b", Strategy: "gone"}, {CampaignID: "campaign_c", Strategy: `odd "ü" 🙂`}, {CampaignID: "campaign_d", Strategy: "gone"},
			}, list)
			list, err = r.CampaignsOfOtherStrategies(ctx, []string{"gone", "priority", "acme", `odd "ü" 🙂`})
			require.NoError(t, err)
			assert.Empty(t, list)
		})
	}
}
