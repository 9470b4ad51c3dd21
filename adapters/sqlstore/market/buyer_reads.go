package market

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/seller"
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
	b, err := row.snapshot()
	if err != nil {
		return marketquery.Buyer{}, err
	}
	return marketquery.BuyerOf(b), nil
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
	LeadID       string `db:"lead_id"`
	CreatedAt    int64  `db:"created_at"`
}

// entriesWithLeads selects ledger entries with the leads of their sales.
const entriesWithLeads = "SELECT " + entryColumns + ", COALESCE((SELECT s.lead_id FROM sales s WHERE s.seller_id = ledger_entries.seller_id AND " +
	"s.id = ledger_entries.sale_id), '') AS lead_id FROM ledger_entries WHERE seller_id = ? AND buyer_id = ?"

func answerEntry(e entryRow) (marketquery.LedgerEntry, error) {
	return marketquery.LedgerEntry{
		ID: e.ID, Type: e.Type, Amount: money.Micros(e.Amount), BalanceAfter: money.Micros(e.BalanceAfter),
		SaleID: e.SaleID, LeadID: e.LeadID, Note: e.Note, CreatedAt: engine.Time(e.CreatedAt),
	}, nil
}

// Ledger answers marketquery.Ledger: buyer.ErrNotFound.
func (r *Reader) Ledger(ctx context.Context, q marketquery.Ledger) (application.List[marketquery.LedgerEntry], error) {
	if _, err := r.BuyerByID(ctx, marketquery.BuyerByID{Actor: q.Actor, ID: q.BuyerID}); err != nil {
		return application.List[marketquery.LedgerEntry]{}, err
	}
	return engine.List(ctx, r.db, q.Page, func(e marketquery.LedgerEntry) string { return e.ID }, answerEntry, entriesWithLeads, q.SellerID, q.BuyerID)
}

var _ marketquery.StatementReader = (*Reader)(nil)

// SellerZone implements marketquery.StatementReader.
func (r *Reader) SellerZone(ctx context.Context, sellerID string) (zone string, err error) {
	err = r.db.One(ctx, seller.ErrNotFound, &zone, "SELECT time_zone FROM sellers WHERE id = ?", sellerID)
	return zone, err
}

// BalanceBefore implements marketquery.StatementReader: by what was booked before or by what was booked since, whichever is the shorter time. In the
// latter case one statement reads both the balance and the entries, so that they are of one moment.
func (r *Reader) BalanceBefore(ctx context.Context, sellerID, buyerID string, at time.Time) (money.Micros, error) {
	var balance, first int64
	found, err := r.db.Get(ctx, &first, "SELECT created_at FROM ledger_entries WHERE seller_id = ? AND buyer_id = ? ORDER BY id LIMIT 1", sellerID, buyerID)
	if err != nil {
		return 0, err
	}
	if found && at.Sub(engine.Time(first)) < r.clock.Now().Sub(at) {
		err = r.db.One(ctx, nil, &balance, "SELECT COALESCE(SUM(e.amount), 0) FROM ledger_entries e WHERE e.seller_id = ? AND e.buyer_id = ? AND e.id < ? AND e.created_at < ?",
			sellerID, buyerID, engine.FirstID("entry", at.Add(idSlack)), engine.Micros(at))
		return money.Micros(balance), err
	}
	err = r.db.One(ctx, buyer.ErrNotFound, &balance, "SELECT b.balance - COALESCE((SELECT SUM(e.amount) FROM ledger_entries e WHERE e.seller_id = b.seller_id AND "+
		"e.buyer_id = b.id AND e.id >= ? AND e.created_at >= ?), 0) FROM buyers b WHERE b.seller_id = ? AND b.id = ?",
		engine.FirstID("entry", at.Add(-idSlack)), engine.Micros(at), sellerID, buyerID)
	return money.Micros(balance), err
}

// Entries implements marketquery.StatementReader.
func (r *Reader) Entries(ctx context.Context, sellerID, buyerID string, from, to time.Time, after string, limit int) ([]marketquery.LedgerEntry, error) {
	f := engine.Filter{Args: []any{sellerID, buyerID}}
	f.WriteString(entriesWithLeads)
	f.And("id > ?", max(after, engine.FirstID("entry", from.Add(-idSlack))))
	f.And("id < ? AND created_at >= ? AND created_at < ?", engine.FirstID("entry", to.Add(idSlack)), engine.Micros(from), engine.Micros(to))
	var rows []entryRow
	if err := r.db.All(ctx, &rows, f.String()+" ORDER BY id LIMIT ?", append(f.Args, int64(limit))...); err != nil {
		return nil, err
	}
	out := make([]marketquery.LedgerEntry, len(rows))
	for i, row := range rows {
		out[i], _ = answerEntry(row)
	}
	return out, nil
}
