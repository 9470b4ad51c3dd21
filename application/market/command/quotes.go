package command

import (
	"context"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/ping"
)

// quoted is what the supplier of a lead was promised for it.
type quoted struct {
	ping.Quote

	currency money.Currency
	bids     map[string]money.Micros // by contract
	held     []money.Micros          // what others pay that take the lead already, or are asked
}

func newQuoted(q ping.Quote, currency money.Currency) quoted {
	return quoted{Quote: q, currency: currency, bids: q.Amounts()}
}

// decide finds the contracts that take a lead, none that pay less than what its supplier was promised. Where several share a lead, what they
// pay together counts. Buyers that bid when that was promised pay what they bid. Errors: those of pick.
func (m *marketplace) decide(ctx context.Context, c *campaign.Campaign, l *lead.Lead, a distribution.Ask) (distribution.Decision, error) {
	q, promised := m.quotes[l.ID()]
	if !promised {
		return m.pick(ctx, c, l, a)
	}
	return m.decideQuoted(ctx, c, l, a, q)
}

// decideQuoted is decide for a lead of which something was promised.
func (m *marketplace) decideQuoted(ctx context.Context, c *campaign.Campaign, l *lead.Lead, a distribution.Ask, q quoted) (distribution.Decision, error) {
	a.Price, a.Bids, a.Reserve = l.AskingPrice(), q.bids, q.Reserve
	if c.MaxSales() == 1 {
		a.Refuse = either(a.Refuse, func(k campaign.Contract) string {
			if distribution.BelowQuote(c, q.Quote, []money.Micros{a.PriceOf(k)}, q.currency) {
				return distribution.ReasonBelowQuote
			}
			return ""
		})
		return m.pick(ctx, c, l, a)
	}
	d, err := m.pick(ctx, c, l, a)
	if err != nil || len(d.Takers) == 0 {
		return d, err
	}
	prices := slices.Clone(q.held)
	for i := range d.Takers {
		prices = append(prices, d.PriceOf(i))
	}
	if !distribution.Honours(c, q.Quote, prices, len(q.held) > 0, q.currency) {
		return d.Withhold(), nil
	}
	return d, nil
}

// mayBeQuoted reports whether a lead is so young that what a ping promised for it may hold.
func mayBeQuoted(l *lead.Lead, now time.Time) bool {
	return l.Facts().ReceivedAt.Add(ping.Lasts).After(now)
}

// promise has what was promised for leads hold while they are decided, until its time is over. It asks only for leads that are young enough.
func (m *marketplace) promise(ctx context.Context, tx market.Tx, sellerID string, leads []*lead.Lead, currency money.Currency, now time.Time) error {
	var young []string
	for _, l := range leads {
		if mayBeQuoted(l, now) {
			young = append(young, l.ID())
		}
	}
	if len(young) == 0 {
		return nil
	}
	pings, err := tx.Pings().OfLeads(ctx, sellerID, young)
	if err != nil {
		return err
	}
	m.quotes = map[string]quoted{}
	for id, p := range pings {
		if p.Snapshot().ExpiresAt.After(now) {
			m.quotes[id] = newQuoted(p.Quote(), currency)
		}
	}
	return nil
}

// promiseFor returns what a ping promised for a lead that is sold to those who took it; nil when nobody promised anything, or that was over when it was
// reserved for the first of them.
func promiseFor(p *ping.Ping, taken []lead.Reservation) *ping.Quote {
	if p == nil || !slices.ContainsFunc(taken, func(r lead.Reservation) bool { return p.Snapshot().ExpiresAt.After(r.At) }) {
		return nil
	}
	q := p.Quote()
	return &q
}

// topUp gives the supplier of a lead what it was promised where a buyer that was asked pays less, or another one does not take the lead, although
// others did: what they accepted is sold, and the seller gives of its margin.
func topUp(q *ping.Quote, c *campaign.Campaign, o *lead.Outcome, payouts []money.Micros) {
	shown := c.PriceShown()
	if missing := q.Payout - o.Payout; missing > 0 {
		payouts[len(payouts)-1] += missing
		o.Payout += missing
		if shown != campaign.ShowSale && !o.ShownHidden && c.Payout().Type != "" {
			o.Shown = o.Payout
		}
	}
	if c.Payout().Type == "" && !o.ShownHidden { // the price of the sale is what it is paid
		o.Shown = max(o.Shown, q.Total)
	}
}

// readPings reads the pings that leads of a batch come with, and has what they promise hold.
func (t *tally) readPings(ctx context.Context, tx market.Tx, batch []*Submission) error {
	var refs []application.Ref
	for _, s := range batch {
		if s.PingID != "" {
			refs = append(refs, application.Ref{SellerID: s.Actor.SellerID, ID: s.PingID})
		}
	}
	if len(refs) == 0 {
		return nil
	}
	var err error
	if t.pings, err = tx.Pings().Find(ctx, refs); err != nil {
		return err
	}
	t.market.quotes = map[string]quoted{}
	for _, s := range batch {
		if p := t.pingOf(s); p != nil {
			t.market.quotes[s.leadID] = newQuoted(p.Quote(), s.Actor.Currency)
		}
	}
	return nil
}

// pingOf returns the ping that a lead comes with; nil when its seller has none of that id.
func (t *tally) pingOf(s *Submission) *ping.Ping {
	if p := t.pings[s.PingID]; p != nil && s.PingID != "" && p.Snapshot().SellerID == s.Actor.SellerID {
		return p
	}
	return nil
}

// checkPing returns why a lead may not come with the ping that it names: ping.ErrUnknown, ping.ErrOtherKind, ping.ErrUsed, ping.ErrExpired.
func (t *tally) checkPing(s *Submission) error {
	if s.PingID == "" {
		return nil
	}
	return t.pingOf(s).Check(s.Actor.KeyID, s.campaign.ID(), s.Test, t.now)
}

// usePing marks the ping that a decided lead came with.
func (t *tally) usePing(s *Submission) error {
	if s.PingID == "" {
		return nil
	}
	p := t.pingOf(s)
	if err := p.Use(s.Actor.KeyID, s.campaign.ID(), s.Test, s.leadID, t.now); err != nil {
		return err
	}
	t.used = append(t.used, p)
	return nil
}
