package market

import (
	"context"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/money"
)

// Buyers answers marketquery.Buyers.
func (r *Reader) Buyers(ctx context.Context, q marketquery.Buyers) (application.List[marketquery.Buyer], error) {
	return engine.List(ctx, r.db, q.Page, func(b marketquery.Buyer) string { return b.ID }, answerBuyer,
		"SELECT "+buyerColumns+" FROM buyers WHERE seller_id = ?", q.SellerID)
}

// BuyerByID answers marketquery.BuyerByID: buyer.ErrNotFound.
func (r *Reader) BuyerByID(ctx context.Context, q marketquery.BuyerByID) (marketquery.Buyer, error) {
	var row buyerRow
	if err := r.db.One(ctx, buyer.ErrNotFound, &row, "SELECT "+buyerColumns+" FROM buyers WHERE seller_id = ? AND id = ?", q.SellerID, q.ID); err != nil {
		return marketquery.Buyer{}, err
	}
	if row.ID != q.ID {
		return marketquery.Buyer{}, buyer.ErrNotFound
	}
	return answerBuyer(row)
}

func answerBuyer(row buyerRow) (marketquery.Buyer, error) {
	return marketquery.Buyer{
		ID: row.ID, Name: row.Name, Email: row.Email, Status: row.Status, TimeZone: row.TimeZone, Balance: money.Micros(row.Balance),
		Held: money.Micros(row.Held), CreditLimit: money.Micros(row.CreditLimit), CreatedAt: engine.Time(row.CreatedAt),
		UpdatedAt: engine.Time(row.UpdatedAt),
	}, nil
}

type entryRow struct {
	ID           string `db:"id"`
	SellerID     string `db:"seller_id"`
	BuyerID      string `db:"buyer_id"`
	Type         string `db:"type"`
	Amount       int64  `db:"amount"`
	BalanceAfter int64  `db:"balance_after"`
	SaleID       string `db:"sale_id"`
	Note         string `db:"note"`
	CreatedAt    int64  `db:"created_at"`
}

// Ledger answers marketquery.Ledger: buyer.ErrNotFound.
func (r *Reader) Ledger(ctx context.Context, q marketquery.Ledger) (application.List[marketquery.LedgerEntry], error) {
	if _, err := r.BuyerByID(ctx, marketquery.BuyerByID{Actor: q.Actor, ID: q.BuyerID}); err != nil {
		return application.List[marketquery.LedgerEntry]{}, err
	}
	return engine.List(ctx, r.db, q.Page, func(e marketquery.LedgerEntry) string { return e.ID },
		func(e entryRow) (marketquery.LedgerEntry, error) {
			return marketquery.LedgerEntry{
				ID: e.ID, Type: e.Type, Amount: money.Micros(e.Amount), BalanceAfter: money.Micros(e.BalanceAfter),
				SaleID: e.SaleID, Note: e.Note, CreatedAt: engine.Time(e.CreatedAt),
			}, nil
		}, "SELECT "+entryColumns+" FROM ledger_entries WHERE seller_id = ? AND buyer_id = ?", q.SellerID, q.BuyerID)
}
