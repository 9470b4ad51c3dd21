package market_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

func must[T any](t *testing.T, parse func(string) (T, error), s string) T {
	t.Helper()
	v, err := parse(s)
	require.NoError(t, err)
	return v
}

// searchable stores leads of two campaigns with all that they can be searched by, an hour apart.
func searchable(t *testing.T, h *sqlstoretest.Harness, leads int) (all []lead.Snapshot) {
	t.Helper()
	h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
		for i := range 2 {
			c := sqlstoretest.NewCampaign(t, fmt.Sprint("campaign_", i), fmt.Sprint("Category ", i))
			sqlstoretest.AddContract(t, c, fmt.Sprint("contract_", i), "buyer_0")
			if err := tx.Campaigns().Add(ctx, c); err != nil {
				return err
			}
		}
		for i := range 3 {
			b, err := buyer.New(fmt.Sprint("buyer_", i), "seller_1", buyer.Details{Name: new(fmt.Sprint("Buyer ", i))}, noon)
			require.NoError(t, err)
			if err := tx.Buyers().Add(ctx, b); err != nil {
				return err
			}
		}
		return nil
	})
	states := []string{"TX", "CA", "NY", ""}
	for i := range leads {
		at := noon.Add(time.Duration(i) * time.Hour)
		n := sqlstoretest.NewLead(idOf(at, i), fmt.Sprint("campaign_", i%2)).Snapshot()
		n.CreatedAt, n.PartnerID, n.KeyID, n.Status, n.Test = at, fmt.Sprint("partner_", i%5), fmt.Sprint("key_", i%7), lead.StatusUnsold, false
		n.Fields = field.Set{"email": field.TextValue(fmt.Sprintf("p%d@Example.com", i%9)), "mobile": field.TextValue(fmt.Sprintf("(555) 123-40%02d", i%11))}
		switch i % 13 {
		case 0:
			n.Fields["email"] = field.Value{Kind: field.Other, Text: fmt.Sprintf(`["x","p%d\\u0040EXAMPLE.com"]`, i%9)}
		case 1:
			n.Fields["note"] = field.TextValue("a \\ and a \"quote\"")
		}
		n.Dimensions = []field.Dimension{{Name: "country", Value: `"state":"NV`}}
		if s := states[i%len(states)]; s != "" {
			n.Dimensions = append(n.Dimensions, field.Dimension{Name: "state", Value: s})
		}
		if i%3 > 0 {
			n.Status = lead.StatusSold
			for slot := range i % 3 {
				n.Sales = append(n.Sales, lead.Sale{ID: fmt.Sprint("sale_", i, "_", slot), ContractID: fmt.Sprint("contract_", i%2), BuyerID: fmt.Sprint("buyer_", (i+slot)%3), Price: 1_000_000, Currency: "USD", Status: lead.SaleCaptured, At: at})
			}
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
	return all
}

// TestSearchLeads searches by each condition and by several, and wants what a look at all leads finds, however few of them a page looks at.
func TestSearchLeads(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h, ctx := sqlstoretest.New(t, migrated.URL(t, e)), t.Context()
			all := searchable(t, h, 120)
			r := marketstore.NewReader(h.DB, standing{})
			texas, phone, email := must(t, contact.ParseUSState, "texas"), must(t, contact.ParsePhone, "+1 555 123 4003"), must(t, contact.ParseEmail, "P4@example.COM")
			bought := func(ok func(lead.Sale) bool) func(lead.Snapshot) bool {
				return func(n lead.Snapshot) bool { return slices.ContainsFunc(n.Sales, ok) }
			}
			texan := func(n lead.Snapshot) bool {
				return slices.Contains(n.Dimensions, field.Dimension{Name: "state", Value: "TX"})
			}
			ofBuyer := bought(func(s lead.Sale) bool { return s.BuyerID == "buyer_1" })
			for name, c := range map[string]struct {
				q    marketquery.MarketplaceLeads
				want func(lead.Snapshot) bool
			}{
				"state":    {marketquery.MarketplaceLeads{State: texas}, texan},
				"no state": {marketquery.MarketplaceLeads{State: must(t, contact.ParseUSState, "NV")}, func(lead.Snapshot) bool { return false }},
				"buyer":    {marketquery.MarketplaceLeads{BuyerID: "buyer_1"}, ofBuyer},
				"contract": {marketquery.MarketplaceLeads{ContractID: "contract_1"}, bought(func(s lead.Sale) bool { return s.ContractID == "contract_1" })},
				"supplier": {marketquery.MarketplaceLeads{PartnerID: "partner_2"}, func(n lead.Snapshot) bool { return n.PartnerID == "partner_2" }},
				"key":      {marketquery.MarketplaceLeads{KeyID: "key_6"}, func(n lead.Snapshot) bool { return n.KeyID == "key_6" }},
				"phone":    {marketquery.MarketplaceLeads{Phone: phone}, func(n lead.Snapshot) bool { return n.Fields["mobile"].Text == "(555) 123-4003" }},
				"email":    {marketquery.MarketplaceLeads{Email: email}, hasEmail},
				"both": {marketquery.MarketplaceLeads{Email: email, Phone: phone}, func(n lead.Snapshot) bool {
					return hasEmail(n) && n.Fields["mobile"].Text == "(555) 123-4003"
				}},
				"unknown": {marketquery.MarketplaceLeads{KeyID: "nobody's"}, func(lead.Snapshot) bool { return false }},
				"no id":   {marketquery.MarketplaceLeads{BuyerID: "größe"}, func(lead.Snapshot) bool { return false }},
				"buyer and state, of a category": {marketquery.MarketplaceLeads{BuyerID: "buyer_1", State: texas, Category: "category 0"}, func(n lead.Snapshot) bool {
					return ofBuyer(n) && texan(n) && n.CampaignID == "campaign_0"
				}},
				"sold of a supplier": {marketquery.MarketplaceLeads{Status: "sold", PartnerID: "partner_2"}, func(n lead.Snapshot) bool { return n.PartnerID == "partner_2" && n.Status == lead.StatusSold }},
				"buyer of unsold":    {marketquery.MarketplaceLeads{Status: "unsold", BuyerID: "buyer_1"}, func(lead.Snapshot) bool { return false }},
				"buyer on a day": {marketquery.MarketplaceLeads{BuyerID: "buyer_1", From: noon.Add(12 * time.Hour), To: noon.Add(36 * time.Hour)}, func(n lead.Snapshot) bool {
					return ofBuyer(n) && !n.CreatedAt.Before(noon.Add(12*time.Hour)) && n.CreatedAt.Before(noon.Add(36*time.Hour))
				}},
				"person of a buyer": {marketquery.MarketplaceLeads{BuyerID: "buyer_1", Email: email}, func(n lead.Snapshot) bool { return ofBuyer(n) && hasEmail(n) }},
			} {
				c.q.Actor = application.Actor{SellerID: "seller_1"}
				var want []string
				for _, n := range all {
					if c.want(n) {
						want = append(want, n.ID)
					}
				}
				slices.Reverse(want)
				for _, ascending := range []bool{false, true} {
					for _, most := range []int{7, 20_000} {
						r.Look(most)
						c.q.Page = application.Page{Limit: 4, Number: 1, Ascending: ascending}
						var got []string
						pages := 0
						for ; ; pages++ {
							l, err := r.MarketplaceLeads(ctx, c.q)
							require.NoError(t, err, name)
							require.LessOrEqual(t, len(l.Items), 4, name)
							for _, item := range l.Items {
								got = append(got, item.ID)
							}
							if l.Next == "" {
								break
							}
							c.q.Page.After = l.Next
						}
						require.Equal(t, want, got, "%s, %d rows a page", name, most)
						require.LessOrEqual(t, pages, len(want)/4+120*2/most+1, name)
						if most == 20_000 && len(want) > 4 {
							c.q.Page = application.Page{Limit: 4, Number: 2, Ascending: ascending}
							second, err := r.MarketplaceLeads(ctx, c.q)
							require.NoError(t, err)
							require.Equal(t, want[4:min(8, len(want))], idsOf(second.Items), name)
						}
					}
					slices.Reverse(want)
				}
			}
			l, err := r.MarketplaceLeads(ctx, marketquery.MarketplaceLeads{Actor: application.Actor{SellerID: "seller_1"}, BuyerID: "buyer_0", Page: application.Page{Limit: 1, Number: 1}})
			require.NoError(t, err)
			require.Len(t, l.Items[0].Sales, 2, "both sales are told")
			require.Equal(t, "Buyer 2", l.Items[0].Sales[0].BuyerName)
			require.EqualValues(t, 2_000_000, l.Items[0].Price)
			_, err = r.MarketplaceLeads(ctx, marketquery.MarketplaceLeads{Actor: application.Actor{SellerID: "seller_1"}, KeyID: "key_1", Page: application.Page{Limit: 1, Number: 1, After: "é"}})
			require.Error(t, err)
		})
	}
}

// hasEmail reports whether a lead of searchable has the email that is looked for, which some have in a list.
func hasEmail(n lead.Snapshot) bool {
	text := n.Fields["email"].Text
	return text == "p4@Example.com" || text == `["x","p4\u0040EXAMPLE.com"]`
}

func idsOf(leads []marketquery.MarketplaceLead) (ids []string) {
	for _, l := range leads {
		ids = append(ids, l.ID)
	}
	return ids
}

// TestASearchLooksAtSoManyRows counts what the servers read for a page that finds nothing, and looks at the plans of SQLite.
func TestASearchLooksAtSoManyRows(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h, ctx := sqlstoretest.New(t, migrated.URL(t, e)), t.Context()
			searchable(t, h, 2_000)
			if e == dbtest.SQLite {
				h.Exec(t, "ANALYZE")
			} else {
				h.Exec(t, "ANALYZE TABLE leads, sales")
			}
			var sent []sqlstoretest.Statement
			var faults sqlstoretest.Faults
			db := h.Open(t, dialect.Options{MaxConnections: 1, Wrap: faults.Wrap})
			r := marketstore.NewReader(db, standing{})
			const most = 300
			r.Look(most)
			read := handlerReads(t, db, e)
			for name, q := range map[string]marketquery.MarketplaceLeads{
				"key":      {KeyID: "nobody's"},
				"state":    {State: must(t, contact.ParseUSState, "NV")},
				"buyer":    {BuyerID: "nobody"},
				"contract": {ContractID: "contract_1", KeyID: "nobody's"},
				"phone":    {Phone: must(t, contact.ParsePhone, "555 123 9999")},
			} {
				for _, ascending := range []bool{false, true} {
					q.Actor = application.Actor{SellerID: "seller_1"}
					q.Page = application.Page{Limit: 15, Number: 1, Ascending: ascending}
					sent = nil
					faults.Told(func(s sqlstoretest.Statement) { sent = append(sent, s) })
					before := read()
					l, err := r.MarketplaceLeads(ctx, q)
					rows := read() - before
					faults.Told(func(sqlstoretest.Statement) {})
					require.NoError(t, err, name)
					require.Empty(t, l.Items, name)
					require.NotEmpty(t, l.Next, name)
					if rows > 4*most {
						t.Errorf("%s (ascending %v) reads %d rows", name, ascending, rows)
					}
					if e == dbtest.SQLite {
						checkPlans(t, name, db, sent, false, false)
						for _, s := range sent {
							require.NotContains(t, planOf(t, db, s), "TEMP B-TREE FOR ORDER BY", name)
						}
					}
				}
			}
		})
	}
}

// handlerReads returns what tells how many rows the one connection of a server has read; 0 on SQLite, which does not count them.
func handlerReads(t *testing.T, db *dialect.DB, e dbtest.Engine) func() int {
	return func() (rows int) {
		if e == dbtest.SQLite {
			return 0
		}
		var counts []struct {
			Name  string `db:"Variable_name"`
			Value int    `db:"Value"`
		}
		require.NoError(t, db.Reader.SelectContext(t.Context(), &counts, "SHOW SESSION STATUS LIKE 'Handler_read%'"))
		for _, c := range counts {
			rows += c.Value
		}
		return rows
	}
}

// planOf returns how SQLite answers a statement, a step a line.
func planOf(t *testing.T, db *dialect.DB, s sqlstoretest.Statement) (plan string) {
	t.Helper()
	for _, step := range stepsOf(t, db, s) {
		plan += step + "\n"
	}
	return plan
}

// stepsOf returns the steps in which SQLite answers a statement.
func stepsOf(t *testing.T, db *dialect.DB, s sqlstoretest.Statement) (steps []string) {
	t.Helper()
	args := make([]any, len(s.Args))
	for i, a := range s.Args {
		args[i] = a.Value
	}
	var plan []struct {
		ID, Parent, NotUsed int
		Detail              string
	}
	require.NoError(t, db.Reader.SelectContext(t.Context(), &plan, "EXPLAIN QUERY PLAN "+s.Query, args...))
	for _, step := range plan {
		steps = append(steps, step.Detail)
	}
	return steps
}
