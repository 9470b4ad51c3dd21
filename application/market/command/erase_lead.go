package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/lead"
)

// EraseLead erases what a lead of the marketplace holds of a person, at once. What is found only by a walk, such as its claims, is erased
// soon after by RunErasures. To erase a lead again changes nothing.
type EraseLead struct {
	application.Actor

	ID   string
	Once application.Once[struct{}]
}

// Needs implements application.Message.
func (EraseLead) Needs() application.Scope { return application.Program }

// EraseLeadHandler handles EraseLead.
type EraseLeadHandler struct{ market.Deps }

// Handle implements bus.Handler. Errors: lead.ErrNotFound, also for a form lead that was never offered to buyers.
func (h EraseLeadHandler) Handle(ctx context.Context, c EraseLead) (application.Done, error) {
	now, id := h.Clock.Now(), h.IDs.New("erasure")
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx market.Tx) (struct{}, error) {
		leads, err := tx.LeadErasures().LockToErase(ctx, c.Actor.SellerID, []string{c.ID})
		if err != nil {
			return struct{}{}, err
		}
		if len(leads) == 0 {
			there, err := tx.Erasures().Leads(ctx, c.Actor.SellerID, []string{c.ID})
			if err == nil && !there[c.ID] {
				err = lead.ErrNotFound
			}
			return struct{}{}, err
		}
		if leads[0].Status() == lead.StatusNotOffered {
			return struct{}{}, lead.ErrNotFound
		}
		e := market.Erasure{SellerID: c.Actor.SellerID, ID: id, Subject: market.SubjectLead, RequestedAt: now}
		if err := tx.Erasures().Add(ctx, e); err != nil {
			return struct{}{}, err
		}
		_, err = eraseLeads(ctx, tx, e, leads, now)
		return struct{}{}, err
	})
}

// eraseLeads erases locked leads because of an erasure, and returns what their reviews had.
func eraseLeads(ctx context.Context, tx market.Tx, e market.Erasure, leads []*lead.Lead, now time.Time) (map[string]market.HeldReview, error) {
	if len(leads) == 0 {
		return nil, nil
	}
	if err := releaseAll(ctx, tx, e.SellerID, leads, delivery.Erased, now); err != nil {
		return nil, err
	}
	ids := make([]string, len(leads))
	for i, l := range leads {
		ids[i] = l.ID()
		if err := l.Erase(now); err != nil {
			return nil, err
		}
	}
	reviews, err := tx.Erasures().Reviews(ctx, e.SellerID, ids)
	if err != nil {
		return nil, err
	}
	count := market.ErasureCounts{Leads: int64(len(ids))}
	for _, r := range reviews {
		count.FormAnswers += int64(r.Answers)
	}
	if err := tx.LeadErasures().SaveErased(ctx, leads); err != nil {
		return nil, err
	}
	if err := tx.Erasures().Note(ctx, e.SellerID, e.ID, ids, nil); err != nil {
		return nil, err
	}
	return reviews, tx.Erasures().Count(ctx, e.SellerID, e.ID, count)
}

// eraseCustomers deletes those of some customers that are there, in the order of their ids, because of an erasure, and returns how many
// that were.
func eraseCustomers(ctx context.Context, tx market.Tx, e market.Erasure, ids []string, now time.Time) (int, error) {
	var erased []string
	for _, id := range ids {
		c, err := tx.Customers().Lock(ctx, e.SellerID, application.CustomerHandle{ID: id})
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if err := c.Delete(now); err != nil {
			return 0, err
		}
		if err := tx.Customers().Save(ctx, c); err != nil {
			return 0, err
		}
		erased = append(erased, id)
	}
	if len(erased) == 0 {
		return 0, nil
	}
	if err := tx.Erasures().Note(ctx, e.SellerID, e.ID, nil, erased); err != nil {
		return 0, err
	}
	return len(erased), tx.Erasures().Count(ctx, e.SellerID, e.ID, market.ErasureCounts{Customers: int64(len(erased))})
}
