package market

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/outbox"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/money"
)

// BuyerMails queues mails to buyers.
type BuyerMails struct{ queue outbox.Queue }

var (
	_ market.BuyerMailQueue = BuyerMails{}
	_ market.AccountReader  = (*Reader)(nil)
)

// NewBuyerMails returns the table buyer_mails.
func NewBuyerMails(work *engine.Work) BuyerMails {
	return BuyerMails{outbox.Queue{Work: work, Table: "buyer_mails", To: "buyer_id"}}
}

func mailRow(m market.BuyerMail) outbox.Mail {
	return outbox.Mail{EventID: m.EventID, SellerID: m.SellerID, To: m.BuyerID, Attempts: m.Attempts}
}

// AddBuyerMail implements market.BuyerMailQueue.
func (q BuyerMails) AddBuyerMail(ctx context.Context, m market.BuyerMail, due time.Time) error {
	return q.queue.Add(ctx, mailRow(m), due)
}

// TakeBuyerMails implements market.BuyerMailQueue.
func (q BuyerMails) TakeBuyerMails(ctx context.Context, now, until time.Time, limit int) (taken []market.BuyerMail, err error) {
	rows, err := q.queue.Take(ctx, now, until, limit)
	for _, m := range rows {
		taken = append(taken, market.BuyerMail{EventID: m.EventID, SellerID: m.SellerID, BuyerID: m.To, Attempts: m.Attempts})
	}
	return taken, err
}

// PostponeBuyerMail implements market.BuyerMailQueue.
func (q BuyerMails) PostponeBuyerMail(ctx context.Context, m market.BuyerMail, due time.Time) error {
	return q.queue.Postpone(ctx, mailRow(m), due)
}

// RemoveBuyerMail implements market.BuyerMailQueue.
func (q BuyerMails) RemoveBuyerMail(ctx context.Context, m market.BuyerMail) error {
	return q.queue.Remove(ctx, mailRow(m))
}

// Account implements market.AccountReader.
func (r *Reader) Account(ctx context.Context, sellerID, buyerID string) (market.Account, error) {
	var row struct {
		buyerRow

		Seller   string `db:"seller_name"`
		Currency string `db:"currency"`
	}
	if err := r.db.One(ctx, buyer.ErrNotFound, &row, "SELECT b.id, b.name, b.email, b.balance, b.rules, s.name AS seller_name, s.currency FROM buyers b JOIN sellers s ON s.id = b.seller_id "+
		"WHERE b.seller_id = ? AND b.id = ?", sellerID, buyerID); err != nil {
		return market.Account{}, err
	}
	b, err := row.snapshot()
	if err != nil {
		return market.Account{}, err
	}
	return market.Account{
		Seller: row.Seller, Buyer: b.Name, Email: b.Email, Balance: money.Micros(row.Balance), LowBalance: b.LowBalance.At,
		Low: b.LowBalance.On && b.Balance < b.LowBalance.At, Currency: row.Currency,
	}, nil
}

// buyerMailRules know that a mail that could not be sent is tried again within a day.
var buyerMailRules = []audit.Rule{{
	Invariant: "I4", Name: "buyer_mail_is_due_soon", Description: "No mail to a buyer waits for more than two days from now.", Broken: "got > want",
	Query: "SELECT t.event_id AS id, {now} + 172800000000 AS want, t.next_at AS got FROM buyer_mails t WHERE {range}",
}}
