package market

import (
	"context"
	"slices"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// soldColumns are the columns of the sales s that a list shows. A sale of an older version earns what its lead does, see leadrow.SalePayout.
const soldColumns = "s.id AS id, s.seller_id AS seller_id, s.lead_id AS lead_id, s.campaign_id AS campaign_id, s.contract_id AS contract_id, s.buyer_id AS buyer_id, " +
	"s.status AS status, s.price AS price, CASE WHEN s.slot < 0 THEN 0 ELSE COALESCE(s.payout, (SELECT l.payout FROM leads l WHERE l.seller_id = s.seller_id AND l.id = s.lead_id)) END AS payout, s.sold_at AS sold_at, " + deliveryOfSale + " AS delivery"

// deliveryOfSale selects where the delivery of a sale s stands; empty when there is none.
const deliveryOfSale = "COALESCE((SELECT d.state FROM deliveries d WHERE d.seller_id = s.seller_id AND d.lead_id = s.lead_id AND d.sale_id = s.id), '')"

type soldRow struct {
	ID         string `db:"id"`
	SellerID   string `db:"seller_id"`
	LeadID     string `db:"lead_id"`
	CampaignID string `db:"campaign_id"`
	ContractID string `db:"contract_id"`
	BuyerID    string `db:"buyer_id"`
	Status     string `db:"status"`
	Price      int64  `db:"price"`
	Payout     int64  `db:"payout"`
	SoldAt     int64  `db:"sold_at"`
	Delivery   string `db:"delivery"`
}

func (r soldRow) answer() (marketquery.SoldLead, error) {
	return marketquery.SoldLead{Sale: marketquery.Sale{
		ID: r.ID, ContractID: r.ContractID, BuyerID: r.BuyerID, Status: r.Status, Price: money.Micros(r.Price), SoldAt: engine.Time(r.SoldAt), Delivery: marketquery.DeliveryShown(r.Delivery),
	}, LeadID: r.LeadID, CampaignID: r.CampaignID, Payout: money.Micros(r.Payout)}, nil
}

// salesScanned is how many sales one page of a list looks at when it shows only some of them.
const salesScanned = 20_000

// Sales answers marketquery.Sales. They are read by their ids, which begin with the time; a page that shows only some of them looks at so many
// and then ends, with a cursor.
func (r *Reader) Sales(ctx context.Context, q marketquery.Sales) (application.List[marketquery.SoldLead], error) {
	key := func(s marketquery.SoldLead) string { return s.ID }
	f := &engine.Filter{Args: []any{q.SellerID}}
	id, by := "s.id", ""
	if q.LeadID != "" {
		id, by = "+s.id", r.db.UseKey("PRIMARY") // the plus keeps SQLite from reading all sales in the order of their ids
	}
	f.WriteString("SELECT " + id + " AS id, s.seller_id, s.lead_id, s.campaign_id, s.contract_id, s.buyer_id, s.status, s.slot, s.price, s.payout, s.sold_at FROM sales s" + by + " WHERE s.seller_id = ?")
	if q.LeadID != "" {
		if !engine.IsID(q.LeadID) {
			return application.List[marketquery.SoldLead]{}, nil
		}
		f.And("s.lead_id = ?", q.LeadID)
	}
	if !q.From.IsZero() {
		f.And(id+" >= ? AND s.sold_at >= ?", engine.FirstID("sale", q.From.Add(-idSlack)), engine.Micros(q.From))
	}
	if !q.To.IsZero() {
		f.And(id+" < ? AND s.sold_at < ?", engine.FirstID("sale", q.To.Add(idSlack)), engine.Micros(q.To))
	}
	if q.LeadID == "" && (q.BuyerID != "" || q.ContractID != "" || q.Status != "") {
		return r.someSales(ctx, q, f)
	}
	all := &engine.Filter{Args: f.Args}
	all.WriteString("SELECT " + soldColumns + " FROM (" + f.String() + ") s WHERE 1 = 1")
	narrow(all, q)
	return engine.List(ctx, r.db, q.Page, key, soldRow.answer, all.String(), all.Args...)
}

// narrow adds the conditions of a list that no index serves.
func narrow(f *engine.Filter, q marketquery.Sales) {
	for column, value := range map[string]string{"s.buyer_id": q.BuyerID, "s.contract_id": q.ContractID, "s.status": q.Status} {
		switch {
		case value == "":
		case !engine.IsID(value):
			f.And("1 = 0")
		default:
			f.And(column+" = ?", value)
		}
	}
}

// someSales reads a page of the sales that meet conditions which no index serves, among those that f selects.
func (r *Reader) someSales(ctx context.Context, q marketquery.Sales, f *engine.Filter) (application.List[marketquery.SoldLead], error) {
	direction, beyond := " DESC", "s.id < ?"
	if q.Page.Ascending {
		direction, beyond = " ASC", "s.id > ?"
	}
	if q.Page.After != "" && engine.IsID(q.Page.After) {
		f.And(beyond, q.Page.After)
	}
	scan := f.String() + " ORDER BY s.id" + direction
	some := &engine.Filter{Args: append(slices.Clip(f.Args), int64(salesScanned))}
	some.WriteString("SELECT " + soldColumns + " FROM (" + scan + " LIMIT ?) s WHERE 1 = 1")
	narrow(some, q)
	list, err := engine.List(ctx, r.db, q.Page, func(s marketquery.SoldLead) string { return s.ID }, soldRow.answer, some.String(), some.Args...)
	if err != nil || list.Next != "" {
		return list, err
	}
	var last struct {
		ID string `db:"id"`
	}
	more, err := r.db.Get(ctx, &last, "SELECT x.id AS id FROM ("+scan+" LIMIT 2 OFFSET ?) x ORDER BY x.id"+direction+" LIMIT 1 OFFSET 1",
		append(slices.Clip(f.Args), int64(salesScanned-1))...)
	if err != nil || !more {
		return list, err
	}
	var end struct {
		ID string `db:"id"`
	}
	if _, err := r.db.Get(ctx, &end, "SELECT x.id AS id FROM ("+scan+" LIMIT 1 OFFSET ?) x", append(slices.Clip(f.Args), int64(salesScanned-1))...); err != nil {
		return list, err
	}
	list.Next = end.ID
	return list, nil
}

// SaleByID answers marketquery.SaleByID: lead.ErrSaleNotFound.
func (r *Reader) SaleByID(ctx context.Context, q marketquery.SaleByID) (marketquery.SoldLead, error) {
	var row soldRow
	if !engine.IsID(q.ID) {
		return marketquery.SoldLead{}, lead.ErrSaleNotFound
	}
	if err := r.db.One(ctx, lead.ErrSaleNotFound, &row, "SELECT "+soldColumns+" FROM sales s WHERE s.seller_id = ? AND s.id = ?", q.SellerID, q.ID); err != nil {
		return marketquery.SoldLead{}, err
	}
	return row.answer()
}

// Returns answers marketquery.Returns. Those of one status are found by its key, as many as the page can show.
func (r *Reader) Returns(ctx context.Context, q marketquery.Returns) (application.List[marketquery.Return], error) {
	f := &engine.Filter{Args: []any{q.SellerID}}
	if q.Status == "" {
		f.WriteString("SELECT " + returnColumns + " FROM sale_returns WHERE seller_id = ?")
	} else {
		some := &engine.Filter{Args: []any{q.SellerID, q.Status}}
		some.WriteString("SELECT k.id AS of_status FROM sale_returns k" + r.db.UseKey("sale_returns_status") + " WHERE k.seller_id = ? AND k.status = ?")
		upTo(some, "k.id", q.Page)
		f.WriteString("SELECT " + returnColumns + " FROM (" + some.String() + ") k JOIN sale_returns ON seller_id = ? AND id = of_status WHERE 1 = 1")
		f.Args = append(some.Args, q.SellerID)
	}
	return engine.List(ctx, r.db, q.Page, func(n marketquery.Return) string { return n.ID },
		func(row returnRow) (marketquery.Return, error) { return marketquery.ReturnOf(row.restore()), nil }, f.String(), f.Args...)
}

// ReturnByID answers marketquery.ReturnByID: lead.ErrReturnNotFound.
func (r *Reader) ReturnByID(ctx context.Context, q marketquery.ReturnByID) (marketquery.Return, error) {
	var row returnRow
	if !engine.IsID(q.ID) {
		return marketquery.Return{}, lead.ErrReturnNotFound
	}
	err := r.db.One(ctx, lead.ErrReturnNotFound, &row, "SELECT "+returnColumns+" FROM sale_returns WHERE seller_id = ? AND id = ?", q.SellerID, q.ID)
	return marketquery.ReturnOf(row.restore()), err
}
