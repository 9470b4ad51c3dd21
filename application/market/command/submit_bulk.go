package command

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/fault"
)

// SubmitBulk submits many leads of a supplier at once. Each is decided as SubmitLead decides it alone, in their order. Lead reads the one at a
// place, when it is its turn; Render writes what becomes of one, and LeadOf returns the id of the lead that a response is about. With an
// IdempotencyKey the whole is done once: Fingerprint identifies it.
type SubmitBulk struct {
	application.Actor

	Leads          int
	Lead           func(i int) (SubmitLead, error)
	Render         func(done application.Done, err error) []byte
	LeadOf         func(application.Response) string
	IdempotencyKey string
	Fingerprint    [sha256.Size]byte
}

// Needs implements application.Message.
func (SubmitBulk) Needs() application.Scope { return application.Supplier }

// BulkSubmitted is what became of many leads: what Render wrote, with commas between. Replayed says that all of it was stored under the
// Idempotency-Key before. Failed are the errors of leads that could not be decided through no fault of theirs.
type BulkSubmitted struct {
	Leads    []byte
	Replayed bool
	Failed   []error
}

const (
	// MostBulk is how many leads a request has at most.
	MostBulk = 1_000
	// bulkPart is how many of them share a transaction: single leads wait for no more than that. What is stored under Idempotency-Keys relies
	// on it for a day.
	bulkPart = 250
	// bulksAtOnce bounds how many parts an instance decides at a time: each holds a connection.
	bulksAtOnce = 4
	// partTimeout is how long a part may take, whoever still waits for it, and partFacts how long the outside is asked about its leads before.
	partTimeout = 10 * time.Second
	partFacts   = 3 * time.Second
)

// ErrLeadGone is in the place of a lead that was erased since it was decided.
var ErrLeadGone = fault.New(fault.Gone, "lead_gone", "The lead was erased")

// SubmitBulkHandler handles SubmitBulk.
type SubmitBulkHandler struct {
	market.Deps
	Together *LeadsTogether

	slots chan struct{}
}

// NewSubmitBulkHandler returns a handler that decides a few parts at a time.
func NewSubmitBulkHandler(d market.Deps, together *LeadsTogether) *SubmitBulkHandler {
	return &SubmitBulkHandler{Deps: d, Together: together, slots: make(chan struct{}, bulksAtOnce)}
}

// Handle implements bus.Handler. The leads are decided a part at a time, each in one transaction with its answer under the Idempotency-Key: a
// request that is cut off and sent again goes on behind what was done, with the leads that failed through no fault of theirs. When a part cannot
// be decided, it and those behind it fail with the reason; when it is the first one, the request does. Errors: application.ErrKeyReused, application.ErrInProgress, application.ErrUnavailable.
func (h *SubmitBulkHandler) Handle(ctx context.Context, c SubmitBulk) (BulkSubmitted, error) {
	if c.IdempotencyKey != "" {
		release, err := h.InFlight.Enter(ctx, c.Actor.KeyID, c.IdempotencyKey)
		if err != nil {
			return BulkSubmitted{}, err
		}
		defer release()
	}
	all := BulkSubmitted{Replayed: true}
	var failed error
	for from := 0; from < c.Leads; from += bulkPart {
		p := part{command: &c, from: from, to: min(from+bulkPart, c.Leads)}
		if failed == nil {
			failed = h.decide(ctx, &p)
		}
		switch {
		case failed == nil:
		case from == 0:
			return BulkSubmitted{}, failed
		default:
			p.fail(failed)
		}
		if from > 0 {
			all.Leads = append(all.Leads, ',')
		}
		all.Leads = append(all.Leads, bytes.Join(p.told, []byte(","))...)
		all.Replayed = all.Replayed && p.replayed
		all.Failed = append(all.Failed, p.failed...)
	}
	return all, nil
}

// part is some leads of a request, which are decided together.
type part struct {
	command  *SubmitBulk
	from, to int

	places   []int      // those that are decided, counted from the part's first
	items    []partItem // of each lead
	told     [][]byte   // of each lead: what is answered
	replayed bool
	failed   []error
}

// partItem is what is kept of a lead of a part under the Idempotency-Key: the lead that the answer is about, which has it, or what was told of
// one that there is none of. So there is nothing in it that an erasure would have to find. Again says that it failed through no fault of its
// own, and is decided when it is sent again.
type partItem struct {
	Lead     string          `json:"lead,omitempty"`
	Replayed bool            `json:"replayed,omitempty"`
	Told     json.RawMessage `json:"told,omitempty"`
	Again    bool            `json:"again,omitempty"`
}

func (h *SubmitBulkHandler) decide(ctx context.Context, p *part) error {
	p.begin()
	if p.command.IdempotencyKey != "" {
		if done, err := h.look(ctx, p); done || err != nil {
			return err
		}
	}
	all := make([]asked, len(p.places))
	for i, place := range p.places {
		all[i].SubmitLead, all[i].wrong = p.command.Lead(p.from + place)
	}
	if err := h.Together.ask(ctx, all, partFacts); err != nil {
		return err
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return application.ErrUnavailable.Because(ctx.Err())
	}
	if err := ctx.Err(); err != nil {
		return application.ErrUnavailable.Because(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), partTimeout)
	defer cancel()
	if p.command.IdempotencyKey == "" {
		outcomes, err := h.Together.decide(ctx, all, nil, nil)
		if err == nil {
			p.take(outcomes)
		}
		return err
	}
	places := p.places
	_, err := h.Together.decide(ctx, all, func(ctx context.Context, tx market.Tx, now time.Time) (done bool, err error) {
		p.begin()
		found, err := p.find(ctx, tx, now)
		switch {
		case err != nil:
			return false, err
		case slices.Equal(p.places, places):
			return false, nil
		case found: // another instance decided it meanwhile
			p.replayed = true
			return true, nil
		default: // what was kept is over since it was looked at
			return false, application.ErrUnavailable
		}
	}, p.keep)
	return err
}

// look reads what is kept of the part, and which of its leads are still to be decided. It takes nothing: done says that there are none.
func (h *SubmitBulkHandler) look(ctx context.Context, p *part) (done bool, err error) {
	err = h.Work.Do(ctx, func(ctx context.Context, tx market.Tx) error {
		p.begin()
		if _, err := p.find(ctx, tx, h.Clock.Now()); err != nil {
			return err
		}
		return errUndone
	})
	if !errors.Is(err, errUndone) {
		return false, err
	}
	p.replayed = len(p.places) == 0
	return p.replayed, nil
}

// begin says that all of the part is to be decided.
func (p *part) begin() {
	n := p.to - p.from
	p.items, p.told, p.places, p.failed = make([]partItem, n), make([][]byte, n), make([]int, n), nil
	for i := range p.places {
		p.places[i] = i
	}
}

// key is under what the part's answer is stored. No Idempotency-Key has a line break in it.
func (p *part) key() string {
	if p.from == 0 {
		return p.command.IdempotencyKey
	}
	return p.command.IdempotencyKey + "\n" + strconv.Itoa(p.from)
}

// claim is what a single lead under the Idempotency-Key holds.
func (p *part) claim() market.ClaimRef {
	single := SubmitLead{Actor: p.command.Actor, IdempotencyKey: p.command.IdempotencyKey}
	return market.ClaimRef{SellerID: p.command.SellerID, Key: idempotencyClaim(&single)}
}

// find reads what is kept of the part, and which of its leads are to be decided still; or takes its key: application.ErrKeyReused when another
// request has it.
func (p *part) find(ctx context.Context, tx market.Tx, now time.Time) (found bool, err error) {
	c := p.command
	stored, taken, err := tx.Idempotency().Claim(ctx, c.SellerID, c.KeyID, p.key(), c.Fingerprint, now, now.Add(application.KeepResponses))
	switch {
	case err != nil:
		return false, err
	case !taken && stored.Fingerprint != c.Fingerprint:
		return false, application.ErrKeyReused
	case !taken:
		return true, p.restore(ctx, tx, stored.Response.Body)
	case p.from > 0:
		return false, nil
	}
	claims, _, err := tx.Claims().Find(ctx, []market.ClaimRef{p.claim()}, nil)
	if claim, held := claims[p.claim().Key]; err == nil && held && claim.ExpiresAt.After(now) {
		err = application.ErrKeyReused
	}
	return false, err
}

// restore reads what is kept. What is told of a lead is what is stored with it.
func (p *part) restore(ctx context.Context, tx market.Tx, kept []byte) error {
	if err := json.Unmarshal(kept, &p.items); err != nil {
		return fmt.Errorf("read what is kept of a request: %w", err)
	}
	if len(p.items) != len(p.told) {
		return fmt.Errorf("%d of %d leads are kept of a request", len(p.items), len(p.told))
	}
	var leads []application.Ref
	for _, item := range p.items {
		if item.Lead != "" {
			leads = append(leads, application.Ref{SellerID: p.command.SellerID, ID: item.Lead})
		}
	}
	responses := map[string]application.StoredResponse{}
	if len(leads) > 0 {
		var err error
		if responses, err = tx.Leads().Responses(ctx, leads); err != nil {
			return err
		}
	}
	p.places = nil
	for i, item := range p.items {
		stored, there := responses[item.Lead]
		switch {
		case item.Again:
			p.places = append(p.places, i)
			p.told[i] = item.Told
		case item.Lead == "":
			p.told[i] = item.Told
		case !there || stored.Erased:
			p.told[i] = p.command.Render(application.Done{}, ErrLeadGone)
		default:
			p.told[i] = p.command.Render(application.Done{Response: stored.Response, Replayed: item.Replayed}, nil)
		}
	}
	return nil
}

// keep stores what became of the part under its key, and gives one of its leads the claim of the key, so that no single lead is taken under it.
func (p *part) keep(ctx context.Context, tx market.Tx, d decided) error {
	c := p.command
	p.take(d.outcomes)
	kept, err := json.Marshal(p.items)
	if err != nil {
		return fmt.Errorf("keep what became of a request: %w", err)
	}
	if err := tx.Idempotency().CompleteLasting(ctx, c.SellerID, c.KeyID, p.key(), application.Response{Status: 200, Body: kept}); err != nil {
		return err
	}
	if p.from > 0 || d.leadID == "" {
		return nil
	}
	claim := market.Claim{SellerID: c.SellerID, Key: p.claim().Key, LeadID: d.leadID, ExpiresAt: d.at.Add(application.KeepResponses)}
	claims, _, err := tx.Claims().Find(ctx, []market.ClaimRef{claim.Ref()}, nil)
	if err != nil {
		return err
	}
	held, there := claims[claim.Key]
	switch {
	case !there:
		return tx.Claims().Take(ctx, []market.Claim{claim}, nil, d.at)
	case held.ExpiresAt.After(d.at): // by a lead that was decided when the request was sent before
		return nil
	default:
		return tx.Claims().Take(ctx, nil, []market.Claim{claim}, d.at)
	}
}

// take is told what becomes of the leads that are decided, in the order of their places.
func (p *part) take(outcomes []bus.Outcome[application.Done]) {
	p.replayed, p.failed = false, nil
	failed := 0
	for n, o := range outcomes {
		i := p.places[n]
		p.told[i] = p.command.Render(o.Result, o.Err)
		k := fault.KindOf(o.Err)
		switch {
		case o.Err == nil && p.command.IdempotencyKey == "": // nothing is kept
		case o.Err == nil:
			p.items[i] = partItem{Lead: p.command.LeadOf(o.Result.Response), Replayed: o.Result.Replayed}
			if p.items[i].Lead == "" {
				p.items[i].Told = p.told[i]
			}
		case k == fault.Internal || k == fault.Unavailable:
			p.items[i] = partItem{Told: p.told[i], Again: true}
			if failed++; failed == 1 {
				p.failed = []error{o.Err}
			}
		default:
			p.items[i] = partItem{Told: p.told[i]}
		}
	}
	if failed > 0 {
		p.failed[0] = fmt.Errorf("%d leads of a request, for one: %w", failed, p.failed[0])
	}
}

// fail answers all of the part with an error.
func (p *part) fail(err error) {
	p.begin()
	outcomes := make([]bus.Outcome[application.Done], len(p.places))
	for i := range outcomes {
		outcomes[i].Err = err
	}
	p.take(outcomes)
}
