package market

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/lead"
)

type leads struct{ t *engine.Tx }

// AddAll implements application.LeadRepository.
func (r leads) AddAll(ctx context.Context, all []application.StoredLead) error {
	return leadrow.Add(ctx, r.t, all)
}

// Responses implements application.LeadRepository.
func (r leads) Responses(ctx context.Context, refs []application.Ref) (map[string]application.StoredResponse, error) {
	out := make(map[string]application.StoredResponse, len(refs))
	for piece := range engine.PiecesOf(application.SortedRefs(refs)) {
		keys, args := engine.Among("leads.id", len(piece), func(i int) (string, any) { return piece[i].SellerID, piece[i].ID })
		keys = strings.ReplaceAll(keys, "seller_id = ?", "leads.seller_id = ?")
		var rows []struct {
			ID          string `db:"id"`
			Fingerprint []byte `db:"request_fingerprint"`
			Status      int    `db:"answer_status"`
			Body        []byte `db:"answer_body"`
			ErasedAt    int64  `db:"erased_at"`
			Until       *int64 `db:"answer_until"`
		}
		if err := r.t.All(ctx, &rows, "SELECT leads.id, leads.request_fingerprint, leads.answer_status, leads.answer_body, leads.erased_at, u.answer_until FROM leads "+
			"LEFT JOIN unsold_leads u ON u.seller_id = leads.seller_id AND u.lead_id = leads.id WHERE "+keys, args...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			a := application.StoredResponse{Response: application.Response{Status: row.Status, Body: engine.Blob(row.Body)}, Erased: row.ErasedAt != 0, LeadID: row.ID}
			if row.Until != nil {
				a.AnswerUntil = engine.Time(*row.Until)
			}
			copy(a.Fingerprint[:], row.Fingerprint)
			out[row.ID] = a
		}
	}
	return out, nil
}

// LockPending implements application.LeadRepository. Ids sort by the time they were made. The ids are read first and without
// locking, because a lead's row is locked before its row in the narrow table everywhere.
func (r leads) LockPending(ctx context.Context, campaign application.Ref, after string, limit int) ([]*lead.Lead, error) {
	var out []*lead.Lead
	for {
		var ids []string
		missing := limit - len(out)
		if err := r.t.All(ctx, &ids, "SELECT lead_id FROM unsold_leads"+r.t.UseKey("unsold_leads_status")+
			" WHERE seller_id = ? AND status = 'pending' AND campaign_id = ? AND lead_id > ? AND deadline_at IS NULL ORDER BY lead_id LIMIT ?",
			campaign.SellerID, campaign.ID, after, int64(missing)); err != nil || len(ids) == 0 {
			return out, err
		}
		after = ids[len(ids)-1]
		locked, err := unasked(r.lockUnsold(ctx, campaign, lead.StatusPending, ids))
		if err != nil {
			return nil, err
		}
		if out = append(out, locked...); len(ids) < missing || len(out) == limit {
			return out, nil
		}
	}
}

// LockPendingByID implements application.LeadRepository.
func (r leads) LockPendingByID(ctx context.Context, campaign application.Ref, id string) ([]*lead.Lead, error) {
	return unasked(r.lockUnsold(ctx, campaign, lead.StatusPending, []string{id}))
}

// LockQuarantined implements application.LeadRepository.
func (r leads) LockQuarantined(ctx context.Context, campaign application.Ref, id string) ([]*lead.Lead, error) {
	return r.lockUnsold(ctx, campaign, lead.StatusQuarantined, []string{id})
}

// unasked leaves out leads of which buyers are asked.
func unasked(leads []*lead.Lead, err error) ([]*lead.Lead, error) {
	return slices.DeleteFunc(leads, func(l *lead.Lead) bool { return !l.Deadline().IsZero() }), err
}

// lockUnsold locks those of some leads that still have a status.
func (r leads) lockUnsold(ctx context.Context, campaign application.Ref, status lead.Status, ids []string) ([]*lead.Lead, error) {
	var rows []leadrow.Row
	if err := r.t.All(ctx, &rows, "SELECT "+leadrow.Columns+" FROM leads"+r.t.UseKey("PRIMARY")+" WHERE seller_id = ? AND id IN ("+engine.Marks(len(ids))+
		") AND status = ? AND campaign_id = ? ORDER BY id"+r.t.ForUpdate(), append(append([]any{campaign.SellerID}, engine.Anys(ids)...), string(status), campaign.ID)...); err != nil {
		return nil, err
	}
	locked := make([]string, len(rows))
	for i, row := range rows {
		locked[i] = row.ID
	}
	// A statement of its own, because one that waits for locks may read another table as it was before that.
	waiting, err := leadrow.WaitingOf(ctx, r.t, campaign.SellerID, locked)
	if err != nil {
		return nil, err
	}
	out := make([]*lead.Lead, len(rows))
	for i, row := range rows {
		n, err := row.Snapshot()
		if err != nil {
			return nil, r.t.Refuse(err)
		}
		n.AskingPrice, n.Deadline = waiting[row.ID].Price, waiting[row.ID].Deadline
		out[i] = lead.FromSnapshot(n)
	}
	return out, nil
}

// SaveAll implements application.LeadRepository. The leads had no sales when they were loaded.
func (r leads) SaveAll(ctx context.Context, all []*lead.Lead) error {
	if len(all) == 0 {
		return nil
	}
	snapshots := make([]lead.Snapshot, len(all))
	rows := make([]changedLead, len(all))
	for i, l := range all {
		snapshots[i] = l.Snapshot()
		rows[i] = changedLead{Snapshot: &snapshots[i], was: l.StoredVersion(), trace: leadrow.EncodeTrace(make([]byte, 0, 256), snapshots[i].Trace)}
	}
	slices.SortFunc(rows, func(a, b changedLead) int { return strings.Compare(a.ID, b.ID) })
	for chunk := range slices.Chunk(rows, engine.MaxParams/23) {
		if err := r.change(ctx, chunk); err != nil {
			return err
		}
	}
	if err := leadrow.AddSales(ctx, r.t, snapshots); err != nil {
		return err
	}
	if err := leadrow.SaveUnsold(ctx, r.t, snapshots[0].SellerID, snapshots); err != nil {
		return err
	}
	if err := leadrow.SaveReservations(ctx, r.t, all, snapshots); err != nil {
		return err
	}
	for i, l := range all {
		r.t.Save(l, "lead", snapshots[i].ID, snapshots[i].SellerID, application.TrailOf(ctx))
	}
	return nil
}

type changedLead struct {
	*lead.Snapshot

	was   int64
	trace []byte
}

func (r leads) change(ctx context.Context, rows []changedLead) error {
	u := engine.Cases{Key: "id"}
	u.WriteString("UPDATE leads" + r.t.UseKey("PRIMARY") + " SET ")
	for i, c := range []struct {
		name string
		of   func(l *changedLead) any
	}{
		{"status", func(l *changedLead) any { return string(l.Status) }},
		{"code", func(l *changedLead) any { return string(l.Code) }},
		{"reason", func(l *changedLead) any { return l.Reason }},
		{"payout", func(l *changedLead) any { return int64(l.Payout) }},
		{"shown", func(l *changedLead) any { return int64(l.Shown) }},
		{"shown_hidden", func(l *changedLead) any { return engine.Flag(l.ShownHidden) }},
		{"trace", func(l *changedLead) any { return l.trace }},
		{"pending_until", func(l *changedLead) any { return engine.Micros(l.PendingUntil) }},
		{"updated_at", func(l *changedLead) any { return engine.Micros(l.UpdatedAt) }},
		{"version", func(l *changedLead) any { return l.Version }},
	} {
		if i > 0 {
			u.WriteString(", ")
		}
		u.WriteString(c.name)
		u.WriteString(" = ")
		u.Choose(len(rows), func(i int) (any, any) { return rows[i].ID, c.of(&rows[i]) })
	}
	u.Where(len(rows), func(i int) (string, any) { return rows[i].SellerID, rows[i].ID })
	u.WriteString(" AND version = ")
	u.Choose(len(rows), func(i int) (any, any) { return rows[i].ID, rows[i].was })
	matched, err := r.t.Exec(ctx, u.String(), u.Args...)
	if err != nil {
		return err
	}
	if matched != int64(len(rows)) {
		return r.t.Refuse(fmt.Errorf("%w: %d of %d leads", engine.ErrGuard, int64(len(rows))-matched, len(rows)))
	}
	return nil
}
