package market_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/returns"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// addSoldLeads stores leads of seller_1, one each minute, with two sales each, and returns the id of the lead and the ids of the sales.
func addSoldLeads(t *testing.T, h *sqlstoretest.Harness, leads int) (ids []string, sales [][2]string) {
	t.Helper()
	h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
		all := make([]application.StoredLead, leads)
		ids, sales = make([]string, leads), make([][2]string, leads)
		for i := range all {
			at := noon.Add(time.Duration(i) * time.Minute)
			n := sqlstoretest.NewLead(idOf(at, i), "campaign_1").Snapshot()
			n.CreatedAt, n.Status = at, lead.StatusSold
			for slot := range 2 {
				sales[i][slot] = "sale_" + strings.TrimPrefix(idOf(at, 2*i+slot), "lead_")
				n.Sales = append(n.Sales, lead.Sale{
					ID: sales[i][slot], ContractID: "contract_1", BuyerID: fmt.Sprint("buyer_", slot), Currency: "USD", Status: lead.SaleCaptured, At: at,
				})
			}
			ids[i], all[i].Lead = n.ID, lead.FromSnapshot(n)
		}
		return tx.Leads().AddAll(ctx, all)
	})
	return ids, sales
}

// TestTheSalesOfALeadAreReadAlone counts what servers read for the sales of one lead of many, whose tables were never analysed, and looks at
// the plans of SQLite, which does not count.
func TestTheSalesOfALeadAreReadAlone(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h, ctx := sqlstoretest.New(t, migrated.URL(t, e)), t.Context()
			const number = 500
			ids, sales := addSoldLeads(t, h, 2*number)
			first, second, at := sales[number][0], sales[number][1], noon.Add(number*time.Minute)
			var sent []sqlstoretest.Statement
			var faults sqlstoretest.Faults
			db := h.Open(t, dialect.Options{MaxConnections: 1, Wrap: faults.Wrap})
			r, read := marketstore.NewReader(db, standing{}), handlerReads(t, db, e)
			page := func(p application.Page) application.Page {
				p.Limit, p.Number = 15, max(p.Number, 1)
				return p
			}
			// Once before, because what a server reads about the tables themselves counts too.
			_, err := r.Sales(ctx, marketquery.Sales{Actor: application.Actor{SellerID: "seller_1"}, LeadID: ids[0], Page: page(application.Page{})})
			require.NoError(t, err)
			for name, c := range map[string]struct {
				q    marketquery.Sales
				want []string
			}{
				"newest first": {marketquery.Sales{}, []string{second, first}},
				"oldest first": {marketquery.Sales{Page: application.Page{Ascending: true}}, []string{first, second}},
				"to a buyer":   {marketquery.Sales{BuyerID: "buyer_1"}, []string{second}},
				"of a time":    {marketquery.Sales{From: at, To: at.Add(time.Minute)}, []string{second, first}},
				"of another":   {marketquery.Sales{From: at.Add(time.Minute)}, nil},
				"behind one":   {marketquery.Sales{Page: application.Page{After: second}}, []string{first}},
			} {
				c.q.Actor, c.q.LeadID, c.q.Page, sent = application.Actor{SellerID: "seller_1"}, ids[number], page(c.q.Page), nil
				faults.Told(func(s sqlstoretest.Statement) { sent = append(sent, s) })
				before := read()
				l, err := r.Sales(ctx, c.q)
				rows := read() - before
				faults.Told(func(sqlstoretest.Statement) {})
				require.NoError(t, err, name)
				var got []string
				for _, s := range l.Items {
					got = append(got, s.ID)
				}
				require.Equal(t, c.want, got, name)
				require.Less(t, rows, 50, name)
				if e == dbtest.SQLite {
					for _, s := range sent {
						require.Contains(t, planOf(t, db, s), "SEARCH s USING PRIMARY KEY (seller_id=? AND lead_id=?)", name)
					}
				}
			}
		})
	}
}

// TestReturnsOfAStatusAreReadAlone is the same for the few returns that wait among many that were decided.
func TestReturnsOfAStatusAreReadAlone(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h, ctx := sqlstoretest.New(t, migrated.URL(t, e)), t.Context()
			want := map[string][]string{}
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
				for i := range 1_000 {
					n := lead.Return{
						ID: fmt.Sprintf("return_%04d", i), SellerID: "seller_1", LeadID: "lead", SaleID: fmt.Sprint("sale_", i), CampaignID: "campaign_1", ContractID: "contract_1",
						BuyerID: "buyer_1", Reason: returns.Other, Status: lead.ReturnStatusApproved, Currency: "USD", SoldAt: noon, RequestedAt: noon, DecidedAt: noon,
					}
					if i%100 == 50 {
						n.Status, n.DecidedAt = lead.ReturnStatusPending, time.Time{}
					}
					if err := tx.Returns().Add(ctx, n); err != nil {
						return err
					}
					want[string(n.Status)] = append([]string{n.ID}, want[string(n.Status)]...)
				}
				return nil
			})
			var sent []sqlstoretest.Statement
			var faults sqlstoretest.Faults
			db := h.Open(t, dialect.Options{MaxConnections: 1, Wrap: faults.Wrap})
			r, read := marketstore.NewReader(db, standing{}), handlerReads(t, db, e)
			for status, of := range map[string][]string{"pending": want["pending"], "approved": want["approved"], "rejected": nil} {
				sent = nil
				list := func(p application.Page) (application.List[marketquery.Return], error) {
					return r.Returns(ctx, marketquery.Returns{Actor: application.Actor{SellerID: "seller_1"}, Status: status, Page: p})
				}
				faults.Told(func(s sqlstoretest.Statement) { sent = append(sent, s) })
				before := read()
				_, err := list(application.Page{Limit: 5, Number: 1})
				rows := read() - before
				faults.Told(func(sqlstoretest.Statement) {})
				require.NoError(t, err)
				require.Less(t, rows, 50, status)
				for _, ascending := range []bool{false, true} {
					require.Equal(t, of, sqlstoretest.Walk(t, 7, ascending, list, func(n marketquery.Return) string { return n.ID }), status)
					slices.Reverse(of)
				}
				if e == dbtest.SQLite {
					require.Contains(t, planOf(t, db, sent[0]), "USING COVERING INDEX sale_returns_status (seller_id=? AND status=?)")
				}
			}
		})
	}
}
