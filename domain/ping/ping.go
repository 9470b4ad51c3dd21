// Package ping is what a supplier is promised before it sends a lead: a quote for a lead of which nothing personal is known yet, that
// one lead may use for a short while (docs/supplier-api.md).
//
// Stability: experimental.
package ping

import (
	"maps"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
)

// Lasts is how long a quote is honoured.
const Lasts = 5 * time.Minute

// Errors of using a ping.
var (
	// ErrUnknown says that a supplier has no such ping for the lead that it sends.
	ErrUnknown = field.ErrInvalid.With(fault.Violation{Field: "ping_id", Code: fault.InvalidValue, Message: "is no ping of this key in this category"})
	// ErrOtherKind says that a test ping was used for a lead that is no test, or the other way round.
	ErrOtherKind = field.ErrInvalid.With(fault.Violation{Field: "ping_id", Code: fault.InvalidValue, Message: "is of a test, or the lead is one: both must be or neither"})
	// ErrUsed says that a lead came with the ping before.
	ErrUsed = fault.New(fault.Conflict, "ping_used", "The ping is used")
	// ErrExpired says that the time of the quote is over.
	ErrExpired = fault.New(fault.Gone, "ping_expired", "The ping is expired")
)

// Quote is what a supplier was promised: to earn Payout, and with it that the lead sells for Total, both in micro-units of the seller's
// currency. Prices are those of the contracts that were to take the lead, by their ids, Bids what buyers bid for it, by their contracts. Reserve is the least
// price at which the lead may be sold.
type Quote struct {
	Payout, Total money.Micros
	Prices        map[string]money.Micros
	Bids          map[string]Bid
	Reserve       money.Micros
}

// Bid is what a buyer bid, in micro-units of the seller's currency, and what it calls its bid.
type Bid struct {
	Amount    money.Micros
	Reference string
}

// Amounts returns the amounts of the bids, by contract; nil without any.
func (q *Quote) Amounts() map[string]money.Micros {
	if len(q.Bids) == 0 {
		return nil
	}
	all := make(map[string]money.Micros, len(q.Bids))
	for id, b := range q.Bids {
		all[id] = b.Amount
	}
	return all
}

// Ping is a quote with who may use it and until when. It holds nothing of a person.
type Ping struct{ s Snapshot }

// Snapshot is a ping as it is stored. LeadID and UsedAt are empty until a lead came with it.
type Snapshot struct {
	SellerID, ID, KeyID, CampaignID string
	Test                            bool
	Quote                           Quote
	CreatedAt, ExpiresAt, UsedAt    time.Time
	LeadID                          string
}

// New makes a ping of an API key in a campaign.
func New(sellerID, id, keyID, campaignID string, test bool, q Quote, at time.Time) *Ping {
	q.Prices, q.Bids = maps.Clone(q.Prices), maps.Clone(q.Bids)
	return &Ping{Snapshot{
		SellerID: sellerID, ID: id, KeyID: keyID, CampaignID: campaignID, Test: test, Quote: q, CreatedAt: at, ExpiresAt: at.Add(Lasts),
	}}
}

// Check returns why a lead cannot use the ping at a time: ErrUnknown, ErrOtherKind, ErrUsed, ErrExpired, or nil. A nil ping is unknown.
func (p *Ping) Check(keyID, campaignID string, test bool, at time.Time) error {
	switch {
	case p == nil || p.s.KeyID != keyID || p.s.CampaignID != campaignID:
		return ErrUnknown
	case p.s.Test != test:
		return ErrOtherKind
	case p.s.LeadID != "":
		return ErrUsed
	case !p.s.ExpiresAt.After(at):
		return ErrExpired
	}
	return nil
}

// Use marks the ping as that of a lead. Errors: those of Check.
func (p *Ping) Use(keyID, campaignID string, test bool, leadID string, at time.Time) error {
	if err := p.Check(keyID, campaignID, test, at); err != nil {
		return err
	}
	p.s.LeadID, p.s.UsedAt = leadID, at
	return nil
}

// Quote returns what was promised; its prices and bids must not be changed.
func (p *Ping) Quote() Quote { return p.s.Quote }

// Snapshot returns the ping as it is stored.
func (p *Ping) Snapshot() Snapshot { return p.s }

// FromSnapshot restores a stored ping.
func FromSnapshot(s Snapshot) *Ping { return &Ping{s} }
