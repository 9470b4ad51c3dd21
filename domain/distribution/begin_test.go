package distribution_test

import (
	"fmt"
	"maps"
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

// categories is a language in which a filter is the category of the leads that pass.
type categories struct{}

type category string

func (c categories) Over(field.Rules) distribution.FilterCompiler   { return c }
func (categories) Compile(text string) (distribution.Filter, error) { return category(text), nil }
func (categories) Read(f lead.Facts) distribution.FilterInput       { return category(f.Category) }
func (c category) Attribute(string) (string, bool)                  { return string(c), true }
func (c category) Passes(in distribution.FilterInput) bool          { return in == c }
func (c category) Pins() []distribution.Pin {
	return []distribution.Pin{{Attribute: "category", Values: []string{string(c)}}}
}

// stock is what a database has of a campaign: what is not read from it is not known.
type stock struct {
	campaign *campaign.Campaign
	plan     *distribution.Plan
	buyers   map[string]buyer.Snapshot
	counters map[string]distribution.Counter
}

// batch is a Book over a stock, and what was read for it.
type batch struct {
	of       *stock
	book     *distribution.Book
	at       time.Time
	buyers   map[string]*buyer.Buyer
	counters map[string]*distribution.Counter
	listed   []*distribution.Shortlist
	rounds   int
}

func (s *stock) open(t require.TestingT, at time.Time, lists []*distribution.Shortlist) *batch {
	b := &batch{of: s, at: at, buyers: map[string]*buyer.Buyer{}, counters: map[string]*distribution.Counter{}, listed: lists}
	strategies, err := distribution.NewStrategies(nil)
	require.NoError(t, err)
	some := s.campaign.Only(s.plan.Contracts(lists...))
	b.read(some)
	b.book = distribution.NewBook(some, strategies, b.buyers, b.counter, at)
	b.book.Follow(s.plan, at)
	return b
}

func (b *batch) read(c *campaign.Campaign) {
	for _, k := range c.Contracts() {
		if b.buyers[k.BuyerID()] == nil {
			b.buyers[k.BuyerID()] = buyer.FromSnapshot(b.of.buyers[k.BuyerID()])
		}
	}
	for _, key := range distribution.CounterKeys(c, b.buyers, b.at) {
		if n, stored := b.of.counters[key]; stored && b.counters[key] == nil {
			b.counters[key] = &n
		}
	}
}

func (b *batch) counter(of distribution.Owner, id string, s calendar.Span) *distribution.Counter {
	key := distribution.CounterKey(id, s)
	if b.counters[key] == nil {
		b.counters[key] = &distribution.Counter{Owner: of, OwnerID: id, Span: s}
	}
	return b.counters[key]
}

// decide decides a lead, and reads more for it and those that follow as often as it must.
func (b *batch) decide(t require.TestingT, a distribution.Ask) distribution.Decision {
	for {
		d, err := b.book.Decide(a)
		require.NoError(t, err)
		if !d.Unfinished {
			return d
		}
		require.Empty(t, d.Takers)
		b.listed = b.listed[slices.Index(b.listed, a.Shortlist):]
		more := b.book.Lengthen(a, b.listed, b.rounds > 0)
		b.rounds++
		part := b.of.campaign.Only(more)
		b.read(part)
		b.book.Add(more, b.buyers, b.counter, b.at)
	}
}

// store writes what a batch changed.
func (b *batch) store() {
	for id, x := range b.buyers {
		b.of.buyers[id] = x.Snapshot()
	}
	for key, n := range b.counters {
		if n.Changed() || n.Stored {
			n.Stored, n.TakenLeads, n.TakenPrice, n.Turned = true, 0, 0, false
			b.of.counters[key] = *n
		}
	}
}

// Whether a Book has all contracts of the leads' shortlists or first those that are asked first: who takes each lead, what its trace says, and what
// is counted and charged are the same, with every strategy, whatever is full, empty, paused or refused. More is read twice at most.
func TestThoseAskedFirstAreEnough(t *testing.T) {
	t.Parallel()
	read, whole, again := 0, 0, 0
	rapid.Check(t, func(r *rapid.T) {
		draw := func(name string, from, to int) int { return rapid.IntRange(from, to).Draw(r, name) }
		strategy := rapid.SampledFrom([]string{"priority", "priority", "highest_price", "highest_price", "round_robin", "weighted"}).Draw(r, "strategy")
		ranks := rapid.SampledFrom([]int{1, 3, 40}).Draw(r, "ranks")
		used := map[string]distribution.Counter{}
		stored := map[string]buyer.Snapshot{}
		limits := func() []campaign.Cap {
			if draw("capped", 0, 2) > 0 {
				return nil
			}
			return []campaign.Cap{{Window: calendar.Total, HasLeads: true, Leads: int64(draw("cap", 0, 3))}}
		}
		buyers := rapid.SampledFrom([]int{5, 60}).Draw(r, "buyers")
		for i := range buyers {
			id := fmt.Sprintf("b%03d", i)
			stored[id] = buyer.Snapshot{ID: id, Status: buyer.StatusActive, TimeZone: "UTC", Balance: money.Micros(draw("balance", 0, 200)), Caps: limits()}
		}
		var contracts []campaign.ContractSnapshot
		for i := range 110 {
			k := contract(fmt.Sprintf("k%03d", i), fmt.Sprintf("b%03d", draw("buyer", 0, buyers-1)))
			k.Filter = []string{"auto", "home", "life"}[i%3]
			if i%20 == 0 {
				k.Filter = ""
			}
			k.Priority, k.Price, k.Weight, k.Caps = int64(draw("priority", 1, ranks)), money.Micros(draw("price", 1, ranks)), int64(draw("weight", 1, 5)), limits()
			if draw("paused", 0, 9) == 0 {
				k.Status = campaign.StatusPaused
			}
			if draw("bids", 0, 3) == 0 {
				k.Bid = &campaign.Bid{URL: "https://buyer.example/bid", Timeout: 500 * time.Millisecond}
			}
			if draw("closed", 0, 9) == 0 {
				k.Schedule = calendar.ScheduleSpec{Zone: calendar.ZoneContract, Hours: []calendar.Hours{{Days: []string{"sat"}, From: "09:00", To: "17:00"}}}
			}
			if won := draw("won", 0, 3); won > 0 {
				key := k.ID + "/total"
				used[key] = distribution.Counter{Owner: distribution.OwnerContract, OwnerID: k.ID, Span: calendar.SpanAt(calendar.Total, now, time.UTC), LastWon: now.Add(-time.Duration(won) * time.Hour), Stored: true}
			}
			contracts = append(contracts, k)
		}
		c := campaign.FromSnapshot(campaign.Snapshot{
			ID: "campaign_1", Status: campaign.StatusActive, Strategy: strategy, MaxSales: draw("most", 1, 3), Caps: func() []campaign.Cap {
				if draw("capped campaign", 0, 3) > 0 {
					return nil
				}
				return []campaign.Cap{{Window: calendar.Total, HasLeads: true, Leads: int64(draw("cap of the campaign", 0, 30))}}
			}(), Contracts: contracts,
		})
		plan := distribution.NewPlan(c, categories{})
		require.True(r, plan.Large())
		copied := func() *stock {
			return &stock{campaign: c, plan: plan, buyers: maps.Clone(stored), counters: maps.Clone(used)}
		}
		one, two := copied(), copied()
		first := draw("first", 1, 4)
		for n := range 3 {
			at := now.Add(time.Duration(n) * time.Minute)
			asks := make([]distribution.Ask, draw("leads", 1, 12))
			var wholes, begun []*distribution.Shortlist
			for i := range asks {
				asks[i].Facts = lead.Facts{Category: rapid.SampledFrom([]string{"auto", "home", "life", "none"}).Draw(r, "category")}
				if draw("priced", 0, 9) == 0 {
					asks[i].Price = money.Micros(draw("asking", 1, 50))
				}
				if draw("pinged", 0, 3) == 0 {
					asks[i].Reserve, asks[i].Bids = money.Micros(draw("reserve", 0, 10)), map[string]money.Micros{}
					for range draw("bidders", 0, 20) {
						asks[i].Bids[contracts[draw("bidder", 0, len(contracts)-1)].ID] = money.Micros(draw("bid", 1, 50))
					}
				}
				if modulo := draw("refused", 0, 3); modulo > 1 {
					asks[i].Refuse = func(k campaign.Contract) string {
						if int(k.BuyerID()[3]-'0')%modulo == 0 {
							return distribution.ReasonDuplicateBuyer
						}
						return ""
					}
				}
				wholes, begun = append(wholes, plan.Shortlist(asks[i].Facts, true)), append(begun, plan.Shortlist(asks[i].Facts, true))
				begun[i].Begin(first)
			}
			a, b := one.open(r, at, wholes), two.open(r, at, begun)
			for i := range asks {
				all, some := asks[i], asks[i]
				all.Shortlist, some.Shortlist = wholes[i], begun[i]
				want, got := a.decide(r, all), b.decide(r, some)
				require.Equal(r, want.Trace, got.Trace)
				require.Equal(r, contractIDs(want.Takers), contractIDs(got.Takers))
				for x, k := range contractIDs(want.Takers) {
					require.Equal(r, want.PriceOf(x), got.PriceOf(x))
					require.NoError(r, a.book.Take(k, "entry", "sale", at))
					require.NoError(r, b.book.Take(k, "entry", "sale", at))
				}
			}
			require.Zero(r, a.rounds)
			require.LessOrEqual(r, b.rounds, 2)
			if b.rounds > 1 {
				again++
			}
			read, whole = read+len(b.buyers), whole+len(a.buyers)
			a.store()
			b.store()
		}
		for id := range two.buyers {
			require.Equal(r, one.buyers[id].Balance, two.buyers[id].Balance)
		}
		for key, n := range one.counters {
			m := two.counters[key]
			require.Equal(r, []any{n.Used, n.Spent, n.LastWon, n.Turn}, []any{m.Used, m.Spent, m.LastWon, m.Turn}, key)
		}
	})
	assert.Less(t, read, whole, "some buyers are never read")
	assert.Positive(t, again, "more is read a second time")
}

func contractIDs(all []campaign.Contract) []string {
	out := []string{}
	for _, k := range all {
		out = append(out, k.ID())
	}
	return out
}

// alphabetical is a strategy of a team that takes the place of a built-in one.
type alphabetical struct{ distribution.Priority }

func TestABuiltInStrategyIsOneThatWasNotReplaced(t *testing.T) {
	t.Parallel()
	strategies, err := distribution.NewStrategies([]distribution.Strategy{alphabetical{}})
	require.NoError(t, err)
	for code, want := range map[string]bool{"priority": false, "highest_price": true, "round_robin": true, "weighted": true, "unknown": false} {
		assert.Equal(t, want, strategies.BuiltIn(code), code)
	}
	assert.False(t, distribution.Strategies{}.BuiltIn("priority"))
}
