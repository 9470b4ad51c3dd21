package celfilter_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// crowd is a campaign with many contracts.
type crowd struct {
	campaign *campaign.Campaign
	buyers   map[string]*buyer.Buyer
	counters map[string]*distribution.Counter
	plan     *distribution.Plan
	filters  distribution.FilterCompiler
}

func newCrowd(t require.TestingT, l distribution.Filters, of field.Rules, strategy string, contracts []campaign.ContractSnapshot) *crowd {
	c := &crowd{buyers: map[string]*buyer.Buyer{}, counters: map[string]*distribution.Counter{}, filters: l.Over(of)}
	for i := range contracts {
		k := &contracts[i]
		k.ID, k.BuyerID = fmt.Sprintf("contract_%05d", i), fmt.Sprintf("buyer_%05d", i)
		k.Status, k.EffectiveZone = campaign.StatusActive, "UTC"
		c.buyers[k.BuyerID] = buyer.FromSnapshot(buyer.Snapshot{ID: k.BuyerID, Status: buyer.StatusActive, Balance: 1_000_000_000_000})
	}
	c.campaign = campaign.FromSnapshot(campaign.Snapshot{
		ID: "campaign_1", SellerID: "seller_1", Status: campaign.StatusActive, Strategy: strategy, MaxSales: 1, Fields: of.Own(), Contracts: contracts,
	})
	c.plan = distribution.NewPlan(c.campaign, l)
	require.True(t, c.plan.Large())
	return c
}

// book is the campaign's Book: with all contracts and without an index, or with those of shortlists only.
func (c *crowd) book(t require.TestingT, lists ...*distribution.Shortlist) *distribution.Book {
	strategies, err := distribution.NewStrategies(nil)
	require.NoError(t, err)
	of := c.campaign
	if len(lists) > 0 {
		of = of.Only(c.plan.Contracts(lists...))
	}
	b := distribution.NewBook(of, strategies, c.buyers, func(owner distribution.Owner, id string, s calendar.Span) *distribution.Counter {
		key := distribution.CounterKey(id, s)
		if c.counters[key] == nil {
			c.counters[key] = &distribution.Counter{Owner: owner, OwnerID: id, Span: s}
		}
		return c.counters[key]
	}, at)
	b.Follow(c.plan, at)
	return b
}

func ids(contracts []campaign.Contract) []string {
	out := []string{}
	for _, k := range contracts {
		out = append(out, k.ID())
	}
	return out
}

// The shortlist of a lead is the contracts whose filter CEL lets it pass, and who takes the lead is who takes it when all are asked.
func TestTheIndexFindsWhatCELFinds(t *testing.T) {
	t.Parallel()
	l, of := language(t), rules(t)
	rapid.Check(t, func(r *rapid.T) {
		few := rapid.SliceOfN(term(2), 1, 12).Draw(r, "filters")
		contracts := make([]campaign.ContractSnapshot, 150)
		for i := range contracts {
			contracts[i] = campaign.ContractSnapshot{
				Price: money.Micros(rapid.IntRange(1, 5).Draw(r, "price")), Priority: int64(rapid.IntRange(1, 5).Draw(r, "priority")),
				Filter: rapid.SampledFrom(few).Draw(r, "filter"),
			}
			if i%10 == 0 {
				contracts[i].Filter = ""
			}
		}
		contracts[7].Filter = "lead.fields.gone == 1"
		strategy := rapid.SampledFrom([]string{"priority", "highest_price", "round_robin", "weighted"}).Draw(r, "strategy")
		c := newCrowd(r, l, of, strategy, contracts)
		var all []lead.Facts
		var lists []*distribution.Shortlist
		for i := range 4 {
			f := facts(t, anyLead(r))
			f.ID = fmt.Sprint(i)
			all, lists = append(all, f), append(lists, c.plan.Shortlist(f, true))
			want := []string{}
			for _, k := range c.campaign.Contracts() {
				if k.Filter() == "" {
					want = append(want, k.ID())
				} else if filter, err := c.filters.Compile("(" + k.Filter() + ") == true"); err == nil && filter.Passes(c.filters.Read(f)) {
					want = append(want, k.ID())
				}
			}
			require.Equal(r, want, ids(c.plan.Contracts(lists[i])))
			require.Subset(r, ids(c.plan.Contracts(c.plan.Shortlist(f, false))), want, "without facts from outside none is missed")
		}
		whole, narrow := c.book(r), c.book(r, lists...)
		for i, f := range all {
			a, err := whole.Decide(distribution.Ask{Facts: f})
			require.NoError(r, err)
			want := ids(a.Takers)
			b, err := narrow.Decide(distribution.Ask{Facts: f, Shortlist: lists[i]})
			require.NoError(r, err)
			require.Equal(r, want, ids(b.Takers))
			require.LessOrEqual(r, len(b.Trace.Considered), 100)
			counted := len(b.Trace.Considered)
			for _, n := range b.Trace.More {
				counted += n
			}
			require.LessOrEqual(r, counted, len(contracts))
			if len(want) == 0 {
				require.Equal(r, len(contracts), counted, "every contract is told of")
			}
			for _, id := range want {
				require.NoError(r, narrow.Take(id, "entry", "sale", at))
			}
		}
	})
}

// Weights share leads out in the same way whether all contracts are asked or those that an index finds.
func TestWeightsWithAndWithoutTheIndex(t *testing.T) {
	t.Parallel()
	contracts := make([]campaign.ContractSnapshot, 120)
	for i := range contracts {
		contracts[i] = campaign.ContractSnapshot{Price: 10, Weight: int64(1 + i%7), Filter: fmt.Sprintf("lead.state in ['TX', '%s']", []string{"NY", "CA", "FL"}[i%3])}
	}
	l, of := language(t), rules(t)
	whole, narrow := newCrowd(t, l, of, "weighted", slices.Clone(contracts)), newCrowd(t, l, of, "weighted", slices.Clone(contracts))
	whole.counters, narrow.counters = map[string]*distribution.Counter{}, map[string]*distribution.Counter{}
	for n := range 400 {
		f := facts(t, jane(field.Set{"state": field.TextValue([]string{"NY", "TX", "NY", "CA", "FL"}[n%5])}))
		list := narrow.plan.Shortlist(f, true)
		all, some := whole.book(t), narrow.book(t, list)
		a, err := all.Decide(distribution.Ask{Facts: f})
		require.NoError(t, err)
		b, err := some.Decide(distribution.Ask{Facts: f, Shortlist: list})
		require.NoError(t, err)
		require.Equal(t, ids(a.Takers), ids(b.Takers), "lead %d", n)
		require.NoError(t, all.Take(a.Takers[0].ID(), "entry", "sale", at))
		require.NoError(t, some.Take(b.Takers[0].ID(), "entry", "sale", at))
	}
}

// With 10,000 contracts those that a filter excludes are counted, and listed one by one only within the first 100 in rank.
func TestTheTraceOfTenThousandContracts(t *testing.T) {
	t.Parallel()
	contracts := make([]campaign.ContractSnapshot, 10_000)
	for i := range contracts {
		contracts[i] = campaign.ContractSnapshot{Price: 10, Priority: int64(1 + i), Filter: "lead.state == 'NY'"}
	}
	contracts[40].Filter, contracts[200].Filter = "lead.state == 'TX' && lead.fields.age > 3", "lead.state == 'TX'"
	c := newCrowd(t, language(t), rules(t), "priority", contracts)
	for _, test := range []struct {
		fields field.Set
		taker  int
		listed int
	}{
		{field.Set{"age": field.TextValue("4")}, 40, 41},
		{field.Set{}, 200, 100},
		{field.Set{"state": field.TextValue("CA")}, -1, 100},
		{field.Set{"state": field.TextValue("NY")}, 0, 1},
	} {
		f := facts(t, jane(test.fields))
		list := c.plan.Shortlist(f, true)
		d, err := c.book(t, list).Decide(distribution.Ask{Facts: f, Shortlist: list})
		require.NoError(t, err)
		want := []string{}
		if test.taker >= 0 {
			want = append(want, fmt.Sprintf("contract_%05d", test.taker))
		}
		assert.Equal(t, want, ids(d.Takers))
		require.Len(t, d.Trace.Considered, test.listed)
		excluded := d.Trace.More["filter"]
		for i, k := range d.Trace.Considered {
			assert.Equal(t, fmt.Sprintf("contract_%05d", i), k.ContractID, "in rank order")
			if k.Reason == "filter" {
				excluded++
			}
		}
		assert.Equal(t, len(contracts)-len(c.plan.Contracts(list)), excluded, "each is listed or counted")
		if test.taker == 200 {
			assert.Equal(t, 1, d.Trace.More["sold"])
		}
	}
}

func TestASmallCampaignIsNotNarrowed(t *testing.T) {
	t.Parallel()
	plain := campaign.FromSnapshot(campaign.Snapshot{Contracts: make([]campaign.ContractSnapshot, 5)})
	assert.Nil(t, distribution.NewPlan(plain, nil), "without filters there is no plan, and nobody is asked for one")
	few := campaign.FromSnapshot(campaign.Snapshot{Contracts: slices.Repeat([]campaign.ContractSnapshot{{Filter: "true"}}, 100)})
	assert.False(t, distribution.NewPlan(few, language(t)).Large())
}

func BenchmarkShortlist(b *testing.B) {
	states := []string{"TX", "CA", "NY", "FL", "IL", "OH", "PA", "GA", "NC", "MI"}
	contracts := make([]campaign.ContractSnapshot, 10_000)
	for i := range contracts {
		contracts[i] = campaign.ContractSnapshot{Price: 10, Priority: 1, Filter: fmt.Sprintf("lead.state == '%s' && lead.zip.startsWith('%03d') && lead.fields.loan_amount > %d", states[i%10], i/10%1000, i)}
	}
	c := newCrowd(b, language(b), rules(b), "priority", contracts)
	f := facts(b, jane(field.Set{"zip": field.TextValue("75001"), "loan_amount": field.TextValue("50000")}))
	b.ReportAllocs()
	for b.Loop() {
		c.plan.Shortlist(f, true)
	}
}
