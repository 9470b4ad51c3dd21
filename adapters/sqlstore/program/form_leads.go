package program

import (
	"context"
	"fmt"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

type formLeads struct{ t *engine.Tx }

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

func (r reviewRow) restore() (*lead.Review, error) {
	answers, err := r.answers()
	if err != nil {
		return nil, err
	}
	return &lead.Review{
		Number: r.Number, Status: lead.ReviewStatus(r.Status), Name: r.Name, Email: r.Email, FormVersion: r.FormVersion,
		Answers: answers, CustomerID: r.CustomerID, CommissionAmount: (*money.Micros)(r.CommissionAmount),
	}, nil
}

// answers reads what leadrow.EncodeAnswers wrote.
func (r reviewRow) answers() ([]lead.Answer, error) {
	answers, err := leadrow.DecodeAnswers(r.Answers)
	if err != nil {
		return nil, fmt.Errorf("restore the answers of lead %s: %w", r.LeadID, err)
	}
	return answers, nil
}

// Add implements program.FormLeadRepository. A form lead has a row in leads like any other, so that it can be sold.
func (r formLeads) Add(ctx context.Context, l *lead.Lead) error {
	n := l.Snapshot()
	answers, err := leadrow.EncodeAnswers(n.Review.Answers)
	if err != nil {
		return r.t.Refuse(err)
	}
	if err := leadrow.Add(ctx, r.t, []application.StoredLead{{Lead: l, Trail: application.TrailOf(ctx)}}); err != nil {
		return err
	}
	_, err = r.t.Exec(ctx, "INSERT INTO lead_reviews ("+reviewColumns+") VALUES ("+engine.Marks(10)+")", n.ID, n.SellerID, n.Review.Number,
		string(n.Review.Status), n.Review.Name, n.Review.Email, n.Review.FormVersion, answers, n.Review.CustomerID, (*int64)(n.Review.CommissionAmount))
	return err
}

// LockByNumber implements program.FormLeadRepository. The number of a lead never changes, so the row in leads is locked by
// its id and the rest read after that.
func (r formLeads) LockByNumber(ctx context.Context, sellerID string, number int64) (*lead.Lead, error) {
	var of struct {
		ID string `db:"lead_id"`
	}
	found, err := r.t.Get(ctx, &of, "SELECT lead_id FROM lead_reviews WHERE seller_id = ? AND number = ?", sellerID, number)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, lead.ErrNotFound
	}
	var row leadrow.Row
	if found, err = r.t.Get(ctx, &row, "SELECT "+leadrow.Columns+", "+leadrow.Erasure+" FROM leads WHERE seller_id = ? AND id = ?"+r.t.ForUpdate(), sellerID, of.ID); err != nil {
		return nil, err
	}
	var review reviewRow
	foundReview, err := r.t.Get(ctx, &review, "SELECT "+reviewColumns+" FROM lead_reviews WHERE seller_id = ? AND lead_id = ?", sellerID, of.ID)
	if err != nil {
		return nil, err
	}
	if !found || !foundReview || review.Status == string(lead.ReviewStatusDeleted) {
		return nil, lead.ErrNotFound
	}
	n, err := row.Snapshot()
	if err != nil {
		return nil, r.t.Refuse(err)
	}
	if n.Review, err = review.restore(); err != nil {
		return nil, r.t.Refuse(err)
	}
	if n.Sales, err = leadrow.SalesOf(ctx, r.t, sellerID, n.ID); err != nil {
		return nil, err
	}
	if n.Status == lead.StatusPending { // or nobody is asked about it
		waiting, err := leadrow.WaitingOf(ctx, r.t, sellerID, []string{n.ID})
		if err != nil {
			return nil, err
		}
		n.Deadline = waiting[n.ID].Deadline
	}
	return lead.FromSnapshot(n), nil
}

// Save implements program.FormLeadRepository. Reviewing a lead makes no sales; those it has are left as they are.
func (r formLeads) Save(ctx context.Context, l *lead.Lead) error {
	n := l.Snapshot()
	fields, err := leadrow.EncodeFields(nil, n.Fields)
	if err != nil {
		return r.t.Refuse(err)
	}
	answers, err := leadrow.EncodeAnswers(n.Review.Answers)
	if err != nil {
		return r.t.Refuse(err)
	}
	matched, err := r.t.Exec(ctx, "UPDATE leads SET fields = ?, dimensions = ?, status = ?, pending_until = ?, "+leadrow.Erasure+" = ?, updated_at = ?, version = ? WHERE seller_id = ? AND id = ? AND version = ?",
		fields, leadrow.EncodeDimensions(n.Dimensions), string(n.Status), engine.Micros(n.PendingUntil), engine.Micros(n.ErasedAt), engine.Micros(n.UpdatedAt), n.Version, n.SellerID, n.ID, l.StoredVersion())
	if err != nil {
		return err
	}
	if matched != 1 {
		return application.ErrConcurrentChange
	}
	matched, err = r.t.Exec(ctx, "UPDATE lead_reviews SET status = ?, name = ?, email = ?, answers = ?, customer_id = ?, commission_amount = ? WHERE seller_id = ? AND lead_id = ?",
		string(n.Review.Status), n.Review.Name, n.Review.Email, answers, n.Review.CustomerID, (*int64)(n.Review.CommissionAmount), n.SellerID, n.ID)
	if err != nil {
		return err
	}
	if matched != 1 {
		return r.t.Refuse(fmt.Errorf("%w: lead %s has no review", engine.ErrGuard, n.ID))
	}
	if !n.ErasedAt.IsZero() {
		if err := leadrow.ForgetNotes(ctx, r.t, n.SellerID, []string{n.ID}); err != nil {
			return err
		}
		if err := leadrow.ForgetAttempts(ctx, r.t, n.SellerID, []string{n.ID}); err != nil {
			return err
		}
		if err := leadrow.ForgetReservations(ctx, r.t, n.SellerID, []string{n.ID}); err != nil {
			return err
		}
	}
	if n.Status == lead.StatusUnsold { // what a review can make of a pending lead
		if err := leadrow.SaveUnsold(ctx, r.t, n.SellerID, []lead.Snapshot{n}); err != nil {
			return err
		}
	}
	r.t.Save(l, "lead", n.ID, n.SellerID, application.TrailOf(ctx))
	return nil
}
