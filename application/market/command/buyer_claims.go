package command

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

const (
	// mostReadAhead is how many claims of buyers are read for a lead before it is decided, with those of all leads of its batch. Of a lead
	// that more buyers are offered, the claims are read as they are asked for.
	mostReadAhead = 40
	// readAtOnce is how many contracts are asked at least before claims are read once more.
	readAtOnce = 16
)

// boughtBefore are the claims that keep buyers from persons whom they bought lately, as far as they were read, and those that are taken. A
// nil one is that of campaigns whose buyers have no rule.
type boughtBefore struct {
	rules        map[string]map[string][]campaign.Dedupe // by campaign and buyer
	find         findClaims
	now          time.Time
	ends         map[market.ClaimKey]time.Time // of the claims that were read or taken; zero: it is not stored
	fresh, later []market.Claim
	err          error // of reading, after which nothing may be stored
}

// findClaims returns those of some claims that are stored.
type findClaims func(context.Context, []market.ClaimRef) (map[market.ClaimKey]market.Claim, error)

// keys returns the claims that a buyer takes of a person by all rules of its contracts in a campaign.
func (b *boughtBefore) keys(campaignID, buyerID string, fields field.Set) (keys []market.ClaimKey) {
	for _, rule := range b.rules[campaignID][buyerID] {
		keys = append(keys, market.BuyerClaimKeys(buyerID, rule, fields)...)
	}
	return keys
}

// ahead adds to refs the claims that may keep the buyers that a lead is offered to from it, unless there are many. A nil list is that of all
// buyers.
func (b *boughtBefore) ahead(refs []market.ClaimRef, c *campaign.Campaign, list *distribution.Shortlist, fields field.Set) []market.ClaimRef {
	if b == nil {
		return refs
	}
	buyers := maps.Keys(b.rules[c.ID()])
	if list != nil {
		buyers = list.Buyers()
	}
	none, asked := len(refs), 0
	for buyerID := range buyers {
		if asked++; asked > mostReadAhead {
			return refs[:none]
		}
		for _, key := range b.keys(c.ID(), buyerID, fields) {
			if len(refs)-none == mostReadAhead {
				return refs[:none]
			}
			refs = append(refs, market.ClaimRef{SellerID: c.SellerID(), Key: key})
		}
	}
	return refs
}

// readAhead is ahead for leads of a campaign, and reads the claims.
func (m *marketplace) readAhead(ctx context.Context, c *campaign.Campaign, leads []*lead.Lead) error {
	var refs []market.ClaimRef
	for _, l := range leads {
		refs = m.bought.ahead(refs, c, m.lists[l.ID()], l.Facts().Fields())
	}
	return m.bought.read(ctx, refs)
}

func (b *boughtBefore) read(ctx context.Context, refs []market.ClaimRef) error {
	if len(refs) == 0 {
		return nil
	}
	found, err := b.find(ctx, refs)
	if err != nil {
		b.err = err
		return err
	}
	b.learn(refs, found)
	return nil
}

// learn remembers claims that were read: those that are stored are among found.
func (b *boughtBefore) learn(refs []market.ClaimRef, found map[market.ClaimKey]market.Claim) {
	for i := range refs {
		b.ends[refs[i].Key] = found[refs[i].Key].ExpiresAt
	}
}

func (b *boughtBefore) held(key market.ClaimKey) bool { return b.ends[key].After(b.now) }

func (b *boughtBefore) unread(key market.ClaimKey) bool {
	_, known := b.ends[key]
	return !known
}

// settleSlack is how long after the deadline of a lead it is settled at most, as long as nothing stands still.
const settleSlack = 10 * time.Second

// take has the takers of a lead hold its person from now on, by all their rules in the campaign. A claim that they hold already ends later. Those for
// which a lead is only reserved hold it as long as buyers are asked: whoever buys the lead then holds it for longer, and the claims of the others end.
func (b *boughtBefore) take(l *lead.Lead, takers []campaign.Contract) {
	if b == nil || l.Test() || l.Status() != lead.StatusSold && l.Deadline().IsZero() {
		return
	}
	fields := l.Facts().Fields()
	for i := range takers {
		if buyerID := takers[i].BuyerID(); l.Status() == lead.StatusSold {
			b.takeSince(l, fields, buyerID, b.now)
		} else {
			b.hold(l, fields, buyerID, func(campaign.Dedupe) time.Time { return l.Deadline().Add(settleSlack) })
		}
	}
}

// takeSince has a buyer hold the person of a lead since a time.
func (b *boughtBefore) takeSince(l *lead.Lead, fields field.Set, buyerID string, since time.Time) {
	b.hold(l, fields, buyerID, func(rule campaign.Dedupe) time.Time { return since.Add(rule.Window()) })
}

// hold has a buyer hold the person of a lead until the times that end returns. No claim is written twice.
func (b *boughtBefore) hold(l *lead.Lead, fields field.Set, buyerID string, end func(campaign.Dedupe) time.Time) {
	for _, rule := range b.rules[l.CampaignID()][buyerID] {
		for _, key := range market.BuyerClaimKeys(buyerID, rule, fields) {
			claim := market.Claim{SellerID: l.SellerID(), Key: key, LeadID: l.ID(), ExpiresAt: end(rule)}
			was := b.ends[key]
			switch {
			case was.IsZero():
				b.fresh = append(b.fresh, claim)
			case !was.Before(claim.ExpiresAt):
				continue
			case !replaced(b.fresh, claim) && !replaced(b.later, claim):
				b.later = append(b.later, claim)
			}
			b.ends[key] = claim.ExpiresAt
		}
	}
}

// replaced puts a claim in the place of the one with its key, if there is one.
func replaced(all []market.Claim, claim market.Claim) bool {
	i := slices.IndexFunc(all, func(c market.Claim) bool { return c.Key == claim.Key })
	if i >= 0 {
		all[i] = claim
	}
	return i >= 0
}

// failed returns the error of reading that there was, if any.
func (b *boughtBefore) failed() error {
	if b == nil {
		return nil
	}
	return b.err
}

// taken returns the claims that were taken and are not stored, and those that are stored with an earlier end.
func (b *boughtBefore) taken() (fresh, later []market.Claim) {
	if b == nil {
		return nil, nil
	}
	return b.fresh, b.later
}

// write stores the claims that were taken.
func (b *boughtBefore) write(ctx context.Context, tx market.Tx) error {
	fresh, later := b.taken()
	if len(fresh)+len(later) == 0 {
		return nil
	}
	if err := tx.Claims().Take(ctx, fresh, nil, b.now); err != nil {
		return err
	}
	return tx.Claims().Extend(ctx, later)
}

// pick finds the contracts that take a lead, whatever was promised for it. Claims that were not read before are read for those that are asked: at first for who would
// take the lead, and when that buyer bought its person lately for more and more contracts at a time. Buyers and counters are read likewise. Errors:
// *bus.PanicError, *distribution.RankingError, and those of reading.
func (m *marketplace) pick(ctx context.Context, c *campaign.Campaign, l *lead.Lead, a distribution.Ask) (distribution.Decision, error) {
	a.Shortlist, a.Price = m.lists[l.ID()], l.AskingPrice()
	for {
		d, err := m.pickNow(ctx, c, l, a)
		if err != nil || !d.Unfinished {
			return d, err
		}
		if m.err = m.readMore(ctx, c, a); m.err != nil {
			return distribution.Decision{}, m.err
		}
	}
}

// pickNow is pick among the contracts that the lead's shortlist begins with.
func (m *marketplace) pickNow(ctx context.Context, c *campaign.Campaign, l *lead.Lead, a distribution.Ask) (distribution.Decision, error) {
	if m.bought == nil || m.bought.rules[c.ID()] == nil {
		return ask(m.books[c.ID()], a)
	}
	others := a.Refuse
	for many := 0; ; many = max(readAtOnce, 4*many) {
		o := offering{bought: m.bought, campaign: c, fields: l.Facts().Fields(), many: many}
		a.Refuse = either(others, o.refuse)
		d, err := ask(m.books[c.ID()], a)
		if err != nil {
			return distribution.Decision{}, err
		}
		if right, err := o.right(ctx); right || err != nil {
			return d, err
		}
	}
}

// offering is a lead while contracts are asked to take it.
type offering struct {
	bought   *boughtBefore
	campaign *campaign.Campaign
	fields   field.Set
	many     int // how many contracts are passed over because their buyers' claims are not read
	guesses  []guess
	refs     []market.ClaimRef // what they need
}

// guess is what was taken for granted of a contract whose buyer's claims were not read.
type guess struct {
	own     []market.ClaimKey // by the contract's own rule
	refused bool
}

func (o *offering) refuse(k campaign.Contract) string {
	b := o.bought
	all := b.keys(o.campaign.ID(), k.BuyerID(), o.fields)
	own := all
	if len(b.rules[o.campaign.ID()][k.BuyerID()]) > 1 || len(k.Dedupe().Fields) == 0 {
		own = market.BuyerClaimKeys(k.BuyerID(), k.Dedupe(), o.fields)
	}
	refused := slices.ContainsFunc(own, b.held)
	if !refused && slices.ContainsFunc(all, b.unread) {
		refused = len(o.guesses) < o.many && slices.ContainsFunc(own, b.unread)
		o.guesses = append(o.guesses, guess{own, refused})
		for _, key := range all {
			if b.unread(key) {
				o.refs = append(o.refs, market.ClaimRef{SellerID: o.campaign.SellerID(), Key: key})
			}
		}
	}
	if refused {
		return distribution.ReasonDuplicateBuyer
	}
	return ""
}

// right reads the claims that were not read and reports whether all guesses were right.
func (o *offering) right(ctx context.Context) (bool, error) {
	if err := o.bought.read(ctx, o.refs); err != nil {
		return false, err
	}
	return !slices.ContainsFunc(o.guesses, func(g guess) bool { return slices.ContainsFunc(g.own, o.bought.held) != g.refused }), nil
}
