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
	ReasonDuplicateBuyer      = "duplicate_buyer"
	ReasonStrategyMissing     = "strategy_missing"
	// ReasonReserved is that of a contract whose buyer is asked, or that takes the lead if others do not; the next ones are those of one whose buyer
	// was asked and does not take it, or could not be asked.
	ReasonReserved       = "reserved"
	ReasonBuyerRejected  = "buyer_rejected"
	ReasonBuyerDuplicate = "buyer_duplicate"
	ReasonBuyerTimeout   = "buyer_timeout"
	ReasonBuyerNotAsked  = "buyer_not_asked"
	reasonCap            = "cap_"
	reasonBudget         = "budget_"
)

// Owner is the kind of what a counter belongs to.
type Owner string

// The owners of counters.
const (
	OwnerContract Owner = "contract"
	OwnerBuyer    Owner = "buyer"
	OwnerCampaign Owner = "campaign"
)

// Counter counts what a contract, a buyer or a campaign took in one span. Stored tells whether its row exists; Limit is the cap of the span, which
// the store checks again when it writes. Spent and TakenPrice are in micro-units of the seller's currency.
type Counter struct {
	SellerID string
	Owner    Owner
	OwnerID  string
	Span     calendar.Span
	Limit    campaign.Cap
	Used     int64
	Spent    money.Micros
	LastWon  time.Time // read from a contract's counter of Total only; zero: never
	Turn     int64     // likewise: where the contract stands in the order of Weighted
	Stored   bool

	// TakenLeads and TakenPrice are what was added since the counter was loaded, Turned tells whether Turn was moved.
	TakenLeads int64
	TakenPrice money.Micros
	Turned     bool
}

// Changed reports whether the counter changed since it was loaded.
func (c *Counter) Changed() bool { return c.TakenLeads != 0 || c.TakenPrice != 0 || c.Turned }

// CounterKey is the key of the counter of a contract, buyer or campaign for a span, unique over all of them, as their ids are.
func CounterKey(ownerID string, s calendar.Span) string { return ownerID + "/" + s.Key }

// Key returns the counter's key.
func (c *Counter) Key() string { return CounterKey(c.OwnerID, c.Span) }

// Book holds all that decisions in one campaign need at one time. The leads of a batch are decided one after another on the
// same Book, so that the result equals deciding each in a transaction of its own.
type Book struct {
	campaign *campaign.Campaign
	strategy Strategy // nil: the campaign names one that this build lacks
	lines    []line
	own      []*Counter // the campaign's
	byID     map[string]int
	lastWon  time.Time
	most     int // how many contracts may take a lead
	// answers are those of each line to the last lead, when the strategy takes turns; else nil.
	answers []answer

	// offers are the lines as candidates, in the same order. A strategy gets a copy of them in scratch.
	offers, scratch []Candidate
	// round counts the rankings by strategies, ranked is the round in which each line was ranked last.
	round  uint64
	ranked []uint64
	// by is the order of a built-in strategy, asked the lines in it. Sorting places in place of candidates, which starts
	// from the order of the lead before, is what a lead costs least with.
	by    order
	asked []int
	all   []int // every line, in order
	// takers are those of the last Decision.
	takers []campaign.Contract

	offered offer // at which prices the lead that is decided is offered; offers have them

	plan *Plan // nil: no contract has a filter or a schedule
	now  time.Time
	read *reading // the lead that is decided, which is reading; nil: any

	reading reading
}

type line struct {
	contract campaign.Contract
	buyer    *buyer.Buyer
	counters []*Counter // the contract's by span, the total last
	shared   []*Counter // the buyer's and the campaign's, which other lines have too
	standing *standing  // nil: neither filter nor schedule
}

// CounterSource returns the counter of a contract, buyer or campaign for a span, never nil.
type CounterSource func(of Owner, ownerID string, s calendar.Span) *Counter

// NewBook makes the Book of a campaign at a time. Contracts whose buyer is not among buyers are left out. When strategies
// lacks the campaign's strategy, the Book sells nothing: no other strategy takes its place.
func NewBook(c *campaign.Campaign, strategies Strategies, buyers map[string]*buyer.Buyer, counters CounterSource, now time.Time) *Book {
	b := &Book{campaign: c, byID: map[string]int{}, most: c.MaxSales(), own: ofCampaign(c, counters, now)}
	b.strategy, _ = strategies.Get(c.Strategy())
	b.by = orderOf(b.strategy)
	b.Add(c.Contracts(), buyers, counters, now)
	return b
}

// Add adds contracts of the campaign that the Book does not have, as NewBook has them, at the time it was made for.
func (b *Book) Add(contracts []campaign.Contract, buyers map[string]*buyer.Buyer, counters CounterSource, now time.Time) {
	b.lines = slices.Grow(b.lines, len(contracts))
	for _, k := range contracts {
		owner := buyers[k.BuyerID()]
		if owner == nil {
			continue
		}
		l := line{contract: k, buyer: owner, shared: b.own}
		if spans := owner.Spans(now); len(spans) > 0 {
			l.shared = append(ofBuyer(owner, spans, counters), b.own...)
		}
		for _, s := range k.Spans(now) {
			n := counters(OwnerContract, k.ID(), s)
			n.Limit, _ = k.Cap(s.Window)
			l.counters = append(l.counters, n)
			if n.LastWon.After(b.lastWon) {
				b.lastWon = n.LastWon
			}
		}
		b.byID[k.ID()] = len(b.lines)
		b.lines = append(b.lines, l)
	}
	b.offered = offer{}
	b.asked, b.all, b.offers = make([]int, 0, len(b.lines)), make([]int, 0, len(b.lines)), make([]Candidate, 0, len(b.lines))
	if takesTurns(b.strategy) {
		b.answers = make([]answer, len(b.lines))
	}
	if b.by == nil {
		b.ranked = make([]uint64, len(b.lines))
	}
	for i := range b.lines {
		l := &b.lines[i]
		b.asked, b.all = append(b.asked, i), append(b.all, i)
		b.offers = append(b.offers, Candidate{
			ContractID: l.contract.ID(), BuyerID: l.contract.BuyerID(), Price: l.contract.Price(),
			Priority: l.contract.Priority(), Weight: l.contract.Weight(), Usage: Usage{&l.counters}, place: i + 1,
		})
	}
	b.Follow(b.plan, b.now)
}

// Ask is a lead that contracts are asked to take.
type Ask struct {
	Facts lead.Facts
	// Refuse returns why a contract may not take the lead, such as ReasonDuplicateBuyer, and "" when it may. It is asked of a contract
	// that nothing else keeps from it. Nil refuses nothing.
	Refuse func(k campaign.Contract) string
	// Shortlist are the contracts of a large plan that the lead is offered to; nil: all of them.
	Shortlist *Shortlist
	// Price is at what the lead is offered to every contract, in micro-units of the seller's currency; 0: at the contract's own price.
	Price money.Micros
	// Bids are what buyers bid for the lead, by contract: with any, contracts are asked by price, the highest first. A contract that bids takes a lead at its
	// bid, of which no more counts than its price, and no lead without one.
	Bids map[string]money.Micros
	// Reserve is the least price at which contracts take the lead; 0: any.
	Reserve money.Micros
	// Room is how many contracts may take the lead, of which others have places already; 0: as many as the campaign says.
	Room int
}

// Decision says which contracts take a lead, in the order in which they were asked, and how that was decided: one of an exclusive
// campaign, of a shared one up to its maximum, each of another buyer. Without Takers no contract takes it. Takers may be read until
// the Book decides again.
type Decision struct {
	Takers []campaign.Contract
	Trace  lead.Trace
	// Unfinished says that the lead is not decided: those that its Shortlist begins with do not take it, and others may.
	Unfinished bool

	offered offer
}

// PriceOf returns what a taker pays, in micro-units of the seller's currency.
func (d *Decision) PriceOf(taker int) money.Micros { return d.offered.price(&d.Takers[taker]) }

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

// Decide finds the contracts that take a lead. It changes nothing; Take does. When the strategy of the campaign is missing
// no contract takes it: ReasonStrategyMissing. Errors: *RankingError. A panic of the strategy is not recovered.
func (b *Book) Decide(a Ask) (Decision, error) {
	d := Decision{offered: a.offer()}
	b.ask(d.offered)
	if b.strategy == nil {
		for i := range b.lines {
			d.Trace.Add(b.considered(&b.lines[i], ReasonStrategyMissing))
		}
		return d, nil
	}
	if a.Shortlist != nil {
		if !a.begins() {
			return Decision{Unfinished: true}, nil
		}
		b.shorten(a.Shortlist)
	}
	b.takers = b.takers[:0]
	b.reads(a.Facts)
	if err := b.rank(&a); err != nil {
		return Decision{}, err
	}
	if d.offered.auction() {
		b.byBids()
	}
	most := b.most
	if a.Room > 0 {
		most = min(most, a.Room)
	}
	others := excludedOf(a.Shortlist, d.offered)
	for _, i := range b.asked {
		l := &b.lines[i]
		if a.Shortlist != nil {
			others.before(&l.contract, &d.Trace)
		}
		var reason string
		var of Owner
		if b.answers != nil && len(b.takers) == 0 {
			reason, of = b.answers[i].reason, b.answers[i].of
		} else {
			reason, of = b.refusal(l, &a, b.takers)
		}
		considered := b.considered(l, reason)
		if of != OwnerContract {
			considered.Of = string(of)
		}
		d.Trace.Add(considered)
		if reason == ReasonSold {
			b.takers = append(b.takers, l.contract)
			if len(b.takers) == most {
				break
			}
		}
	}
	if a.Shortlist != nil {
		if len(b.takers) < most && !a.Shortlist.whole() {
			return Decision{Unfinished: true}, nil
		}
		if len(b.takers) < most {
			others.before(nil, &d.Trace)
		}
		others.rest(&d.Trace)
	}
	d.Takers = b.takers
	return d, nil
}

// ask makes prices those of the lead that is decided.
func (b *Book) ask(o offer) {
	if b.offered.same(o) {
		return
	}
	b.offered = o
	for i := range b.offers {
		b.offers[i].Price = o.price(&b.lines[i].contract)
	}
}

// rank sets asked to the lines in the order in which they are asked for a lead.
func (b *Book) rank(a *Ask) error {
	places := b.all
	if a.Shortlist != nil {
		places = b.asked
	}
	for _, i := range places {
		l := &b.lines[i]
		b.offers[i].Balance, b.offers[i].LastWon = l.buyer.Spendable(), l.total().LastWon
	}
	if b.answers != nil {
		b.dues(a, places)
	}
	if b.by != nil {
		slices.SortFunc(b.asked, func(i, j int) int { return b.by(&b.offers[i], &b.offers[j]) })
		return nil
	}
	b.round++
	if a.Shortlist == nil {
		b.scratch = append(b.scratch[:0], b.offers...)
	} else {
		b.scratch = b.scratch[:0]
		for _, i := range places {
			b.scratch = append(b.scratch, b.offers[i])
		}
	}
	b.asked = b.asked[:0]
	for _, c := range b.strategy.Rank(a.Facts, b.scratch) {
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

// Open reports whether any contract could take a lead now at its own price. When none could, Decide finds none for any lead without an
// Ask.Price.
func (b *Book) Open() bool { return b.OpenAt(0) }

// OpenAt is Open for a lead that is offered at a price of its own. What no contract could take at one price, it could not at a higher one.
func (b *Book) OpenAt(price money.Micros) bool {
	b.read = nil
	b.ask(offer{asking: price})
	for i := range b.lines {
		if b.strategy == nil {
			return false
		}
		if reason, _ := b.refusal(&b.lines[i], nil, nil); reason == ReasonSold {
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

func (b *Book) considered(l *line, reason string) lead.Consideration {
	return lead.Consideration{ContractID: l.contract.ID(), BuyerID: l.contract.BuyerID(), Reason: reason, Price: b.offered.price(&l.contract)}
}

// refusal returns why a contract does not take a lead, or ReasonSold when it does. Takers are the contracts that take the lead already.
// Without an Ask it is about any lead. of is whose cap or budget it was; OwnerContract for any other reason.
func (b *Book) refusal(l *line, a *Ask, takers []campaign.Contract) (reason string, of Owner) {
	price := b.offered.price(&l.contract)
	switch {
	case b.campaign.Status() != campaign.StatusActive:
		return ReasonCampaignPaused, OwnerContract
	case l.contract.Status() != campaign.StatusActive:
		return ReasonContractPaused, OwnerContract
	case l.buyer.Status() != buyer.StatusActive:
		return ReasonBuyerPaused, OwnerContract
	}
	if reason := b.ruledOut(l); reason != "" {
		return reason, OwnerContract
	}
	if reason := b.offered.refusal(&l.contract); reason != "" {
		return reason, OwnerContract
	}
	for _, n := range l.counters {
		if reason := n.exceeded(1, price); reason != "" {
			return reason, OwnerContract
		}
	}
	if l.shared != nil {
		if reason, of := l.exceeded(price, takers, b.offered); reason != "" {
			return reason, of
		}
	}
	if !l.buyer.CanPay(price) {
		return ReasonInsufficientBalance, OwnerContract
	}
	for i := range takers {
		if takers[i].BuyerID() == l.contract.BuyerID() {
			return ReasonDuplicateBuyer, OwnerContract
		}
	}
	if a != nil && a.Refuse != nil {
		if reason := a.Refuse(l.contract); reason != "" {
			return reason, OwnerContract
		}
	}
	return ReasonSold, OwnerContract
}

// exceeded returns which cap or budget of the buyer or the campaign a further sale would exceed, and whose it is. What takers take of the
// same lead counts for the campaign; they are of other buyers, or the buyer takes the lead already.
func (l *line) exceeded(price money.Micros, takers []campaign.Contract, offered offer) (reason string, of Owner) {
	together := price
	for i := range takers {
		together += offered.price(&takers[i])
	}
	for _, n := range l.shared {
		sales, amount := int64(1), price
		if n.Owner == OwnerCampaign {
			sales, amount = int64(len(takers))+1, together
		}
		if reason := n.exceeded(sales, amount); reason != "" {
			return reason, n.Owner
		}
	}
	return "", OwnerContract
}

// exceeded returns the cap or budget that further sales at a price together would exceed; empty for none.
func (c *Counter) exceeded(sales int64, price money.Micros) string {
	if c.Limit.HasLeads && c.Used+sales > c.Limit.Leads {
		return reasonCap + string(c.Span.Window)
	}
	if c.Limit.HasBudget && c.Spent+price > c.Limit.Budget {
		return reasonBudget + string(c.Span.Window)
	}
	return ""
}

func ofCampaign(c *campaign.Campaign, counters CounterSource, now time.Time) []*Counter {
	var all []*Counter
	for _, s := range c.Spans(now) {
		n := counters(OwnerCampaign, c.ID(), s)
		n.Limit, _ = c.Cap(s.Window)
		all = append(all, n)
	}
	return all
}

func ofBuyer(b *buyer.Buyer, spans []calendar.Span, counters CounterSource) []*Counter {
	all := make([]*Counter, 0, 2*len(spans))
	for _, s := range spans {
		n := counters(OwnerBuyer, b.ID(), s)
		n.Limit, _ = b.Cap(s.Window)
		all = append(all, n)
	}
	return all
}

// Take books a sale under a contract: on its counters, on those of its buyer and of the campaign, and on its buyer's account. The lead is the
// one that was decided last; its sales are booked in the order of its takers. When it fails it changes nothing:
// campaign.ErrContractNotFound, buyer.ErrInsufficientBalance.
func (b *Book) Take(contractID, entryID, saleID string, now time.Time) error {
	i, known := b.byID[contractID]
	if !known {
		return campaign.ErrContractNotFound
	}
	l := &b.lines[i]
	price := b.offered.price(&l.contract)
	if _, err := l.buyer.Charge(entryID, saleID, price, now); err != nil {
		return err
	}
	b.count(i, price, now)
	return nil
}

// Hold is Take for a sale whose buyer may not take it: its price is held on the account.
func (b *Book) Hold(contractID string, now time.Time) error {
	i, known := b.byID[contractID]
	if !known {
		return campaign.ErrContractNotFound
	}
	price := b.offered.price(&b.lines[i].contract)
	if err := b.lines[i].buyer.Hold(price, now); err != nil {
		return err
	}
	b.count(i, price, now)
	return nil
}

// count counts a sale under a contract.
func (b *Book) count(i int, price money.Micros, now time.Time) {
	l := &b.lines[i]
	// All sales of a batch have the same time; one microsecond between their wins keeps their order.
	b.lastWon = latest(now, b.lastWon.Add(time.Microsecond))
	if b.answers != nil {
		b.settle(i)
	}
	for _, n := range l.counters {
		n.take(price, b.lastWon)
	}
	for _, n := range l.shared {
		n.take(price, b.lastWon)
	}
}

func (c *Counter) take(price money.Micros, at time.Time) {
	c.Used++
	c.Spent += price
	c.TakenLeads++
	c.TakenPrice += price
	c.LastWon = latest(at, c.LastWon)
}

// CounterKeys returns the keys of every counter a campaign's decisions read at a time, with those of its contracts' buyers.
func CounterKeys(c *campaign.Campaign, buyers map[string]*buyer.Buyer, now time.Time) []string {
	var keys []string
	for _, k := range c.Contracts() {
		for _, s := range k.Spans(now) {
			keys = append(keys, CounterKey(k.ID(), s))
		}
		if b := buyers[k.BuyerID()]; b != nil {
			for _, s := range b.Spans(now) {
				keys = append(keys, CounterKey(b.ID(), s))
			}
		}
	}
	for _, s := range c.Spans(now) {
		keys = append(keys, CounterKey(c.ID(), s))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (l *line) total() *Counter { return l.counters[len(l.counters)-1] }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
