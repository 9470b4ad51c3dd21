package distribution

import (
	"fmt"
	"slices"
	"time"

	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// The reasons in a trace (docs/marketplace.md). Caps and budgets add their window: cap_day, budget_month.
const (
	ReasonSold                = "sold"
	ReasonCampaignPaused      = "campaign_paused"
	ReasonContractPaused      = "contract_paused"
	ReasonBuyerPaused         = "buyer_paused"
	ReasonInsufficientBalance = "insufficient_balance"
	ReasonStrategyMissing     = "strategy_missing"
	reasonCap                 = "cap_"
	reasonBudget              = "budget_"
)

// Counter counts what a contract took in one span. Stored tells whether its row exists; Limit is the cap of the span, which
// the store checks again when it writes. Spent and TakenPrice are in micro-units of the seller's currency.
type Counter struct {
	SellerID   string
	ContractID string
	Span       calendar.Span
	Limit      campaign.Cap
	Used       int64
	Spent      money.Micros
	LastWon    time.Time // read from the counter of Total only; zero: never
	Stored     bool

	// TakenLeads and TakenPrice are what was added since the counter was loaded.
	TakenLeads int64
	TakenPrice money.Micros
}

// CounterKey is the key of a contract's counter for a span, unique over all contracts.
func CounterKey(contractID string, s calendar.Span) string { return contractID + "/" + s.Key }

// Key returns the counter's key.
func (c *Counter) Key() string { return CounterKey(c.ContractID, c.Span) }

// Book holds all that decisions in one campaign need at one time. The leads of a batch are decided one after another on the
// same Book, so that the result equals deciding each in a transaction of its own.
type Book struct {
	campaign *campaign.Campaign
	strategy Strategy // nil: the campaign names one that this build lacks
	lines    []line
	byID     map[string]int
	lastWon  time.Time

	// offers are the lines as candidates, in the same order. A strategy gets a copy of them in scratch.
	offers, scratch []Candidate
	// round counts the rankings by strategies, ranked is the round in which each line was ranked last.
	round  uint64
	ranked []uint64
	// by is the order of a built-in strategy, asked the lines in it. Sorting places in place of candidates, which starts
	// from the order of the lead before, is what a lead costs least with.
	by    order
	asked []int
}

type line struct {
	contract campaign.Contract
	buyer    *buyer.Buyer
	counters []*Counter // by span, the total last
}

// CounterSource returns the counter of a contract for a span, never nil.
type CounterSource func(contractID string, s calendar.Span) *Counter

// NewBook makes the Book of a campaign at a time. Contracts whose buyer is not among buyers are left out. When strategies
// lacks the campaign's strategy, the Book sells nothing: no other strategy takes its place.
func NewBook(c *campaign.Campaign, strategies Strategies, buyers map[string]*buyer.Buyer, counters CounterSource, now time.Time) *Book {
	b := &Book{campaign: c, byID: map[string]int{}}
	b.strategy, _ = strategies.Get(c.Strategy())
	b.by = orderOf(b.strategy)
	for _, k := range c.Contracts() {
		owner := buyers[k.BuyerID()]
		if owner == nil {
			continue
		}
		l := line{contract: k, buyer: owner}
		for _, s := range k.Spans(now) {
			n := counters(k.ID(), s)
			n.Limit, _ = k.Cap(s.Window)
			l.counters = append(l.counters, n)
			if n.LastWon.After(b.lastWon) {
				b.lastWon = n.LastWon
			}
		}
		b.byID[k.ID()] = len(b.lines)
		b.lines = append(b.lines, l)
	}
	b.asked, b.offers = make([]int, 0, len(b.lines)), make([]Candidate, 0, len(b.lines))
	if b.by == nil {
		b.ranked = make([]uint64, len(b.lines))
	}
	for i := range b.lines {
		l := &b.lines[i]
		b.asked = append(b.asked, i)
		b.offers = append(b.offers, Candidate{
			ContractID: l.contract.ID(), BuyerID: l.contract.BuyerID(), Price: l.contract.Price(),
			Priority: l.contract.Priority(), Usage: Usage{&l.counters}, place: i + 1,
		})
	}
	return b
}

// Decision says whether a contract takes a lead, which one, and how that was decided. Contract is zero unless Taken.
type Decision struct {
	Taken    bool
	Contract campaign.Contract
	Trace    lead.Trace
}

// RankingError says that a strategy ranked what it must not: a contract that was not offered to it, or one twice. It is a
// defect of the strategy, so it is no *fault.Error.
type RankingError struct {
	Strategy   string // the code of the strategy
	ContractID string // the contract that was ranked twice; empty for one that was not offered
}

// Error implements error. The text does not repeat an id that the strategy made up.
func (e *RankingError) Error() string {
	if e.ContractID == "" {
		return fmt.Sprintf("the distribution strategy %q ranked a contract that was not offered", e.Strategy)
	}
	return fmt.Sprintf("the distribution strategy %q ranked the contract %s twice", e.Strategy, e.ContractID)
}

// Decide finds the contract that takes a lead. It changes nothing; Take does. When the strategy of the campaign is missing
// no contract takes it: ReasonStrategyMissing. Errors: *RankingError. A panic of the strategy is not recovered.
func (b *Book) Decide(f lead.Facts) (Decision, error) {
	var d Decision
	if b.strategy == nil {
		for i := range b.lines {
			d.Trace.Add(b.lines[i].considered(ReasonStrategyMissing))
		}
		return d, nil
	}
	if err := b.rank(f); err != nil {
		return Decision{}, err
	}
	for _, i := range b.asked {
		l := &b.lines[i]
		reason := b.refusal(l)
		d.Trace.Add(l.considered(reason))
		if reason == ReasonSold {
			d.Taken, d.Contract = true, l.contract
			return d, nil
		}
	}
	return d, nil
}

// rank sets asked to the lines in the order in which they are asked for a lead.
func (b *Book) rank(f lead.Facts) error {
	for i := range b.lines {
		l := &b.lines[i]
		b.offers[i].Balance, b.offers[i].LastWon = l.buyer.Spendable(), l.total().LastWon
	}
	if b.by != nil {
		slices.SortFunc(b.asked, func(i, j int) int { return b.by(&b.offers[i], &b.offers[j]) })
		return nil
	}
	b.round++
	b.asked = b.asked[:0]
	b.scratch = append(b.scratch[:0], b.offers...)
	for _, c := range b.strategy.Rank(f, b.scratch) {
		i := b.place(&c)
		if i < 0 {
			return &RankingError{Strategy: b.strategy.Code()}
		}
		if b.ranked[i] == b.round {
			return &RankingError{Strategy: b.strategy.Code(), ContractID: b.lines[i].contract.ID()}
		}
		b.ranked[i] = b.round
		b.asked = append(b.asked, i)
	}
	return nil
}

// Open reports whether any contract could take a lead now. When none could, Decide finds none for any lead.
func (b *Book) Open() bool {
	for i := range b.lines {
		if b.strategy != nil && b.refusal(&b.lines[i]) == ReasonSold {
			return true
		}
	}
	return false
}

// place returns the line of a candidate, -1 for a contract that was not offered.
func (b *Book) place(c *Candidate) int {
	if i := c.place - 1; i >= 0 && i < len(b.lines) && b.lines[i].contract.ID() == c.ContractID {
		return i
	}
	if i, offered := b.byID[c.ContractID]; offered {
		return i
	}
	return -1
}

func (l *line) considered(reason string) lead.Consideration {
	return lead.Consideration{ContractID: l.contract.ID(), BuyerID: l.contract.BuyerID(), Reason: reason, Price: l.contract.Price()}
}

// refusal returns why a contract does not take a lead, or ReasonSold when it does.
func (b *Book) refusal(l *line) string {
	price := l.contract.Price()
	switch {
	case b.campaign.Status() != campaign.StatusActive:
		return ReasonCampaignPaused
	case l.contract.Status() != campaign.StatusActive:
		return ReasonContractPaused
	case l.buyer.Status() != buyer.StatusActive:
		return ReasonBuyerPaused
	}
	for _, n := range l.counters {
		if n.Limit.HasLeads && n.Used+1 > n.Limit.Leads {
			return reasonCap + string(n.Span.Window)
		}
		if n.Limit.HasBudget && n.Spent+price > n.Limit.Budget {
			return reasonBudget + string(n.Span.Window)
		}
	}
	if !l.buyer.CanPay(price) {
		return ReasonInsufficientBalance
	}
	return ReasonSold
}

// Take books a sale under a contract: on its counters and on its buyer's account. When it fails it changes nothing:
// campaign.ErrContractNotFound, buyer.ErrInsufficientBalance.
func (b *Book) Take(contractID, entryID, saleID string, now time.Time) error {
	i, known := b.byID[contractID]
	if !known {
		return campaign.ErrContractNotFound
	}
	l := &b.lines[i]
	price := l.contract.Price()
	if _, err := l.buyer.Charge(entryID, saleID, price, now); err != nil {
		return err
	}
	// All sales of a batch have the same time; one microsecond between their wins keeps their order.
	b.lastWon = latest(now, b.lastWon.Add(time.Microsecond))
	for _, n := range l.counters {
		n.Used++
		n.Spent += price
		n.TakenLeads++
		n.TakenPrice += price
		n.LastWon = b.lastWon
	}
	return nil
}

// CounterKeys returns the keys of every counter a campaign's decisions read at a time.
func CounterKeys(c *campaign.Campaign, now time.Time) []string {
	var keys []string
	for _, k := range c.Contracts() {
		for _, s := range k.Spans(now) {
			keys = append(keys, CounterKey(k.ID(), s))
		}
	}
	slices.Sort(keys)
	return keys
}

func (l *line) total() *Counter { return l.counters[len(l.counters)-1] }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
