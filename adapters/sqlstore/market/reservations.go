package market

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/lead"
)

var _ market.ReservationReader = (*Reader)(nil)

type saleReservations struct{ t *engine.Tx }

// LockLeads implements market.ReservationRepository.
func (r saleReservations) LockLeads(ctx context.Context, campaign application.Ref, ids []string) (map[string]*lead.Lead, error) {
	out := map[string]*lead.Lead{}
	for some := range slices.Chunk(ids, salesAtOnce) {
		found, err := leads(r).lockUnsold(ctx, campaign, lead.StatusPending, some)
		if err != nil {
			return nil, err
		}
		asked := slices.DeleteFunc(found, func(l *lead.Lead) bool { return l.Deadline().IsZero() })
		if len(asked) == 0 {
			continue
		}
		locked := make([]string, len(asked))
		for i, l := range asked {
			locked[i] = l.ID()
		}
		reservations, err := leadrow.ReservationsOf(ctx, r.t, campaign.SellerID, locked)
		if err != nil {
			return nil, err
		}
		for _, l := range asked {
			n := l.Snapshot()
			n.Reservations = reservations[n.ID]
			out[n.ID] = lead.FromSnapshot(n)
		}
	}
	return out, nil
}

// LockLeft implements market.ReservationRepository. What is held is read again once the leads are locked.
func (r saleReservations) LockLeft(ctx context.Context, sellerID string, ids []string) ([]*lead.Lead, error) {
	held, err := r.held(ctx, sellerID, ids)
	if err != nil || len(held) == 0 {
		return nil, err
	}
	var locked []lead.Snapshot
	for _, id := range slices.Sorted(maps.Keys(held)) {
		n, err := leads(r).lockOne(ctx, sellerID, id)
		if errors.Is(err, lead.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		locked = append(locked, n)
	}
	if held, err = r.held(ctx, sellerID, slices.Collect(maps.Keys(held))); err != nil {
		return nil, err
	}
	var out []*lead.Lead
	for _, n := range locked {
		if n.Reservations = held[n.ID]; n.Reservations != nil {
			out = append(out, lead.FromSnapshot(n))
		}
	}
	return out, nil
}

// held returns the reservations of those of some leads of which something is held.
func (r saleReservations) held(ctx context.Context, sellerID string, ids []string) (map[string][]lead.Reservation, error) {
	all, err := leadrow.ReservationsOf(ctx, r.t, sellerID, ids)
	maps.DeleteFunc(all, func(_ string, of []lead.Reservation) bool {
		return !slices.ContainsFunc(of, func(r lead.Reservation) bool { return r.Status.Held() })
	})
	return all, err
}

// SaveReleased implements market.ReservationRepository. How a lead was decided stays as it was told.
func (r saleReservations) SaveReleased(ctx context.Context, sellerID string, all []*lead.Lead) error {
	snapshots := make([]lead.Snapshot, len(all))
	var erased []string
	for i, l := range all {
		n := l.Snapshot()
		snapshots[i] = n
		matched, err := r.t.Exec(ctx, "UPDATE leads"+r.t.UseKey("PRIMARY")+" SET updated_at = ?, version = ? WHERE seller_id = ? AND id = ? AND version = ?",
			engine.Micros(n.UpdatedAt), n.Version, sellerID, n.ID, l.StoredVersion())
		if err != nil {
			return err
		}
		if matched != 1 {
			return r.t.Refuse(fmt.Errorf("%w: a lead that is not asked about", engine.ErrGuard))
		}
		if _, err := r.t.Exec(ctx, "UPDATE unsold_leads"+r.t.UseKey("PRIMARY")+" SET deadline_at = NULL WHERE seller_id = ? AND lead_id = ?", sellerID, n.ID); err != nil {
			return err
		}
		if !n.ErasedAt.IsZero() {
			erased = append(erased, n.ID)
		}
	}
	if err := leadrow.SaveReservations(ctx, r.t, all, snapshots); err != nil {
		return err
	}
	for _, l := range all {
		r.t.Save(l, "lead", l.ID(), sellerID, application.TrailOf(ctx))
	}
	return r.Forget(ctx, sellerID, erased)
}

// OfLeads implements market.ReservationRepository.
func (r saleReservations) OfLeads(ctx context.Context, sellerID string, ids []string) (map[string][]lead.Reservation, error) {
	return leadrow.ReservationsOf(ctx, r.t, sellerID, ids)
}

// Forget implements market.ReservationRepository.
func (r saleReservations) Forget(ctx context.Context, sellerID string, ids []string) error {
	return leadrow.ForgetReservations(ctx, r.t, sellerID, ids)
}

// uncounted is what a counter counts less.
type uncounted struct {
	key        string
	used, less int64
}

// Uncount implements market.ReservationRepository. What is given back to a counter more than once is added up.
func (r saleReservations) Uncount(ctx context.Context, sellerID string, all []market.Uncounted) error {
	if len(all) == 0 {
		return nil
	}
	var owners []string
	for _, u := range all {
		owners = append(owners, u.CampaignID, u.ContractID, u.BuyerID)
	}
	slices.Sort(owners)
	owners = slices.Compact(owners)
	var earliest, latest int64
	for i, u := range all {
		at := engine.Micros(u.At)
		if i == 0 {
			earliest, latest = at, at
		}
		earliest, latest = min(earliest, at), max(latest, at)
	}
	less := map[string]*uncounted{}
	for some := range slices.Chunk(owners, salesAtOnce) {
		var rows []counterRow
		if err := r.t.All(ctx, &rows, "SELECT counter_key, contract_id, starts_at, ends_at FROM contract_counters"+r.t.UseKey("contract_counters_contract")+
			" WHERE seller_id = ? AND contract_id IN ("+engine.Marks(len(some))+") AND (ends_at = 0 OR starts_at <= ? AND ends_at > ?)",
			append(append([]any{sellerID}, engine.Anys(some)...), latest, earliest)...); err != nil {
			return err
		}
		for _, row := range rows {
			for _, u := range all {
				at := engine.Micros(u.At)
				if row.OwnerID != u.CampaignID && row.OwnerID != u.ContractID && row.OwnerID != u.BuyerID || row.EndsAt != 0 && (row.StartsAt > at || row.EndsAt <= at) {
					continue
				}
				n := less[row.Key]
				if n == nil {
					n = &uncounted{key: row.Key}
					less[row.Key] = n
				}
				n.less += int64(u.Price)
				if u.Whole {
					n.used++
				}
			}
		}
	}
	rows := make([]*uncounted, 0, len(less))
	for _, n := range less {
		rows = append(rows, n)
	}
	slices.SortFunc(rows, func(a, b *uncounted) int { return cmp.Compare(a.key, b.key) })
	for some := range slices.Chunk(rows, salesAtOnce) {
		if err := r.subtract(ctx, sellerID, some); err != nil {
			return err
		}
	}
	return nil
}

func (r saleReservations) subtract(ctx context.Context, sellerID string, rows []*uncounted) error {
	used := func(i int) (any, any) { return rows[i].key, rows[i].used }
	spent := func(i int) (any, any) { return rows[i].key, rows[i].less }
	u := engine.Cases{Key: "counter_key"}
	u.WriteString("UPDATE contract_counters" + r.t.UseKey("PRIMARY") + " SET used = used - ")
	u.Choose(len(rows), used)
	u.WriteString(", spent = spent - ")
	u.Choose(len(rows), spent)
	u.Where(len(rows), func(i int) (string, any) { return sellerID, rows[i].key })
	u.WriteString(" AND used >= ")
	u.Choose(len(rows), used)
	u.WriteString(" AND spent >= ")
	u.Choose(len(rows), spent)
	matched, err := r.t.Exec(ctx, u.String(), u.Args...)
	if err == nil && matched != int64(len(rows)) {
		err = r.t.Refuse(fmt.Errorf("%w: %d of %d counters", engine.ErrGuard, int64(len(rows))-matched, len(rows)))
	}
	return err
}

// AnswersUntil implements market.ReservationRepository.
func (r saleReservations) AnswersUntil(ctx context.Context, sellerID string, ids []string) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	for some := range slices.Chunk(ids, salesAtOnce) {
		var rows []struct {
			LeadID string `db:"lead_id"`
			Until  int64  `db:"answer_until"`
		}
		if err := r.t.All(ctx, &rows, "SELECT lead_id, answer_until FROM unsold_leads WHERE seller_id = ? AND lead_id IN ("+engine.Marks(len(some))+") AND answer_until IS NOT NULL",
			append([]any{sellerID}, engine.Anys(some)...)...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			out[row.LeadID] = engine.Time(row.Until)
		}
	}
	return out, nil
}

// Answer implements market.ReservationRepository.
func (r saleReservations) Answer(ctx context.Context, sellerID string, responses map[string]application.Response) error {
	ids := make([]string, 0, len(responses))
	for id := range responses {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for some := range slices.Chunk(ids, salesAtOnce) {
		replaced := slices.DeleteFunc(slices.Clone(some), func(id string) bool { return responses[id].Status == 0 })
		if len(replaced) > 0 {
			u := engine.Cases{Key: "id"}
			u.WriteString("UPDATE leads" + r.t.UseKey("PRIMARY") + " SET answer_status = ")
			u.Choose(len(replaced), func(i int) (any, any) { return replaced[i], int64(responses[replaced[i]].Status) })
			u.WriteString(", answer_body = ")
			u.Choose(len(replaced), func(i int) (any, any) { return replaced[i], engine.Blob(responses[replaced[i]].Body) })
			u.Where(len(replaced), func(i int) (string, any) { return sellerID, replaced[i] })
			if _, err := r.t.Exec(ctx, u.String(), u.Args...); err != nil {
				return err
			}
		}
		if _, err := r.t.Exec(ctx, "UPDATE unsold_leads"+r.t.UseKey("PRIMARY")+" SET answer_until = NULL WHERE seller_id = ? AND lead_id IN ("+engine.Marks(len(some))+")",
			append([]any{sellerID}, engine.Anys(some)...)...); err != nil {
			return err
		}
	}
	return nil
}

// CampaignsOf implements market.ReservationReader.
func (r *Reader) CampaignsOf(ctx context.Context, refs []application.Ref) (map[string]string, error) {
	out := make(map[string]string, len(refs))
	for piece := range engine.PiecesOf(application.SortedRefs(refs)) {
		keys, args := engine.AmongRefs(piece)
		var rows []struct {
			ID         string `db:"id"`
			CampaignID string `db:"campaign_id"`
		}
		if err := r.db.All(ctx, &rows, "SELECT id, campaign_id FROM leads WHERE "+keys, args...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			out[row.ID] = row.CampaignID
		}
	}
	return out, nil
}

// OverdueReservations implements market.ReservationReader.
func (r *Reader) OverdueReservations(ctx context.Context, at time.Time, limit int) ([]market.OverdueReservation, error) {
	var rows []struct {
		SellerID   string  `db:"seller_id"`
		LeadID     string  `db:"lead_id"`
		SaleID     string  `db:"sale_id"`
		DeadlineAt int64   `db:"deadline_at"`
		Tries      *int64  `db:"tries"`
		Reason     *string `db:"reason"`
	}
	overdue := func(order string) string {
		return "SELECT seller_id, lead_id, sale_id, deadline_at FROM (SELECT seller_id, lead_id, sale_id, deadline_at FROM reservations" + r.db.UseKey("reservations_deadline") +
			" WHERE status = 'reserved' AND deadline_at <= ? ORDER BY deadline_at" + order + " LIMIT ?) "
	}
	if err := r.db.All(ctx, &rows, "SELECT o.seller_id, o.lead_id, o.sale_id, o.deadline_at, d.tries, a.reason FROM ("+overdue("")+"oldest UNION "+overdue(" DESC")+"latest) o "+
		"LEFT JOIN deliveries d ON d.seller_id = o.seller_id AND d.lead_id = o.lead_id AND d.sale_id = o.sale_id "+
		"LEFT JOIN delivery_attempts a ON a.seller_id = d.seller_id AND a.delivery_id = d.id AND a.number = d.tries ORDER BY o.deadline_at, o.sale_id",
		engine.Micros(at), int64((limit+1)/2), engine.Micros(at), int64(limit/2)); err != nil {
		return nil, err
	}
	out := make([]market.OverdueReservation, len(rows))
	for i, row := range rows {
		out[i] = market.OverdueReservation{
			SellerID: row.SellerID, DeliveryID: delivery.IDOf(row.SaleID), LeadID: row.LeadID, Reason: delivery.Timeout, Deadline: engine.Time(row.DeadlineAt),
		}
		if row.Tries != nil {
			out[i].Tries = *row.Tries
		}
		if row.Reason != nil && *row.Reason != "" {
			out[i].Reason = delivery.Reason(*row.Reason)
		}
	}
	return out, nil
}

// FinalAnswers implements market.ReservationReader.
func (r *Reader) FinalAnswers(ctx context.Context, refs []application.Ref) (map[string]application.Response, error) {
	out := make(map[string]application.Response, len(refs))
	for piece := range engine.PiecesOf(application.SortedRefs(refs)) {
		keys, args := engine.AmongRefs(piece)
		var rows []struct {
			ID     string `db:"id"`
			Status int    `db:"answer_status"`
			Body   []byte `db:"answer_body"`
		}
		if err := r.db.All(ctx, &rows, "SELECT id, answer_status, answer_body FROM leads WHERE "+keys+
			" AND NOT EXISTS (SELECT 1 FROM unsold_leads u WHERE u.seller_id = leads.seller_id AND u.lead_id = leads.id AND u.answer_until IS NOT NULL)", args...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			out[row.ID] = application.Response{Status: row.Status, Body: row.Body}
		}
	}
	return out, nil
}
