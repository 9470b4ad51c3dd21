package distribution_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

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

func shared(most int, contracts ...campaign.ContractSnapshot) *fixture {
	f := newFixture(contracts...)
	f.campaign.Mode, f.campaign.MaxSales = campaign.Shared, most
	return f
}

func takers(d distribution.Decision) (ids []string) {
	for _, k := range d.Takers {
		ids = append(ids, k.ID())
	}
	return ids
}

func priority(n int64) func(*campaign.ContractSnapshot) {
	return func(k *campaign.ContractSnapshot) { k.Priority = n }
}

func TestASharedLeadGoesToSeveralBuyersInRankOrder(t *testing.T) {
	t.Parallel()
	f := shared(3, contract("d", "4", priority(4)), contract("c", "3", priority(3)), contract("a", "1", priority(1)),
		contract("b", "2", priority(2), func(k *campaign.ContractSnapshot) { k.Status = campaign.StatusPaused }), contract("e", "5", priority(5)))
	d := decide(t, f.book(t, now), lead.Facts{})
	assert.Equal(t, []string{"a", "c", "d"}, takers(d))
	assert.Equal(t, map[string]string{"a": "sold", "b": "contract_paused", "c": "sold", "d": "sold"}, reasons(d), "who is behind the last is not asked")

	f.campaign.Mode = campaign.Exclusive
	assert.Equal(t, []string{"a"}, takers(decide(t, f.book(t, now), lead.Facts{})))
	f.campaign.Mode, f.campaign.MaxSales = campaign.Shared, 10
	assert.Equal(t, []string{"a", "c", "d", "e"}, takers(decide(t, f.book(t, now), lead.Facts{})), "fewer than allowed is sold too")
}

func TestTwoContractsOfOneBuyerNeverShareALead(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"priority", "highest_price", "round_robin", "weighted"} {
		f := shared(3, contract("a1", "a", priority(1)), contract("a2", "a", priority(2)), contract("b", "b", priority(3)))
		f.campaign.Strategy = strategy
		book := f.book(t, now)
		for range 6 {
			d := decide(t, book, lead.Facts{})
			require.Len(t, d.Takers, 2, strategy)
			require.NotEqual(t, d.Takers[0].BuyerID(), d.Takers[1].BuyerID(), strategy)
			require.Contains(t, reasons(d), "b", strategy)
			for i, k := range d.Takers {
				require.NoError(t, book.Take(k.ID(), "e", fmt.Sprint(i), now))
			}
		}
	}
	f := shared(3, contract("a1", "a", priority(1)), contract("a2", "a", priority(2)), contract("b", "b", priority(3)))
	assert.Equal(t, map[string]string{"a1": "sold", "a2": "duplicate_buyer", "b": "sold"}, reasons(decide(t, f.book(t, now), lead.Facts{})))
}

func TestAContractCanBeRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(contract("a", "1", priority(1)), contract("b", "2", priority(2)), contract("poor", "3", priority(0)))
	f.buyers["3"] = buyer.FromSnapshot(buyer.Snapshot{ID: "3", Status: buyer.StatusActive})
	var asked []string
	d, err := f.book(t, now).Decide(distribution.Ask{Refuse: func(k campaign.Contract) string {
		asked = append(asked, k.ID())
		if k.ID() == "a" {
			return distribution.ReasonDuplicateBuyer
		}
		return ""
	}})
	require.NoError(t, err)
	assert.Equal(t, []string{"b"}, takers(d))
	assert.Equal(t, map[string]string{"poor": "insufficient_balance", "a": "duplicate_buyer", "b": "sold"}, reasons(d))
	assert.Equal(t, []string{"a", "b"}, asked, "only of those that nothing else keeps from it")
}

func capped(w calendar.Window, leads int64) []campaign.Cap {
	return []campaign.Cap{{Window: w, HasLeads: true, Leads: leads}}
}

func TestCapsOfBuyersAndCampaigns(t *testing.T) {
	t.Parallel()
	newBuyer := func(caps ...campaign.Cap) *buyer.Buyer {
		return buyer.FromSnapshot(buyer.Snapshot{ID: "b", Status: buyer.StatusActive, Balance: 1000, Caps: caps, CapZone: "UTC"})
	}
	f := newFixture(contract("k1", "b", priority(1)), contract("k2", "b", priority(2)), contract("other", "c", priority(3)))
	f.buyers["b"] = newBuyer(capped(calendar.Day, 2)...)
	book := f.book(t, now)
	assert.Equal(t, "k1", sell(t, book, now))
	assert.Equal(t, "k1", sell(t, book, now))
	d := decide(t, book, lead.Facts{})
	assert.Equal(t, []lead.Consideration{
		{ContractID: "k1", BuyerID: "b", Reason: "cap_day", Of: "buyer", Price: 10},
		{ContractID: "k2", BuyerID: "b", Reason: "cap_day", Of: "buyer", Price: 10},
		{ContractID: "other", BuyerID: "c", Reason: "sold", Price: 10},
	}, d.Trace.Considered, "the buyer's contracts share its cap")
	n := f.counters["b/day:2026-01-02"]
	assert.Equal(t, []any{distribution.OwnerBuyer, int64(2), money.Micros(20), int64(2), money.Micros(20)}, []any{n.Owner, n.Used, n.Spent, n.TakenLeads, n.TakenPrice})
	assert.NotContains(t, f.counters, "c/total", "who has no caps is not counted")

	f = newFixture(contract("k1", "b"), contract("k2", "c"))
	f.campaign.Caps = []campaign.Cap{{Window: calendar.Month, HasBudget: true, Budget: 25}}
	book = f.book(t, now)
	assert.Equal(t, []string{"k1", "k2", ""}, []string{sell(t, book, now), sell(t, book, now), sell(t, book, now)})
	d = decide(t, book, lead.Facts{})
	assert.Equal(t, lead.Consideration{ContractID: "k1", BuyerID: "b", Reason: "budget_month", Of: "campaign", Price: 10}, d.Trace.Considered[0])
	assert.False(t, book.Open())

	// The contract's own cap is told first.
	f = newFixture(contract("k1", "b", func(k *campaign.ContractSnapshot) { k.Caps = capped(calendar.Hour, 0) }))
	f.buyers["b"], f.campaign.Caps = newBuyer(capped(calendar.Hour, 0)...), capped(calendar.Hour, 0)
	assert.Equal(t, []lead.Consideration{{ContractID: "k1", BuyerID: "b", Reason: "cap_hour", Price: 10}}, decide(t, f.book(t, now), lead.Facts{}).Trace.Considered)
}

func TestOneSharedLeadDoesNotExceedTheCampaignsCap(t *testing.T) {
	t.Parallel()
	f := shared(3, contract("a", "1", priority(1)), contract("b", "2", priority(2)), contract("c", "3", priority(3)))
	f.campaign.Caps = capped(calendar.Day, 2)
	d := decide(t, f.book(t, now), lead.Facts{})
	assert.Equal(t, map[string]string{"a": "sold", "b": "sold", "c": "cap_day"}, reasons(d))
	f.campaign.Caps = []campaign.Cap{{Window: calendar.Day, HasBudget: true, Budget: 29}}
	assert.Equal(t, map[string]string{"a": "sold", "b": "sold", "c": "budget_day"}, reasons(decide(t, f.book(t, now), lead.Facts{})))
}

func TestRoundRobinAsksTheLeastRecentWinner(t *testing.T) {
	t.Parallel()
	f := newFixture(contract("a", "1", priority(9)), contract("b", "2"), contract("c", "3"))
	f.campaign.Strategy = "round_robin"
	book, got := f.book(t, now), ""
	for range 7 {
		got += sell(t, book, now)
	}
	assert.Equal(t, "abcabca", got)
	assert.Equal(t, "b", sell(t, f.book(t, now.Add(time.Hour)), now.Add(time.Hour)), "another batch goes on")
}

func weight(n int64) func(*campaign.ContractSnapshot) {
	return func(k *campaign.ContractSnapshot) { k.Weight = n }
}

func weighted(weights map[string]int64) *fixture {
	var contracts []campaign.ContractSnapshot
	for id, n := range weights {
		contracts = append(contracts, contract(id, "of "+id, weight(n)))
	}
	f := newFixture(contracts...)
	for id := range f.buyers {
		f.buyers[id] = buyer.FromSnapshot(buyer.Snapshot{ID: id, Status: buyer.StatusActive, Balance: 1 << 40})
	}
	f.campaign.Strategy = "weighted"
	return f
}

func TestWeightedGivesExactShares(t *testing.T) {
	t.Parallel()
	f := weighted(map[string]int64{"a": 5, "b": 3, "c": 2})
	won, last := map[string]int{}, ""
	for n := range 10_000 {
		id := sell(t, f.book(t, now), now) // each lead in a batch of its own, as after a restart
		won[id]++
		last += id
		if (n+1)%10 == 0 {
			require.Equal(t, []int{(n + 1) / 2, (n + 1) * 3 / 10, (n + 1) / 5}, []int{won["a"], won["b"], won["c"]}, "after %d leads", n+1)
		}
	}
	assert.NotContains(t, last, "aaa", "evenly spread")
	assert.NotContains(t, last, "bb")
	assert.NotContains(t, last, "cc")
}

func TestWeightedSharesAreKeptWhenSomeAreExcluded(t *testing.T) {
	t.Parallel()
	f := weighted(map[string]int64{"a": 5, "b": 3, "c": 2})
	book := f.book(t, now)
	won := map[string]int{}
	phase := func(leads int, refused string, want [3]int) map[string]int {
		before := map[string]int{"a": won["a"], "b": won["b"], "c": won["c"]}
		for n := range leads {
			d, err := book.Decide(distribution.Ask{Refuse: func(k campaign.Contract) string {
				if k.ID() == refused {
					return "closed"
				}
				return ""
			}})
			require.NoError(t, err)
			require.NoError(t, book.Take(d.Takers[0].ID(), "e", "s", now))
			won[d.Takers[0].ID()]++
			for i, id := range []string{"a", "b", "c"} {
				require.LessOrEqual(t, float64(won[id]-before[id]), float64(n+1)*float64(want[i])/1000+1.5, "no burst of who comes back")
			}
		}
		return map[string]int{"a": won["a"] - before["a"], "b": won["b"] - before["b"], "c": won["c"] - before["c"]}
	}
	for range 5 {
		for refused, want := range map[string][3]int{"": {500, 300, 200}, "c": {625, 375, 0}, "a": {0, 600, 400}, "b": {714, 0, 286}} {
			got := phase(1000, refused, want)
			for i, id := range []string{"a", "b", "c"} {
				require.InDelta(t, want[i], got[id], 1.01, "%s while %q is excluded: %v", id, refused, got)
			}
		}
	}
}

// able offers a lead to some contracts only, and books what they take.
func able(t require.TestingT, b *distribution.Book, can func(id string) bool) []string {
	d, err := b.Decide(distribution.Ask{Refuse: func(k campaign.Contract) string {
		if can(k.ID()) {
			return ""
		}
		return "not for this lead"
	}})
	require.NoError(t, err)
	for _, k := range d.Takers {
		require.NoError(t, b.Take(k.ID(), "e", "s", now))
	}
	return takers(d)
}

func TestWeightedSharesHoldBetweenLeadsThatOthersTake(t *testing.T) {
	t.Parallel()
	for name, alsoForZ := range map[string]bool{"Z takes its own leads only": false, "Z takes the others too": true} {
		f := weighted(map[string]int64{"x": 1, "y": 9, "z": 1})
		book, won := f.book(t, now), map[string]int{}
		for n := range 1100 {
			if n%2 == 0 {
				require.Equal(t, []string{"z"}, able(t, book, func(id string) bool { return id == "z" }))
				continue
			}
			won[able(t, book, func(id string) bool { return id != "z" || alsoForZ })[0]]++
		}
		want := map[string]int{"x": 55, "y": 495}
		if alsoForZ {
			want = map[string]int{"x": 50, "y": 450, "z": 50}
		}
		require.Equal(t, want, won, name)
	}
}

// Whatever contracts can take which leads: each has won what it was due, its part by weight of each sale that it could have had, give or
// take as many as there are other contracts.
func TestWeightedOwesNobodyMoreThanThereAreOthers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		weights, ids := map[string]int64{}, []string{}
		for i := range rapid.IntRange(2, 7).Draw(r, "contracts") {
			ids = append(ids, fmt.Sprint("k", i))
			weights[ids[i]] = rapid.SampledFrom([]int64{1, 2, 3, 7, 100, 10_000}).Draw(r, "weight")
		}
		f := weighted(weights)
		f.campaign.Mode, f.campaign.MaxSales = campaign.Shared, rapid.IntRange(1, 3).Draw(r, "sales")
		patterns := rapid.SliceOfN(rapid.IntRange(0, 1<<len(ids)-1), 1, 6).Draw(r, "who can take a lead")
		order := rapid.SliceOfN(rapid.IntRange(0, len(patterns)-1), 1, 300).Draw(r, "leads")
		won, due := map[string]float64{}, map[string]float64{}
		var book *distribution.Book
		for n, lead := range order {
			if n%7 == 0 {
				book = f.book(r, now)
			}
			can := map[string]bool{}
			for i, id := range ids {
				can[id] = patterns[lead]>>i&1 == 1
			}
			for _, winner := range able(r, book, func(id string) bool { return can[id] }) {
				var together float64
				for _, id := range ids {
					if can[id] {
						together += float64(weights[id])
					}
				}
				for _, id := range ids {
					if can[id] {
						due[id] += float64(weights[id]) / together
					}
				}
				won[winner]++
				can[winner] = false
			}
			for _, id := range ids {
				require.InDelta(r, due[id], won[id], float64(len(ids)-1)+0.001, "%s after %d leads: %v of %v", id, n+1, won, due)
			}
		}
	})
}

// tiers is a team's strategy: by priority, and of equal ones by weight.
type tiers struct{ distribution.Weighted }

func (tiers) Code() string { return "tiers" }

func (s tiers) Rank(f lead.Facts, c []distribution.Candidate) []distribution.Candidate {
	c = s.Weighted.Rank(f, c)
	slices.SortStableFunc(c, func(a, b distribution.Candidate) int { return cmp.Compare(a.Priority, b.Priority) })
	return c
}

func TestWhoAStrategyNeverAsksIsNotDueEverMore(t *testing.T) {
	t.Parallel()
	f := weighted(map[string]int64{"first": 1, "heavy": 9, "light": 1})
	for i := range f.campaign.Contracts {
		if f.campaign.Contracts[i].ID != "first" {
			f.campaign.Contracts[i].Priority = 2
		}
	}
	f.campaign.Strategy, f.extra = "tiers", []distribution.Strategy{tiers{}}
	book := f.book(t, now)
	for range 1000 {
		require.Equal(t, []string{"first"}, able(t, book, func(string) bool { return true }))
	}
	won := map[string]int{}
	for n := range 100 {
		won[able(t, book, func(id string) bool { return id != "first" })[0]]++
		require.InDelta(t, float64(n+1)/10, won["light"], 2, "no burst of who was behind")
	}
}

func TestANewContractNeitherStarvesOthersNorWaits(t *testing.T) {
	t.Parallel()
	f := weighted(map[string]int64{"a": 1, "b": 1})
	book := f.book(t, now)
	for range 1000 {
		sell(t, book, now)
	}
	f.campaign.Contracts = append(f.campaign.Contracts, contract("new", "n", weight(2)))
	f.buyers["n"] = buyer.FromSnapshot(buyer.Snapshot{ID: "n", Status: buyer.StatusActive, Balance: 1 << 40})
	book = f.book(t, now.Add(time.Hour))
	won := map[string]int{}
	for n := range 400 {
		won[sell(t, book, now.Add(time.Hour))]++
		require.InDelta(t, float64(n+1)/2, won["new"], 1.01)
		require.InDelta(t, float64(n+1)/4, won["a"], 1.01)
	}
}

func TestPayoutsOfSharedLeadsSumUp(t *testing.T) {
	t.Parallel()
	usd := money.MustCurrency("USD")
	terms := func(p campaign.Payout, shown campaign.PriceShown, prices ...money.Micros) (payouts []money.Micros, payout, price money.Micros) {
		c := campaign.FromSnapshot(campaign.Snapshot{Payout: p, PriceShown: shown})
		payouts = make([]money.Micros, len(prices))
		payout, price, _ = c.SupplierTerms(prices, payouts, usd)
		return payouts, payout, price
	}
	third := campaign.Payout{Type: campaign.PayoutPercent, Percent: 333_300}
	payouts, payout, price := terms(third, campaign.ShowPayout, 10_000_000, 20_000_000, 150_000)
	assert.Equal(t, []any{[]money.Micros{3_330_000, 6_670_000, 50_000}, money.Micros(10_050_000), money.Micros(10_050_000)}, []any{payouts, payout, price}, "each is rounded by itself")
	fixed := campaign.Payout{Type: campaign.PayoutFixed, Fixed: 10_000_000}
	payouts, payout, price = terms(fixed, campaign.ShowSale, 1, 2, 3)
	assert.Equal(t, []any{[]money.Micros{3_340_000, 3_330_000, 3_330_000}, money.Micros(10_000_000), money.Micros(6)}, []any{payouts, payout, price}, "once for the lead")
	payouts, payout, _ = terms(fixed, campaign.ShowPayout, 1)
	assert.Equal(t, []any{[]money.Micros{10_000_000}, money.Micros(10_000_000)}, []any{payouts, payout})
	payouts, payout, price = terms(campaign.Payout{}, campaign.ShowPayout, 1, 2)
	assert.Equal(t, []any{[]money.Micros{0, 0}, money.Micros(0), money.Micros(3)}, []any{payouts, payout, price})
}

// noFilters is a language in which nothing can be said.
type noFilters struct{}

func (noFilters) Over(field.Rules) distribution.FilterCompiler { return nil }

func scheduled(hours ...calendar.Hours) func(*campaign.ContractSnapshot) {
	return func(k *campaign.ContractSnapshot) { k.Schedule.Hours = hours }
}

func byTheLeadsClock(k *campaign.ContractSnapshot) { k.Schedule.Zone = calendar.ZoneLead }

func inZone(name string) func(*campaign.ContractSnapshot) {
	return func(k *campaign.ContractSnapshot) { k.EffectiveZone = name }
}

func plan(contracts ...campaign.ContractSnapshot) *distribution.Plan {
	return distribution.NewPlan(campaign.FromSnapshot(newFixture(contracts...).campaign), noFilters{})
}

func TestAPlanKnowsWhenAScheduleOpens(t *testing.T) {
	t.Parallel()
	nine := scheduled(calendar.Hours{Days: []string{"mon"}, From: "09:00", To: "10:00"})
	at := func(clock string) time.Time {
		t.Helper()
		when, err := time.Parse(time.RFC3339, clock)
		require.NoError(t, err)
		return when
	}
	monday := at("2026-11-23T00:00:00Z")
	opens := func(p *distribution.Plan, clock string) bool {
		return p.OpensBetween(at(clock).Add(-2*time.Second), at(clock).Add(3*time.Second))
	}
	chicago := plan(contract("a", "1", nine, inZone("America/Chicago")), contract("b", "2"))
	for clock, want := range map[string]bool{"2026-11-23T15:00:00Z": true, "2026-11-23T09:00:00Z": false, "2026-11-23T16:00:00Z": false, "2026-11-24T15:00:00Z": false} {
		assert.Equal(t, want, opens(chicago, clock), clock)
	}
	assert.False(t, chicago.OpensBetween(monday, at("2026-11-23T14:59:59Z")))
	assert.True(t, chicago.OpensBetween(monday, at("2026-11-23T15:00:00Z")), "the end counts")
	assert.False(t, chicago.OpensBetween(at("2026-11-23T15:00:00Z"), at("2026-11-23T20:00:00Z")), "the beginning does not")

	two := plan(contract("a", "1", nine, inZone("America/Chicago")), contract("b", "2", nine, inZone("Asia/Tokyo")), contract("c", "3", nine, inZone("Asia/Tokyo")))
	assert.True(t, opens(two, "2026-11-23T15:00:00Z"))
	assert.True(t, opens(two, "2026-11-23T00:00:00Z"))
	assert.False(t, opens(two, "2026-11-23T09:00:00Z"))

	anywhere := plan(contract("a", "1", nine, byTheLeadsClock, inZone("Asia/Tokyo")))
	for clock, want := range map[string]bool{"2026-11-23T14:00:00Z": true, "2026-11-23T19:00:00Z": true, "2026-11-23T00:00:00Z": false} {
		assert.Equal(t, want, opens(anywhere, clock), "in New York and in Honolulu, not in Tokyo: %s", clock)
	}
	assert.False(t, (*distribution.Plan)(nil).OpensBetween(monday, monday.AddDate(0, 0, 7)))
}

// A sweep asks this of each campaign with a pending lead.
func BenchmarkOpensBetween(b *testing.B) {
	week := []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	overlapping, apart := make([]calendar.Hours, 50), make([]calendar.Hours, 50)
	for i := range overlapping {
		overlapping[i] = calendar.Hours{Days: week, From: fmt.Sprintf("00:%02d", i), To: "24:00"}
		apart[i] = calendar.Hours{Days: week, From: fmt.Sprintf("%02d:%02d", i*20/60, i*20%60), To: fmt.Sprintf("%02d:%02d", i*20/60, i*20%60+10)}
	}
	for name, hours := range map[string][]calendar.Hours{"overlapping": overlapping, "apart": apart} {
		for _, contracts := range []int{1, 100} {
			var all []campaign.ContractSnapshot
			for i := range contracts {
				all = append(all, contract(fmt.Sprint("k", i), fmt.Sprint("b", i), scheduled(hours[:50-i%40]...), byTheLeadsClock))
			}
			p := plan(all...)
			b.Run(fmt.Sprintf("%s/%d", name, contracts), func(b *testing.B) {
				for b.Loop() {
					p.OpensBetween(now, now.Add(5*time.Second))
				}
			})
		}
	}
}
