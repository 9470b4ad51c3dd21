package market_test

import (
	"context"
	"fmt"
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
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

var ours = application.Actor{SellerID: "seller_1"}

// TestHowLongMoneyLasts: what was sold in the last day counts, and of a buyer that buys more than is looked at, what is looked at.
func TestHowLongMoneyLasts(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h := sqlstoretest.New(t, migrated.URL(t, e))
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
				for id, entries := range map[string]int{"buyer_few": 3, "buyer_many": 2000, "buyer_none": 0} {
					b := sqlstoretest.NewBuyer(t, id)
					_, err := b.Deposit(entryID(noon.Add(-30*time.Hour), len(id)), 9_000_000_000, "", noon.Add(-30*time.Hour))
					require.NoError(t, err)
					for i := range entries {
						at := noon.Add(time.Duration(i-entries) * time.Minute)
						_, err := b.Charge(entryID(at, i), fmt.Sprint("sale_", id, i), 1_000_000, at)
						require.NoError(t, err)
					}
					if id == "buyer_none" {
						_, err := b.Charge(entryID(noon.Add(-25*time.Hour), 7), "sale_old", 1_000_000, noon.Add(-25*time.Hour))
						require.NoError(t, err)
					}
					if err := tx.Buyers().Add(ctx, b); err != nil {
						return err
					}
				}
				return nil
			})
			r := marketstore.NewReader(h.DB, standing{})
			got, err := r.BuyerRunways(t.Context(), marketquery.BuyerRunways{Actor: ours, IDs: []string{"buyer_few", "buyer_many", "buyer_none", "absent", "?"}})
			require.NoError(t, err)
			require.Equal(t, []marketquery.BuyerRunway{
				{BuyerID: "buyer_few", Sales: 3, Spent: 3_000_000, Over: marketquery.RunwaySpan},
				{BuyerID: "buyer_many", Sales: marketquery.RunwayEntries, Spent: 500_000_000, Over: 500 * time.Minute},
			}, got)
			got, err = r.BuyerRunways(t.Context(), marketquery.BuyerRunways{Actor: application.Actor{SellerID: "another"}, IDs: []string{"buyer_few"}})
			require.NoError(t, err)
			require.Empty(t, got)
		})
	}
}

// boarded stores a campaign with three contracts, what they bought, and leads that were decided.
func boarded(t *testing.T, h *sqlstoretest.Harness, strategy string) {
	t.Helper()
	h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
		strategies, err := distribution.NewStrategies(nil)
		require.NoError(t, err)
		c := sqlstoretest.NewCampaign(t, "campaign_1", "Solar")
		require.NoError(t, c.Update(campaign.Definition{Strategy: &strategy}, strategies, noon))
		var counters []*distribution.Counter
		for i, price := range []money.Micros{10_000_000, 30_000_000, 20_000_000} {
			id := fmt.Sprint("contract_", i)
			require.NoError(t, c.AddContract(id, "buyer_1", campaign.StatusActive, campaign.Terms{
				Price: &price, Priority: new(int64(3 - i)), Caps: &[]campaign.Cap{{Window: calendar.Day, HasLeads: true, Leads: 10}},
			}, campaign.Zones{Seller: "UTC"}, noon))
			for _, w := range []calendar.Window{calendar.Day, calendar.Total} {
				n := &distribution.Counter{SellerID: "seller_1", Owner: distribution.OwnerContract, OwnerID: id, Span: calendar.SpanAt(w, noon, time.UTC)}
				n.Used, n.TakenLeads, n.Spent, n.TakenPrice, n.LastWon = int64(i), int64(i), price, price, noon.Add(time.Duration(-i)*time.Minute)
				if i > 0 {
					counters = append(counters, n)
				}
			}
		}
		require.NoError(t, c.DeleteContract("contract_0", noon))
		require.NoError(t, c.AddContract("contract_3", "buyer_1", campaign.StatusActive, campaign.Terms{Price: new(money.Micros(20_000_000)), Priority: new(int64(1))}, campaign.Zones{Seller: "UTC"}, noon))
		b := sqlstoretest.NewBuyer(t, "buyer_1")
		_, err = b.Deposit("entry_1", 5_000_000, "", noon)
		require.NoError(t, err)
		_, err = b.Update(buyer.Details{CreditLimit: new(money.Micros(1_000_000))}, noon)
		require.NoError(t, err)
		if err := tx.Buyers().Add(ctx, b); err != nil {
			return err
		}
		if err := tx.Campaigns().Add(ctx, c); err != nil {
			return err
		}
		if err := tx.Counters().SaveAll(ctx, counters); err != nil {
			return err
		}
		var leads []application.StoredLead
		for i := range 6 {
			of := "campaign_1"
			if i == 5 {
				of = "campaign_2"
			}
			n := sqlstoretest.NewLead(idOf(noon, i), of).Snapshot()
			n.Status = lead.StatusUnsold
			n.Trace.Add(lead.Consideration{ContractID: "contract_2", BuyerID: "buyer_1", Reason: map[bool]string{true: "sold", false: "filter"}[i == 0]})
			n.Trace.Add(lead.Consideration{ContractID: "contract_3", BuyerID: "buyer_1", Reason: map[bool]string{true: "cap_day", false: "reserved"}[i < 2]})
			leads = append(leads, application.StoredLead{Lead: lead.FromSnapshot(n)})
		}
		return tx.Leads().AddAll(ctx, leads)
	})
}

func TestTheBoardOfACampaign(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		for strategy, order := range map[string][]string{
			"priority":      {"contract_3", "contract_2", "contract_1"},
			"highest_price": {"contract_1", "contract_3", "contract_2"},
			"round_robin":   {"contract_3", "contract_2", "contract_1"},
			"weighted":      {"contract_3", "contract_2", "contract_1"},
		} {
			t.Run(string(e)+"/"+strategy, func(t *testing.T) {
				t.Parallel()
				h := sqlstoretest.New(t, migrated.URL(t, e))
				boarded(t, h, strategy)
				r := marketstore.NewReader(h.DB, standing{})
				b, err := r.ContractBoard(t.Context(), marketquery.ContractBoard{Actor: ours, CampaignID: "campaign_1"})
				require.NoError(t, err)
				var ids []string
				by := map[string]marketquery.BoardLine{}
				for _, l := range b.Lines {
					ids, by[l.ID] = append(ids, l.ID), l
				}
				require.Equal(t, order, ids)
				require.True(t, b.Ranked)
				require.Equal(t, int64(3), b.Contracts)
				require.Equal(t, int64(5), b.Leads, "those of another campaign do not count")
				second := by["contract_2"]
				require.Equal(t, "Buyer", second.BuyerName)
				require.Equal(t, "active", second.BuyerStatus)
				require.Equal(t, money.Micros(6_000_000), second.CanSpend)
				require.Equal(t, int64(2), second.Total.Used)
				require.Equal(t, money.Micros(20_000_000), second.Total.Spent)
				require.Len(t, second.Usage, 1)
				require.Equal(t, int64(2), second.Usage[0].Used)
				require.Equal(t, noon.Add(12*time.Hour), second.Usage[0].ResetsAt)
				require.Equal(t, noon.Add(-2*time.Minute), second.LastWon)
				require.Equal(t, []any{int64(5), int64(1), "filter"}, []any{second.Asked, second.Took, second.Mostly})
				third := by["contract_3"]
				require.Equal(t, []any{int64(5), int64(3), "cap_day"}, []any{third.Asked, third.Took, third.Mostly})
				require.Zero(t, by["contract_1"].Asked)

				_, err = r.ContractBoard(t.Context(), marketquery.ContractBoard{Actor: application.Actor{SellerID: "another"}, CampaignID: "campaign_1"})
				require.ErrorIs(t, err, campaign.ErrNotFound)

				of, err := r.ContractsOfBuyer(t.Context(), marketquery.ContractsOfBuyer{Actor: ours, BuyerID: "buyer_1"})
				require.NoError(t, err)
				require.Len(t, of, 3)
				require.Equal(t, "contract_3", of[0].ID, "the newest first")
				require.Equal(t, "Solar", of[0].Category)
				require.Equal(t, int64(2), of[1].Usage[0].Used)
				_, err = r.ContractsOfBuyer(t.Context(), marketquery.ContractsOfBuyer{Actor: application.Actor{SellerID: "another"}, BuyerID: "buyer_1"})
				require.ErrorIs(t, err, buyer.ErrNotFound)
			})
		}
	}
}

// TestAnEmptyBoard is of a campaign in which nobody buys.
func TestAnEmptyBoard(t *testing.T) {
	t.Parallel()
	h := sqlstoretest.New(t, migrated.URL(t, dbtest.SQLite))
	h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
		return tx.Campaigns().Add(ctx, sqlstoretest.NewCampaign(t, "campaign_1", "Solar"))
	})
	b, err := marketstore.NewReader(h.DB, standing{}).ContractBoard(t.Context(), marketquery.ContractBoard{Actor: ours, CampaignID: "campaign_1"})
	require.NoError(t, err)
	require.Empty(t, b.Lines)
}

// TestReturnsOfABuyer: those that wait first, then those that were decided last, and no other buyer's.
func TestReturnsOfABuyer(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h := sqlstoretest.New(t, migrated.URL(t, e))
			for i, of := range []string{"buyer_1", "buyer_1", "buyer_1", "buyer_1", "buyer_2"} {
				decided, status := int64(0), "requested"
				if i > 1 {
					decided, status = noon.UnixMicro()+int64(-i), "approved"
				}
				var open any
				if decided == 0 {
					open = fmt.Sprint("sale_", i)
				}
				h.Exec(t, "INSERT INTO sale_returns (id, seller_id, lead_id, sale_id, campaign_id, contract_id, buyer_id, reason, note, status, automatic, price, payout, currency, sold_at, requested_at, decided_at, decision_note, open_sale) "+
					"VALUES (?, 'seller_1', 'lead_1', ?, 'campaign_1', 'contract_1', ?, 'duplicate', '', ?, 0, 1, 1, 'USD', 1, 1, ?, '', ?)", fmt.Sprint("return_", i), fmt.Sprint("sale_", i), of, status, decided, open)
			}
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
				return tx.Buyers().Add(ctx, sqlstoretest.NewBuyer(t, "buyer_1"))
			})
			r := marketstore.NewReader(h.DB, standing{})
			got, err := r.ReturnsOfBuyer(t.Context(), marketquery.ReturnsOfBuyer{Actor: ours, BuyerID: "buyer_1"})
			require.NoError(t, err)
			var ids []string
			for _, n := range got {
				ids = append(ids, n.ID)
			}
			require.Equal(t, []string{"return_1", "return_0", "return_2", "return_3"}, ids)
			_, err = r.ReturnsOfBuyer(t.Context(), marketquery.ReturnsOfBuyer{Actor: ours, BuyerID: "buyer_2"})
			require.ErrorIs(t, err, buyer.ErrNotFound)
		})
	}
}

// TestPagesReadWhatTheyShow counts the rows that are read for the account of a buyer among many entries.
func TestPagesReadWhatTheyShow(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		if e == dbtest.SQLite {
			continue // it does not count
		}
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h := sqlstoretest.New(t, migrated.URL(t, e))
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
				b := sqlstoretest.NewBuyer(t, "buyer_1")
				_, err := b.Deposit(entryID(noon.Add(-30*time.Hour), 0), 9_000_000_000, "", noon)
				require.NoError(t, err)
				for i := range 3000 {
					_, err := b.Charge(entryID(noon.Add(-time.Hour), i+1), fmt.Sprint("sale_", i), 1_000, noon.Add(-time.Hour))
					require.NoError(t, err)
				}
				return tx.Buyers().Add(ctx, b)
			})
			db := h.Open(t, dialect.Options{MaxConnections: 1})
			r, read := marketstore.NewReader(db, standing{}), handlerReads(t, db, e)
			q := marketquery.BuyerRunways{Actor: ours, IDs: []string{"buyer_1"}}
			_, err := r.BuyerRunways(t.Context(), q) // opens the tables
			require.NoError(t, err)
			before := read()
			_, err = r.BuyerRunways(t.Context(), q)
			require.NoError(t, err)
			require.Less(t, read()-before, 2*marketquery.RunwayEntries+50)
		})
	}
}
