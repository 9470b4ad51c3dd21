package market

import (
	"context"
	"fmt"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/lead"
)

// requestedErasures stores what was asked to be erased and how far that came; erasures erases.
type requestedErasures struct{ t *engine.Tx }

// Add implements market.ErasureRepository.
func (r requestedErasures) Add(ctx context.Context, e market.Erasure) error {
	if _, err := r.t.Exec(ctx, "INSERT INTO erasures (seller_id, id, subject, state, requested_at, finished_at, leads, form_answers, customers, mails, answers, claims, requests) "+
		"VALUES (?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, 0, 0)", e.SellerID, e.ID, string(e.Subject), string(market.ErasurePending), engine.Micros(e.RequestedAt)); err != nil {
		return err
	}
	email, phone := e.Person.Keys()
	_, err := r.t.Exec(ctx, "INSERT INTO open_erasures (seller_id, erasure_id, running, email, phone, customer_id, last_lead, last_customer) VALUES (?, ?, 0, ?, ?, ?, ?, ?)",
		e.SellerID, e.ID, email, phone, e.CustomerID, e.LastLead, e.LastCustomer)
	return err
}

const runColumns = "seller_id, stage, place, step"

type runRow struct {
	SellerID string `db:"seller_id"`
	Stage    string `db:"stage"`
	Place    string `db:"place"`
	Step     int64  `db:"step"`
}

// LockRun implements market.ErasureRepository. The row is made by whoever locks it first.
func (r requestedErasures) LockRun(ctx context.Context, sellerID string) (market.ErasureRun, error) {
	var row runRow
	found, err := r.t.Get(ctx, &row, "SELECT "+runColumns+" FROM erasure_runs WHERE seller_id = ?"+r.t.ForUpdate(), sellerID)
	if err != nil || found {
		return market.ErasureRun(row), err
	}
	taken, err := r.t.Insert(ctx, "erasure_runs", "INSERT INTO erasure_runs ("+runColumns+") VALUES (?, '', '', 0)", sellerID)
	if err == nil && taken != "" {
		err = r.t.LostRace()
	}
	return market.ErasureRun{SellerID: sellerID}, err
}

// SaveRun implements market.ErasureRepository.
func (r requestedErasures) SaveRun(ctx context.Context, run market.ErasureRun) error {
	matched, err := r.t.Exec(ctx, "UPDATE erasure_runs SET stage = ?, place = ?, step = step + 1 WHERE seller_id = ? AND step = ?", run.Stage, run.Place, run.SellerID, run.Step)
	if err == nil && matched != 1 {
		err = application.ErrConcurrentChange
	}
	return err
}

const openColumns = "o.seller_id, o.erasure_id, o.running, o.email, o.phone, o.customer_id, o.last_lead, o.last_customer, e.subject, e.requested_at"

const fromOpen = " FROM open_erasures o JOIN erasures e ON e.seller_id = o.seller_id AND e.id = o.erasure_id WHERE o.seller_id = ? AND o.running = ? ORDER BY o.erasure_id"

type openRow struct {
	SellerID     string `db:"seller_id"`
	ErasureID    string `db:"erasure_id"`
	Running      bool   `db:"running"`
	Email        string `db:"email"`
	Phone        string `db:"phone"`
	CustomerID   string `db:"customer_id"`
	LastLead     string `db:"last_lead"`
	LastCustomer string `db:"last_customer"`
	Subject      string `db:"subject"`
	RequestedAt  int64  `db:"requested_at"`
}

func erasuresOf(rows []openRow) []market.Erasure {
	out := make([]market.Erasure, len(rows))
	for i, row := range rows {
		out[i] = market.Erasure{
			SellerID: row.SellerID, ID: row.ErasureID, Subject: market.ErasureSubject(row.Subject), Person: lead.RestorePerson(row.Email, row.Phone),
			CustomerID: row.CustomerID, LastLead: row.LastLead, LastCustomer: row.LastCustomer, RequestedAt: engine.Time(row.RequestedAt),
		}
	}
	return out
}

// Start implements market.ErasureRepository. Whoever starts has locked the run, so nobody else does at the same time.
func (r requestedErasures) Start(ctx context.Context, sellerID string, limit int) ([]market.Erasure, error) {
	var rows []openRow
	if err := r.t.All(ctx, &rows, "SELECT "+openColumns+fromOpen+" LIMIT ?", sellerID, 0, int64(limit)); err != nil || len(rows) == 0 {
		return nil, err
	}
	ids := []any{sellerID}
	for _, row := range rows {
		ids = append(ids, row.ErasureID)
	}
	marks := engine.Marks(len(rows))
	if _, err := r.t.Exec(ctx, "UPDATE erasures"+r.t.UseKey("PRIMARY")+" SET state = ? WHERE seller_id = ? AND id IN ("+marks+")", append([]any{string(market.ErasureRunning)}, ids...)...); err != nil {
		return nil, err
	}
	_, err := r.t.Exec(ctx, "UPDATE open_erasures"+r.t.UseKey("PRIMARY")+" SET running = 1 WHERE seller_id = ? AND erasure_id IN ("+marks+")", ids...)
	return erasuresOf(rows), err
}

// Finish implements market.ErasureRepository.
func (r requestedErasures) Finish(ctx context.Context, sellerID string, at time.Time) error {
	var ids []string
	if err := r.t.All(ctx, &ids, "SELECT erasure_id FROM open_erasures WHERE seller_id = ? AND running = 1", sellerID); err != nil || len(ids) == 0 {
		return err
	}
	if _, err := r.t.Exec(ctx, "UPDATE erasures"+r.t.UseKey("PRIMARY")+" SET state = ?, finished_at = ? WHERE seller_id = ? AND id IN ("+engine.Marks(len(ids))+")",
		append([]any{string(market.ErasureDone), engine.Micros(at), sellerID}, engine.Anys(ids)...)...); err != nil {
		return err
	}
	_, err := r.t.Exec(ctx, r.t.DeleteByKey("open_erasures", "PRIMARY")+" WHERE seller_id = ? AND running = 1", sellerID)
	return err
}

// Count implements market.ErasureRepository.
func (r requestedErasures) Count(ctx context.Context, sellerID, erasureID string, c market.ErasureCounts) error {
	if c == (market.ErasureCounts{}) {
		return nil
	}
	matched, err := r.t.Exec(ctx, "UPDATE erasures SET leads = leads + ?, form_answers = form_answers + ?, customers = customers + ?, mails = mails + ?, answers = answers + ?, "+
		"claims = claims + ?, requests = requests + ? WHERE seller_id = ? AND id = ?",
		c.Leads, c.FormAnswers, c.Customers, c.Mails, c.Answers, c.Claims, c.Requests, sellerID, erasureID)
	if err == nil && matched != 1 {
		err = r.t.Refuse(fmt.Errorf("%w: erasure %s is not there", engine.ErrGuard, erasureID))
	}
	return err
}

// Note implements market.ErasureRepository. What a restored database says of an id already is replaced.
func (r requestedErasures) Note(ctx context.Context, sellerID, erasureID string, leads, customers []string) error {
	for _, of := range []struct {
		kind string
		ids  []string
	}{{"lead", leads}, {"customer", customers}} {
		if len(of.ids) == 0 {
			continue
		}
		if _, err := r.t.Exec(ctx, r.t.DeleteByKey("erased", "PRIMARY")+" WHERE seller_id = ? AND id IN ("+engine.Marks(len(of.ids))+")", append([]any{sellerID}, engine.Anys(of.ids)...)...); err != nil {
			return err
		}
		duplicate, err := r.t.InsertRows(ctx, "erased", "seller_id, id, kind, erasure_id", len(of.ids), func(args []any, i int) ([]any, error) {
			return append(args, sellerID, of.ids[i], of.kind, erasureID), nil
		})
		if duplicate {
			return r.t.LostRace()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Leads implements market.ErasureRepository.
func (r requestedErasures) Leads(ctx context.Context, sellerID string, ids []string) (map[string]bool, error) {
	var rows []leadrow.Row
	if len(ids) == 0 {
		return map[string]bool{}, nil
	}
	if err := r.t.All(ctx, &rows, "SELECT id, "+leadrow.Erasure+" FROM leads WHERE seller_id = ? AND id IN ("+engine.Marks(len(ids))+")", append([]any{sellerID}, engine.Anys(ids)...)...); err != nil {
		return nil, err
	}
	erased := make(map[string]bool, len(rows))
	for _, row := range rows {
		erased[row.ID] = row.ErasedAt > 0
	}
	return erased, nil
}

// Reviews implements market.ErasureRepository. Answers that cannot be read count as one.
func (r requestedErasures) Reviews(ctx context.Context, sellerID string, ids []string) (map[string]market.HeldReview, error) {
	if len(ids) == 0 {
		return map[string]market.HeldReview{}, nil
	}
	var rows []struct {
		LeadID     string `db:"lead_id"`
		CustomerID string `db:"customer_id"`
		Answers    string `db:"answers"`
	}
	if err := r.t.All(ctx, &rows, "SELECT lead_id, customer_id, answers FROM lead_reviews WHERE seller_id = ? AND lead_id IN ("+engine.Marks(len(ids))+")", append([]any{sellerID}, engine.Anys(ids)...)...); err != nil {
		return nil, err
	}
	out := make(map[string]market.HeldReview, len(rows))
	for _, row := range rows {
		held := market.HeldReview{CustomerID: row.CustomerID, Answers: 1}
		if answers, err := leadrow.DecodeAnswers(row.Answers); err == nil {
			held.Answers = len(answers)
		}
		out[row.LeadID] = held
	}
	return out, nil
}

// marksOf returns the table of marks of a kind, and its column that tells them apart.
func marksOf(kind market.MarkKind) (table, key string) {
	if kind == market.MarkRequests {
		return "recent_requests", "content"
	}
	return "claims", "claim_key"
}

// DeleteMarks implements market.ErasureRepository. An expired mark may have been given to another lead meanwhile.
func (r requestedErasures) DeleteMarks(ctx context.Context, kind market.MarkKind, sellerID string, all []market.Mark) error {
	if len(all) == 0 {
		return nil
	}
	keys, leads := make([]any, len(all)), make([]any, len(all))
	for i := range all {
		keys[i], leads[i] = all[i].Key[:], all[i].LeadID
	}
	table, key := marksOf(kind)
	marks := engine.Marks(len(all))
	args := append(append([]any{sellerID}, keys...), leads...)
	_, err := r.t.Exec(ctx, r.t.DeleteByKey(table, "PRIMARY")+" WHERE seller_id = ? AND "+key+" IN ("+marks+") AND lead_id IN ("+marks+")", args...)
	return err
}
