package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

type leads struct{ t *tx }

const (
	leadColumns = "id, seller_id, seller_code, origin, key_id, partner_id, campaign_id, category, fields, external_id, test, " +
		"status, code, reason, payout, shown, shown_hidden, trace, pending_until, created_at, updated_at, version"
	saleColumns = "id, seller_id, lead_id, slot, campaign_id, contract_id, buyer_id, price, currency, status, sold_at"
)

type leadRow struct {
	ID           string `db:"id"`
	SellerID     string `db:"seller_id"`
	SellerCode   string `db:"seller_code"`
	Origin       string `db:"origin"`
	KeyID        string `db:"key_id"`
	PartnerID    string `db:"partner_id"`
	CampaignID   string `db:"campaign_id"`
	Category     string `db:"category"`
	Fields       []byte `db:"fields"`
	ExternalID   string `db:"external_id"`
	Test         bool   `db:"test"`
	Status       string `db:"status"`
	Code         string `db:"code"`
	Reason       string `db:"reason"`
	Payout       int64  `db:"payout"`
	Shown        int64  `db:"shown"`
	ShownHidden  bool   `db:"shown_hidden"`
	Trace        []byte `db:"trace"`
	PendingUntil int64  `db:"pending_until"`
	CreatedAt    int64  `db:"created_at"`
	UpdatedAt    int64  `db:"updated_at"`
	Version      int64  `db:"version"`
}

// snapshot returns the lead without its sales.
func (r leadRow) snapshot() (lead.Snapshot, error) {
	fields, err := decodeFields(r.Fields)
	if err != nil {
		return lead.Snapshot{}, fmt.Errorf("restore lead %s: %w", r.ID, err)
	}
	trace, err := decodeTrace(r.Trace)
	if err != nil {
		return lead.Snapshot{}, fmt.Errorf("restore lead %s: %w", r.ID, err)
	}
	return lead.Snapshot{ID: r.ID, SellerID: r.SellerID, SellerCode: r.SellerCode, Origin: lead.Origin(r.Origin), KeyID: r.KeyID,
		PartnerID: r.PartnerID, CampaignID: r.CampaignID, Category: r.Category, Fields: fields, ExternalID: r.ExternalID,
		Test: r.Test, Status: lead.Status(r.Status), Code: fault.Code(r.Code), Reason: r.Reason, Payout: money.Micros(r.Payout),
		Shown: money.Micros(r.Shown), ShownHidden: r.ShownHidden, Trace: trace, CreatedAt: timeOf(r.CreatedAt),
		UpdatedAt: timeOf(r.UpdatedAt), PendingUntil: timeOf(r.PendingUntil), Version: r.Version}, nil
}

// AddAll implements application.LeadRepository.
func (r leads) AddAll(ctx context.Context, all []application.StoredLead) error {
	snapshots := make([]lead.Snapshot, len(all))
	_, err := r.t.insertRows(ctx, "leads", leadColumns+", request_fingerprint, answer_status, answer_body", len(all), func(args []any, i int) ([]any, error) {
		snapshots[i] = all[i].Lead.Snapshot()
		n := &snapshots[i]
		fields, err := encodeFields(make([]byte, 0, 512), n.Fields)
		if err != nil {
			return nil, err
		}
		return append(args, n.ID, n.SellerID, n.SellerCode, string(n.Origin), n.KeyID, n.PartnerID, n.CampaignID, n.Category,
			fields, n.ExternalID, flag(n.Test), string(n.Status), string(n.Code), n.Reason, int64(n.Payout), int64(n.Shown),
			flag(n.ShownHidden), encodeTrace(make([]byte, 0, 256), n.Trace), micros(n.PendingUntil), micros(n.CreatedAt),
			micros(n.UpdatedAt), n.Version, all[i].Fingerprint[:], int64(all[i].Response.Status), blob(all[i].Response.Body)), nil
	})
	if err != nil {
		return err
	}
	if err := r.addSales(ctx, snapshots); err != nil {
		return err
	}
	for i, l := range all {
		r.t.save(l.Lead, "lead", snapshots[i].ID, snapshots[i].SellerID, l.Trail)
	}
	return nil
}

// addSales stores the sales of leads that had none.
func (r leads) addSales(ctx context.Context, all []lead.Snapshot) error {
	type row struct {
		of   *lead.Snapshot
		sale *lead.Sale
		slot *int64
	}
	var rows []row
	for i := range all {
		slot := int64(0)
		for j := range all[i].Sales {
			s := row{of: &all[i], sale: &all[i].Sales[j]}
			if live(s.sale.Status) {
				slot++
				next := slot
				s.slot = &next
			}
			rows = append(rows, s)
		}
	}
	_, err := r.t.insertRows(ctx, "sales", saleColumns, len(rows), func(args []any, i int) ([]any, error) {
		l, s := rows[i].of, rows[i].sale
		return append(args, s.ID, l.SellerID, l.ID, rows[i].slot, l.CampaignID, s.ContractID, s.BuyerID, int64(s.Price), s.Currency,
			string(s.Status), micros(s.At)), nil
	})
	return err
}

// live reports whether a sale counts: it holds a slot of its lead and uses its contract's caps.
func live(s lead.SaleStatus) bool { return s == lead.SaleCaptured }

// Responses implements application.LeadRepository.
func (r leads) Responses(ctx context.Context, ids []string) (map[string]application.StoredResponse, error) {
	out := make(map[string]application.StoredResponse, len(ids))
	for chunk := range slices.Chunk(sorted(ids), maxParams) {
		var rows []struct {
			ID          string `db:"id"`
			Fingerprint []byte `db:"request_fingerprint"`
			Status      int    `db:"answer_status"`
			Body        []byte `db:"answer_body"`
		}
		if err := r.t.selectAll(ctx, &rows, "SELECT id, request_fingerprint, answer_status, answer_body FROM leads WHERE id IN ("+marks(len(chunk))+")", anys(chunk)...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			a := application.StoredResponse{Response: application.Response{Status: row.Status, Body: blob(row.Body)}}
			copy(a.Fingerprint[:], row.Fingerprint)
			out[row.ID] = a
		}
	}
	return out, nil
}

// LockPending implements application.LeadRepository. Ids sort by the time they were made.
func (r leads) LockPending(ctx context.Context, campaignID, after string, limit int) ([]*lead.Lead, error) {
	return r.lockPending(ctx, "id > ? ORDER BY id LIMIT ?", campaignID, after, int64(limit))
}

// LockPendingByID implements application.LeadRepository.
func (r leads) LockPendingByID(ctx context.Context, campaignID, id string) ([]*lead.Lead, error) {
	return r.lockPending(ctx, "id = ?", campaignID, id)
}

// lockPending names the key because MySQL reads a small table by its primary key, and would then wait for the rows of other
// campaigns that are being written.
func (r leads) lockPending(ctx context.Context, which string, args ...any) ([]*lead.Lead, error) {
	var rows []leadRow
	if err := r.t.selectAll(ctx, &rows, "SELECT "+leadColumns+" FROM leads"+r.t.s.db.UseKey("leads_status")+" WHERE status = 'pending' AND campaign_id = ? AND "+which+r.t.s.db.ForUpdate(),
		args...); err != nil {
		return nil, err
	}
	out := make([]*lead.Lead, len(rows))
	for i, row := range rows {
		n, err := row.snapshot()
		if err != nil {
			return nil, r.t.refuse(err)
		}
		out[i] = lead.FromSnapshot(n)
	}
	return out, nil
}

// SaveAll implements application.LeadRepository. The leads had no sales when they were loaded.
func (r leads) SaveAll(ctx context.Context, all []*lead.Lead) error {
	snapshots := make([]lead.Snapshot, len(all))
	rows := make([]changedLead, len(all))
	for i, l := range all {
		snapshots[i] = l.Snapshot()
		rows[i] = changedLead{Snapshot: &snapshots[i], was: l.StoredVersion(), trace: encodeTrace(make([]byte, 0, 256), snapshots[i].Trace)}
	}
	slices.SortFunc(rows, func(a, b changedLead) int { return strings.Compare(a.ID, b.ID) })
	for chunk := range slices.Chunk(rows, maxParams/23) {
		if err := r.change(ctx, chunk); err != nil {
			return err
		}
	}
	if err := r.addSales(ctx, snapshots); err != nil {
		return err
	}
	for i, l := range all {
		r.t.save(l, "lead", snapshots[i].ID, snapshots[i].SellerID, application.TrailOf(ctx))
	}
	return nil
}

type changedLead struct {
	*lead.Snapshot

	was   int64
	trace []byte
}

func (r leads) change(ctx context.Context, rows []changedLead) error {
	u := byCase{key: "id"}
	u.WriteString("UPDATE leads SET ")
	for i, c := range []struct {
		name string
		of   func(l *changedLead) any
	}{
		{"status", func(l *changedLead) any { return string(l.Status) }},
		{"code", func(l *changedLead) any { return string(l.Code) }},
		{"reason", func(l *changedLead) any { return l.Reason }},
		{"payout", func(l *changedLead) any { return int64(l.Payout) }},
		{"shown", func(l *changedLead) any { return int64(l.Shown) }},
		{"shown_hidden", func(l *changedLead) any { return flag(l.ShownHidden) }},
		{"trace", func(l *changedLead) any { return l.trace }},
		{"pending_until", func(l *changedLead) any { return micros(l.PendingUntil) }},
		{"updated_at", func(l *changedLead) any { return micros(l.UpdatedAt) }},
		{"version", func(l *changedLead) any { return l.Version }},
	} {
		if i > 0 {
			u.WriteString(", ")
		}
		u.WriteString(c.name)
		u.WriteString(" = ")
		u.choose(len(rows), func(i int) (any, any) { return rows[i].ID, c.of(&rows[i]) })
	}
	u.where(len(rows), func(i int) any { return rows[i].ID })
	u.WriteString(" AND version = ")
	u.choose(len(rows), func(i int) (any, any) { return rows[i].ID, rows[i].was })
	matched, err := r.t.exec(ctx, u.String(), u.args...)
	if err != nil {
		return err
	}
	if matched != int64(len(rows)) {
		return r.t.refuse(fmt.Errorf("%w: %d of %d leads", errGuard, int64(len(rows))-matched, len(rows)))
	}
	return nil
}
