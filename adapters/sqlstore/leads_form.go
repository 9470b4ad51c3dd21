package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

const reviewColumns = "lead_id, seller_id, number, status, name, email, form_version, answers, customer_id, commission_amount"

type reviewRow struct {
	LeadID           string `db:"lead_id"`
	SellerID         string `db:"seller_id"`
	Number           int64  `db:"number"`
	Status           string `db:"status"`
	Name             string `db:"name"`
	Email            string `db:"email"`
	FormVersion      int64  `db:"form_version"`
	Answers          string `db:"answers"`
	CustomerID       string `db:"customer_id"`
	CommissionAmount *int64 `db:"commission_amount"`
}

// reviewAnswer is a member of the column lead_reviews.answers: a question as it was asked.
type reviewAnswer struct {
	ID       int64  `json:"id"`
	Question string `json:"question"`
	Answer   string `json:"answer"`
}

func (r reviewRow) restore() (*lead.Review, error) {
	var answers []reviewAnswer
	if err := json.Unmarshal([]byte(r.Answers), &answers); err != nil {
		return nil, fmt.Errorf("restore the answers of lead %s: %w", r.LeadID, err)
	}
	out := &lead.Review{Number: r.Number, Status: lead.ReviewStatus(r.Status), Name: r.Name, Email: r.Email, FormVersion: r.FormVersion,
		CustomerID: r.CustomerID, CommissionAmount: (*money.Micros)(r.CommissionAmount)}
	for _, a := range answers {
		out.Answers = append(out.Answers, lead.Answer(a))
	}
	return out, nil
}

func encodeAnswers(all []lead.Answer) (string, error) {
	answers := make([]reviewAnswer, len(all))
	for i, a := range all {
		answers[i] = reviewAnswer(a)
	}
	return encodeJSON(answers)
}

// AddForm implements application.LeadRepository. A form lead has a row in leads like any other, so that it can be sold.
func (r leads) AddForm(ctx context.Context, l *lead.Lead) error {
	n := l.Snapshot()
	answers, err := encodeAnswers(n.Review.Answers)
	if err != nil {
		return r.t.refuse(err)
	}
	if err := r.AddAll(ctx, []application.StoredLead{{Lead: l, Trail: application.TrailOf(ctx)}}); err != nil {
		return err
	}
	_, err = r.t.exec(ctx, "INSERT INTO lead_reviews ("+reviewColumns+") VALUES ("+marks(10)+")", n.ID, n.SellerID, n.Review.Number,
		string(n.Review.Status), n.Review.Name, n.Review.Email, n.Review.FormVersion, answers, n.Review.CustomerID, (*int64)(n.Review.CommissionAmount))
	return err
}

// LockByNumber implements application.LeadRepository. The number of a lead never changes, so the row in leads is locked by
// its id and the rest read after that.
func (r leads) LockByNumber(ctx context.Context, sellerID string, number int64) (*lead.Lead, error) {
	var of struct {
		ID string `db:"lead_id"`
	}
	found, err := r.t.get(ctx, &of, "SELECT lead_id FROM lead_reviews WHERE seller_id = ? AND number = ?", sellerID, number)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, lead.ErrNotFound
	}
	var row leadRow
	if found, err = r.t.get(ctx, &row, "SELECT "+leadColumns+" FROM leads WHERE id = ?"+r.t.s.db.ForUpdate(), of.ID); err != nil {
		return nil, err
	}
	var review reviewRow
	foundReview, err := r.t.get(ctx, &review, "SELECT "+reviewColumns+" FROM lead_reviews WHERE lead_id = ?", of.ID)
	if err != nil {
		return nil, err
	}
	if !found || !foundReview || review.Status == string(lead.ReviewStatusDeleted) {
		return nil, lead.ErrNotFound
	}
	n, err := row.snapshot()
	if err != nil {
		return nil, r.t.refuse(err)
	}
	if n.Review, err = review.restore(); err != nil {
		return nil, r.t.refuse(err)
	}
	if n.Sales, err = r.salesOf(ctx, n.ID); err != nil {
		return nil, err
	}
	return lead.FromSnapshot(n), nil
}

// salesOf returns the sales of a lead: the live ones by their slots, then the others.
func (r leads) salesOf(ctx context.Context, leadID string) ([]lead.Sale, error) {
	var rows []struct {
		ID         string `db:"id"`
		ContractID string `db:"contract_id"`
		BuyerID    string `db:"buyer_id"`
		Price      int64  `db:"price"`
		Currency   string `db:"currency"`
		Status     string `db:"status"`
		SoldAt     int64  `db:"sold_at"`
	}
	if err := r.t.selectAll(ctx, &rows, "SELECT id, contract_id, buyer_id, price, currency, status, sold_at FROM sales WHERE lead_id = ? ORDER BY slot IS NULL, slot, id", leadID); err != nil {
		return nil, err
	}
	var out []lead.Sale
	for _, s := range rows {
		out = append(out, lead.Sale{ID: s.ID, ContractID: s.ContractID, BuyerID: s.BuyerID, Price: money.Micros(s.Price), Currency: s.Currency,
			Status: lead.SaleStatus(s.Status), At: timeOf(s.SoldAt)})
	}
	return out, nil
}

// SaveReview implements application.LeadRepository. Reviewing a lead makes no sales; those it has are left as they are.
func (r leads) SaveReview(ctx context.Context, l *lead.Lead) error {
	n := l.Snapshot()
	fields, err := encodeFields(nil, n.Fields)
	if err != nil {
		return r.t.refuse(err)
	}
	answers, err := encodeAnswers(n.Review.Answers)
	if err != nil {
		return r.t.refuse(err)
	}
	matched, err := r.t.exec(ctx, "UPDATE leads SET fields = ?, status = ?, pending_until = ?, updated_at = ?, version = ? WHERE id = ? AND version = ?",
		fields, string(n.Status), micros(n.PendingUntil), micros(n.UpdatedAt), n.Version, n.ID, l.StoredVersion())
	if err != nil {
		return err
	}
	if matched != 1 {
		return application.ErrConcurrentChange
	}
	matched, err = r.t.exec(ctx, "UPDATE lead_reviews SET status = ?, name = ?, email = ?, answers = ?, customer_id = ?, commission_amount = ? WHERE lead_id = ?",
		string(n.Review.Status), n.Review.Name, n.Review.Email, answers, n.Review.CustomerID, (*int64)(n.Review.CommissionAmount), n.ID)
	if err != nil {
		return err
	}
	if matched != 1 {
		return r.t.refuse(fmt.Errorf("%w: lead %s has no review", errGuard, n.ID))
	}
	r.t.save(l, "lead", n.ID, n.SellerID, application.TrailOf(ctx))
	return nil
}
