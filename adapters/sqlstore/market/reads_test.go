package market_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
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
			erased := addFormLead(t, h, one, 12, true, func(l *lead.Lead) error { return l.Erase(noon) })
			never := addFormLead(t, h, one, 13, false, func(l *lead.Lead) error { return l.Erase(noon) })
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
