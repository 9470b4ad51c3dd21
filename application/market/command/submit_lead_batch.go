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
)

// SubmitLeadsHandler decides a batch of leads in one transaction (docs/architecture.md, "Batching"): reads are one statement
// each for the whole batch, decisions are made one after another in memory in the order of arrival, writes are multi-row.
type SubmitLeadsHandler struct {
	Work       market.UnitOfWork
	Clock      application.Clock
	IDs        application.IDs
	Directory  *Directory
	Strategies distribution.Strategies
	Rules      lead.IntakeRules
}

// HandleBatch implements bus.BatchHandler.
func (h *SubmitLeadsHandler) HandleBatch(ctx context.Context, batch []*Submission) []bus.Outcome[application.Done] {
	return h.run(ctx, batch, h.settle)
}

// run decides a batch. unknownOutcome is called when a commit was sent and its answer was lost.
func (h *SubmitLeadsHandler) run(ctx context.Context, batch []*Submission, unknownOutcome func(context.Context, []*Submission, error) []bus.Outcome[application.Done]) []bus.Outcome[application.Done] {
	outcomes, err := h.attempt(ctx, batch)
	var unknown *application.OutcomeUnknownError
	var data *application.DataError
	switch {
	case err == nil:
		return outcomes
	case errors.As(err, &unknown):
		return unknownOutcome(ctx, batch, err)
	case errors.As(err, &data) && len(batch) > 1:
		// Run the halves separately, so that in the end only the command that the database refuses fails.
		half := len(batch) / 2
		return append(h.run(ctx, batch[:half:half], unknownOutcome), h.run(ctx, batch[half:], unknownOutcome)...)
	default:
		return allFail(ctx, batch, err)
	}
}

// settle finds out what became of a batch after the answer to its commit was lost: leads that are stored get their stored
// responses, the others are run once more. It locks the campaigns first, which waits for a commit that is still under way.
func (h *SubmitLeadsHandler) settle(ctx context.Context, batch []*Submission, _ error) []bus.Outcome[application.Done] {
	var stored map[string]application.StoredResponse
	err := h.Work.Do(ctx, func(ctx context.Context, tx market.Tx) error {
		if _, err := tx.Campaigns().LockAll(ctx, campaignsOf(batch), cachedCampaigns(batch)); err != nil {
			return err
		}
		leads := make([]application.Ref, len(batch))
		for i, s := range batch {
			leads[i] = application.Ref{SellerID: s.Actor.SellerID, ID: s.leadID}
		}
		var err error
		stored, err = tx.Leads().Responses(ctx, leads)
		return err
	})
	if err != nil {
		return allFail(ctx, batch, err)
	}
	outcomes := make([]bus.Outcome[application.Done], len(batch))
	var again []*Submission
	var places []int
	for i, s := range batch {
		if a, ok := stored[s.leadID]; ok {
			outcomes[i].Result = application.Done{Response: a.Response}
			continue
		}
		again, places = append(again, s), append(places, i)
	}
	if len(again) == 0 {
		return outcomes
	}
	for n, o := range h.run(ctx, again, allFail) {
		outcomes[places[n]] = o
	}
	return outcomes
}

func (h *SubmitLeadsHandler) attempt(ctx context.Context, batch []*Submission) ([]bus.Outcome[application.Done], error) {
	now := h.Clock.Now()
	var t *tally
	err := h.Work.Do(ctx, func(ctx context.Context, tx market.Tx) (err error) {
		t, err = h.open(ctx, tx, batch, now)
		if err != nil {
			return err
		}
		for i, s := range batch {
			t.outcomes[i].Result, t.outcomes[i].Err = h.decide(t, i, s)
		}
		return t.write(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	for id, c := range t.campaigns {
		if t.cached[id] != c {
			h.Directory.remember(c)
		}
	}
	return t.outcomes, nil
}

// open locks and reads all that the batch needs, each with one statement.
func (h *SubmitLeadsHandler) open(ctx context.Context, tx market.Tx, batch []*Submission, now time.Time) (*tally, error) {
	t := &tally{
		now: now, outcomes: make([]bus.Outcome[application.Done], len(batch)), checks: make([]checked, len(batch)),
		cached: cachedCampaigns(batch), expired: map[market.ClaimKey]bool{}, forgotten: map[market.RequestContent]bool{},
	}
	var err error
	if t.campaigns, err = tx.Campaigns().LockAll(ctx, campaignsOf(batch), t.cached); err != nil {
		return nil, err
	}
	for i, s := range batch {
		t.checks[i] = t.check(s)
	}
	if t.market, err = openMarketplace(ctx, tx, t.campaigns, h.Strategies, now); err != nil {
		return nil, err
	}
	return t, t.readClaims(ctx, tx, batch)
}

// decide decides one lead. It changes the tally only after everything that can fail, so that a failing lead does not affect
// the others.
func (h *SubmitLeadsHandler) decide(t *tally, i int, s *Submission) (done application.Done, err error) {
	defer func() {
		if r := recover(); r != nil {
			done, err = application.Done{}, bus.Panicked(r)
		}
	}()
	if done, answered, err := t.replayed(s); answered || err != nil {
		return done, err
	}
	check := t.checks[i]
	if check.err != nil {
		return application.Done{}, check.err
	}
	c := t.campaigns[s.campaign.ID()]
	l := s.submit(c, check.fields, t.now)
	facts := l.Facts().WithOutside(s.outside)
	result := SubmitLeadResult{LeadID: s.leadID, Test: s.Test, Currency: s.Actor.Currency}
	why, err := h.refusal(t, facts, s, check.dedupe)
	if err != nil {
		return application.Done{}, err
	}
	var taker *distribution.Decision
	switch {
	case why == nil:
		if taker, err = t.market.offer(l, facts, c, s.Actor.Currency, s.saleID, t.now); err != nil {
			return application.Done{}, err
		}
	case errors.Is(why, lead.ErrDuplicate) || errors.Is(why, lead.ErrDuplicateExternalID):
		err = l.MarkDuplicate(why, t.now)
	default:
		err = l.Reject(why, t.now)
	}
	if err != nil {
		return application.Done{}, err
	}
	result.Status = string(l.Status())
	result.Code, result.Reason = l.Why()
	result.Price, result.HasPrice = l.Shown()
	if taker != nil {
		result.BuyerIDs = []string{taker.Contract.BuyerID()}
	}
	answer := s.Render(result)
	if taker != nil && !s.Test {
		if err := t.market.take(c.ID(), taker.Contract.ID(), h.IDs.New("entry"), s.saleID, t.now); err != nil {
			return application.Done{}, err
		}
	}
	t.keep(s, l, answer, check.dedupe, c.DedupeWindow())
	return application.Done{Response: answer}, nil
}

// refusal returns why a lead is not offered to buyers, or nil: an intake rule refuses it, its external_id was used before,
// or it is a duplicate. Errors: lead.ErrRuleUnavailable.
func (h *SubmitLeadsHandler) refusal(t *tally, f lead.Facts, s *Submission, dedupe []market.Claim) (*fault.Error, error) {
	if why, err := h.Rules.Check(f); why != nil || err != nil {
		return why, err
	}
	if _, held := t.claims[s.external]; held && s.ExternalID != "" {
		return lead.ErrDuplicateExternalID, nil
	}
	for _, claim := range dedupe {
		if _, held := t.claims[claim.Key]; held {
			return lead.ErrDuplicate, nil
		}
	}
	return nil, nil
}

func allFail(_ context.Context, batch []*Submission, err error) []bus.Outcome[application.Done] {
	outcomes := make([]bus.Outcome[application.Done], len(batch))
	for i := range outcomes {
		outcomes[i].Err = err
	}
	return outcomes
}

func campaignsOf(batch []*Submission) []application.Ref {
	refs := make([]application.Ref, len(batch))
	for i, s := range batch {
		refs[i] = application.Ref{SellerID: s.campaign.SellerID(), ID: s.campaign.ID()}
	}
	return application.SortedRefs(refs)
}

// cachedCampaigns returns each campaign of the batch in the newest version that a submission holds.
func cachedCampaigns(batch []*Submission) map[string]*campaign.Campaign {
	cached := map[string]*campaign.Campaign{}
	for _, s := range batch {
		if c := cached[s.campaign.ID()]; c == nil || c.Version() < s.campaign.Version() {
			cached[s.campaign.ID()] = s.campaign
		}
	}
	return cached
}

// tally is the state of a batch while its leads are decided one after another.
type tally struct {
	now       time.Time
	outcomes  []bus.Outcome[application.Done]
	checks    []checked
	cached    map[string]*campaign.Campaign
	campaigns map[string]*campaign.Campaign
	market    *marketplace
	claims    map[market.ClaimKey]market.Claim      // live claims, including those of this batch
	requests  map[market.RequestContent]string      // the leads of recent requests, including those of this batch
	expired   map[market.ClaimKey]bool              // stored, but expired
	forgotten map[market.RequestContent]bool        // stored, but no longer recent
	answers   map[string]application.StoredResponse // by lead id

	leads             []application.StoredLead
	fresh, over       []market.Claim   // new claims; claims that replace expired ones
	asked, askedAgain []market.Request // new requests; requests that replace forgotten ones
}

func (t *tally) check(s *Submission) checked {
	c := t.campaigns[s.campaign.ID()]
	switch {
	case c == nil || c.Status() != campaign.StatusActive || campaign.CategoryKey(c.Category()) != campaign.CategoryKey(s.Category):
		return checked{err: errStale}
	case c.Version() == s.campaign.Version():
		return checked{fields: s.fields, dedupe: s.dedupe}
	}
	fields, _, err := checkFields(c, &s.SubmitLead)
	if err != nil {
		return checked{err: err}
	}
	return checked{fields: fields, dedupe: market.DedupeClaims(c, fields)}
}

// readClaims reads the recent requests that submissions of the batch may repeat and the claims that its leads may collide
// with, and then the responses that may be sent again.
func (t *tally) readClaims(ctx context.Context, tx market.Tx, batch []*Submission) error {
	keys := make([]market.ClaimRef, 0, 4*len(batch))
	requests := make([]market.RequestRef, 0, len(batch))
	for i, s := range batch {
		requests = append(requests, market.RequestRef{SellerID: s.Actor.SellerID, Content: s.request})
		if s.IdempotencyKey != "" {
			keys = append(keys, market.ClaimRef{SellerID: s.Actor.SellerID, Key: s.idempotency})
		}
		if s.ExternalID != "" {
			keys = append(keys, market.ClaimRef{SellerID: s.Actor.SellerID, Key: s.external})
		}
		for _, claim := range t.checks[i].dedupe {
			keys = append(keys, claim.Ref())
		}
	}
	claims, recent, err := tx.Claims().Find(ctx, keys, requests)
	if err != nil {
		return err
	}
	t.claims = make(map[market.ClaimKey]market.Claim, len(keys))
	for key, claim := range claims {
		if claim.ExpiresAt.After(t.now) {
			t.claims[key] = claim
		} else {
			t.expired[key] = true
		}
	}
	t.requests = make(map[market.RequestContent]string, len(requests))
	for content, request := range recent {
		if request.AcceptedAt.After(t.now.Add(-market.DoubleClick)) {
			t.requests[content] = request.LeadID
		} else {
			t.forgotten[content] = true
		}
	}
	var holders []application.Ref
	for _, s := range batch {
		holders = append(holders, t.holders(s)...)
	}
	t.answers = map[string]application.StoredResponse{}
	if len(holders) == 0 {
		return nil
	}
	t.answers, err = tx.Leads().Responses(ctx, holders)
	return err
}

// holders returns the stored leads whose responses may be sent again to a submission. A duplicate gets no response of another
// lead.
func (t *tally) holders(s *Submission) (leads []application.Ref) {
	hold := func(leadID string) { leads = append(leads, application.Ref{SellerID: s.Actor.SellerID, ID: leadID}) }
	if s.IdempotencyKey != "" {
		if claim, held := t.claims[s.idempotency]; held {
			hold(claim.LeadID)
		}
		return leads
	}
	if leadID, recent := t.requests[s.request]; recent {
		hold(leadID)
	}
	if claim, held := t.claims[s.external]; held && s.ExternalID != "" {
		hold(claim.LeadID)
	}
	return leads
}

// replayed returns the stored response to an earlier equal request: with an Idempotency-Key one with the same key, else a
// double click or one with the same external_id.
func (t *tally) replayed(s *Submission) (done application.Done, answered bool, err error) {
	if s.IdempotencyKey != "" {
		claim, held := t.claims[s.idempotency]
		if !held {
			return application.Done{}, false, nil
		}
		done, err = replay(t.answers[claim.LeadID], &s.SubmitLead, nil)
		return done, true, err
	}
	if leadID, recent := t.requests[s.request]; recent {
		return application.Done{Response: t.answers[leadID].Response, Replayed: true}, true, nil
	}
	if claim, held := t.claims[s.external]; held && s.ExternalID != "" {
		if stored := t.answers[claim.LeadID]; stored.Fingerprint == s.Fingerprint {
			return application.Done{Response: stored.Response, Replayed: true}, true, nil
		}
	}
	return application.Done{}, false, nil
}

// keep adds a decided lead, its request and its claims to what the batch writes. Later leads of the batch see them.
func (t *tally) keep(s *Submission, l *lead.Lead, answer application.Response, dedupe []market.Claim, window time.Duration) {
	t.leads = append(t.leads, application.StoredLead{Lead: l, Fingerprint: s.Fingerprint, Response: answer, Trail: s.Trail})
	t.answers[s.leadID] = application.StoredResponse{Fingerprint: s.Fingerprint, Response: answer}
	t.remember(s)
	if s.IdempotencyKey != "" {
		t.claim(s, s.idempotency, application.KeepResponses)
	}
	if s.Test || l.Status() == lead.StatusDuplicate || l.Status() == lead.StatusRejected {
		return
	}
	if s.ExternalID != "" {
		t.claim(s, s.external, forever)
	}
	for _, claim := range dedupe {
		t.claim(s, claim.Key, window)
	}
}

// claim takes a claim for a submission's lead. A claim that is held already is not extended.
func (t *tally) claim(s *Submission, key market.ClaimKey, lasts time.Duration) {
	if _, held := t.claims[key]; held {
		return
	}
	claim := market.Claim{SellerID: s.Actor.SellerID, Key: key, LeadID: s.leadID, ExpiresAt: t.now.Add(lasts)}
	t.claims[key] = claim
	if t.expired[key] {
		t.over = append(t.over, claim)
		return
	}
	t.fresh = append(t.fresh, claim)
}

// remember keeps a submission's request, so that its double click is known. One that is recent already is not made younger.
func (t *tally) remember(s *Submission) {
	if _, recent := t.requests[s.request]; recent {
		return
	}
	request := market.Request{SellerID: s.Actor.SellerID, Content: s.request, LeadID: s.leadID, AcceptedAt: t.now}
	t.requests[s.request] = s.leadID
	if t.forgotten[s.request] {
		t.askedAgain = append(t.askedAgain, request)
		return
	}
	t.asked = append(t.asked, request)
}

// write stores what the batch decided, each table with one statement.
func (t *tally) write(ctx context.Context, tx market.Tx) error {
	if len(t.leads) == 0 {
		return nil
	}
	if err := tx.Leads().AddAll(ctx, t.leads); err != nil {
		return err
	}
	if err := t.market.write(ctx, tx); err != nil {
		return err
	}
	if err := tx.Claims().Take(ctx, t.fresh, t.over, t.now); err != nil {
		return err
	}
	return tx.Claims().Remember(ctx, t.asked, t.askedAgain, t.now.Add(-market.DoubleClick))
}

// checked is a submission's fields and duplicate claims by the rules of the stored campaign.
type checked struct {
	fields field.Set
	dedupe []market.Claim
	err    error
}
