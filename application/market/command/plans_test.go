package command_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

// heldCampaign is a unit of work over one campaign, without buyers, and a language of filters that notices what is compiled meanwhile.
type heldCampaign struct {
	market.Tx
	application.CampaignRepository

	c       func(run int) *campaign.Campaign
	runs    int
	cached  *campaign.Campaign // of the last run
	stored  int
	holding bool

	mu         sync.Mutex
	compiled   map[string]bool
	underLocks int
}

func (h *heldCampaign) Do(ctx context.Context, fn func(context.Context, market.Tx) error) error {
	h.runs++
	h.holding = true
	defer func() { h.holding = false }()
	return fn(ctx, h)
}

func (h *heldCampaign) Campaigns() application.CampaignRepository { return h }
func (h *heldCampaign) Leads() application.LeadRepository         { return heldLeads{of: h} }
func (*heldCampaign) Claims() market.ClaimRepository              { return storedClaims{} }
func (*heldCampaign) Buyers() application.BuyerRepository         { return noBuyers{} }
func (*heldCampaign) Counters() market.CounterRepository          { return noCounters{} }
func (*heldCampaign) Consents() market.ConsentRepository          { return noConsents{} }

func (h *heldCampaign) LockAll(_ context.Context, _ []application.Ref, cached map[string]*campaign.Campaign) (map[string]*campaign.Campaign, error) {
	h.cached = cached["campaign_1"]
	return map[string]*campaign.Campaign{"campaign_1": h.c(h.runs)}, nil
}

func (h *heldCampaign) Lock(context.Context, string, string) (*campaign.Campaign, error) {
	return h.c(h.runs), nil
}

func (h *heldCampaign) Save(context.Context, *campaign.Campaign) error {
	h.stored++
	return nil
}

type heldLeads struct {
	application.LeadRepository

	of *heldCampaign
}

func (l heldLeads) AddAll(_ context.Context, leads []application.StoredLead) error {
	l.of.stored += len(leads)
	return nil
}

type storedClaims struct{ emptyClaims }

func (storedClaims) Take(context.Context, []market.Claim, []market.Claim, time.Time) error {
	return nil
}
func (storedClaims) Extend(context.Context, []market.Claim) error { return nil }
func (storedClaims) Remember(context.Context, []market.Request, []market.Request, time.Time) error {
	return nil
}

type noBuyers struct{ application.BuyerRepository }

func (noBuyers) LockAll(context.Context, []application.Ref) (map[string]*buyer.Buyer, error) {
	return nil, nil
}

type noCounters struct{ market.CounterRepository }

func (noCounters) LockAll(context.Context, []application.Ref) (map[string]*distribution.Counter, error) {
	return nil, nil
}

type noConsents struct{ market.ConsentRepository }

func (noConsents) Add(context.Context, []market.LeadConsent) error { return nil }

// Over implements distribution.Filters.
func (h *heldCampaign) Over(field.Rules) distribution.FilterCompiler { return filterLanguage{h} }

type filterLanguage struct{ *heldCampaign }

func (l filterLanguage) Compile(text string) (distribution.Filter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.compiled[text] {
		l.compiled[text] = true
		if l.holding {
			l.underLocks++
		}
	}
	return passesAll{}, nil
}

func (filterLanguage) Read(lead.Facts) distribution.FilterInput { return nil }

type passesAll struct{}

func (passesAll) Passes(distribution.FilterInput) bool { return true }
func (passesAll) Pins() []distribution.Pin             { return nil }

// filtered is a version of the campaign autoInsurance whose contracts have filters that no other version has.
func filtered(t *testing.T, version int64, contracts int) *campaign.Campaign {
	s := autoInsurance(t).Snapshot()
	s.Version = version
	for i := range contracts {
		s.Contracts = append(s.Contracts, campaign.ContractSnapshot{
			ID: fmt.Sprintf("contract_%03d", i), BuyerID: "buyer_1", Status: campaign.StatusActive, Price: 10, EffectiveZone: "UTC", Filter: fmt.Sprint(version, "/", i),
		})
	}
	return campaign.FromSnapshot(s)
}

func TestFiltersAreCompiledWhileNobodyWaitsForTheCampaign(t *testing.T) {
	t.Parallel()
	strategies, err := distribution.NewStrategies(nil)
	require.NoError(t, err)
	for _, contracts := range []int{2, 250} {
		held := func(c func(run int) *campaign.Campaign) (*heldCampaign, *marketcommand.Plans) {
			h := &heldCampaign{c: c, compiled: map[string]bool{}}
			return h, marketcommand.NewPlans(h)
		}
		submit := func(h *heldCampaign, plans *marketcommand.Plans) {
			in := newIntake(t, sold)
			in.Directory = marketcommand.NewDirectory(in.campaigns, plans)
			in.campaigns.EXPECT().ActiveCampaign(gomock.Any(), gomock.Any(), gomock.Any()).Return(filtered(t, 1, contracts), nil)
			l := aLead()
			l.Render = func(marketcommand.SubmitLeadResult) application.Response { return application.Response{} }
			_, err := in.Handle(t.Context(), l)
			require.NoError(t, err)
			handler := &marketcommand.SubmitLeadsHandler{Work: h, Clock: clock.NewManual(at), IDs: &counting{}, Directory: in.Directory, Strategies: strategies}
			for _, o := range handler.HandleBatch(t.Context(), in.batches) {
				require.NoError(t, o.Err)
			}
			require.Equal(t, 1, h.stored)
		}

		once, plans := held(func(int) *campaign.Campaign { return filtered(t, 1, contracts) })
		submit(once, plans)
		require.Equal(t, []int{1, 0, contracts}, []int{once.runs, once.underLocks, len(once.compiled)}, "a lead of the campaign as it is remembered")

		changed, plans := held(func(int) *campaign.Campaign { return filtered(t, 2, contracts) })
		submit(changed, plans)
		require.Equal(t, []int{2, 0, 2 * contracts}, []int{changed.runs, changed.underLocks, len(changed.compiled)}, "a lead of a campaign that changed")
		require.Equal(t, int64(2), changed.cached.Version(), "which is not read again")

		restless, plans := held(func(run int) *campaign.Campaign { return filtered(t, int64(1+run), contracts) })
		submit(restless, plans)
		require.Equal(t, []int{3, contracts}, []int{restless.runs, restless.underLocks}, "one that changes all the time is sold from nevertheless")

		updated, plans := held(func(int) *campaign.Campaign { return filtered(t, 1, contracts) })
		fields := []field.Rule{{Name: "zip", Type: field.TypeZip}}
		_, err := marketcommand.UpdateCampaignHandler{Deps: market.Deps{Work: updated, Clock: clock.NewManual(at), IDs: &counting{}, InFlight: application.NewInFlight()}, Strategies: strategies, Plans: plans}.
			Handle(t.Context(), marketcommand.UpdateCampaign{
				Actor: application.Actor{SellerID: "seller_1"}, ID: "campaign_1", Definition: campaign.Definition{Fields: &fields},
				Once: application.Once[marketquery.Campaign]{Render: func(marketquery.Campaign) application.Response { return application.Response{} }},
			})
		require.NoError(t, err)
		require.Equal(t, []int{2, 0, contracts, 1}, []int{updated.runs, updated.underLocks, len(updated.compiled), updated.stored}, "a change of the fields")
	}
}
