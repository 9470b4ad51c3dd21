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

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// fixture is a campaign with its buyers and stored counters.
type fixture struct {
	campaign campaign.Snapshot
	buyers   map[string]*buyer.Buyer
	counters map[string]*distribution.Counter
	extra    []distribution.Strategy
}

func contract(id, buyerID string, change ...func(*campaign.ContractSnapshot)) campaign.ContractSnapshot {
	k := campaign.ContractSnapshot{ID: id, BuyerID: buyerID, Status: campaign.StatusActive, Price: 10, Priority: 1, EffectiveZone: "UTC"}
	for _, c := range change {
		c(&k)
	}
	return k
}

func newFixture(contracts ...campaign.ContractSnapshot) *fixture {
	f := &fixture{
		campaign: campaign.Snapshot{ID: "campaign_1", Status: campaign.StatusActive, Strategy: "priority", Contracts: contracts},
		buyers:   map[string]*buyer.Buyer{}, counters: map[string]*distribution.Counter{},
	}
	for _, k := range contracts {
		f.buyers[k.BuyerID] = buyer.FromSnapshot(buyer.Snapshot{ID: k.BuyerID, Status: buyer.StatusActive, Balance: 1000})
	}
	return f
}

func (f *fixture) book(t require.TestingT, at time.Time) *distribution.Book {
	strategies, err := distribution.NewStrategies(nil, f.extra...)
	require.NoError(t, err)
	return distribution.NewBook(campaign.FromSnapshot(f.campaign), strategies, f.buyers, func(of distribution.Owner, id string, s calendar.Span) *distribution.Counter {
		key := distribution.CounterKey(id, s)
		if f.counters[key] == nil {
			f.counters[key] = &distribution.Counter{Owner: of, OwnerID: id, Span: s}
		}
		return f.counters[key]
	}, at)
}

func reasons(d distribution.Decision) map[string]string {
	out := map[string]string{}
	for _, c := range d.Trace.Considered {
		out[c.ContractID] = c.Reason
	}
	return out
}

// first returns the id of the first contract that takes a lead; empty when none does.
func first(d distribution.Decision) string {
	if len(d.Takers) == 0 {
		return ""
	}
	return d.Takers[0].ID()
}

func decide(t require.TestingT, b *distribution.Book, f lead.Facts) distribution.Decision {
	d, err := b.Decide(distribution.Ask{Facts: f})
	require.NoError(t, err)
	return d
}

func sell(t require.TestingT, b *distribution.Book, at time.Time) string {
	d := decide(t, b, lead.Facts{})
	if len(d.Takers) == 0 {
		return ""
	}
	require.NoError(t, b.Take(first(d), "entry", "sale", at))
	return first(d)
}

func TestRanking(t *testing.T) {
	t.Parallel()
	at := func(n int) time.Time { return now.Add(time.Duration(n) * time.Minute) }
	given := []distribution.Candidate{
		{ContractID: "e", Priority: 2, Price: 50},
		{ContractID: "d", Priority: 1, Price: 10, LastWon: at(1)},
		{ContractID: "c", Priority: 1, Price: 50, LastWon: at(2)},
		{ContractID: "b", Priority: 1, Price: 10},
		{ContractID: "a", Priority: 1, Price: 10, LastWon: at(1)},
	}
	for _, tc := range []struct {
		s    distribution.Strategy
		want string
	}{{distribution.Priority{}, "badce"}, {distribution.HighestPrice{}, "ecbad"}} {
		got := ""
		for _, c := range tc.s.Rank(lead.Facts{}, slices.Clone(given)) {
			got += c.ContractID
		}
		assert.Equal(t, tc.want, got, tc.s.Code())
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	capped := func(w calendar.Window, leads int64, budget money.Micros) func(*campaign.ContractSnapshot) {
		return func(k *campaign.ContractSnapshot) {
			k.Caps = append(k.Caps, campaign.Cap{Window: w, HasLeads: leads >= 0, Leads: leads, HasBudget: budget >= 0, Budget: budget})
		}
	}
	used := func(f *fixture, w calendar.Window, n int64, spent money.Micros) {
		span := calendar.SpanAt(w, now, time.UTC)
		f.counters[distribution.CounterKey("k", span)] = &distribution.Counter{Owner: distribution.OwnerContract, OwnerID: "k", Span: span, Used: n, Spent: spent, Stored: true}
	}
	type test struct {
		name   string
		k      []func(*campaign.ContractSnapshot)
		change func(*fixture)
		want   string
	}
	tests := []test{
		{"free", nil, func(*fixture) {}, "sold"},
		{"campaign paused", nil, func(f *fixture) { f.campaign.Status = campaign.StatusPaused }, "campaign_paused"},
		{"campaign archived", nil, func(f *fixture) { f.campaign.Status = campaign.StatusArchived }, "campaign_paused"},
		{"contract paused", []func(*campaign.ContractSnapshot){func(k *campaign.ContractSnapshot) { k.Status = campaign.StatusPaused }}, func(*fixture) {}, "contract_paused"},
		{"buyer paused", nil, func(f *fixture) {
			f.buyers["b"] = buyer.FromSnapshot(buyer.Snapshot{ID: "b", Status: buyer.StatusPaused, Balance: 1000})
		}, "buyer_paused"},
		{"exactly enough money", nil, func(f *fixture) {
			f.buyers["b"] = buyer.FromSnapshot(buyer.Snapshot{ID: "b", Status: buyer.StatusActive, Balance: 7, CreditLimit: 5, Held: 2})
		}, "sold"},
		{"a micro too little", nil, func(f *fixture) {
			f.buyers["b"] = buyer.FromSnapshot(buyer.Snapshot{ID: "b", Status: buyer.StatusActive, Balance: 7, CreditLimit: 5, Held: 3})
		}, "insufficient_balance"},
		{"pauses go before money", nil, func(f *fixture) {
			f.campaign.Status = campaign.StatusPaused
			f.buyers["b"] = buyer.FromSnapshot(buyer.Snapshot{})
		}, "campaign_paused"},
		{"a cap of zero", []func(*campaign.ContractSnapshot){capped(calendar.Day, 0, -1)}, func(*fixture) {}, "cap_day"},
		{"the shortest window is named", []func(*campaign.ContractSnapshot){capped(calendar.Hour, 1, -1), capped(calendar.Total, 1, -1)}, func(f *fixture) {
			used(f, calendar.Hour, 1, 10)
			used(f, calendar.Total, 1, 10)
		}, "cap_hour"},
		{"caps go before money", []func(*campaign.ContractSnapshot){capped(calendar.Day, 0, -1)}, func(f *fixture) { f.buyers["b"] = buyer.FromSnapshot(buyer.Snapshot{Status: buyer.StatusActive}) }, "cap_day"},
		{"another day's counter does not count", []func(*campaign.ContractSnapshot){capped(calendar.Day, 1, -1)}, func(f *fixture) {
			span := calendar.SpanAt(calendar.Day, now.AddDate(0, 0, -1), time.UTC)
			f.counters[distribution.CounterKey("k", span)] = &distribution.Counter{Owner: distribution.OwnerContract, OwnerID: "k", Span: span, Used: 9}
		}, "sold"},
	}
	for _, w := range calendar.Windows() {
		tests = append(tests,
			test{"one left of " + string(w), []func(*campaign.ContractSnapshot){capped(w, 3, -1)}, func(f *fixture) { used(f, w, 2, 999) }, "sold"},
			test{"none left of " + string(w), []func(*campaign.ContractSnapshot){capped(w, 3, -1)}, func(f *fixture) { used(f, w, 3, 0) }, "cap_" + string(w)},
			test{"budget enough for " + string(w), []func(*campaign.ContractSnapshot){capped(w, -1, 30)}, func(f *fixture) { used(f, w, 999, 20) }, "sold"},
			test{"budget a micro short for " + string(w), []func(*campaign.ContractSnapshot){capped(w, -1, 30)}, func(f *fixture) { used(f, w, 0, 21) }, "budget_" + string(w)},
		)
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(contract("k", "b", tc.k...))
			tc.change(f)
			d := decide(t, f.book(t, now), lead.Facts{})
			assert.Equal(t, map[string]string{"k": tc.want}, reasons(d))
			assert.Equal(t, tc.want == "sold", len(d.Takers) > 0)
			assert.Equal(t, lead.Consideration{ContractID: "k", BuyerID: "b", Reason: tc.want, Price: 10}, d.Trace.Considered[0])
			if len(d.Takers) > 0 {
				assert.Equal(t, "k", first(d))
			} else {
				assert.Empty(t, first(d))
			}
		})
	}
}

func TestDecideGoesOnUntilTaken(t *testing.T) {
	t.Parallel()
	rank := func(n int64) func(*campaign.ContractSnapshot) {
		return func(k *campaign.ContractSnapshot) { k.Priority = n }
	}
	paused := func(k *campaign.ContractSnapshot) { k.Status = campaign.StatusPaused }
	deleted := func(k *campaign.ContractSnapshot) { k.Status = campaign.StatusDeleted }
	f := newFixture(contract("third", "b1", rank(3)), contract("first", "b1", rank(1), paused), contract("second", "b2", rank(2)),
		contract("deleted", "b2", deleted), contract("nobody's", "b3", rank(1)))
	delete(f.buyers, "b3")
	d := decide(t, f.book(t, now), lead.Facts{})
	assert.Equal(t, "second", first(d))
	assert.Equal(t, map[string]string{"first": "contract_paused", "second": "sold"}, reasons(d), "those behind the taker are not looked at")
}

func TestTake(t *testing.T) {
	t.Parallel()
	f := newFixture(contract("k", "b", func(k *campaign.ContractSnapshot) {
		k.Caps = []campaign.Cap{{Window: calendar.Day, HasLeads: true, Leads: 5}}
	}))
	b := f.book(t, now)
	require.NoError(t, b.Take("k", "entry_1", "sale_1", now))
	assert.Equal(t, []buyer.Entry{{ID: "entry_1", BuyerID: "b", Type: buyer.SaleEntry, Amount: -10, BalanceAfter: 990, SaleID: "sale_1", At: now}}, f.buyers["b"].Entries())
	day, total := f.counters["k/day:2026-01-02"], f.counters["k/total"]
	for _, c := range []*distribution.Counter{day, total} {
		assert.Equal(t, []any{int64(1), money.Micros(10), int64(1), money.Micros(10), now}, []any{c.Used, c.Spent, c.TakenLeads, c.TakenPrice, c.LastWon})
	}
	assert.Equal(t, int64(5), day.Limit.Leads, "the store checks it again")
	assert.False(t, total.Limit.HasLeads)

	require.ErrorIs(t, b.Take("nobody", "e", "s", now), campaign.ErrContractNotFound)
	assert.Equal(t, int64(1), total.Used, "no other contract pays for it")

	f.buyers["b"] = buyer.FromSnapshot(buyer.Snapshot{ID: "b", Status: buyer.StatusActive, Balance: 9})
	require.ErrorIs(t, f.book(t, now).Take("k", "e", "s", now), buyer.ErrInsufficientBalance)
	assert.Equal(t, int64(1), total.Used, "a refused charge counts nothing")
	assert.Equal(t, money.Micros(10), day.Spent)
}

func TestTiesGoToTheLeastRecentWin(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"priority", "highest_price"} {
		f := newFixture(contract("a", "b1"), contract("b", "b2"), contract("c", "b3"))
		f.campaign.Strategy = strategy
		book := f.book(t, now)
		got := ""
		for range 7 { // all in one batch, at one time
			got += sell(t, book, now)
		}
		assert.Equal(t, "abcabca", got, strategy)
		// The next batch starts where this one ended, even when the clock did not move.
		got = ""
		book = f.book(t, now)
		for range 4 {
			got += sell(t, book, now)
		}
		assert.Equal(t, "bcab", got, strategy)
	}
}

func TestCounterKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(contract("b", "b1"), contract("a", "b1", func(k *campaign.ContractSnapshot) {
		k.Caps = []campaign.Cap{{Window: calendar.Day, HasLeads: true}, {Window: calendar.Total, HasLeads: true}}
	}))
	assert.Equal(t, []string{"a/day:2026-01-02", "a/total", "b/total"}, distribution.CounterKeys(campaign.FromSnapshot(f.campaign), f.buyers, now))
	f.book(t, now)
	keys := make([]string, 0, 3)
	for key, c := range f.counters {
		keys = append(keys, key)
		assert.Equal(t, key, c.Key())
	}
	assert.ElementsMatch(t, distribution.CounterKeys(campaign.FromSnapshot(f.campaign), f.buyers, now), keys, "a book reads these and no others")
}

// drawn draws a campaign with up to four contracts of up to three buyers.
func drawn(t *rapid.T) *fixture {
	var ks []campaign.ContractSnapshot
	for i := range rapid.IntRange(1, 4).Draw(t, "contracts") {
		k := contract(fmt.Sprintf("k%d", i), fmt.Sprintf("b%d", rapid.IntRange(0, 2).Draw(t, "buyer")))
		k.Price = money.Micros(rapid.Int64Range(0, 20).Draw(t, "price"))
		k.Priority = rapid.Int64Range(1, 2).Draw(t, "priority")
		k.EffectiveZone = rapid.SampledFrom([]string{"UTC", "America/Chicago", "Asia/Kathmandu"}).Draw(t, "zone")
		for _, w := range calendar.Windows() {
			if rapid.IntRange(0, 2).Draw(t, "capped") == 0 {
				k.Caps = append(k.Caps, campaign.Cap{
					Window: w, HasLeads: rapid.Bool().Draw(t, "has leads"), Leads: rapid.Int64Range(0, 6).Draw(t, "leads"),
					HasBudget: rapid.Bool().Draw(t, "has budget"), Budget: money.Micros(rapid.Int64Range(0, 60).Draw(t, "budget")),
				})
			}
		}
		ks = append(ks, k)
	}
	f := newFixture(ks...)
	f.campaign.Strategy = rapid.SampledFrom([]string{"priority", "highest_price"}).Draw(t, "strategy")
	for _, id := range []string{"b0", "b1", "b2"} {
		if f.buyers[id] != nil {
			f.buyers[id] = buyer.FromSnapshot(buyer.Snapshot{
				ID: id, Status: buyer.StatusActive, Balance: money.Micros(rapid.Int64Range(0, 100).Draw(t, "balance")),
				CreditLimit: money.Micros(rapid.Int64Range(0, 20).Draw(t, "credit")),
			})
		}
	}
	return f
}

// sale is what the naive model remembers: it knows no counters, only the list of all sales.
type sale struct {
	k  campaign.ContractSnapshot
	at time.Time
}

// refusal says by counting all sales why a contract would refuse at a time.
func refusal(f *fixture, k campaign.ContractSnapshot, sales []sale, funds map[string]money.Micros, at time.Time) string {
	if f.buyers[k.BuyerID].Status() != buyer.StatusActive {
		return "buyer_paused"
	}
	zone, _ := time.LoadLocation(k.EffectiveZone)
	for _, c := range k.Caps {
		var n int64
		var spent money.Micros
		for _, s := range sales {
			if s.k.ID == k.ID && calendar.SpanAt(c.Window, s.at, zone).Key == calendar.SpanAt(c.Window, at, zone).Key {
				n++
				spent += s.k.Price
			}
		}
		if c.HasLeads && n >= c.Leads {
			return "cap_" + string(c.Window)
		}
		if c.HasBudget && spent+k.Price > c.Budget {
			return "budget_" + string(c.Window)
		}
	}
	if funds[k.BuyerID] < k.Price {
		return "insufficient_balance"
	}
	return "sold"
}

func TestAgainstANaiveModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := drawn(t)
		at := now
		funds := map[string]money.Micros{} // balance + credit limit, kept by the model
		for id, b := range f.buyers {
			funds[id] = b.Balance() + b.Snapshot().CreditLimit
		}
		var sales []sale
		book := f.book(t, at)
		t.Repeat(map[string]func(*rapid.T){
			"lead": func(t *rapid.T) {
				test := rapid.Bool().Draw(t, "test lead")
				ranked := slices.Clone(f.campaign.Contracts)
				last := func(id string) int {
					n := -1
					for i, s := range sales {
						if s.k.ID == id {
							n = i
						}
					}
					return n
				}
				slices.SortStableFunc(ranked, func(a, b campaign.ContractSnapshot) int {
					first := cmp.Compare(a.Priority, b.Priority)
					if f.campaign.Strategy == "highest_price" {
						first = cmp.Compare(b.Price, a.Price)
					}
					return cmp.Or(first, cmp.Compare(last(a.ID), last(b.ID)), cmp.Compare(a.ID, b.ID))
				})
				var want []lead.Consideration
				for _, k := range ranked {
					reason := refusal(f, k, sales, funds, at)
					want = append(want, lead.Consideration{ContractID: k.ID, BuyerID: k.BuyerID, Reason: reason, Price: k.Price})
					if reason == "sold" {
						break
					}
				}
				d := decide(t, book, lead.Facts{Test: test})
				require.Equal(t, want, d.Trace.Considered)
				require.Equal(t, want[len(want)-1].Reason == "sold", len(d.Takers) > 0)
				require.Equal(t, d, decide(t, book, lead.Facts{Test: test}), "deciding changes nothing")
				if len(d.Takers) == 0 || test {
					return
				}
				require.NoError(t, book.Take(first(d), "e", "s", at))
				k := ranked[len(want)-1]
				sales = append(sales, sale{k, at})
				funds[k.BuyerID] -= k.Price
			},
			"time passes": func(t *rapid.T) {
				at = at.Add(time.Duration(rapid.Int64Range(0, 200).Draw(t, "hours")) * time.Hour / 2)
				book = f.book(t, at)
			},
			"another batch": func(t *rapid.T) { book = f.book(t, at) },
			"buyer": func(t *rapid.T) {
				b := f.buyers[rapid.SampledFrom(f.campaign.Contracts).Draw(t, "whose").BuyerID]
				switch rapid.IntRange(0, 2).Draw(t, "what") {
				case 0:
					_, err := b.Deposit("e", 30, "", at)
					require.NoError(t, err)
					funds[b.ID()] += 30
				case 1:
					_ = b.Pause(at)
				default:
					_ = b.Resume(at)
				}
			},
			"": func(t *rapid.T) {
				for id, b := range f.buyers {
					require.Equal(t, funds[id], b.Balance()+b.Snapshot().CreditLimit)
					require.GreaterOrEqual(t, funds[id], money.Micros(0), "never over balance and credit")
				}
				for _, c := range f.counters {
					require.False(t, c.Limit.HasLeads && c.TakenLeads > 0 && c.Used > c.Limit.Leads, "never over a cap")
					require.False(t, c.Limit.HasBudget && c.TakenLeads > 0 && c.Spent > c.Limit.Budget, "never over a budget")
				}
			},
		})
	})
}

func TestABatchEqualsOneByOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		batch := drawn(t)
		single := &fixture{campaign: batch.campaign, buyers: map[string]*buyer.Buyer{}, counters: map[string]*distribution.Counter{}}
		for id, b := range batch.buyers {
			single.buyers[id] = buyer.FromSnapshot(b.Snapshot())
		}
		book := batch.book(t, now)
		for range rapid.IntRange(1, 20).Draw(t, "leads") {
			want := sell(t, single.book(t, now), now) // a new book for each: loaded again from what was stored
			require.Equal(t, want, sell(t, book, now))
		}
		for key, c := range batch.counters {
			require.Equal(t, *c, *single.counters[key])
		}
		for id, b := range batch.buyers {
			require.Equal(t, b.Snapshot(), single.buyers[id].Snapshot())
			require.Equal(t, b.Entries(), single.buyers[id].Entries())
		}
	})
}
