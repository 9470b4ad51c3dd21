package market

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/sellerrow"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/lead"
)

type erasures struct{ t *engine.Tx }

// erasable are the columns of a lead that is to be erased. What is erased need not be read, and may be unreadable.
const erasable = "id, seller_id, seller_code, origin, partner_id, campaign_id, category, dimensions, test, status, pending_until, created_at, version"

// LockToErase implements application.LeadErasureRepository.
func (r erasures) LockToErase(ctx context.Context, sellerID string, ids []string) ([]*lead.Lead, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []leadrow.Row
	if err := r.t.All(ctx, &rows, "SELECT "+erasable+" FROM leads"+r.t.UseKey("PRIMARY")+" WHERE seller_id = ? AND id IN ("+engine.Marks(len(ids))+") AND "+leadrow.Erasure+" = 0 ORDER BY id"+
		r.t.ForUpdate(), append([]any{sellerID}, engine.Anys(ids)...)...); err != nil {
		return nil, err
	}
	noFields, err := leadrow.EncodeFields(nil, nil)
	if err != nil {
		return nil, r.t.Refuse(err)
	}
	noTrace := leadrow.EncodeTrace(nil, lead.Trace{})
	out := make([]*lead.Lead, len(rows))
	var pending []string
	for _, row := range rows {
		if row.Status == string(lead.StatusPending) {
			pending = append(pending, row.ID)
		}
	}
	waiting, err := leadrow.WaitingOf(ctx, r.t, sellerID, pending)
	if err != nil {
		return nil, err
	}
	asked := slices.DeleteFunc(pending, func(id string) bool { return waiting[id].Deadline.IsZero() })
	reservations, err := leadrow.ReservationsOf(ctx, r.t, sellerID, asked)
	if err != nil {
		return nil, err
	}
	for i, row := range rows {
		row.Fields, row.Trace = noFields, noTrace
		n, err := row.Snapshot()
		if err != nil {
			return nil, r.t.Refuse(err)
		}
		n.Deadline, n.Reservations = waiting[n.ID].Deadline, reservations[n.ID]
		out[i] = lead.FromSnapshot(n)
	}
	return out, nil
}

// SaveErased implements application.LeadErasureRepository. Leads that change alike are one statement.
func (r erasures) SaveErased(ctx context.Context, all []*lead.Lead) error {
	type change struct {
		seller, status string
		events         int64
		at             time.Time
	}
	ids := map[change][]string{}
	var order []change
	for _, l := range all {
		n := l.Snapshot()
		c := change{n.SellerID, string(n.Status), n.Version - l.StoredVersion(), n.ErasedAt}
		if ids[c] == nil {
			order = append(order, c)
		}
		ids[c] = append(ids[c], n.ID)
	}
	noFields, err := leadrow.EncodeFields(nil, nil)
	if err != nil {
		return r.t.Refuse(err)
	}
	key := r.t.UseKey("PRIMARY")
	for _, c := range order {
		which := " WHERE seller_id = ? AND %s IN (" + engine.Marks(len(ids[c])) + ")"
		keys := append([]any{c.seller}, engine.Anys(ids[c])...)
		matched, err := r.t.Exec(ctx, "UPDATE leads"+key+" SET fields = ?, request_fingerprint = ?, external_id = CASE WHEN INSTR(external_id, '@') > 0 THEN '' ELSE external_id END, "+
			"status = ?, pending_until = 0, "+leadrow.Erasure+" = ?, updated_at = ?, version = version + ?"+strings.Replace(which, "%s", "id", 1),
			append([]any{noFields, make([]byte, 32), c.status, engine.Micros(c.at), engine.Micros(c.at), c.events}, keys...)...)
		if err != nil {
			return err
		}
		if matched != int64(len(ids[c])) {
			return application.ErrConcurrentChange
		}
		if _, err := r.t.Exec(ctx, "UPDATE lead_reviews"+key+" SET name = '', email = '', answers = '[]'"+strings.Replace(which, "%s", "lead_id", 1), keys...); err != nil {
			return err
		}
		if err := leadrow.ForgetNotes(ctx, r.t, c.seller, ids[c]); err != nil {
			return err
		}
		if err := leadrow.ForgetAttempts(ctx, r.t, c.seller, ids[c]); err != nil {
			return err
		}
		if err := saleReservations(r).Forget(ctx, c.seller, ids[c]); err != nil {
			return err
		}
		if c.status != string(lead.StatusUnsold) {
			continue
		}
		// Some of them waited until now.
		if _, err := r.t.Exec(ctx, "UPDATE unsold_leads"+key+" SET status = ?, deadline_at = NULL, answer_until = NULL"+strings.Replace(which, "%s", "lead_id", 1), append([]any{c.status}, keys...)...); err != nil {
			return err
		}
	}
	for _, l := range all {
		r.t.Save(l, "lead", l.ID(), l.SellerID(), application.TrailOf(ctx))
	}
	return nil
}

// KeepPlace implements market.RetentionRepository.
func (r erasures) KeepPlace(ctx context.Context, sellerID, leadID string) error {
	matched, err := r.t.Exec(ctx, "UPDATE lead_retention SET lead_id = ? WHERE seller_id = ?", leadID, sellerID)
	if err != nil || matched == 1 {
		return err
	}
	taken, err := r.t.Insert(ctx, "lead_retention", "INSERT INTO lead_retention (seller_id, lead_id) VALUES (?, ?)", sellerID, leadID)
	if err == nil && taken != "" {
		return r.t.LostRace()
	}
	return err
}

// Retentions implements market.RetentionReader.
func (r *Reader) Retentions(ctx context.Context) ([]market.Retention, error) {
	var rows []struct {
		sellerrow.Row

		Place string `db:"place"`
	}
	if err := r.db.All(ctx, &rows, "SELECT s.id, s.program, COALESCE(r.lead_id, '') AS place FROM sellers s LEFT JOIN lead_retention r ON r.seller_id = s.id "+
		"WHERE s.program LIKE '%\"lead_days\":%' ORDER BY s.id"); err != nil {
		return nil, err
	}
	var out []market.Retention
	for _, row := range rows {
		p, err := row.PartnerProgram()
		if err != nil {
			return nil, err
		}
		if p.LeadRetentionDays > 0 {
			out = append(out, market.Retention{SellerID: row.ID, Days: p.LeadRetentionDays, Place: row.Place})
		}
	}
	return out, nil
}

// OldLeads implements market.RetentionReader. Ids sort by the time they were made.
func (r *Reader) OldLeads(ctx context.Context, sellerID, after string, before time.Time, limit int) ([]string, error) {
	var rows []struct {
		ID        string `db:"id"`
		CreatedAt int64  `db:"created_at"`
	}
	if err := r.db.All(ctx, &rows, "SELECT id, created_at FROM leads WHERE seller_id = ? AND id > ? ORDER BY id LIMIT ?", sellerID, after, int64(limit)); err != nil {
		return nil, err
	}
	var ids []string
	for _, row := range rows {
		if row.CreatedAt >= engine.Micros(before) {
			break
		}
		ids = append(ids, row.ID)
	}
	return ids, nil
}
