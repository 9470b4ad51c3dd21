package command

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/fault"
)

// SubmitBulk submits many leads of a supplier at once. Each is decided as SubmitLead decides it alone, in their order. Lead reads the one at a
// place, when it is its turn; Render writes what becomes of one. With an IdempotencyKey the whole is done once: Fingerprint identifies it.
type SubmitBulk struct {
	application.Actor

	Leads          int
	Lead           func(i int) (SubmitLead, error)
	Render         func(done application.Done, err error) []byte
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
	// partTimeout is how long a part may take, whoever still waits for it.
	partTimeout = 10 * time.Second
)

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
// request that is cut off and sent again goes on behind what was done. When a part cannot be decided, it and those behind it fail with the
// reason; when it is the first one, the request does. Errors: application.ErrKeyReused, application.ErrInProgress, application.ErrUnavailable.
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
			outcomes := make([]bus.Outcome[application.Done], p.to-p.from)
			for i := range outcomes {
				outcomes[i].Err = failed
			}
			p.render(outcomes)
		}
		if from > 0 {
			all.Leads = append(all.Leads, ',')
		}
		all.Leads = append(all.Leads, p.rendered...)
		all.Replayed = all.Replayed && p.replayed
		all.Failed = append(all.Failed, p.failed...)
	}
	return all, nil
}

// part is some leads of a request, which are decided together.
type part struct {
	command  *SubmitBulk
	from, to int

	rendered []byte
	replayed bool
	failed   []error
}

func (h *SubmitBulkHandler) decide(ctx context.Context, p *part) error {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return application.ErrUnavailable.Because(ctx.Err())
	}
	all := make([]asked, p.to-p.from)
	for i := range all {
		all[i].SubmitLead, all[i].wrong = p.command.Lead(p.from + i)
	}
	if err := ctx.Err(); err != nil {
		return application.ErrUnavailable.Because(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), partTimeout)
	defer cancel()
	if p.command.IdempotencyKey == "" {
		outcomes, err := h.Together.decide(ctx, all, nil, nil)
		if err == nil {
			p.render(outcomes)
		}
		return err
	}
	_, err := h.Together.decide(ctx, all, p.find, p.keep)
	return err
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

// find takes the part's answer from what is stored under its key, or takes the key: application.ErrKeyReused when another request has it.
func (p *part) find(ctx context.Context, tx market.Tx, now time.Time) (done bool, err error) {
	c := p.command
	stored, taken, err := tx.Idempotency().Claim(ctx, c.SellerID, c.KeyID, p.key(), c.Fingerprint, now, now.Add(application.KeepResponses))
	switch {
	case err != nil:
		return false, err
	case !taken && stored.Fingerprint != c.Fingerprint:
		return false, application.ErrKeyReused
	case !taken:
		p.rendered, p.replayed = stored.Response.Body, true
		return true, nil
	case p.from > 0:
		return false, nil
	}
	claims, _, err := tx.Claims().Find(ctx, []market.ClaimRef{p.claim()}, nil)
	if claim, held := claims[p.claim().Key]; err == nil && held && claim.ExpiresAt.After(now) {
		err = application.ErrKeyReused
	}
	return false, err
}

// keep stores the part's answer under its key, and gives one of its leads the claim of the key, so that no single lead is taken under it.
func (p *part) keep(ctx context.Context, tx market.Tx, d decided) error {
	c := p.command
	p.render(d.outcomes)
	if err := tx.Idempotency().Complete(ctx, c.SellerID, c.KeyID, p.key(), application.Response{Status: 200, Body: p.rendered}); err != nil {
		return err
	}
	if p.from > 0 || d.leadID == "" {
		return nil
	}
	claim := market.Claim{SellerID: c.SellerID, Key: p.claim().Key, LeadID: d.leadID, ExpiresAt: d.at.Add(application.KeepResponses)}
	expired, _, err := tx.Claims().Find(ctx, []market.ClaimRef{claim.Ref()}, nil)
	if err != nil {
		return err
	}
	if len(expired) > 0 {
		return tx.Claims().Take(ctx, nil, []market.Claim{claim}, d.at)
	}
	return tx.Claims().Take(ctx, []market.Claim{claim}, nil, d.at)
}

func (p *part) render(outcomes []bus.Outcome[application.Done]) {
	var b bytes.Buffer
	p.replayed, p.failed = false, nil
	for i, o := range outcomes {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(p.command.Render(o.Result, o.Err))
		if k := fault.KindOf(o.Err); o.Err != nil && (k == fault.Internal || k == fault.Unavailable) {
			p.failed = append(p.failed, fmt.Errorf("lead %d of a request: %w", p.from+i, o.Err))
		}
	}
	p.rendered = b.Bytes()
}
