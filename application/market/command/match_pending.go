package command

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// MatchPending offers again the pending leads of a campaign, or of all campaigns in which a buyer has contracts: oldest
// first, page by page, until a page has no lead that changed. Leads whose time ran out become unsold. With a LeadID it
// offers only that lead of the campaign, and does nothing when it is not pending. Where there are providers of facts from
// outside they are asked first, outside of any transaction; a lead about which they were not asked in time waits for the next
// pass.
type MatchPending struct {
	SellerID   string
	CampaignID string // empty: by BuyerID
	BuyerID    string
	LeadID     string // empty: all of them
}

// Needs implements application.Message.
func (MatchPending) Needs() application.Scope { return application.Internal }

// OfSeller returns whose leads are offered, for interceptors.
func (c MatchPending) OfSeller() string { return c.SellerID }

// Matched counts what became of pending leads; those that are rejected because their person is suppressed by now count as unsold. Failed leads stay pending: the strategy panicked on them, or ranked what it
// was not offered. Of Asked ones buyers are asked now.
type Matched struct{ Sold, Unsold, Failed, Asked int }

func (m Matched) plus(n Matched) Matched {
	return Matched{Sold: m.Sold + n.Sold, Unsold: m.Unsold + n.Unsold, Failed: m.Failed + n.Failed, Asked: m.Asked + n.Asked}
}

// MatchPendingHandler handles MatchPending.
type MatchPendingHandler struct {
	Work       market.UnitOfWork
	Clock      application.Clock
	IDs        application.IDs
	Reader     market.CampaignReader
	Strategies distribution.Strategies
	Plans      *Plans
	Facts      application.FactProviders
	Logger     *slog.Logger
}

// Handle implements bus.Handler.
func (h *MatchPendingHandler) Handle(ctx context.Context, c MatchPending) (Matched, error) {
	ids := []string{c.CampaignID}
	if c.CampaignID == "" {
		var err error
		if ids, err = h.Reader.CampaignsOfBuyer(ctx, c.SellerID, c.BuyerID); err != nil {
			return Matched{}, err
		}
	}
	var all Matched
	for _, id := range ids {
		of := application.Ref{SellerID: c.SellerID, ID: id}
		var n Matched
		var err error
		if c.LeadID != "" {
			n, _, err = h.page(ctx, of, one(of, c.LeadID))
		} else {
			n, _, err = h.walk(ctx, of, "", 0)
		}
		all = all.plus(n)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// walk decides a campaign's pending leads with ids above after, page by page. It stops when more than
// that many pages changed no lead. end is the id of the last lead it looked at; empty when it reached the last pending lead.
func (h *MatchPendingHandler) walk(ctx context.Context, of application.Ref, after string, pages int) (all Matched, end string, err error) {
	for {
		n, last, err := h.page(ctx, of, behind(of, after))
		all = all.plus(n)
		if err != nil || last == "" {
			return all, "", err
		}
		after = last
		if n.Sold+n.Unsold+n.Asked == 0 {
			if pages--; pages < 0 {
				return all, after, nil
			}
		}
	}
}

// page decides one page of pending leads. last is the id of its last lead; empty when no page follows. With providers of
// facts the page is read first, in a transaction that changes something only when there is nothing to ask about, and decided
// in a second one. Leads that came between the two wait for the next pass.
func (h *MatchPendingHandler) page(ctx context.Context, of application.Ref, load lock) (n Matched, last string, err error) {
	if !h.Facts.Any() {
		return h.decide(ctx, of, load, func(*distribution.Book, []*lead.Lead, time.Time) offers { return asTheyAre })
	}
	var facts []lead.Facts
	n, last, err = h.decide(ctx, of, load, func(b *distribution.Book, leads []*lead.Lead, now time.Time) offers {
		facts = nil
		if open(b, leads, now) {
			for _, l := range leads {
				if l.PendingUntil().After(now) {
					facts = append(facts, l.Facts())
				}
			}
		}
		if len(facts) > 0 {
			return nil
		}
		return noneNow
	})
	if err != nil || len(facts) == 0 {
		return n, last, err
	}
	answers := h.ask(ctx, facts)
	n, _, err = h.decide(ctx, of, load, func(*distribution.Book, []*lead.Lead, time.Time) offers {
		return func(l *lead.Lead) (lead.Facts, bool) {
			a, asked := answers[l.ID()]
			return l.Facts().WithOutside(a), asked
		}
	})
	return n, last, err
}

// factPatience is how long the leads of one page wait for facts from outside.
const factPatience = 10 * time.Second

// ask asks the providers about leads and returns the answers by lead id.
func (h *MatchPendingHandler) ask(ctx context.Context, facts []lead.Facts) map[string]map[string]field.Set {
	ctx, cancel := context.WithTimeout(ctx, factPatience)
	defer cancel()
	answers := make(map[string]map[string]field.Set, len(facts))
	for i, a := range h.Facts.AskAll(ctx, facts) {
		if a != nil {
			answers[facts[i].ID] = a
		}
	}
	return answers
}

// offers returns the facts with which a pending lead is offered; ok is false for one that is not offered now.
type offers func(l *lead.Lead) (f lead.Facts, ok bool)

func asTheyAre(l *lead.Lead) (lead.Facts, bool) { return l.Facts(), true }

func noneNow(*lead.Lead) (lead.Facts, bool) { return lead.Facts{}, false }

// decide decides one page of pending leads in one transaction; last is as of page. prepare sees the page before anything is
// decided and says how its leads are offered; when it returns nil, nothing is changed.
func (h *MatchPendingHandler) decide(ctx context.Context, of application.Ref, load lock, prepare func(*distribution.Book, []*lead.Lead, time.Time) offers) (n Matched, last string, err error) {
	err = h.Plans.ahead(func(look lookup) (err error) {
		n, last, err = h.decideBy(ctx, look, of, load, prepare)
		return err
	})
	return n, last, err
}

func (h *MatchPendingHandler) decideBy(ctx context.Context, look lookup, of application.Ref, load lock, prepare func(*distribution.Book, []*lead.Lead, time.Time) offers) (n Matched, last string, err error) {
	now := h.Clock.Now()
	sales := newSaleIDs(h.IDs)
	var wrong failure
	err = h.Work.Do(ctx, func(ctx context.Context, tx market.Tx) error {
		n, last, wrong = Matched{}, "", failure{}
		campaigns, err := tx.Campaigns().LockAll(ctx, []application.Ref{of}, h.Plans.cached(of.ID))
		if err != nil || campaigns[of.ID] == nil {
			return err
		}
		c := campaigns[of.ID]
		leads, err := load(ctx, tx.Leads())
		if err != nil || len(leads) == 0 {
			return err
		}
		if len(leads) == matchPage {
			last = leads[len(leads)-1].ID()
		}
		seller, err := tx.Sellers().Get(ctx, c.SellerID())
		if err != nil {
			return err
		}
		suppressed, err := suppressedPending(ctx, tx, c, leads)
		if err != nil {
			return err
		}
		offers, err := look.offered(campaigns, false, factsOf(leads))
		if err != nil {
			return err
		}
		m, err := openMarketplace(ctx, locked(tx), offers, h.Strategies, now)
		if err != nil {
			return err
		}
		if err := m.promise(ctx, tx, c.SellerID(), leads, seller.Currency(), now); err != nil {
			return err
		}
		offer := prepare(m.books[of.ID], leads, now)
		if offer == nil {
			return nil
		}
		if err := m.readAhead(ctx, c, leads); err != nil {
			return err
		}
		refuse, err := notAgain(ctx, tx, m.books[of.ID], c, leads, now)
		if err != nil {
			return err
		}
		var changed []*lead.Lead
		for _, l := range leads {
			was := l.Status()
			if suppressed[l.ID()] {
				err = l.Suppress(now)
			} else {
				err = h.again(ctx, m, c, l, refuse(l), offer, seller.Currency(), sales.of(l.ID()), now)
			}
			if err != nil {
				if !ofStrategy(err) {
					return err
				}
				n.Failed++
				wrong = failure{c.Strategy(), l.ID(), err}
			}
			if l.Status() == was && !l.Asked() {
				continue
			}
			changed = append(changed, l)
			switch {
			case l.Asked():
				n.Asked++
			case l.Status() == lead.StatusSold:
				n.Sold++
			default:
				n.Unsold++
			}
		}
		if len(changed) == 0 {
			return nil
		}
		if err := giveBackClaims(ctx, tx, c.SellerID(), rejectedAmong(changed)); err != nil {
			return err
		}
		if err := tx.Leads().SaveAll(ctx, changed); err != nil {
			return err
		}
		if err := m.write(ctx, tx); err != nil {
			return err
		}
		return m.bought.write(ctx, tx)
	})
	if err != nil {
		return Matched{}, "", err
	}
	if n.Failed > 0 {
		h.Logger.LogAttrs(ctx, slog.LevelError, "a strategy failed on pending leads; they stay pending", append(wrong.attrs(),
			slog.String("campaign_id", of.ID), slog.Int("failed", n.Failed))...)
	}
	return n, last, nil
}

func factsOf(leads []*lead.Lead) iter.Seq[lead.Facts] {
	return func(yield func(lead.Facts) bool) {
		for _, l := range leads {
			if !yield(l.Facts()) {
				return
			}
		}
	}
}

// failure is what a strategy did wrong with a lead.
type failure struct {
	strategy, leadID string
	err              error
}

func (f failure) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("strategy", f.strategy), slog.String("lead_id", f.leadID), slog.String("error", f.err.Error())}
	if p, ok := errors.AsType[*bus.PanicError](f.err); ok {
		attrs = append(attrs, slog.String("stack", string(p.Stack)))
	}
	return attrs
}

// ofStrategy reports whether an error is a defect of a strategy, which leaves other leads alone.
func ofStrategy(err error) bool {
	_, panicked := errors.AsType[*bus.PanicError](err)
	_, ranked := errors.AsType[*distribution.RankingError](err)
	return panicked || ranked
}

// open reports whether any contract could take one of some leads now, at whatever they are offered.
func open(b *distribution.Book, leads []*lead.Lead, now time.Time) bool {
	var least money.Micros
	young := false
	for _, l := range leads {
		young = young || mayBeQuoted(l, now)
		if price := l.AskingPrice(); price != 0 && (least == 0 || price < least) {
			least = price
		}
	}
	return b.Open() || least != 0 && b.OpenAt(least) || young && b.OpenToBids()
}

// again offers one pending lead again, but not to contracts that are refused it, or marks it unsold when its time ran out.
func (h *MatchPendingHandler) again(ctx context.Context, m *marketplace, c *campaign.Campaign, l *lead.Lead, refuse func(campaign.Contract) string, offer offers, currency money.Currency, saleID drawSale, now time.Time) error {
	if !l.PendingUntil().After(now) {
		return l.Expire(now)
	}
	facts, ok := offer(l)
	if !ok {
		return nil
	}
	d, err := m.decide(ctx, c, l, distribution.Ask{Facts: facts, Refuse: refuse})
	if err != nil || len(d.Takers) == 0 {
		return err
	}
	if err := m.sell(l, c, d, currency, saleID, now); err != nil || l.Test() {
		return err
	}
	m.bought.take(l, d.Takers)
	return m.take(l, d.Takers, h.IDs, saleID, now)
}

// saleIDs are the ids of sales by their leads. They are drawn once, so that a transaction that is tried again stores the same ones.
type saleIDs struct {
	ids   application.IDs
	drawn map[string][]string
}

func newSaleIDs(ids application.IDs) saleIDs { return saleIDs{ids, map[string][]string{}} }

// of returns the ids of a lead's sales.
func (s saleIDs) of(leadID string) drawSale {
	return func(n int) string {
		for len(s.drawn[leadID]) <= n {
			s.drawn[leadID] = append(s.drawn[leadID], s.ids.New("sale"))
		}
		return s.drawn[leadID][n]
	}
}

// matchPage is how many pending leads are looked at in one transaction.
const matchPage = 100

// lock loads and locks at most matchPage pending leads of a campaign.
type lock func(context.Context, application.LeadRepository) ([]*lead.Lead, error)

// behind locks the oldest leads with ids above after.
func behind(of application.Ref, after string) lock {
	return func(ctx context.Context, r application.LeadRepository) ([]*lead.Lead, error) {
		return r.LockPending(ctx, of, after, matchPage)
	}
}

// one locks a single lead if it is pending.
func one(of application.Ref, leadID string) lock {
	return func(ctx context.Context, r application.LeadRepository) ([]*lead.Lead, error) {
		return r.LockPendingByID(ctx, of, leadID)
	}
}

// ask decides who takes a lead. A panic of the strategy becomes an error, so that only this lead fails. Errors:
// *bus.PanicError, *distribution.RankingError.
func ask(b *distribution.Book, a distribution.Ask) (d distribution.Decision, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = bus.Panicked(r)
		}
	}()
	return b.Decide(a)
}
