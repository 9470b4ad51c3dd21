package market_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// TestThePulseOfASeller counts leads by the hours in which they were received, in a zone whose day has 23 hours, and those of the last minute.
func TestThePulseOfASeller(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	day := time.Date(2026, 3, 29, 0, 0, 0, 0, berlin) // the clocks were set forward at two
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h := sqlstoretest.New(t, migrated.URL(t, e))
			var all []application.StoredLead
			add := func(at time.Time, status lead.Status, change func(n *lead.Snapshot), prices ...money.Micros) {
				n := sqlstoretest.NewLead(idOf(at, len(all)), "campaign_1").Snapshot()
				n.CreatedAt, n.Status = at, status
				for i, price := range prices {
					n.Sales = append(n.Sales, lead.Sale{ID: fmt.Sprint("sale_", len(all), "_", i), ContractID: "contract_1", BuyerID: "buyer_1", Price: price, Currency: "USD", Status: lead.SaleCaptured, At: at})
				}
				if change != nil {
					change(&n)
				}
				all = append(all, application.StoredLead{Lead: lead.FromSnapshot(n)})
			}
			add(day.Add(-time.Millisecond), lead.StatusUnsold, nil) // of the day before
			add(day, lead.StatusUnsold, nil)
			add(day.Add(time.Hour-time.Millisecond), lead.StatusDuplicate, nil)
			add(day.Add(time.Hour), lead.StatusSold, nil, 5_000_000)
			add(day.Add(time.Hour), lead.StatusSold, nil, 7_000_000, 1_000_000) // two buyers, one lead
			add(day.Add(time.Hour), lead.StatusUnsold, func(n *lead.Snapshot) { n.Test = true })
			add(day.Add(2*time.Hour), lead.StatusRejected, func(n *lead.Snapshot) { n.SellerID = "seller_2" })
			add(day.Add(23*time.Hour-time.Millisecond), lead.StatusPending, nil)
			add(day.Add(23*time.Hour), lead.StatusUnsold, nil) // of the day after
			add(noon.Add(-time.Minute), lead.StatusUnsold, nil)
			add(noon.Add(-time.Minute-time.Millisecond), lead.StatusUnsold, nil)
			add(noon.Add(-time.Second), lead.StatusSold, nil, 2_000_000)
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Leads().AddAll(ctx, all) })
			r := marketstore.NewReader(h.DB, standing{})
			got, err := r.Pulse(t.Context(), marketquery.Pulse{Actor: ours, Days: []time.Time{day, day.AddDate(0, 0, -7), noon.In(berlin).Truncate(24 * time.Hour)}})
			require.NoError(t, err)
			require.EqualValues(t, 2, got.LastMinute)
			require.Len(t, got.Days, 3)
			require.True(t, got.Days[0].Complete)
			hours := got.Days[0].Hours
			require.Len(t, hours, 23)
			for i, hour := range hours {
				want := marketquery.PulseHour{Start: day.Add(time.Duration(i) * time.Hour)}
				switch i {
				case 0:
					want.Leads = 2
				case 1:
					want.Leads, want.Sold, want.Revenue = 2, 2, 13_000_000
				case 22:
					want.Leads = 1
				}
				require.True(t, hour.Start.Equal(want.Start), i)
				hour.Start = want.Start
				require.Equal(t, want, hour, i)
			}
			require.Len(t, got.Days[1].Hours, 24)
			for _, hour := range got.Days[1].Hours {
				require.Zero(t, hour.Leads)
			}
			none, err := r.Pulse(t.Context(), marketquery.Pulse{Actor: application.Actor{SellerID: "another"}, Days: []time.Time{day}})
			require.NoError(t, err)
			require.Zero(t, none.LastMinute)
			require.Zero(t, none.Days[0].Hours[0].Leads)
		})
	}
}

// TestThePulseOfABusySeller: more leads than are counted in a minute are told by their pace, and a day with more than are counted has no hours.
func TestThePulseOfABusySeller(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h := sqlstoretest.New(t, migrated.URL(t, e))
			var all []application.StoredLead
			for i := range marketquery.MostOfMinute + 500 { // one each millisecond
				n := sqlstoretest.NewLead(idOf(noon.Add(time.Duration(-i)*time.Millisecond), i), "campaign_1").Snapshot()
				n.CreatedAt, n.Status = noon, lead.StatusUnsold
				all = append(all, application.StoredLead{Lead: lead.FromSnapshot(n)})
			}
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Leads().AddAll(ctx, all) })
			r := marketstore.NewReader(h.DB, standing{})
			got, err := r.Pulse(t.Context(), marketquery.Pulse{Actor: ours})
			require.NoError(t, err)
			require.InDelta(t, 60_000, got.LastMinute, 100)
			r.LookAtHours(1_000)
			got, err = r.Pulse(t.Context(), marketquery.Pulse{Actor: ours, Days: []time.Time{noon.Truncate(24 * time.Hour)}})
			require.NoError(t, err)
			require.Equal(t, []marketquery.PulseDay{{}}, got.Days)
		})
	}
}

// TestWhatLeadsWaitFor groups the oldest waiting leads of each campaign by what would let them be sold.
func TestWhatLeadsWaitFor(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h := sqlstoretest.New(t, migrated.URL(t, e))
			r := marketstore.NewReader(h.DB, standing{})
			none, err := r.WaitingLeads(t.Context(), marketquery.WaitingLeads{Actor: ours})
			require.NoError(t, err)
			require.Equal(t, marketquery.Waiting{}, none)
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
				for i := range 2 {
					if err := tx.Campaigns().Add(ctx, sqlstoretest.NewCampaign(t, fmt.Sprint("campaign_", i), fmt.Sprint("Category ", i))); err != nil {
						return err
					}
				}
				if err := tx.Buyers().Add(ctx, sqlstoretest.NewBuyer(t, "buyer_1")); err != nil {
					return err
				}
				return tx.Leads().AddAll(ctx, waitingLeads())
			})
			got, err := r.WaitingLeads(t.Context(), marketquery.WaitingLeads{Actor: ours})
			require.NoError(t, err)
			require.Equal(t, marketquery.Waiting{Leads: 5, Looked: 5, Groups: []marketquery.WaitingGroup{
				{CampaignID: "campaign_0", Campaign: "Name", ContractID: "contract_1", BuyerID: "buyer_1", Buyer: "Buyer", Reason: "insufficient_balance", Leads: 2, Worth: 90_000_000, Oldest: noon, LeadID: idOf(noon, 0)},
				{CampaignID: "campaign_0", Campaign: "Name", ContractID: "contract_2", BuyerID: "buyer_2", Reason: "cap_day", Of: "buyer", Leads: 1, Worth: 20_000_000, Oldest: noon.Add(time.Second), LeadID: idOf(noon.Add(time.Second), 1)},
				{CampaignID: "campaign_1", Campaign: "Name", Reason: marketquery.WaitsForContract, Leads: 3, Oldest: noon.Add(2 * time.Second), LeadID: idOf(noon.Add(2*time.Second), 2)},
			}}, got)
			others, err := r.WaitingLeads(t.Context(), marketquery.WaitingLeads{Actor: application.Actor{SellerID: "seller_2"}})
			require.NoError(t, err)
			require.Equal(t, marketquery.Waiting{}, others)
		})
	}
}

// waitingLeads are five that wait: one for money, one for that and for a buyer's cap, and three that no contract takes as they are. Another one does not.
func waitingLeads() (all []application.StoredLead) {
	money := lead.Consideration{ContractID: "contract_1", BuyerID: "buyer_1", Price: 45_000_000, Reason: distribution.ReasonInsufficientBalance}
	full := lead.Consideration{ContractID: "contract_2", BuyerID: "buyer_2", Price: 20_000_000, Reason: "cap_day", Of: "buyer"}
	filtered := lead.Consideration{ContractID: "contract_3", BuyerID: "buyer_1", Price: 99_000_000, Reason: distribution.ReasonFilter}
	for i, c := range [][]lead.Consideration{{money, filtered}, {money, full}, {filtered}, {}, {filtered}, {money}} {
		at := noon.Add(time.Duration(i) * time.Second)
		n := sqlstoretest.NewLead(idOf(at, i), fmt.Sprint("campaign_", i/2%2)).Snapshot()
		n.CreatedAt, n.Status = at, lead.StatusPending
		switch i {
		case 4:
			n.CampaignID = "campaign_1"
		case 5:
			n.Status = lead.StatusUnsold
		}
		for _, one := range c {
			n.Trace.Add(one)
		}
		all = append(all, application.StoredLead{Lead: lead.FromSnapshot(n)})
	}
	return all
}
