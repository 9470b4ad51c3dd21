package command

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/ping"
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
	outcomes, err := h.attempt(ctx, batch, beside{})
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
// responses, the others are run once more. It locks the campaigns first, which waits for a commit that is still under way, however
// patient the batch is: what cannot be found out stays unknown.
func (h *SubmitLeadsHandler) settle(ctx context.Context, batch []*Submission, unknown error) []bus.Outcome[application.Done] {
	var stored map[string]application.StoredResponse
	err := h.Work.Do(application.WithPatience(ctx, 0), func(ctx context.Context, tx market.Tx) error {
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
	if application.IsHeld(err) {
		err = unknown
	}
	if err != nil {
		return allFail(ctx, batch, err)
	}
	outcomes := make([]bus.Outcome[application.Done], len(batch))
	var again []*Submission
	var places []int
	for i, s := range batch {
		if a, ok := stored[s.leadID]; ok {
			outcomes[i].Result = a.Replay(s.Actor.SellerID)
			outcomes[i].Result.Replayed = false
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

func (h *SubmitLeadsHandler) attempt(ctx context.Context, batch []*Submission, b beside) ([]bus.Outcome[application.Done], error) {
	now := h.Clock.Now()
	var t *tally
	err := h.Directory.plans.ahead(func(look lookup) (err error) {
		t, err = h.decideAll(ctx, look, batch, now, b)
		return err
	})
	if err != nil || t == nil {
		return nil, err
	}
	for id, c := range t.campaigns {
		if t.cached[id].Version() != c.Version() {
			h.Directory.remember(c)
		}
	}
	return t.outcomes, nil
}

// decideAll decides a batch in one transaction, and returns no tally when all was done before.
func (h *SubmitLeadsHandler) decideAll(ctx context.Context, look lookup, batch []*Submission, now time.Time, b beside) (t *tally, err error) {
	look.begin = h.Strategies
	err = h.Work.Do(ctx, func(ctx context.Context, tx market.Tx) (err error) {
		defer func() { look.begin = distribution.Strategies{} }() // what is locked later is out of order: once more, all is locked first
		t = nil
		if done, err := b.begin(ctx, tx, now); done || err != nil {
			return err
		}
		if t, err = h.open(ctx, tx, look, batch, now); err != nil {
			return err
		}
		for i, s := range batch {
			t.outcomes[i].Result, t.outcomes[i].Err = h.decide(ctx, t, i, s)
			if err := t.market.failed(); err != nil {
				return err
			}
		}
		if err := t.write(ctx, tx); err != nil {
			return err
		}
		return b.end(ctx, tx, t)
	})
	return t, err
}

// open locks and reads all that the batch needs, each with one statement.
func (h *SubmitLeadsHandler) open(ctx context.Context, tx market.Tx, look lookup, batch []*Submission, now time.Time) (*tally, error) {
	t := &tally{
		now: now, outcomes: make([]bus.Outcome[application.Done], len(batch)), checks: make([]checked, len(batch)),
		cached: cachedCampaigns(batch), expired: map[market.ClaimKey]bool{}, forgotten: map[market.RequestContent]bool{},
	}
	if len(batch) == 0 {
		return t, nil
	}
	var err error
	if t.campaigns, err = tx.Campaigns().LockAll(ctx, campaignsOf(batch), look.plans.newer(t.cached)); err != nil {
		return nil, err
	}
	for i, s := range batch {
		t.checks[i] = t.check(s)
	}
	if t.suppressed, err = suppressedAmong(ctx, tx, t, batch); err != nil {
		return nil, err
	}
	offers, err := look.offered(t.campaigns, true, t.facts(batch))
	if err != nil {
		return nil, err
	}
	if t.market, err = openMarketplace(ctx, locked(tx), offers, h.Strategies, now); err != nil {
		return nil, err
	}
	if err := t.readPings(ctx, tx, batch); err != nil {
		return nil, err
	}
	return t, t.readClaims(ctx, tx, batch)
}

// decide decides one lead. It changes the tally only after everything that can fail, so that a failing lead does not affect
// the others.
func (h *SubmitLeadsHandler) decide(ctx context.Context, t *tally, i int, s *Submission) (done application.Done, err error) {
	defer func() {
		if r := recover(); r != nil {
			done, err = application.Done{}, bus.Panicked(r)
		}
	}()
	if done, answered, err := t.replayed(i, s); answered || err != nil {
		return done, err
	}
	check := t.checks[i]
	if check.err != nil {
		return application.Done{}, check.err
	}
	c := t.campaigns[s.campaign.ID()]
	l := s.submit(c, check.fields, t.now)
	facts := l.Facts().WithOutside(s.outside)
	sales := func(n int) string { return s.sale(n, h.IDs) }
	result := SubmitLeadResult{LeadID: s.leadID, Test: s.Test, Currency: s.Actor.Currency}
	why, held, err := h.refusal(t, facts, s, check.dedupe, c)
	if err != nil {
		return application.Done{}, err
	}
	var takers []campaign.Contract
	switch {
	case why == nil:
		if takers, err = t.market.offer(ctx, l, facts, c, s.Actor.Currency, sales, t.now); err != nil {
			return application.Done{}, err
		}
	case held:
		err = l.Quarantine(why, t.now)
	case errors.Is(why, lead.ErrDuplicate) || errors.Is(why, lead.ErrDuplicateExternalID):
		err = l.MarkDuplicate(why, t.now)
	default:
		err = l.Reject(why, t.now)
	}
	if err != nil {
		return application.Done{}, err
	}
	result.Status = l.Status().ToSupplier()
	if !held {
		result.Code, result.Reason = l.Why()
	}
	result.Price, result.HasPrice = l.Shown()
	asked := l.Asked()
	if len(takers) > 0 && !asked {
		result.BuyerIDs = make([]string, len(takers))
		for i := range takers {
			result.BuyerIDs[i] = takers[i].BuyerID()
		}
	}
	answer := s.Render(result)
	if err := t.usePing(s); err != nil {
		return application.Done{}, err
	}
	if len(takers) > 0 && !s.Test {
		if err := t.market.take(l, takers, h.IDs, sales, t.now); err != nil {
			return application.Done{}, err
		}
	}
	done = application.Done{Response: answer}
	if asked && s.Waits {
		done.Awaits = &application.Awaited{Lead: application.Ref{SellerID: s.Actor.SellerID, ID: s.leadID}, Until: t.now.Add(SupplierWaits)}
	}
	t.keep(s, l, done, check.dedupe, c)
	t.market.bought.take(l, takers)
	return done, nil
}

// refusal returns why a lead is not offered to buyers, or nil: its person is suppressed, an intake rule refuses it, its external_id was used
// before, or it is a duplicate. held says that the seller looks at it first, because of a rule or of the campaign. Errors:
// lead.ErrRuleUnavailable.
func (h *SubmitLeadsHandler) refusal(t *tally, f lead.Facts, s *Submission, dedupe []market.Claim, c *campaign.Campaign) (why *fault.Error, held bool, err error) {
	if t.suppressed[s] {
		return lead.ErrSuppressed, false, nil
	}
	verdict, err := h.Rules.Judge(f)
	if err != nil || verdict.Why != nil && !verdict.Quarantine {
		return verdict.Why, false, err
	}
	if _, held := t.claims[s.external]; held && s.ExternalID != "" {
		return lead.ErrDuplicateExternalID, false, nil
	}
	for _, claim := range dedupe {
		if _, held := t.claims[claim.Key]; held {
			return lead.ErrDuplicate, false, nil
		}
	}
	why = market.QuarantineOf(c, verdict, f.PartnerID)
	return why, why != nil, nil
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

	consents   []market.LeadConsent // of campaigns that ask for it
	suppressed map[*Submission]bool // nil when no seller of the batch suppresses anybody

	pings map[string]*ping.Ping // by id, those that leads of the batch come with
	used  []*ping.Ping

	leads             []application.StoredLead
	fresh, over       []market.Claim   // new claims; claims that replace expired ones
	asked, askedAgain []market.Request // new requests; requests that replace forgotten ones
}

// facts are what the rules of buyers see of the leads that can be offered.
func (t *tally) facts(batch []*Submission) iter.Seq[lead.Facts] {
	return func(yield func(lead.Facts) bool) {
		for i, s := range batch {
			if t.checks[i].err == nil && !yield(s.submit(t.campaigns[s.campaign.ID()], t.checks[i].fields, t.now).Facts().WithOutside(s.outside)) {
				return
			}
		}
	}
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
	own := len(keys)
	for i, s := range batch {
		if t.checks[i].err == nil {
			keys = t.market.bought.ahead(keys, t.campaigns[s.campaign.ID()], t.market.lists[s.leadID], t.checks[i].fields)
		}
	}
	claims, recent, err := tx.Claims().Find(ctx, keys, requests)
	if err != nil {
		return err
	}
	if len(keys) > own {
		t.market.bought.learn(keys[own:], claims)
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
// double click or one with the same external_id. Errors: application.ErrKeyReused, and those of checkPing.
func (t *tally) replayed(i int, s *Submission) (done application.Done, answered bool, err error) {
	if s.IdempotencyKey != "" {
		if claim, held := t.claims[s.idempotency]; held {
			done, err = replay(t.answers[claim.LeadID], &s.SubmitLead)
			return done, true, err
		}
	} else if leadID, recent := t.requests[s.request]; recent {
		return t.answers[leadID].Replay(s.Actor.SellerID), true, nil
	}
	if t.checks[i].err == nil { // else it is refused anyway, or looked at again in another campaign
		if err := t.checkPing(s); err != nil {
			return application.Done{}, false, err
		}
	}
	if claim, held := t.claims[s.external]; held && s.ExternalID != "" && s.IdempotencyKey == "" {
		if stored := t.answers[claim.LeadID]; stored.Fingerprint == s.Fingerprint {
			return stored.Replay(s.Actor.SellerID), true, nil
		}
	}
	return application.Done{}, false, nil
}

// keep adds a decided lead, its request and its claims to what the batch writes. Later leads of the batch see them.
func (t *tally) keep(s *Submission, l *lead.Lead, done application.Done, dedupe []market.Claim, c *campaign.Campaign) {
	claims := !s.Test && l.Status() != lead.StatusDuplicate && l.Status() != lead.StatusRejected
	stored := application.StoredLead{Lead: l, Fingerprint: s.Fingerprint, Response: done.Response, Trail: s.Trail}
	if done.Awaits != nil {
		stored.AnswerUntil = done.Awaits.Until
	}
	if claims && len(dedupe) > 0 {
		stored.Claimed = c.DedupeRule()
	}
	t.leads = append(t.leads, stored)
	if c.AsksConsent() {
		t.consents = append(t.consents, market.ConsentOf(l.Snapshot()))
	}
	t.answers[s.leadID] = application.StoredResponse{Fingerprint: s.Fingerprint, Response: done.Response, LeadID: s.leadID, AnswerUntil: stored.AnswerUntil}
	t.remember(s)
	if s.IdempotencyKey != "" {
		t.claim(s, s.idempotency, application.KeepResponses)
	}
	if !claims {
		return
	}
	if s.ExternalID != "" {
		t.claim(s, s.external, forever)
	}
	for _, claim := range dedupe {
		t.claim(s, claim.Key, c.DedupeWindow())
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
	if err := tx.Consents().Add(ctx, t.consents); err != nil {
		return err
	}
	if len(t.used) > 0 {
		if err := tx.Pings().Use(ctx, t.used); err != nil {
			return err
		}
	}
	if err := t.market.write(ctx, tx); err != nil {
		return err
	}
	bought, again := t.market.bought.taken()
	if err := tx.Claims().Take(ctx, append(t.fresh, bought...), t.over, t.now); err != nil {
		return err
	}
	if err := tx.Claims().Extend(ctx, again); err != nil {
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
