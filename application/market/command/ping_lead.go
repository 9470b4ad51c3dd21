package command

import (
	"context"
	"errors"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/ping"
)

// PingLead asks what a supplier would earn for a lead of which it tells nothing personal yet (docs/supplier-api.md). What it tells
// nevertheless is used to decide and not stored. Nothing is reserved.
type PingLead struct {
	application.Actor

	Seller     string
	Category   string
	Fields     field.Set
	ExternalID string
	Test       bool
	Once       application.Once[LeadPinged]
}

// Needs implements application.Message.
func (PingLead) Needs() application.Scope { return application.Supplier }

// LeadPinged is what a supplier is promised; without a PingID nobody would take the lead. Price is as that of SubmitLeadResult.
type LeadPinged struct {
	PingID    string
	Price     money.Micros
	HasPrice  bool
	Currency  money.Currency
	Test      bool
	ExpiresAt time.Time
}

// mostBidders is how many buyers are asked to bid for a lead. They are the ones that pay most at the most.
const mostBidders = 50

// PingLeadHandler handles PingLead by the rules that SubmitLeadsHandler has, on what is stored now: it locks nothing, and no transaction is open while buyers are
// asked to bid.
type PingLeadHandler struct {
	market.Deps

	Directory *Directory
	Preview   *PreviewLeadHandler
	Bidding   *market.Bidding
}

// Handle implements bus.Handler. Errors: those of SubmitLead, but for duplicates and rejections, for which there is no buyer.
func (h *PingLeadHandler) Handle(ctx context.Context, c PingLead) (application.Done, error) {
	if done, answered, err := h.replayed(ctx, c); answered || err != nil {
		return done, err
	}
	began := application.Elapsed(h.Clock)
	r, p, err := h.ask(ctx, c)
	if err != nil {
		return application.Done{}, err
	}
	done, err := application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx market.Tx) (LeadPinged, error) {
		if p == nil {
			return r, nil
		}
		return r, tx.Pings().Add(ctx, p)
	})
	if err == nil && !done.Replayed {
		h.Bidding.Observer.Pinged(p != nil, application.Elapsed(h.Clock)-began)
	}
	return done, err
}

// replayed returns what is stored under the Idempotency-Key, so that nothing is decided again for it.
func (h *PingLeadHandler) replayed(ctx context.Context, c PingLead) (done application.Done, answered bool, err error) {
	if c.Once.Key == "" {
		return done, false, nil
	}
	done, err = application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(context.Context, market.Tx) (LeadPinged, error) { return LeadPinged{}, errUndone })
	if errors.Is(err, errUndone) {
		return application.Done{}, false, nil
	}
	return done, true, err
}

// ask decides a lead. There is a ping when somebody would take it.
func (h *PingLeadHandler) ask(ctx context.Context, c PingLead) (r LeadPinged, p *ping.Ping, err error) {
	of, fields, external, err := h.check(ctx, c)
	if err != nil {
		return r, nil, err
	}
	now := h.Clock.Now()
	l := lead.Submit(lead.Submission{
		ID: h.IDs.New("lead"), SellerID: c.Actor.SellerID, SellerCode: c.Actor.SellerCode, KeyID: c.Actor.KeyID, PartnerID: c.Actor.PartnerID,
		CampaignID: of.ID(), Category: of.Category(), Fields: fields, Dimensions: of.Dimensions(fields), ExternalID: external, Test: c.Test, At: now,
	})
	claims := market.DedupeClaims(of, fields)
	if external != "" {
		claims = append(claims, market.Claim{SellerID: c.Actor.SellerID, Key: market.NewClaimKey(c.Actor.KeyID, market.ClaimExternalID, external)})
	}
	id := h.IDs.New("ping")
	a := auction{reserve: of.ReservePrice()}
	if of.TakesBids() {
		a.ask = func(k []campaign.Contract) (map[string]ping.Bid, error) {
			return h.Bidding.Ask(ctx, market.BidQuestion{
				SellerID: c.Actor.SellerID, PingID: id, Category: of.Category(), Currency: c.Actor.Currency, Test: c.Test, Fields: of.Rules().Told(fields),
			}, k, of.AuctionTimeout())
		}
	}
	o, err := h.Preview.look(ctx, of, l, claims, a, now)
	if err != nil {
		return r, nil, err
	}
	r = LeadPinged{Currency: c.Actor.Currency, Test: c.Test}
	if o.why != nil || len(o.Takers) == 0 {
		return r, nil, nil //nolint:nilerr // a refusal is a result
	}
	prices := make([]money.Micros, len(o.Takers))
	for i := range prices {
		prices[i] = o.PriceOf(i)
	}
	quote := distribution.QuoteOf(of, o.Takers, prices, c.Actor.Currency)
	quote.Bids, quote.Reserve = o.bids, a.reserve
	p = ping.New(c.Actor.SellerID, id, c.Actor.KeyID, of.ID(), c.Test, quote, h.Clock.Now())
	_, shown, hidden := of.SupplierTerms(prices, make([]money.Micros, len(prices)), c.Actor.Currency)
	n := p.Snapshot()
	r.PingID, r.ExpiresAt, r.Price, r.HasPrice = n.ID, n.ExpiresAt, shown, !hidden
	return r, p, nil
}

// check finds the campaign of a ping, as it is stored now, and checks the fields by its rules.
func (h *PingLeadHandler) check(ctx context.Context, c PingLead) (of *campaign.Campaign, fields field.Set, external string, err error) {
	var missing []fault.Violation
	for _, m := range []struct{ name, value string }{{"seller", c.Seller}, {"category", c.Category}} {
		if field.TextValue(m.value).Empty() {
			missing = append(missing, fault.Violation{Field: m.name, Code: fault.Required, Message: "is required"})
		}
	}
	if len(missing) > 0 {
		return nil, nil, "", field.ErrMissing.With(missing...)
	}
	if !c.Actor.IsSeller(c.Seller) {
		return nil, nil, "", ErrWrongSeller
	}
	if of, err = h.Directory.refresh(ctx, c.Actor.SellerID, c.Category); err != nil {
		return nil, nil, "", err
	}
	mapped, external, err := of.MapFields(c.Fields)
	if err != nil {
		return nil, nil, "", err
	}
	if c.ExternalID != "" {
		external = c.ExternalID
	}
	fields, err = of.Rules().WithoutPersonal().Check(mapped)
	return of, fields, external, err
}

// outlook is what would become of a lead now: who takes it, or why it is not offered to anybody.
type outlook struct {
	distribution.Decision

	why    *fault.Error
	status lead.Status
	bids   map[string]ping.Bid // by contract
}

// auction is at which prices a lead is offered that is no lead yet: at those of the contracts that are above reserve, and at what the buyers bid whom ask asks.
type auction struct {
	reserve money.Micros
	ask     func([]campaign.Contract) (map[string]ping.Bid, error) // nil: nobody is asked
}

// look decides a new lead of a campaign on what is stored at a time, without locking anything. claims are those that would make it a duplicate.
// Errors: lead.ErrRuleUnavailable, *bus.PanicError, *distribution.RankingError, and those of the auction.
func (h *PreviewLeadHandler) look(ctx context.Context, c *campaign.Campaign, l *lead.Lead, claims []market.Claim, a auction, now time.Time) (o outlook, err error) {
	facts := l.Facts()
	facts = facts.WithOutside(h.Facts.Ask(ctx, facts))
	defer func() {
		if p := recover(); p != nil {
			o, err = outlook{}, bus.Panicked(p)
		}
	}()
	refs := make([]market.ClaimRef, 0, len(claims))
	for i := range claims {
		refs = append(refs, claims[i].Ref())
	}
	held, err := h.Reader.Held(ctx, refs, now)
	if err != nil {
		return o, err
	}
	if o.why, o.status, err = h.refusal(ctx, c, facts, claims, held); o.why != nil || err != nil {
		return o, err
	}
	offers, err := lookup{plans: h.Plans, try: mostTries}.offered(map[string]*campaign.Campaign{c.ID(): c}, true, func(yield func(lead.Facts) bool) { yield(facts) })
	if err != nil {
		return o, err
	}
	m, err := openMarketplace(ctx, rows{h.Reader.BuyersOf, h.Reader.CountersOf, h.claims(now)}, offers, h.Strategies, now)
	if err != nil {
		return o, err
	}
	ask := distribution.Ask{Facts: facts, Reserve: a.reserve}
	if a.ask != nil {
		bidders, err := m.bidders(ctx, c, l, ask)
		if err != nil {
			return o, err
		}
		if o.bids, err = a.ask(bidders); err != nil {
			return o, err
		}
		ask.Bids = (&ping.Quote{Bids: o.bids}).Amounts()
	}
	o.Decision, err = m.decide(ctx, c, l, ask)
	return o, err
}

// bidders returns the contracts of a campaign whose buyers are asked to bid for a lead. Errors: *bus.PanicError, and those of reading.
func (m *marketplace) bidders(ctx context.Context, c *campaign.Campaign, l *lead.Lead, a distribution.Ask) (all []campaign.Contract, err error) {
	a.Shortlist = m.lists[l.ID()]
	if m.bought == nil || m.bought.rules[c.ID()] == nil {
		return m.books[c.ID()].Bidders(a, mostBidders), nil
	}
	for { // what was not read is read then, so that the second time nothing is guessed
		o := offering{bought: m.bought, campaign: c, fields: l.Facts().Fields()}
		a.Refuse = o.refuse
		all = m.books[c.ID()].Bidders(a, mostBidders)
		if right, err := o.right(ctx); right || err != nil {
			return all, err
		}
	}
}
