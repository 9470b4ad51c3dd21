package command

import (
	"context"
	"errors"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/delivery"
)

// EraseOldLeads erases what leads hold of persons when they are older than their seller's retention. Each call goes on where the
// last one ended.
type EraseOldLeads struct{}

// Needs implements application.Message.
func (EraseOldLeads) Needs() application.Scope { return application.Internal }

// LeadsErased is how many leads were erased.
type LeadsErased struct{ Leads int }

// EraseOldLeadsHandler handles EraseOldLeads.
type EraseOldLeadsHandler struct {
	market.Deps

	Reader market.RetentionReader
}

const (
	// eraseStep is how many leads are erased in one transaction, and mostErased how many of a seller in one call.
	eraseStep  = 100
	mostErased = 10_000
)

// Handle implements bus.Handler. An error of one seller does not stop the others.
func (h EraseOldLeadsHandler) Handle(ctx context.Context, _ EraseOldLeads) (done LeadsErased, err error) {
	all, err := h.Reader.Retentions(ctx)
	if err != nil {
		return LeadsErased{}, err
	}
	var failed error
	for _, r := range all {
		n, err := h.ofSeller(ctx, r)
		done.Leads += n
		failed = errors.Join(failed, err)
	}
	return done, failed
}

func (h EraseOldLeadsHandler) ofSeller(ctx context.Context, r market.Retention) (erased int, err error) {
	for looked := 0; looked < mostErased; {
		ids, err := h.Reader.OldLeads(ctx, r.SellerID, r.Place, h.Clock.Now().AddDate(0, 0, -r.Days), eraseStep)
		if err != nil || len(ids) == 0 {
			return erased, err
		}
		n, err := h.erase(ctx, r.SellerID, ids)
		if err != nil {
			return erased, err
		}
		erased, looked, r.Place = erased+n, looked+len(ids), ids[len(ids)-1]
	}
	return erased, nil
}

func (h EraseOldLeadsHandler) erase(ctx context.Context, sellerID string, ids []string) (erased int, err error) {
	now := h.Clock.Now()
	err = h.Work.Do(ctx, func(ctx context.Context, tx market.Tx) error {
		leads, err := tx.LeadErasures().LockToErase(ctx, sellerID, ids)
		if err != nil {
			return err
		}
		if err := releaseAll(ctx, tx, sellerID, leads, delivery.Erased, now); err != nil {
			return err
		}
		for _, l := range leads {
			if err := l.Erase(now); err != nil {
				return err
			}
		}
		if erased = len(leads); erased > 0 {
			if err := tx.LeadErasures().SaveErased(ctx, leads); err != nil {
				return err
			}
		}
		return tx.Retentions().KeepPlace(ctx, sellerID, ids[len(ids)-1])
	})
	return erased, err
}
