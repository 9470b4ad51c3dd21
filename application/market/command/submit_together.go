package command

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

// beside is what a transaction that decides leads does besides. The zero value is nothing.
type beside struct {
	// before comes first. When all was done by an earlier transaction, it says so, and nothing else is done.
	before func(ctx context.Context, tx market.Tx, now time.Time) (done bool, err error)
	// after comes when the leads are decided and written.
	after func(ctx context.Context, tx market.Tx, t *tally) error
}

func (b beside) begin(ctx context.Context, tx market.Tx, now time.Time) (done bool, err error) {
	if b.before == nil {
		return false, nil
	}
	return b.before(ctx, tx, now)
}

func (b beside) end(ctx context.Context, tx market.Tx, t *tally) error {
	if b.after == nil {
		return nil
	}
	return b.after(ctx, tx, t)
}

// together decides a batch and what is beside it in one transaction, or nothing of it. There are no outcomes when all was done before.
// Errors: those of UnitOfWork.Do, after an unknown outcome was looked into, and those of what is beside.
func (h *SubmitLeadsHandler) together(ctx context.Context, batch []*Submission, b beside) ([]bus.Outcome[application.Done], error) {
	outcomes, err := h.attempt(ctx, batch, b)
	if _, unknown := errors.AsType[*application.OutcomeUnknownError](err); !unknown {
		return outcomes, err
	}
	if b.before != nil { // which knows what was done
		return h.attempt(ctx, batch, b)
	}
	return h.settle(ctx, batch, err), nil
}

// refused returns the places of a batch at which the database refuses a lead. It looks for them by halves, in transactions that are undone.
func (h *SubmitLeadsHandler) refused(ctx context.Context, batch []*Submission, at int) (places []int) {
	undone := errors.New("undone")
	_, err := h.attempt(ctx, batch, beside{after: func(context.Context, market.Tx, *tally) error { return undone }})
	if _, data := errors.AsType[*application.DataError](err); !data {
		return nil
	}
	if len(batch) == 1 {
		return []int{at}
	}
	half := len(batch) / 2
	return append(h.refused(ctx, batch[:half], at), h.refused(ctx, batch[half:], at+half)...)
}

// LeadsTogether decides leads that came together, in their order and in one transaction: each as SubmitLead does it alone.
type LeadsTogether struct {
	Submit *SubmitLeadHandler
	Batch  *SubmitLeadsHandler
	// Measure is told how many leads share a transaction before it begins, and calls what it returns when it ended.
	Measure func(leads int) (ended func())
}

// asked is one lead of several: a command, or why it could not be read.
type asked struct {
	SubmitLead

	wrong error
}

// decided is what becomes of leads that came together: an outcome of each, when, and the id of one that was stored, if any was.
type decided struct {
	outcomes []bus.Outcome[application.Done]
	leadID   string
	at       time.Time
}

// group is some leads on the way to their transaction.
type group struct {
	*LeadsTogether

	all      []asked
	outcomes []bus.Outcome[application.Done]
	outside  []map[string]field.Set // of each
	told     bool                   // whether the outside was asked
	batch    []*Submission          // those that are decided
	places   []int                  // in all
}

// decide decides leads. before and after are in their transaction; after is told what becomes of each. No outcomes are returned when all was
// done before. An error means that nothing was done; that of a lead is its outcome. A lead that the database refuses fails alone.
func (g *LeadsTogether) decide(ctx context.Context, all []asked, before func(ctx context.Context, tx market.Tx, now time.Time) (bool, error),
	after func(ctx context.Context, tx market.Tx, d decided) error,
) ([]bus.Outcome[application.Done], error) {
	p := &group{LeadsTogether: g, all: slices.Clone(all), outside: make([]map[string]field.Set, len(all))}
	for stale := false; ; {
		if err := p.prepare(ctx); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, application.ErrUnavailable.Because(err)
		}
		outcomes, err := p.run(ctx, before, after, stale)
		switch _, data := errors.AsType[*application.DataError](err); {
		case errors.Is(err, errStale) && !stale:
			stale = true
			for _, s := range p.batch {
				g.Submit.Directory.forget(s.Actor.SellerID, s.Category)
			}
		case data:
			places := g.Batch.refused(ctx, p.batch, 0)
			if len(places) == 0 {
				return nil, err
			}
			for _, i := range places {
				p.all[p.places[i]].wrong = err
			}
		default:
			return outcomes, err
		}
	}
}

// prepare does what needs no transaction. An error is not about a lead.
func (p *group) prepare(ctx context.Context) error {
	p.outcomes, p.batch, p.places = make([]bus.Outcome[application.Done], len(p.all)), nil, nil
	campaigns := &lookedUp{of: p.Submit.Directory, known: map[string]*looked{}}
	for i := range p.all {
		a := &p.all[i]
		if a.wrong != nil {
			p.outcomes[i].Err = a.wrong
			continue
		}
		s, err := p.Submit.prepare(ctx, a.SubmitLead, campaigns)
		switch {
		case err == nil:
			s.outside = p.outside[i]
			p.batch, p.places = append(p.batch, s), append(p.places, i)
		case fault.KindOf(err) == fault.Invalid || errors.Is(err, ErrWrongSeller):
			p.outcomes[i].Err = err
		default:
			return err
		}
	}
	if !p.told && p.Submit.Facts.Any() {
		p.told = true
		now := p.Submit.Clock.Now()
		facts := make([]lead.Facts, len(p.batch))
		for n, s := range p.batch {
			facts[n] = s.submit(s.campaign, s.fields, now).Facts()
		}
		for n, outside := range p.Submit.Facts.AskAll(ctx, facts) {
			p.batch[n].outside, p.outside[p.places[n]] = outside, outside
		}
	}
	return p.doubleClicks(ctx)
}

// doubleClicks answers those leads that are refused as their like of the last minute was, if there is one.
func (p *group) doubleClicks(ctx context.Context) error {
	places := map[market.RequestContent][]int{}
	var requests []market.RequestRef
	for i, o := range p.outcomes {
		if c := &p.all[i].SubmitLead; o.Err != nil && p.all[i].wrong == nil && fault.KindOf(o.Err) == fault.Invalid {
			content := c.content()
			places[content] = append(places[content], i)
			requests = append(requests, market.RequestRef{SellerID: c.Actor.SellerID, Content: content})
		}
	}
	if len(requests) == 0 {
		return nil
	}
	recent, err := p.Submit.Replays.FindAllRecent(ctx, requests, p.Submit.Clock.Now().Add(-market.DoubleClick))
	if err != nil {
		return err
	}
	for content, stored := range recent {
		for _, i := range places[content] {
			p.outcomes[i] = bus.Outcome[application.Done]{Result: application.Done{Response: stored.Response, Replayed: true}}
		}
	}
	return nil
}

// run decides what is prepared. The error is errStale when a campaign differs from what was remembered, unless that is what was stored.
func (p *group) run(ctx context.Context, before func(ctx context.Context, tx market.Tx, now time.Time) (bool, error),
	after func(ctx context.Context, tx market.Tx, d decided) error, stored bool,
) ([]bus.Outcome[application.Done], error) {
	if p.Measure != nil {
		ended := p.Measure(len(p.batch))
		defer ended()
	}
	if len(p.batch) == 0 && before == nil {
		return p.outcomes, nil
	}
	done, err := p.Batch.together(ctx, p.batch, beside{before, func(ctx context.Context, tx market.Tx, t *tally) error {
		if !stored && slices.ContainsFunc(t.outcomes, isStale) {
			return errStale
		}
		if after == nil {
			return nil
		}
		d := decided{outcomes: p.merged(t.outcomes), at: t.now}
		if len(t.leads) > 0 {
			d.leadID = t.leads[0].Lead.ID()
		}
		return after(ctx, tx, d)
	}})
	if err != nil || done == nil {
		return nil, err
	}
	return p.merged(done), nil
}

func isStale(o bus.Outcome[application.Done]) bool { return errors.Is(o.Err, errStale) }

// merged puts the outcomes of what was decided at their places.
func (p *group) merged(done []bus.Outcome[application.Done]) []bus.Outcome[application.Done] {
	out := slices.Clone(p.outcomes)
	for n, o := range done {
		if isStale(o) {
			o.Err = campaign.ErrNoMatching
		}
		out[p.places[n]] = o
	}
	return out
}

// lookedUp finds each category once, and looks once at most at what is stored of it, so that many leads of one are not many questions.
type lookedUp struct {
	of    *Directory
	known map[string]*looked
}

type looked struct {
	c      *campaign.Campaign
	err    error
	stored bool // as it is now; otherwise as it is remembered
}

func (l *lookedUp) find(ctx context.Context, sellerID, category string) (*campaign.Campaign, bool, error) {
	key := campaign.CategoryKey(category)
	k := l.known[key]
	if k == nil {
		c, remembered, err := l.of.find(ctx, sellerID, category)
		k = &looked{c, err, !remembered}
		l.known[key] = k
	}
	return k.c, !k.stored, k.err
}

func (l *lookedUp) refresh(ctx context.Context, sellerID, category string) (*campaign.Campaign, error) {
	key := campaign.CategoryKey(category)
	if k := l.known[key]; k != nil && k.stored {
		return k.c, k.err
	}
	c, err := l.of.refresh(ctx, sellerID, category)
	l.known[key] = &looked{c, err, true}
	return c, err
}
