package market

import (
	"context"
	"fmt"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/lead"
)

// CampaignOf implements application.LeadRepository.
func (r leads) CampaignOf(ctx context.Context, sellerID, id string) (campaignID string, err error) {
	if !engine.IsID(id) {
		return "", lead.ErrNotFound
	}
	found, err := r.t.Get(ctx, &campaignID, "SELECT campaign_id FROM leads WHERE seller_id = ? AND id = ? AND status <> ''", sellerID, id)
	if err == nil && !found {
		err = lead.ErrNotFound
	}
	return campaignID, err
}

// Lock implements application.LeadRepository.
func (r leads) Lock(ctx context.Context, sellerID, id string) (*lead.Lead, error) {
	n, err := r.lockOne(ctx, sellerID, id)
	if err != nil {
		return nil, err
	}
	waiting, err := leadrow.WaitingOf(ctx, r.t, sellerID, []string{id})
	n.AskingPrice, n.Deadline = waiting[id].Price, waiting[id].Deadline
	return lead.FromSnapshot(n), err
}

// SavePrice implements application.LeadPriceRepository.
func (r leads) SavePrice(ctx context.Context, l *lead.Lead) error {
	n := l.Snapshot()
	if err := r.change(ctx, []changedLead{{Snapshot: &n, was: l.StoredVersion(), trace: leadrow.EncodeTrace(make([]byte, 0, 256), n.Trace)}}); err != nil {
		return err
	}
	var price *int64
	if n.AskingPrice != 0 {
		price = new(int64(n.AskingPrice))
	}
	matched, err := r.t.Exec(ctx, "UPDATE unsold_leads"+r.t.UseKey("PRIMARY")+" SET asking_price = ? WHERE seller_id = ? AND lead_id = ?", price, n.SellerID, n.ID)
	if err == nil && matched != 1 {
		err = r.t.Refuse(fmt.Errorf("%w: the price of a lead", engine.ErrGuard))
	}
	if err != nil {
		return err
	}
	r.t.Save(l, "lead", n.ID, n.SellerID, application.TrailOf(ctx))
	return nil
}

// LockSold implements application.LeadRepository.
func (r leads) LockSold(ctx context.Context, sellerID, id string) (*lead.Lead, error) {
	n, err := r.lockOne(ctx, sellerID, id)
	if err != nil {
		return nil, err
	}
	if n.Sales, err = leadrow.SalesOf(ctx, r.t, sellerID, id); err != nil {
		return nil, err
	}
	return lead.FromSnapshot(n), nil
}

func (r leads) lockOne(ctx context.Context, sellerID, id string) (lead.Snapshot, error) {
	var row leadrow.Row
	if !engine.IsID(id) {
		return lead.Snapshot{}, lead.ErrNotFound
	}
	found, err := r.t.Get(ctx, &row, "SELECT "+leadrow.Columns+", "+leadrow.Erasure+" FROM leads WHERE seller_id = ? AND id = ? AND status <> ''"+r.t.ForUpdate(), sellerID, id)
	switch {
	case err != nil:
		return lead.Snapshot{}, err
	case !found || row.ID != id:
		return lead.Snapshot{}, lead.ErrNotFound
	}
	n, err := row.Snapshot()
	if err != nil {
		return lead.Snapshot{}, r.t.Refuse(err)
	}
	return n, nil
}

// slotted is a sale as it is stored.
type slotted struct {
	ID   string `db:"id"`
	Slot int64  `db:"slot"`
}

// SaveSold implements application.LeadRepository.
func (r leads) SaveSold(ctx context.Context, l *lead.Lead) error {
	n := l.Snapshot()
	if err := r.change(ctx, []changedLead{{Snapshot: &n, was: l.StoredVersion(), trace: leadrow.EncodeTrace(make([]byte, 0, 256), n.Trace)}}); err != nil {
		return err
	}
	var stored []slotted
	if err := r.t.All(ctx, &stored, "SELECT id, slot FROM sales WHERE seller_id = ? AND lead_id = ? ORDER BY slot", n.SellerID, n.ID); err != nil {
		return err
	}
	became := make(map[string]lead.Sale, len(n.Sales))
	for _, s := range n.Sales {
		became[s.ID] = s
	}
	free, wasSold := int64(0), false
	var live []slotted
	for _, s := range stored {
		free = min(free, s.Slot)
		wasSold = wasSold || s.Slot > 0
	}
	for _, s := range stored {
		to := s.Slot
		if s.Slot > 0 && !became[s.ID].Status.Live() {
			free--
			to = free
		}
		if err := r.setSale(ctx, n, s, to, became[s.ID]); err != nil {
			return err
		}
		if to > 0 {
			live = append(live, s)
		}
	}
	for i, s := range live {
		if s.Slot != int64(i+1) {
			if err := r.setSale(ctx, n, s, int64(i+1), became[s.ID]); err != nil {
				return err
			}
		}
	}
	if wasSold && len(live) == 0 {
		if err := leadrow.AddUnsold(ctx, r.t, []lead.Snapshot{n}); err != nil {
			return err
		}
	}
	r.t.Save(l, "lead", n.ID, n.SellerID, application.TrailOf(ctx))
	return nil
}

// setSale gives a sale its slot, its status and what the supplier earned for it, which a sale of an older version did not say by itself.
func (r leads) setSale(ctx context.Context, n lead.Snapshot, s slotted, slot int64, became lead.Sale) error {
	matched, err := r.t.Exec(ctx, "UPDATE sales"+r.t.UseKey("PRIMARY")+" SET slot = ?, status = ?, payout = ? WHERE seller_id = ? AND lead_id = ? AND slot = ? AND id = ?",
		slot, string(became.Status), int64(became.Payout), n.SellerID, n.ID, s.Slot, s.ID)
	if err == nil && matched != 1 {
		err = r.t.Refuse(fmt.Errorf("%w: the slot of a sale", engine.ErrGuard))
	}
	return err
}
