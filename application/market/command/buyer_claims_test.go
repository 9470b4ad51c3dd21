package command_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/suppression"
)

// crowd is a campaign with a contract of each of many buyers, of whom the first ones bought the person.
type crowd struct {
	of            campaign.Snapshot
	bought        map[market.ClaimKey]bool
	asked, askedN int // claims, and how often
}

func (c *crowd) Campaign(context.Context, string, string) (*campaign.Campaign, error) {
	return campaign.FromSnapshot(c.of), nil
}

func (c *crowd) BuyersOf(_ context.Context, refs []application.Ref) (map[string]*buyer.Buyer, error) {
	out := map[string]*buyer.Buyer{}
	for _, ref := range refs {
		out[ref.ID] = buyer.FromSnapshot(buyer.Snapshot{ID: ref.ID, Status: buyer.StatusActive, Balance: 1000})
	}
	return out, nil
}

func (*crowd) CountersOf(context.Context, []application.Ref) (map[string]*distribution.Counter, error) {
	return map[string]*distribution.Counter{}, nil
}

func (*crowd) SuppressionsOf(context.Context, string, []suppression.Value) ([]market.Suppression, error) {
	return nil, nil
}

func (c *crowd) Held(_ context.Context, claims []market.ClaimRef, _ time.Time) (map[market.ClaimKey]bool, error) {
	held := map[market.ClaimKey]bool{}
	for _, ref := range claims {
		if c.bought[ref.Key] {
			held[ref.Key] = true
		}
	}
	if len(claims) > 0 {
		c.asked, c.askedN = c.asked+len(claims), c.askedN+1
	}
	return held, nil
}

// A lead that very many buyers are offered is sold as if all claims were read, while only those of buyers that are asked are.
func TestClaimsAreReadOfBuyersThatAreAskedOnly(t *testing.T) {
	t.Parallel()
	const contracts = 400
	rule := campaign.Dedupe{Fields: []string{"phone", "email"}, Match: campaign.MatchAny, WindowDays: 30}
	fields := field.Set{"firstName": field.TextValue("A"), "lastName": field.TextValue("B"), "state": field.TextValue("TX"), "phone": field.TextValue("+12125550123"), "email": field.TextValue("a@b.example")}
	strategies, err := distribution.NewStrategies(nil)
	require.NoError(t, err)
	for _, mode := range []struct {
		name string
		most int
	}{{campaign.Exclusive, 1}, {campaign.Shared, 3}} {
		for _, bought := range []int{0, 1, 2, 16, 17, 100, contracts - 1, contracts} {
			t.Run(fmt.Sprint(mode.name, " ", bought), func(t *testing.T) {
				t.Parallel()
				c := &crowd{bought: map[market.ClaimKey]bool{}, of: campaign.Snapshot{
					ID: "campaign_1", SellerID: "seller_1", Status: campaign.StatusActive, Strategy: "priority", Mode: mode.name, MaxSales: mode.most, Version: 1,
				}}
				var want []string
				for i := range contracts {
					k := campaign.ContractSnapshot{
						ID: fmt.Sprintf("contract_%03d", i), BuyerID: fmt.Sprintf("buyer_%03d", i), Status: campaign.StatusActive, Price: 10, Priority: int64(i + 1), EffectiveZone: "UTC", Dedupe: rule,
					}
					c.of.Contracts = append(c.of.Contracts, k)
					if i < bought {
						c.bought[market.BuyerClaimKeys(k.BuyerID, rule, fields)[i%2]] = true
					} else if len(want) < mode.most {
						want = append(want, k.BuyerID)
					}
				}
				h := &marketcommand.PreviewLeadHandler{Reader: c, Clock: clock.NewManual(at), IDs: &counting{}, Strategies: strategies, Plans: marketcommand.NewPlans(nil)}
				r, err := h.Handle(t.Context(), marketcommand.PreviewLead{Actor: application.Actor{SellerID: "seller_1"}, CampaignID: "campaign_1", Fields: fields})
				require.NoError(t, err)
				require.Equal(t, want, r.BuyerIDs)
				for i := range min(bought, len(r.Trace.Considered)) {
					require.Equal(t, distribution.ReasonDuplicateBuyer, r.Trace.Considered[i].Reason)
				}
				require.LessOrEqual(t, c.asked, 2*min(contracts, 4*bought+32), "claims of more buyers than were asked")
				require.LessOrEqual(t, c.askedN, 6, "so many readings")
			})
		}
	}
}

func (*crowd) PartnersAmong(_ context.Context, _ string, ids []string) ([]string, error) {
	return ids, nil
}
