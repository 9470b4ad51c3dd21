package market

import (
	"context"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/lead"
)

var _ market.ErasureReader = (*Reader)(nil)

// SellersToErase implements market.ErasureReader.
func (r *Reader) SellersToErase(ctx context.Context) (ids []string, err error) {
	err = r.db.All(ctx, &ids, "SELECT DISTINCT seller_id FROM open_erasures ORDER BY seller_id")
	return ids, err
}

// ErasureRun implements market.ErasureReader.
func (r *Reader) ErasureRun(ctx context.Context, sellerID string) (market.ErasureRun, error) {
	row := runRow{SellerID: sellerID}
	_, err := r.db.Get(ctx, &row, "SELECT "+runColumns+" FROM erasure_runs WHERE seller_id = ?", sellerID)
	return market.ErasureRun(row), err
}

// RunningErasures implements market.ErasureReader.
func (r *Reader) RunningErasures(ctx context.Context, sellerID string) ([]market.Erasure, error) {
	var rows []openRow
	err := r.db.All(ctx, &rows, "SELECT "+openColumns+fromOpen, sellerID, 1)
	return erasuresOf(rows), err
}

// ErasedBy implements market.ErasureReader.
func (r *Reader) ErasedBy(ctx context.Context, sellerID string, ids []string) (map[string]string, error) {
	by := make(map[string]string)
	if len(ids) == 0 {
		return by, nil
	}
	var rows []struct {
		ID        string `db:"id"`
		ErasureID string `db:"erasure_id"`
	}
	if err := r.db.All(ctx, &rows, "SELECT id, erasure_id FROM erased WHERE seller_id = ? AND id IN ("+engine.Marks(len(ids))+")", append([]any{sellerID}, engine.Anys(ids)...)...); err != nil {
		return nil, err
	}
	for _, row := range rows {
		by[row.ID] = row.ErasureID
	}
	return by, nil
}

// ErasedLeadsAfter implements market.ErasureReader.
func (r *Reader) ErasedLeadsAfter(ctx context.Context, sellerID, after string, limit int) (erased []market.ErasedLead, last string, err error) {
	var rows []leadrow.Row
	if err := r.db.All(ctx, &rows, "SELECT id, "+leadrow.Erasure+" FROM leads WHERE seller_id = ? AND id > ? ORDER BY id LIMIT ?", sellerID, after, int64(limit)); err != nil {
		return nil, "", err
	}
	for _, row := range rows {
		if last = row.ID; row.ErasedAt > 0 {
			erased = append(erased, market.ErasedLead{ID: row.ID, At: engine.Time(row.ErasedAt)})
		}
	}
	return erased, last, nil
}

// LastLead implements market.ErasureReader.
func (r *Reader) LastLead(ctx context.Context, sellerID string) (id string, err error) {
	_, err = r.db.Get(ctx, &id, "SELECT id FROM leads WHERE seller_id = ? ORDER BY id DESC LIMIT 1", sellerID)
	return id, err
}

// HeldLeadsAfter implements market.ErasureReader. Fields and answers that cannot be read hold nobody that could be found.
func (r *Reader) HeldLeadsAfter(ctx context.Context, sellerID, after string, limit int) ([]market.HeldLead, error) {
	var rows []struct {
		leadrow.Row

		Email      string `db:"email"`
		Answers    string `db:"answers"`
		CustomerID string `db:"customer_id"`
	}
	if err := r.db.All(ctx, &rows, "SELECT l.id, l.origin, l.fields, l."+leadrow.Erasure+", COALESCE(f.email, '') AS email, COALESCE(f.answers, '') AS answers, "+
		"COALESCE(f.customer_id, '') AS customer_id FROM leads l LEFT JOIN lead_reviews f ON f.seller_id = l.seller_id AND f.lead_id = l.id "+
		"WHERE l.seller_id = ? AND l.id > ? ORDER BY l.id LIMIT ?", sellerID, after, int64(limit)); err != nil {
		return nil, err
	}
	out := make([]market.HeldLead, len(rows))
	for i, row := range rows {
		h := market.HeldLead{ID: row.ID, Erased: row.ErasedAt > 0, Email: row.Email, CustomerID: row.CustomerID}
		if !h.Erased {
			h.Fields, _ = row.Given()
		}
		if row.Origin == string(lead.OriginForm) && !h.Erased {
			answers, _ := leadrow.DecodeAnswers(row.Answers)
			for _, a := range answers {
				h.Answers = append(h.Answers, a.Answer)
			}
		}
		out[i] = h
	}
	return out, nil
}

// MarksAfter implements market.ErasureReader.
func (r *Reader) MarksAfter(ctx context.Context, kind market.MarkKind, sellerID string, after []byte, limit int) ([]market.Mark, error) {
	var rows []struct {
		Key    []byte `db:"mark_key"`
		LeadID string `db:"lead_id"`
	}
	table, key := marksOf(kind)
	query, args := "SELECT "+key+" AS mark_key, lead_id FROM "+table+" WHERE seller_id = ?", []any{sellerID}
	if after != nil {
		query, args = query+" AND "+key+" > ?", append(args, after)
	}
	if err := r.db.All(ctx, &rows, query+" ORDER BY "+key+" LIMIT ?", append(args, int64(limit))...); err != nil {
		return nil, err
	}
	out := make([]market.Mark, len(rows))
	for i, row := range rows {
		out[i].LeadID = row.LeadID
		copy(out[i].Key[:], row.Key)
	}
	return out, nil
}

// ErasureByID answers marketquery.ErasureByID: market.ErrErasureNotFound.
func (r *Reader) ErasureByID(ctx context.Context, q marketquery.ErasureByID) (marketquery.Erasure, error) {
	var row struct {
		ID          string `db:"id"`
		Subject     string `db:"subject"`
		State       string `db:"state"`
		RequestedAt int64  `db:"requested_at"`
		FinishedAt  int64  `db:"finished_at"`
		Leads       int64  `db:"leads"`
		FormAnswers int64  `db:"form_answers"`
		Customers   int64  `db:"customers"`
		Mails       int64  `db:"mails"`
		Answers     int64  `db:"answers"`
		Claims      int64  `db:"claims"`
		Requests    int64  `db:"requests"`
	}
	if err := r.db.One(ctx, market.ErrErasureNotFound, &row, "SELECT id, subject, state, requested_at, finished_at, leads, form_answers, customers, mails, answers, claims, requests "+
		"FROM erasures WHERE seller_id = ? AND id = ?", q.SellerID, q.ID); err != nil {
		return marketquery.Erasure{}, err
	}
	if row.ID != q.ID {
		return marketquery.Erasure{}, market.ErrErasureNotFound
	}
	out := marketquery.Erasure{
		ID: row.ID, Subject: row.Subject, State: row.State, RequestedAt: engine.Time(row.RequestedAt), FinishedAt: engine.Time(row.FinishedAt),
		Counts: market.ErasureCounts{
			Leads: row.Leads, FormAnswers: row.FormAnswers, Customers: row.Customers, Mails: row.Mails, Answers: row.Answers,
			Claims: row.Claims, Requests: row.Requests,
		},
	}
	var erased []struct {
		ID   string `db:"id"`
		Kind string `db:"kind"`
	}
	if err := r.db.All(ctx, &erased, "SELECT id, kind FROM erased WHERE seller_id = ? AND erasure_id = ? ORDER BY id LIMIT ?", q.SellerID, row.ID, marketquery.MostErased); err != nil {
		return marketquery.Erasure{}, err
	}
	for _, e := range erased {
		if e.Kind == "lead" {
			out.Leads = append(out.Leads, e.ID)
		} else {
			out.Customers = append(out.Customers, e.ID)
		}
	}
	return out, nil
}
