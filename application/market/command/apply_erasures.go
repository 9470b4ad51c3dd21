package command

import (
	"context"
	"slices"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
)

// ApplyErasures erases leads and customers of a seller again that a restored database holds though they were erased. What is found only by
// a walk is erased by RunErasures.
type ApplyErasures struct {
	SellerID         string
	Leads, Customers []string // ids, at most a few thousand
}

// Needs implements application.Message.
func (ApplyErasures) Needs() application.Scope { return application.Internal }

// ErasuresApplied counts leads and customers: those that were erased, those that were erased already, and those that are not there.
type ErasuresApplied struct{ Erased, Already, Unknown int }

// ApplyErasuresHandler handles ApplyErasures.
type ApplyErasuresHandler struct {
	market.Deps

	Customers application.CustomerWalk
}

// Handle implements bus.Handler. It can be sent again: what it erased is erased already then.
func (h ApplyErasuresHandler) Handle(ctx context.Context, c ApplyErasures) (done ErasuresApplied, err error) {
	e := market.Erasure{SellerID: c.SellerID, ID: h.IDs.New("erasure"), Subject: market.SubjectRestore, RequestedAt: h.Clock.Now()}
	customers, ids := unique(c.Customers), unique(c.Leads)
	there, err := h.Customers.CustomersByID(ctx, e.SellerID, customers)
	if err != nil {
		return ErasuresApplied{}, err
	}
	restored := make([]string, 0, len(there))
	for _, c := range there {
		if c.DeletedAt.IsZero() {
			restored = append(restored, c.ID)
		}
	}
	slices.Sort(restored)
	err = h.Work.Do(ctx, func(ctx context.Context, tx market.Tx) error {
		of, err := tx.Erasures().Leads(ctx, e.SellerID, ids)
		if err != nil {
			return err
		}
		done = ErasuresApplied{Unknown: len(customers) - len(there) + len(ids) - len(of)}
		done.Already = len(customers) + len(ids) - done.Unknown
		var held []string
		for id, erased := range of {
			if !erased {
				held = append(held, id)
			}
		}
		if len(restored)+len(held) == 0 {
			return nil
		}
		if err := tx.Erasures().Add(ctx, e); err != nil {
			return err
		}
		deleted, err := eraseCustomers(ctx, tx, e, restored, e.RequestedAt)
		if err != nil {
			return err
		}
		leads, err := tx.LeadErasures().LockToErase(ctx, e.SellerID, held)
		if err != nil {
			return err
		}
		done.Erased = deleted + len(leads)
		done.Already -= done.Erased
		_, err = eraseLeads(ctx, tx, e, leads, e.RequestedAt)
		return err
	})
	return done, err
}

// unique returns ids sorted, each once.
func unique(ids []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(ids)))
}
