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
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// MatchPending offers again the pending leads of a campaign, or of all campaigns in which a buyer has contracts: oldest
// first, page by page, until a page has no lead that changed. Leads whose time ran out become unsold. With a LeadID it
// offers only that lead of the campaign, and does nothing when it is not pending.
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

// Matched counts what became of pending leads. Failed leads stay pending: the strategy panicked on them.
type Matched struct{ Sold, Unsold, Failed int }

func (m Matched) plus(n Matched) Matched {
	return Matched{Sold: m.Sold + n.Sold, Unsold: m.Unsold + n.Unsold, Failed: m.Failed + n.Failed}
}

// MatchPendingHandler handles MatchPending.
type MatchPendingHandler struct {
	Work       market.UnitOfWork
	Clock      application.Clock
	IDs        application.IDs
	Reader     market.CampaignReader
	Strategies distribution.Strategies
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
		var n Matched
		var err error
		if c.LeadID != "" {
			n, _, err = h.page(ctx, id, one(id, c.LeadID))
		} else {
			n, _, err = h.walk(ctx, id, "", 0)
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
func (h *MatchPendingHandler) walk(ctx context.Context, campaignID, after string, pages int) (all Matched, end string, err error) {
	for {
		n, last, err := h.page(ctx, campaignID, behind(campaignID, after))
		all = all.plus(n)
		if err != nil || last == "" {
			return all, "", err
		}
		after = last
		if n.Sold+n.Unsold == 0 {
			if pages--; pages < 0 {
				return all, after, nil
			}
		}
	}
}

// page decides one page of pending leads in one transaction. last is the id of its last lead; empty when no page follows.
func (h *MatchPendingHandler) page(ctx context.Context, campaignID string, load lock) (n Matched, last string, err error) {
	now := h.Clock.Now()
	err = h.Work.Do(ctx, func(ctx context.Context, tx market.Tx) error {
		n, last = Matched{}, ""
		campaigns, err := tx.Campaigns().LockAll(ctx, []string{campaignID}, nil)
		if err != nil || campaigns[campaignID] == nil {
			return err
		}
		c := campaigns[campaignID]
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
		m, err := openMarketplace(ctx, tx, campaigns, h.Strategies, now)
		if err != nil {
			return err
		}
		var changed []*lead.Lead
		for _, l := range leads {
			before := l.Status()
			if err := h.again(m, c, l, seller.Currency(), now); err != nil {
				if _, ok := errors.AsType[*bus.PanicError](err); !ok {
					return err
				}
				n.Failed++
			}
			if l.Status() == before {
				continue
			}
			changed = append(changed, l)
			if l.Status() == lead.StatusSold {
				n.Sold++
			} else {
				n.Unsold++
			}
		}
		if len(changed) == 0 {
			return nil
		}
		if err := tx.Leads().SaveAll(ctx, changed); err != nil {
			return err
		}
		return m.write(ctx, tx)
	})
	if err != nil {
		return Matched{}, "", err
	}
	return n, last, nil
}

// again offers one pending lead again, or marks it unsold when its time ran out.
func (h *MatchPendingHandler) again(m *marketplace, c *campaign.Campaign, l *lead.Lead, currency money.Currency, now time.Time) error {
	if !l.PendingUntil().After(now) {
		return l.Expire(now)
	}
	d, err := ask(m.books[c.ID()], l)
	if err != nil || !d.Taken {
		return err
	}
	saleID := h.IDs.New("sale")
	if err := m.sell(l, c, d, currency, saleID, now); err != nil || l.Test() {
		return err
	}
	return m.take(c.ID(), d.Contract.ID(), h.IDs.New("entry"), saleID, now)
}

// matchPage is how many pending leads are looked at in one transaction.
const matchPage = 100

// lock loads and locks at most matchPage pending leads of a campaign.
type lock func(context.Context, application.LeadRepository) ([]*lead.Lead, error)

// behind locks the oldest leads with ids above after.
func behind(campaignID, after string) lock {
	return func(ctx context.Context, r application.LeadRepository) ([]*lead.Lead, error) {
		return r.LockPending(ctx, campaignID, after, matchPage)
	}
}

// one locks a single lead if it is pending.
func one(campaignID, leadID string) lock {
	return func(ctx context.Context, r application.LeadRepository) ([]*lead.Lead, error) {
		return r.LockPendingByID(ctx, campaignID, leadID)
	}
}

// ask decides who takes a lead. A panic of the strategy becomes an error, so that only this lead fails.
func ask(b *distribution.Book, l *lead.Lead) (d distribution.Decision, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = bus.Panicked(r)
		}
	}()
	return b.Decide(l.Facts()), nil
}
