package campaign

import (
	"slices"
	"time"

	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/quota"
)

// Errors of contracts.
var (
	ErrContractNotFound      = fault.New(fault.NotFound, "contract_not_found", "Contract not found.")
	ErrContractAlreadyPaused = fault.New(fault.RuleViolated, "contract_already_paused", "The contract is already paused.")
	ErrContractNotPaused     = fault.New(fault.RuleViolated, "contract_not_paused", "The contract is not paused.")
	ErrTooManyContracts      = fault.New(fault.RuleViolated, "too_many_contracts", "A campaign has at most 10000 contracts.")
)

// MostPrice is the highest price of one lead, in micro-units: one million major units.
const MostPrice money.Micros = 1_000_000_000_000

const (
	maxPriority int64 = 1_000_000
	maxWeight   int64 = 10_000
)

// Cap limits what a contract or a campaign takes in a window.
type Cap = quota.Cap

// Terms are what an operator says about a contract. A nil member keeps the stored value or, for a new contract, takes the
// default. Price is in micro-units of the seller's currency.
type Terms struct {
	Price    *money.Micros
	Priority *int64
	Weight   *int64  // its share under the strategy weighted
	TimeZone *string // empty: the buyer's, else the seller's
	Caps     *[]Cap
	Dedupe   *Dedupe                // whom the buyer bought lately, by whichever contract; the zero rule is none
	Filter   *string                // an expression, which the caller compiled; empty: none
	Schedule *calendar.ScheduleSpec // without hours: none
	Delivery *DeliveryTerms         // the zero terms: as it is
	Bid      *BidTerms
}

// Contract is a buyer's standing order inside a campaign. It is read-only: the Campaign changes it.
type Contract struct{ s ContractSnapshot }

// ContractSnapshot is a contract as it is stored. EffectiveZone is the time zone in which its caps are counted: its own,
// else the buyer's, else the seller's. It is set again when one of these changes. Price is in micro-units of the seller's
// currency. A Weight of 0 is 1.
type ContractSnapshot struct {
	ID, BuyerID             string
	Status                  Status
	Price                   money.Micros
	Priority, Weight        int64
	TimeZone, EffectiveZone string
	Caps                    []Cap
	Dedupe                  Dedupe
	Filter                  string
	Schedule                calendar.ScheduleSpec
	Delivery                *Delivery // nil: none
	Bid                     *Bid      // nil: none
	CreatedAt, UpdatedAt    time.Time
}

// ID returns the contract's id.
func (k Contract) ID() string { return k.s.ID }

// BuyerID returns the id of the buyer who ordered.
func (k Contract) BuyerID() string { return k.s.BuyerID }

// Status says whether the contract takes leads.
func (k Contract) Status() Status { return k.s.Status }

// UpdatedAt returns when the contract was changed last.
func (k Contract) UpdatedAt() time.Time { return k.s.UpdatedAt }

// Price returns the price of one lead in micro-units of the seller's currency; where the buyer bids, the most that it pays.
func (k Contract) Price() money.Micros { return k.s.Price }

// Priority returns the contract's rank: 1 goes first.
func (k Contract) Priority() int64 { return k.s.Priority }

// Weight returns the contract's share under the strategy weighted, at least 1.
func (k Contract) Weight() int64 { return max(1, k.s.Weight) }

// Filter returns the expression that says which leads the contract takes; empty: all of them.
func (k Contract) Filter() string { return k.s.Filter }

// Schedule returns the hours in which the contract takes leads; without hours it always does. It must not be changed.
func (k Contract) Schedule() calendar.ScheduleSpec { return k.s.Schedule }

// Zone returns the time zone in which the contract's caps are counted and its schedule is read.
func (k Contract) Zone() *time.Location {
	zone, err := calendar.ParseZone(k.s.EffectiveZone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// Cap returns the cap of a window, if there is one.
func (k Contract) Cap(w calendar.Window) (Cap, bool) {
	return quota.Of(k.s.Caps, w)
}

// Spans returns the spans in which the contract's leads are counted at t: one for each capped window, and always one for the
// total.
func (k Contract) Spans(t time.Time) []calendar.Span {
	zone := k.Zone()
	spans := make([]calendar.Span, 0, len(k.s.Caps)+1)
	for _, c := range k.s.Caps {
		if c.Window != calendar.Total {
			spans = append(spans, calendar.SpanAt(c.Window, t, zone))
		}
	}
	return append(spans, calendar.SpanAt(calendar.Total, t, zone))
}

// Contracts returns the campaign's contracts that are not deleted, in the order they were made.
func (c *Campaign) Contracts() []Contract {
	out := make([]Contract, 0, len(c.s.Contracts))
	for _, k := range c.s.Contracts {
		if k.Status != StatusDeleted {
			out = append(out, Contract{k})
		}
	}
	return out
}

// Only returns the campaign with some of its contracts, to decide leads by. It must not be changed.
func (c *Campaign) Only(contracts []Contract) *Campaign {
	n := *c
	n.s.Contracts = make([]ContractSnapshot, len(contracts))
	for i := range contracts {
		n.s.Contracts[i] = contracts[i].s
	}
	return &n
}

// Touched returns the ids of the contracts that were added or changed since the campaign was made or restored.
func (c *Campaign) Touched() []string {
	ids := slices.Clone(c.touched)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Touch has contracts stored with the campaign that no verb changed, such as those of a snapshot that was made elsewhere.
func (c *Campaign) Touch(ids ...string) { c.touched = append(c.touched, ids...) }

// Contract returns one contract that is not deleted: ErrContractNotFound.
func (c *Campaign) Contract(id string) (Contract, error) {
	if i := c.contractIndex(id); i >= 0 {
		return Contract{c.s.Contracts[i]}, nil
	}
	return Contract{}, ErrContractNotFound
}

// living returns how many contracts are not deleted.
func (c *Campaign) living() (n int) {
	for i := range c.s.Contracts {
		if c.s.Contracts[i].Status != StatusDeleted {
			n++
		}
	}
	return n
}

func (c *Campaign) contractIndex(id string) int {
	return slices.IndexFunc(c.s.Contracts, func(k ContractSnapshot) bool { return k.ID == id && k.Status != StatusDeleted })
}

// Zones are the IANA names of the time zones a contract falls back to when it has none of its own. Buyer may be empty.
type Zones struct{ Buyer, Seller string }

func (z Zones) effective(own string) string {
	switch {
	case own != "":
		return own
	case z.Buyer != "":
		return z.Buyer
	default:
		return z.Seller
	}
}

// AddContract adds a buyer's standing order. Errors: ErrArchived, ErrTooManyContracts, fault.ErrValidation with the members
// at fault (docs/marketplace.md).
func (c *Campaign) AddContract(id, buyerID string, status Status, t Terms, z Zones, now time.Time) error {
	if c.s.Status == StatusArchived {
		return ErrArchived
	}
	if c.living() >= maxContracts {
		return ErrTooManyContracts
	}
	k := ContractSnapshot{ID: id, BuyerID: buyerID, Status: status, Priority: 1, Weight: 1, CreatedAt: now, UpdatedAt: now}
	var v fault.Violations
	if t.Price == nil {
		v.Add("price", fault.Required, "is required")
	}
	if status != StatusActive && status != StatusPaused {
		v.Add("status", fault.InvalidValue, "must be active or paused")
	}
	k.apply(t, z, c.rules, now, &v)
	if err := v.Err(); err != nil {
		return err
	}
	c.s.Contracts = append(c.s.Contracts, k) // who holds the old list sees no more of it than before
	c.touched = append(c.touched, id)
	c.s.UpdatedAt = now
	c.Record(ContractCreated{CampaignID: c.s.ID, ContractID: id, BuyerID: buyerID, Status: status, Price: k.Price, At: now})
	return nil
}

// UpdateContract changes a contract's terms. recount is true when it has a new capped window or another time zone: the
// caller must then count its caps again from the sales. Errors: ErrContractNotFound, ErrArchived, fault.ErrValidation with
// the members at fault.
func (c *Campaign) UpdateContract(id string, t Terms, z Zones, now time.Time) (recount bool, err error) {
	i := c.contractIndex(id)
	if i < 0 {
		return false, ErrContractNotFound
	}
	if c.s.Status == StatusArchived {
		return false, ErrArchived
	}
	k := c.s.Contracts[i]
	old := k
	var v fault.Violations
	k.apply(t, z, c.rules, now, &v)
	if err := v.Err(); err != nil {
		return false, err
	}
	k.UpdatedAt = now
	c.replace(i, k, now)
	c.Record(ContractUpdated{CampaignID: c.s.ID, ContractID: id, BuyerID: k.BuyerID, Price: k.Price, At: now})
	return k.EffectiveZone != old.EffectiveZone || !slices.Equal(quota.Windows(k.Caps), quota.Windows(old.Caps)), nil
}

// Rezone sets EffectiveZone of a buyer's contracts, or of all contracts when buyerID is empty, after the zone of the buyer
// or the seller changed. It returns the ids of the contracts whose EffectiveZone changed.
func (c *Campaign) Rezone(buyerID string, zones func(buyerID string) Zones, now time.Time) []string {
	var changed []string
	for i, k := range c.s.Contracts {
		if k.Status == StatusDeleted || buyerID != "" && k.BuyerID != buyerID {
			continue
		}
		if zone := zones(k.BuyerID).effective(k.TimeZone); zone != k.EffectiveZone {
			k.EffectiveZone, k.UpdatedAt = zone, now
			c.replace(i, k, now)
			c.Record(ContractUpdated{CampaignID: c.s.ID, ContractID: k.ID, BuyerID: k.BuyerID, Price: k.Price, At: now})
			changed = append(changed, k.ID)
		}
	}
	return changed
}

// PauseContract stops a contract from taking leads. Errors: ErrContractNotFound, ErrContractAlreadyPaused.
func (c *Campaign) PauseContract(id string, now time.Time) error {
	i := c.contractIndex(id)
	if i < 0 {
		return ErrContractNotFound
	}
	k := c.s.Contracts[i]
	if k.Status == StatusPaused {
		return ErrContractAlreadyPaused
	}
	k.Status, k.UpdatedAt = StatusPaused, now
	c.replace(i, k, now)
	c.Record(ContractPaused{CampaignID: c.s.ID, ContractID: id, BuyerID: k.BuyerID, At: now})
	return nil
}

// ResumeContract lets a paused contract take leads again. Errors: ErrContractNotFound, ErrContractNotPaused.
func (c *Campaign) ResumeContract(id string, now time.Time) error {
	i := c.contractIndex(id)
	if i < 0 {
		return ErrContractNotFound
	}
	k := c.s.Contracts[i]
	if k.Status != StatusPaused {
		return ErrContractNotPaused
	}
	k.Status, k.UpdatedAt = StatusActive, now
	c.replace(i, k, now)
	c.Record(ContractResumed{CampaignID: c.s.ID, ContractID: id, BuyerID: k.BuyerID, At: now})
	return nil
}

// DeleteContract ends a contract for good; its sales stay. It returns ErrContractNotFound for an unknown or deleted
// contract.
func (c *Campaign) DeleteContract(id string, now time.Time) error {
	i := c.contractIndex(id)
	if i < 0 {
		return ErrContractNotFound
	}
	k := c.s.Contracts[i]
	k.Status, k.UpdatedAt = StatusDeleted, now
	c.replace(i, k, now)
	c.Record(ContractDeleted{CampaignID: c.s.ID, ContractID: id, BuyerID: k.BuyerID, At: now})
	return nil
}

// replace stores a changed contract at index i. It copies the list, because other readers may hold the old one.
func (c *Campaign) replace(i int, k ContractSnapshot, now time.Time) {
	c.s.Contracts = slices.Clone(c.s.Contracts)
	c.s.Contracts[i] = k
	c.touched = append(c.touched, k.ID)
	c.s.UpdatedAt = now
}

func (k *ContractSnapshot) apply(t Terms, z Zones, rules field.Rules, now time.Time, v *fault.Violations) {
	if t.Price != nil {
		if *t.Price < 0 || *t.Price > MostPrice {
			v.Add("price", fault.InvalidValue, "must be between 0 and 1000000")
		}
		k.Price = *t.Price
	}
	if t.Priority != nil {
		if *t.Priority < 1 || *t.Priority > maxPriority {
			v.Add("priority", fault.InvalidValue, "must be between 1 and 1000000")
		}
		k.Priority = *t.Priority
	}
	if t.Weight != nil {
		if *t.Weight < 1 || *t.Weight > maxWeight {
			v.Add("weight", fault.InvalidValue, "must be between 1 and 10000")
		}
		k.Weight = *t.Weight
	}
	if t.Dedupe != nil {
		k.Dedupe = checkDedupe(*t.Dedupe, v)
	}
	if t.TimeZone != nil {
		if *t.TimeZone != "" {
			_, err := calendar.ParseZone(*t.TimeZone)
			v.AddErr("time_zone", err)
		}
		k.TimeZone = *t.TimeZone
	}
	k.EffectiveZone = z.effective(k.TimeZone)
	if t.Caps != nil {
		k.Caps = quota.Check(*t.Caps, v)
	}
	if t.Filter != nil {
		k.Filter = *t.Filter
	}
	if t.Schedule != nil {
		_, err := calendar.NewSchedule(*t.Schedule)
		v.AddErr("schedule", err)
		k.Schedule = t.Schedule.Clone()
	}
	if t.Delivery != nil {
		var of fault.Violations
		k.Delivery = applyDelivery(k.Delivery, *t.Delivery, now, &of)
		v.AddErr("delivery", of.Err())
	}
	k.applyBid(t.Bid, rules, v)
}
