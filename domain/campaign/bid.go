package campaign

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
)

const (
	minBidTimeout     = 100 * time.Millisecond
	maxBidTimeout     = 10 * time.Second
	defaultBidTimeout = 500 * time.Millisecond
	defaultAuction    = time.Second
)

// MostAuction is how long the buyers of a campaign may take to bid at the most.
const MostAuction = maxBidTimeout

// Bid is how the buyer of a contract is asked what it pays for a lead of which nothing personal is told yet. It must not be changed.
type Bid struct {
	URL     string
	Timeout time.Duration
	// Fields are the members that are sent, by their name at the receiver, and what each of them is: see BidSources. Empty: all, as the
	// documentation shows them.
	Fields map[string]string
}

// BidTerms are what an operator says about bids. A nil member keeps what is stored, or takes its default; an empty map takes it away. URL was looked
// at by application.Outbound.
type BidTerms struct {
	URL       *string
	TimeoutMS *int64
	Fields    *map[string]string
	Forget    bool // the contract bids no more
}

// What a member of a question for a bid can be beside fields of the lead and SourceCategory and SourceTest.
const (
	SourcePingID       = "ping.id"
	SourcePingCurrency = "ping.currency"
)

// BidSources returns what a member of a question for a bid can be, beside the fields of the lead that are not personal.
func BidSources() []string {
	return []string{SourcePingID, SourceCategory, SourcePingCurrency, SourceTest}
}

// Bid returns how the contract's buyer is asked for bids; nil when it is not, and its price holds. It must not be changed.
func (k Contract) Bid() *Bid { return k.s.Bid }

// TakesBids reports whether a contract of the campaign takes leads by bids.
func (c *Campaign) TakesBids() bool {
	return slices.ContainsFunc(c.s.Contracts, func(k ContractSnapshot) bool { return k.Bid != nil && k.Status != StatusDeleted })
}

// applyBid sets how the contract's buyer is asked for bids. rules are those of the campaign's fields.
func (k *ContractSnapshot) applyBid(t *BidTerms, rules field.Rules, v *fault.Violations) {
	if t != nil && t.Forget {
		k.Bid = nil
	} else if t != nil {
		b := Bid{Timeout: defaultBidTimeout}
		if k.Bid != nil {
			b = *k.Bid
		}
		if t.URL != nil {
			b.URL = *t.URL
		}
		if b.URL == "" {
			v.Add("bid.url", fault.Required, "is required")
		} else if t.URL != nil {
			_, err := contact.ParseURL(b.URL)
			v.AddErr("bid.url", err)
		}
		if t.TimeoutMS != nil {
			if b.Timeout = time.Duration(*t.TimeoutMS) * time.Millisecond; *t.TimeoutMS < minBidTimeout.Milliseconds() || *t.TimeoutMS > maxBidTimeout.Milliseconds() {
				v.Add("bid.timeout_ms", fault.InvalidValue, "must be between 100 and 10000")
			}
		}
		if t.Fields != nil {
			b.Fields = maps.Clone(*t.Fields)
			b.checkFields(rules, v)
		}
		k.Bid = &b
	}
	if k.Bid != nil && k.Price == 0 {
		v.Add("price", fault.InvalidValue, "must be above 0 beside bid: it is the most that the buyer pays")
	}
}

func (b *Bid) checkFields(rules field.Rules, v *fault.Violations) {
	if len(b.Fields) > maxMembers {
		v.Add("bid.fields", fault.InvalidValue, "must have at most 100 members")
		return
	}
	sent := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(b.Fields)) {
		checkMember(DeliveryJSON, "bid.fields", name, v)
		source := b.Fields[name]
		at := "bid.fields." + shownName(name)
		of, isField := SourceField(source)
		isField = isField && strings.HasPrefix(source, "lead.")
		switch {
		case slices.Contains(BidSources(), source):
		case !isField:
			v.Add(at, fault.InvalidValue, "must be lead.fields.<name>, lead.<standard field> or one of "+strings.Join(BidSources(), ", "))
		case !rules.Has(of):
			v.Add(at, fault.InvalidValue, "must be a field of the campaign: nobody knows what another one holds")
		case !rules.Tells(of):
			v.Add(at, fault.InvalidValue, "must not be "+source+": what is personal, and free texts, are told to nobody who did not buy the lead")
		default:
			if sent[of]++; sent[of] > maxOfOne {
				v.Add(at, fault.Duplicate, "must not be a field of the lead that is sent three times already")
			}
		}
	}
}

// applyAuction sets what holds for pings of the campaign.
func (c *Campaign) applyAuction(d Definition, v *fault.Violations) {
	if d.ReservePrice != nil {
		if *d.ReservePrice < 0 || *d.ReservePrice > MostPrice {
			v.Add("reserve_price", fault.InvalidValue, "must be between 0 and 1000000")
		}
		c.s.ReservePrice = *d.ReservePrice
	}
	if d.AuctionTimeoutMS != nil {
		if c.s.AuctionTimeout = time.Duration(*d.AuctionTimeoutMS) * time.Millisecond; *d.AuctionTimeoutMS < minBidTimeout.Milliseconds() || *d.AuctionTimeoutMS > MostAuction.Milliseconds() {
			v.Add("auction_timeout_ms", fault.InvalidValue, "must be between 100 and 10000")
		}
	}
}

// ReservePrice returns the least price at which a lead is promised to a ping, in micro-units of the seller's currency; 0: any.
func (c *Campaign) ReservePrice() money.Micros { return c.s.ReservePrice }

// AuctionTimeout returns how long the buyers of contracts that bid have to answer a ping together.
func (c *Campaign) AuctionTimeout() time.Duration { return c.s.AuctionOrDefault() }

// AuctionOrDefault returns how long buyers that bid have to answer a ping together.
func (s *Snapshot) AuctionOrDefault() time.Duration {
	if s.AuctionTimeout <= 0 {
		return defaultAuction
	}
	return s.AuctionTimeout
}
