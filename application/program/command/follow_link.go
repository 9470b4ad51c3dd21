package command

import (
	"context"
	"sync"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/partner"
)

// FollowLink is a visit through a referral link, or the view of a page of the seller's with a referral key in its address, which such
// a link may have led to. SellerCode is empty in a link that names only the key. Count is false for a request that is no visit,
// such as a preview. Tally is true for one of more visits of one address than are worth a row each: it is counted with others. Address is where the visitor is, as far as a minute later it is known
// again; empty is nobody's.
type FollowLink struct {
	SellerCode, Key string
	Page            bool
	Count, Tally    bool
	Address         string
	Trail           application.Trail
}

// Needs implements application.Message.
func (FollowLink) Needs() application.Scope { return application.Visitor }

// FollowLinkHandler handles FollowLink. Link targets are remembered for linkLife, and clicks are stored in batches. Which visits
// were counted is remembered in memory, by each instance for itself.
type FollowLinkHandler struct {
	Reader program.ReferralReader
	Clock  application.Clock
	IDs    application.IDs
	Clicks bus.Handler[program.Click, struct{}]
	Tally  *ClickTally

	visits visits

	mu    sync.Mutex
	known map[linkName]knownLink
}

// Handle implements bus.Handler. The view of a page counts unless the visitor's address followed the link or saw such a page within
// visitLife before, and following a link counts unless it saw such a page: whichever comes first. It returns the link's target even when the click could not be stored, with the reason in
// Followed.ClickErr. Errors: program.ErrNoReferral, application.ErrUnavailable when the link cannot be looked up.
func (h *FollowLinkHandler) Handle(ctx context.Context, c FollowLink) (Followed, error) {
	if partner.CheckHandle(c.Key) != nil || len(c.SellerCode) > 64 {
		return Followed{}, program.ErrNoReferral
	}
	to, err := h.find(ctx, linkName{c.SellerCode, c.Key})
	if err != nil {
		return Followed{}, err
	}
	done := Followed{Referral: to}
	if !c.Count || !to.Live || to.Website == "" {
		return done, nil
	}
	now := h.Clock.Now()
	if c.Address != "" && !h.visits.counts(visit{to.SellerID, to.Key, c.Address}, c.Page, application.Elapsed(h.Clock)+1) {
		return done, nil
	}
	click := program.Click{SellerID: to.SellerID, PartnerID: to.PartnerID, ReferralKey: to.Key, At: now, Trail: c.Trail}
	if c.Tally {
		h.Tally.Add(click)
		return done, nil
	}
	ctx, cancel := context.WithTimeout(ctx, clickPatience)
	defer cancel()
	click.ID = h.IDs.New("click")
	_, done.ClickErr = h.Clicks.Handle(ctx, click)
	return done, nil
}

func (h *FollowLinkHandler) find(ctx context.Context, name linkName) (program.Referral, error) {
	now := application.Elapsed(h.Clock)
	h.mu.Lock()
	known, ok := h.known[name]
	h.mu.Unlock()
	if ok && now-known.readAt < linkLife {
		return known.Referral, nil
	}
	to, err := h.Reader.Referral(ctx, name.sellerCode, name.key)
	if err != nil {
		return program.Referral{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil || len(h.known) >= maxLinks {
		h.known = map[linkName]knownLink{}
	}
	h.known[name] = knownLink{to, now}
	return to, nil
}

type linkName struct{ sellerCode, key string }

type knownLink struct {
	program.Referral

	readAt time.Duration
}

const (
	linkLife = 3 * time.Second // how long a link's target is remembered after it was read
	maxLinks = 10_000
	// clickPatience is how long a visitor waits for the click to be stored; then the visitor is sent on and the click is
	// lost.
	clickPatience = 500 * time.Millisecond
)

// Followed is the target of a link. ClickErr says why the click was not stored; nil when it was stored or does not count.
type Followed struct {
	program.Referral

	ClickErr error
}
