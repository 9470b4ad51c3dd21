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

// errUndone ends a transaction that changes nothing.
var errUndone = errors.New("undone")

// refused returns the places of a batch at which the database refuses a lead. It looks for them by halves, in transactions that are undone.
// The error is what kept it from looking.
func (h *SubmitLeadsHandler) refused(ctx context.Context, batch []*Submission, at int) (places []int, err error) {
	_, err = h.attempt(ctx, batch, beside{after: func(context.Context, market.Tx, *tally) error { return errUndone }})
	switch _, data := errors.AsType[*application.DataError](err); {
	case errors.Is(err, errUndone):
		return nil, nil
	case !data:
		return nil, err
	case len(batch) == 1:
		return []int{at}, nil
	}
	half := len(batch) / 2
	if places, err = h.refused(ctx, batch[:half], at); err != nil {
		return nil, err
	}
	behind, err := h.refused(ctx, batch[half:], at+half)
	return append(places, behind...), err
}

// LeadsTogether decides leads that came together, in their order and in one transaction: each as SubmitLead does it alone.
type LeadsTogether struct {
	Submit *SubmitLeadHandler
	Batch  *SubmitLeadsHandler
	// Measure is told how many leads share a transaction before it begins, and calls what it returns when it ended.
	Measure func(leads int) (ended func())
}

// asked is one lead of several: a command, or why it could not be read. about is what the outside was asked about it, with the answers.
type asked struct {
	SubmitLead

	wrong error
	about *Submission
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
	batch    []*Submission // those that are decided
	places   []int         // in all
}

// ask asks the outside about leads, all together for no longer than a time: what is not answered by then is decided without it. An error is not
// about a lead.
func (g *LeadsTogether) ask(ctx context.Context, all []asked, atMost time.Duration) error {
	if !g.Submit.Facts.Any() {
		return nil
	}
	p := &group{LeadsTogether: g, all: all}
	if err := p.check(ctx); err != nil {
		return err
	}
	now := g.Submit.Clock.Now()
	facts := make([]lead.Facts, len(p.batch))
	for n, s := range p.batch {
		facts[n] = s.submit(s.campaign, s.fields, now).Facts()
	}
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	for n, outside := range g.Submit.Facts.AskAll(ctx, facts) {
		p.batch[n].outside = outside
		all[p.places[n]].about = p.batch[n]
	}
	return nil
}

// decide decides leads. before and after are in their transaction; after is told what becomes of each. No outcomes are returned when all was
// done before. An error means that nothing was done; that of a lead is its outcome. A lead that the database refuses fails alone.
func (g *LeadsTogether) decide(ctx context.Context, all []asked, before func(ctx context.Context, tx market.Tx, now time.Time) (bool, error),
	after func(ctx context.Context, tx market.Tx, d decided) error,
) ([]bus.Outcome[application.Done], error) {
	p := &group{LeadsTogether: g, all: slices.Clone(all)}
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
			places, kept := g.Batch.refused(ctx, p.batch, 0)
			switch {
			case kept != nil:
				return nil, kept
			case len(places) == 0:
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
	if err := p.check(ctx); err != nil {
		return err
	}
	return p.doubleClicks(ctx)
}

// check checks each lead by the rules of its campaign.
func (p *group) check(ctx context.Context) error {
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
			if a.about != nil { // the answers are about the lead with this id
				s.leadID, s.saleID, s.outside = a.about.leadID, a.about.saleID, a.about.outside
			}
			p.batch, p.places = append(p.batch, s), append(p.places, i)
		case fault.KindOf(err) == fault.Invalid || errors.Is(err, ErrWrongSeller):
			p.outcomes[i].Err = err
		default:
			return err
		}
	}
	return nil
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
