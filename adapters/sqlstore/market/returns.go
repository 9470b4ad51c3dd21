package market

import (
	"context"
	"fmt"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/returns"
)

type saleReturns struct{ t *engine.Tx }

const returnColumns = "id, seller_id, lead_id, sale_id, campaign_id, contract_id, buyer_id, reason, note, status, automatic, price, payout, currency, " +
	"sold_at, requested_at, decided_at, decision_note"

type returnRow struct {
	ID           string `db:"id"`
	SellerID     string `db:"seller_id"`
	LeadID       string `db:"lead_id"`
	SaleID       string `db:"sale_id"`
	CampaignID   string `db:"campaign_id"`
	ContractID   string `db:"contract_id"`
	BuyerID      string `db:"buyer_id"`
	Reason       string `db:"reason"`
	Note         string `db:"note"`
	Status       string `db:"status"`
	Automatic    bool   `db:"automatic"`
	Price        int64  `db:"price"`
	Payout       int64  `db:"payout"`
	Currency     string `db:"currency"`
	SoldAt       int64  `db:"sold_at"`
	RequestedAt  int64  `db:"requested_at"`
	DecidedAt    int64  `db:"decided_at"`
	DecisionNote string `db:"decision_note"`
}

func (r returnRow) restore() lead.Return {
	return lead.Return{
		ID: r.ID, SellerID: r.SellerID, LeadID: r.LeadID, SaleID: r.SaleID, CampaignID: r.CampaignID, ContractID: r.ContractID, BuyerID: r.BuyerID,
		Reason: returns.Reason(r.Reason), Note: r.Note, DecisionNote: r.DecisionNote, Status: lead.ReturnStatus(r.Status), Automatic: r.Automatic,
		Price: money.Micros(r.Price), Payout: money.Micros(r.Payout), Currency: r.Currency, SoldAt: engine.Time(r.SoldAt),
		RequestedAt: engine.Time(r.RequestedAt), DecidedAt: engine.Time(r.DecidedAt),
	}
}

// Sale implements market.ReturnRepository.
func (r saleReturns) Sale(ctx context.Context, sellerID, saleID string) (market.SoldLead, error) {
	var row struct {
		LeadID     string `db:"lead_id"`
		CampaignID string `db:"campaign_id"`
		ContractID string `db:"contract_id"`
		BuyerID    string `db:"buyer_id"`
	}
	if !engine.IsID(saleID) {
		return market.SoldLead{}, lead.ErrSaleNotFound
	}
	found, err := r.t.Get(ctx, &row, "SELECT lead_id, campaign_id, contract_id, buyer_id FROM sales WHERE seller_id = ? AND id = ?", sellerID, saleID)
	if err == nil && !found {
		err = lead.ErrSaleNotFound
	}
	return market.SoldLead{SaleID: saleID, LeadID: row.LeadID, CampaignID: row.CampaignID, ContractID: row.ContractID, BuyerID: row.BuyerID}, err
}

// Get implements market.ReturnRepository.
func (r saleReturns) Get(ctx context.Context, sellerID, id string) (lead.Return, error) {
	if !engine.IsID(id) {
		return lead.Return{}, lead.ErrReturnNotFound
	}
	var row returnRow
	found, err := r.t.Get(ctx, &row, "SELECT "+returnColumns+" FROM sale_returns WHERE seller_id = ? AND id = ?", sellerID, id)
	if err == nil && !found {
		err = lead.ErrReturnNotFound
	}
	return row.restore(), err
}

// openSale is the column that keeps a sale from having two open returns.
func openSale(r lead.Return) any {
	if r.Status == lead.ReturnStatusPending {
		return r.SaleID
	}
	return nil
}

// Add implements market.ReturnRepository.
func (r saleReturns) Add(ctx context.Context, n lead.Return) error {
	taken, err := r.t.Insert(ctx, "sale_returns", "INSERT INTO sale_returns ("+returnColumns+", open_sale) VALUES ("+engine.Marks(19)+")",
		n.ID, n.SellerID, n.LeadID, n.SaleID, n.CampaignID, n.ContractID, n.BuyerID, string(n.Reason), n.Note, string(n.Status), engine.Flag(n.Automatic),
		int64(n.Price), int64(n.Payout), n.Currency, engine.Micros(n.SoldAt), engine.Micros(n.RequestedAt), engine.Micros(n.DecidedAt), n.DecisionNote, openSale(n))
	if err == nil && taken != "" {
		return r.t.LostRace()
	}
	return err
}

// Decide implements market.ReturnRepository.
func (r saleReturns) Decide(ctx context.Context, n lead.Return) error {
	matched, err := r.t.Exec(ctx, "UPDATE sale_returns SET status = ?, automatic = ?, decided_at = ?, decision_note = ?, open_sale = NULL "+
		"WHERE seller_id = ? AND id = ? AND status = ?", string(n.Status), engine.Flag(n.Automatic), engine.Micros(n.DecidedAt), n.DecisionNote,
		n.SellerID, n.ID, string(lead.ReturnStatusPending))
	if err != nil {
		return err
	}
	if matched != 1 {
		return application.ErrConcurrentChange
	}
	return nil
}

// Returned implements market.ReturnRepository.
func (r saleReturns) Returned(ctx context.Context, sellerID, buyerID string, since time.Time) (n int64, err error) {
	_, err = r.t.Get(ctx, &n, "SELECT COUNT(*) FROM sale_returns WHERE seller_id = ? AND buyer_id = ? AND decided_at >= ? AND status = ?",
		sellerID, buyerID, engine.Micros(since), string(lead.ReturnStatusApproved))
	return n, err
}

// Sold implements market.ReturnRepository. Sales are found by the buyer's contracts, deleted ones too.
func (r saleReturns) Sold(ctx context.Context, sellerID, buyerID string, since time.Time, limit int64) (n int64, err error) {
	_, err = r.t.Get(ctx, &n, "SELECT COUNT(*) FROM (SELECT 1 AS one FROM contracts k JOIN sales s"+r.t.UseKey("sales_contract")+
		" ON s.seller_id = k.seller_id AND s.contract_id = k.id AND s.sold_at >= ? WHERE k.seller_id = ? AND k.buyer_id = ? LIMIT ?) x",
		engine.Micros(since), sellerID, buyerID, limit)
	return n, err
}

// GivenBack implements market.ReturnRepository.
func (r saleReturns) GivenBack(ctx context.Context, sellerID string, leads []string) (map[string][]string, error) {
	if len(leads) == 0 {
		return nil, nil
	}
	var rows []struct {
		LeadID  string `db:"lead_id"`
		BuyerID string `db:"buyer_id"`
	}
	if err := r.t.All(ctx, &rows, "SELECT lead_id, buyer_id FROM sales WHERE seller_id = ? AND lead_id IN ("+engine.Marks(len(leads))+") AND slot < 0 AND status = ?",
		append(append([]any{sellerID}, engine.Anys(leads)...), string(lead.SaleReturned))...); err != nil {
		return nil, err
	}
	out := make(map[string][]string, len(rows))
	for _, row := range rows {
		out[row.LeadID] = append(out[row.LeadID], row.BuyerID)
	}
	return out, nil
}

// Release implements market.CounterRepository. The counters are looked for without locking: who changes which there are holds the lock of
// the campaign, as the caller does.
func (r counters) Release(ctx context.Context, owners []application.Ref, price money.Micros, soldAt, now time.Time) error {
	if len(owners) == 0 {
		return nil
	}
	ids := make([]string, len(owners))
	for i, o := range owners {
		ids[i] = o.ID
	}
	args := append([]any{owners[0].SellerID}, engine.Anys(ids)...)
	var keys []string
	if err := r.t.All(ctx, &keys, "SELECT counter_key FROM contract_counters WHERE seller_id = ? AND contract_id IN ("+engine.Marks(len(ids))+
		") AND (ends_at = 0 OR starts_at <= ? AND ends_at > ? AND ends_at > ?) ORDER BY counter_key",
		append(args, engine.Micros(soldAt), engine.Micros(soldAt), engine.Micros(now))...); err != nil || len(keys) == 0 {
		return err
	}
	matched, err := r.t.Exec(ctx, "UPDATE contract_counters"+r.t.UseKey("PRIMARY")+" SET used = used - 1, spent = spent - ? WHERE seller_id = ? AND counter_key IN ("+
		engine.Marks(len(keys))+") AND used >= 1 AND spent >= ?", append(append([]any{int64(price), owners[0].SellerID}, engine.Anys(keys)...), int64(price))...)
	if err != nil {
		return err
	}
	if matched != int64(len(keys)) {
		return r.t.Refuse(fmt.Errorf("%w: %d of %d counters", engine.ErrGuard, int64(len(keys))-matched, len(keys)))
	}
	return nil
}
