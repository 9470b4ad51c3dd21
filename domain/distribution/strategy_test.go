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
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// mine is a strategy that ranks as its test says; without a rank it leaves the order as it is.
type mine struct {
	code  string
	order int
	rank  func([]distribution.Candidate) []distribution.Candidate
}

func (m mine) Code() string { return m.code }
func (m mine) Order() int   { return m.order }
func (m mine) Rank(_ lead.Facts, c []distribution.Candidate) []distribution.Candidate {
	if m.rank == nil {
		return c
	}
	return m.rank(c)
}

// by makes the fixture's campaign rank as rank says.
func (f *fixture) by(rank func([]distribution.Candidate) []distribution.Candidate) {
	f.campaign.Strategy = "mine"
	f.extra = []distribution.Strategy{mine{code: "mine", rank: rank}}
}

func TestStrategies(t *testing.T) {
	t.Parallel()
	s, err := distribution.NewStrategies(nil, mine{code: "mine", order: -1})
	require.NoError(t, err)
	assert.Equal(t, []string{"mine", "priority", "highest_price", "round_robin", "weighted"}, s.Codes())
	assert.Equal(t, s.Codes(), s.Listing())
	assert.True(t, s.Has("highest_price"))
	assert.False(t, s.Has("auction"))
	st, ok := s.Get("highest_price")
	assert.True(t, ok)
	assert.Equal(t, distribution.HighestPrice{}, st)
	st, ok = s.Get("gone")
	assert.False(t, ok, "no other strategy takes the place of one that is gone")
	assert.Nil(t, st)
}

func TestReplacedStrategies(t *testing.T) {
	t.Parallel()
	list := func(codes ...string) (out []distribution.Strategy) {
		for i, code := range codes {
			out = append(out, mine{code: code, order: i})
		}
		return out
	}
	s, err := distribution.NewStrategies(list("highest_price"), mine{code: "more", order: 7})
	require.NoError(t, err)
	assert.Equal(t, []string{"highest_price", "priority", "round_robin", "weighted", "more"}, s.Codes(), "a replacement has its own order")
	assert.Equal(t, []string{"highest_price (replaced)", "priority", "round_robin", "weighted", "more"}, s.Listing())
	st, _ := s.Get("highest_price")
	assert.IsType(t, mine{}, st)
	for name, c := range map[string]struct {
		replacements, more []distribution.Strategy
		says               string
	}{
		"another of a built-in's code":    {nil, list("priority"), `the distribution strategy "priority" has the code of a built-in one`},
		"another of a replacement's code": {list("priority"), list("priority"), `the distribution strategy "priority" has the code of a built-in one`},
		"two of one code":                 {nil, list("a", "a"), `two distribution strategies have the code "a"`},
		"two replacements":                {list("priority", "priority"), nil, `two distribution strategies replace the built-in "priority"`},
		"nothing to replace":              {list("auction"), nil, `no built-in distribution strategy has the code "auction"`},
		"a team's is no built-in one":     {list("mine"), list("mine"), `no built-in distribution strategy has the code "mine"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := distribution.NewStrategies(c.replacements, c.more...)
			require.ErrorContains(t, err, c.says)
			assert.Empty(t, s.Codes())
		})
	}
}

func TestAMissingStrategySellsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(contract("a", "b1"), contract("b", "b2"))
	assert.True(t, f.book(t, now).Open())
	f.campaign.Strategy = "gone"
	book := f.book(t, now)
	d := decide(t, book, lead.Facts{})
	assert.Empty(t, d.Takers)
	assert.Equal(t, map[string]string{"a": "strategy_missing", "b": "strategy_missing"}, reasons(d))
	assert.Equal(t, lead.Consideration{ContractID: "a", BuyerID: "b1", Reason: "strategy_missing", Price: 10}, d.Trace.Considered[0])
	assert.False(t, book.Open())
}

func TestOpen(t *testing.T) {
	t.Parallel()
	capped := func(k *campaign.ContractSnapshot) {
		k.Caps = []campaign.Cap{{Window: calendar.Day, HasLeads: true, Leads: 1}}
	}
	f := newFixture(contract("full", "b1", capped), contract("free", "b2", capped))
	book := f.book(t, now)
	for _, want := range []bool{true, true, false} {
		assert.Equal(t, want, book.Open())
		sell(t, book, now)
	}
	assert.False(t, newFixture().book(t, now).Open(), "without contracts")
}

func TestAStrategyCannotCheat(t *testing.T) {
	t.Parallel()
	f := newFixture(contract("a", "b1"), contract("b", "b2"))
	f.by(func(c []distribution.Candidate) []distribution.Candidate {
		for i := range c {
			c[i].Price, c[i].BuyerID, c[i].Balance, c[i].Usage = 0, "somebody", 1, distribution.NewUsage()
		}
		for _, w := range c[1].Usage.Windows() {
			w.Used, w.Limit.HasLeads = 99, true
		}
		chosen := c[1]
		c[0], c[1] = distribution.Candidate{ContractID: "x"}, distribution.Candidate{ContractID: "y"}
		return []distribution.Candidate{chosen}
	})
	book := f.book(t, now)
	for range 2 {
		d := decide(t, book, lead.Facts{})
		require.NotEmpty(t, d.Takers)
		assert.Equal(t, []lead.Consideration{{ContractID: "b", BuyerID: "b2", Reason: "sold", Price: 10}}, d.Trace.Considered,
			"one that is left out is never asked, the price is the contract's")
	}
	require.NoError(t, book.Take("b", "e", "s", now))
	assert.Equal(t, money.Micros(990), f.buyers["b2"].Balance())
	assert.Equal(t, money.Micros(1000), f.buyers["b1"].Balance())

	f.by(func([]distribution.Candidate) []distribution.Candidate { return nil })
	assert.Empty(t, decide(t, f.book(t, now), lead.Facts{}).Takers)
}

func TestAStrategyRanksOnlyWhatItWasOffered(t *testing.T) {
	t.Parallel()
	var before []distribution.Candidate
	for name, c := range map[string]struct {
		rank func([]distribution.Candidate) []distribution.Candidate
		want *distribution.RankingError
		sold string
	}{
		"one that was not offered": {
			func(c []distribution.Candidate) []distribution.Candidate {
				return append([]distribution.Candidate{{ContractID: "john.doe@canary.example", Price: 1}}, c...)
			},
			&distribution.RankingError{Strategy: "mine"}, "",
		},
		"behind one that takes the lead": {
			func(c []distribution.Candidate) []distribution.Candidate {
				return append(c, distribution.Candidate{ContractID: "deleted"})
			},
			&distribution.RankingError{Strategy: "mine"}, "",
		},
		"one renamed": {
			func(c []distribution.Candidate) []distribution.Candidate { c[0].ContractID = "z"; return c },
			&distribution.RankingError{Strategy: "mine"}, "",
		},
		"one twice": {
			func(c []distribution.Candidate) []distribution.Candidate { return append(c, c[1]) },
			&distribution.RankingError{Strategy: "mine", ContractID: "b"}, "",
		},
		"one under the name of another": {
			func(c []distribution.Candidate) []distribution.Candidate { c[0].ContractID = "b"; return c },
			&distribution.RankingError{Strategy: "mine", ContractID: "b"}, "",
		},
		"candidates of an earlier lead": {
			func(c []distribution.Candidate) []distribution.Candidate {
				if before == nil {
					before = slices.Clone(c)
				}
				return before
			}, nil, "a",
		},
		"candidates made anew": {
			func([]distribution.Candidate) []distribution.Candidate {
				return []distribution.Candidate{{ContractID: "b"}, {ContractID: "a"}}
			}, nil, "b",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(contract("a", "b1"), contract("b", "b2"), contract("deleted", "b2", func(k *campaign.ContractSnapshot) { k.Status = campaign.StatusDeleted }))
			f.by(c.rank)
			book := f.book(t, now)
			for range 3 { // a ranking says nothing of the next
				d, err := book.Decide(distribution.Ask{})
				if c.want == nil {
					require.NoError(t, err)
					assert.Equal(t, c.sold, first(d))
					continue
				}
				var wrong *distribution.RankingError
				require.ErrorAs(t, err, &wrong)
				assert.Equal(t, c.want, wrong)
				assert.Equal(t, distribution.Decision{}, d)
				assert.Contains(t, err.Error(), `"mine"`)
				assert.NotContains(t, err.Error(), "canary", "what a strategy made up may be personal")
			}
		})
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	day := distribution.WindowUsage{
		Window: calendar.Day, Used: 3, Spent: 30,
		Limit: campaign.Cap{Window: calendar.Day, HasLeads: true, Leads: 5, HasBudget: true, Budget: 100},
	}
	total := distribution.WindowUsage{Window: calendar.Total, Used: 9, Spent: 90}
	u := distribution.NewUsage(day, total)
	assert.Equal(t, []distribution.WindowUsage{day, total}, u.Windows())
	got, ok := u.Of(calendar.Total)
	assert.True(t, ok)
	assert.Equal(t, total, got)
	_, ok = u.Of(calendar.Hour)
	assert.False(t, ok)
	var none distribution.Usage
	assert.Empty(t, none.Windows())
	_, ok = none.Of(calendar.Total)
	assert.False(t, ok)

	for _, c := range []struct {
		w       distribution.WindowUsage
		leads   int64
		budget  money.Micros
		limited bool
	}{
		{day, 2, 70, true},
		{total, 0, 0, false},
		{distribution.WindowUsage{Used: 7, Spent: 101, Limit: day.Limit}, 0, 0, true}, // the cap was lowered
	} {
		leads, limited := c.w.LeadsLeft()
		assert.Equal(t, []any{c.leads, c.limited}, []any{leads, limited})
		budget, limited := c.w.BudgetLeft()
		assert.Equal(t, []any{c.budget, c.limited}, []any{budget, limited})
	}
}

// What a strategy is told is what one would count oneself at each lead of a batch.
func TestCandidatesAreAsTheyAreAtTheLead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := drawn(t)
		var offered []distribution.Candidate
		var windows map[string][]distribution.WindowUsage
		f.by(func(c []distribution.Candidate) []distribution.Candidate {
			offered, windows = slices.Clone(c), map[string][]distribution.WindowUsage{}
			for _, k := range c {
				windows[k.ContractID] = k.Usage.Windows()
			}
			slices.SortFunc(c, func(a, b distribution.Candidate) int {
				return cmp.Or(cmp.Compare(b.Balance, a.Balance), cmp.Compare(a.ContractID, b.ContractID))
			})
			return c
		})
		var sales []sale
		for batch := range rapid.IntRange(1, 3).Draw(t, "batches") {
			at := now.Add(time.Duration(batch) * 5 * time.Hour)
			book := f.book(t, at)
			for range rapid.IntRange(1, 8).Draw(t, "leads") {
				sold := sell(t, book, at)
				require.Len(t, offered, len(f.campaign.Contracts))
				for i, k := range f.campaign.Contracts {
					c, owner := offered[i], f.buyers[k.BuyerID].Snapshot()
					balance := owner.Balance + owner.CreditLimit
					if at := slices.IndexFunc(f.campaign.Contracts, func(o campaign.ContractSnapshot) bool { return o.ID == sold }); at >= 0 && f.campaign.Contracts[at].BuyerID == k.BuyerID {
						balance += f.campaign.Contracts[at].Price // it was charged after the ranking
					}
					require.Equal(t, []any{k.ID, k.BuyerID, k.Price, k.Priority, balance}, []any{c.ContractID, c.BuyerID, c.Price, c.Priority, c.Balance})
					require.Equal(t, counted(k, sales, at), windows[k.ID])
				}
				if sold != "" {
					i := slices.IndexFunc(f.campaign.Contracts, func(o campaign.ContractSnapshot) bool { return o.ID == sold })
					sales = append(sales, sale{f.campaign.Contracts[i], at})
				}
			}
		}
	})
}

// counted counts what a contract used by its sales.
func counted(k campaign.ContractSnapshot, sales []sale, at time.Time) (out []distribution.WindowUsage) {
	zone, _ := time.LoadLocation(k.EffectiveZone)
	for _, window := range calendar.Windows() {
		w := distribution.WindowUsage{Window: window}
		i := slices.IndexFunc(k.Caps, func(c campaign.Cap) bool { return c.Window == window })
		if i < 0 && window != calendar.Total {
			continue
		}
		if i >= 0 {
			w.Limit = k.Caps[i]
		}
		for _, s := range sales {
			if s.k.ID == k.ID && calendar.SpanAt(window, s.at, zone).Key == calendar.SpanAt(window, at, zone).Key {
				w.Used++
				w.Spent += k.Price
			}
		}
		out = append(out, w)
	}
	return out
}

func TestMostBudgetLeftIsFairInABatch(t *testing.T) {
	t.Parallel()
	budget := func(k *campaign.ContractSnapshot) {
		k.Caps = []campaign.Cap{{Window: calendar.Month, HasBudget: true, Budget: 400}}
	}
	f := newFixture(contract("a", "b1", budget), contract("b", "b2", budget))
	f.by(func(c []distribution.Candidate) []distribution.Candidate {
		left := func(c distribution.Candidate) money.Micros {
			month, _ := c.Usage.Of(calendar.Month)
			m, _ := month.BudgetLeft()
			return m
		}
		slices.SortFunc(c, func(a, b distribution.Candidate) int {
			return cmp.Or(cmp.Compare(left(b), left(a)), cmp.Compare(a.ContractID, b.ContractID))
		})
		return c
	})
	book, sold := f.book(t, now), map[string]int{}
	for range 40 {
		sold[sell(t, book, now)]++
	}
	assert.Equal(t, map[string]int{"a": 20, "b": 20}, sold)
}

// Deciding allocates the trace, whatever the number of contracts, and nothing else. Other tests must not run meanwhile.
func TestDecidingAllocatesOnlyTheTrace(t *testing.T) { //nolint:paralleltest // it counts the allocations of the process
	for _, strategy := range []string{"priority", "highest_price", "mine"} {
		var contracts []campaign.ContractSnapshot
		for i := range 50 {
			contracts = append(contracts, contract(fmt.Sprint("k", i), fmt.Sprint("b", i)))
		}
		f := newFixture(contracts...)
		f.by(func(c []distribution.Candidate) []distribution.Candidate {
			slices.SortFunc(c, func(a, b distribution.Candidate) int {
				x, _ := a.Usage.Of(calendar.Total)
				y, _ := b.Usage.Of(calendar.Total)
				return cmp.Compare(x.Used, y.Used)
			})
			return c
		})
		f.campaign.Strategy = strategy
		book := f.book(t, now)
		allocations := testing.AllocsPerRun(100, func() { decide(t, book, lead.Facts{}) })
		assert.LessOrEqual(t, allocations, 1.0, strategy)
	}
}

func TestSpendable(t *testing.T) {
	t.Parallel()
	f := newFixture(contract("a", "b"))
	f.buyers["b"] = buyer.FromSnapshot(buyer.Snapshot{ID: "b", Status: buyer.StatusActive, Balance: 7, CreditLimit: 5, Held: 2})
	var told money.Micros
	f.by(func(c []distribution.Candidate) []distribution.Candidate { told = c[0].Balance; return c })
	assert.NotEmpty(t, decide(t, f.book(t, now), lead.Facts{}).Takers)
	assert.Equal(t, money.Micros(10), told)
}
