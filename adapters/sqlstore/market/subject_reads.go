package market

import (
	"context"
	"fmt"
	"slices"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

var _ marketquery.SubjectReader = (*Reader)(nil)

// SubjectLeads implements marketquery.SubjectReader. The trace is not read: it tells of contracts, not of the person.
func (r *Reader) SubjectLeads(ctx context.Context, sellerID string, ids []string) ([]marketquery.SubjectLead, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	marks, args := engine.Marks(len(ids)), append([]any{sellerID}, engine.Anys(ids)...)
	var rows []leadrow.Row
	if err := r.db.All(ctx, &rows, "SELECT "+leadrow.Columns+" FROM leads WHERE seller_id = ? AND id IN ("+marks+") ORDER BY id", args...); err != nil {
		return nil, err
	}
	sales, err := r.subjectSales(ctx, marks, args)
	if err != nil {
		return nil, err
	}
	forms, err := r.subjectForms(ctx, marks, args)
	if err != nil {
		return nil, err
	}
	out := make([]marketquery.SubjectLead, len(rows))
	for i, row := range rows {
		l := marketquery.SubjectLead{Sales: sales[row.ID], Form: forms[row.ID]}
		if l.MarketplaceLead, err = answerLead(row); err != nil {
			return nil, err
		}
		if l.Fields, err = row.Given(); err != nil {
			return nil, err
		}
		out[i] = l
	}
	return out, nil
}

// subjectSales returns the sales of leads, and behind them those whose buyers are or were asked: they know of the person too.
func (r *Reader) subjectSales(ctx context.Context, marks string, args []any) (map[string][]marketquery.SubjectSale, error) {
	var rows []struct {
		LeadID     string `db:"lead_id"`
		ID         string `db:"id"`
		ContractID string `db:"contract_id"`
		BuyerID    string `db:"buyer_id"`
		BuyerName  string `db:"buyer_name"`
		Status     string `db:"status"`
		Currency   string `db:"currency"`
		Price      int64  `db:"price"`
		SoldAt     int64  `db:"sold_at"`
	}
	if err := r.db.All(ctx, &rows, "SELECT s.lead_id, s.id, s.contract_id, s.buyer_id, COALESCE(b.name, '') AS buyer_name, s.status, s.currency, s.price, s.sold_at FROM ("+
		"SELECT seller_id, lead_id, id, contract_id, buyer_id, status, currency, price, sold_at, 0 AS asked FROM sales WHERE seller_id = ? AND lead_id IN ("+marks+") UNION ALL "+
		"SELECT seller_id, lead_id, sale_id, contract_id, buyer_id, CASE status WHEN 'released' THEN 'released' ELSE 'reserved' END, currency, price, reserved_at, 1 FROM reservations "+
		"WHERE seller_id = ? AND lead_id IN ("+marks+") AND asked = 1 AND reason <> ?) s "+
		"LEFT JOIN buyers b ON b.seller_id = s.seller_id AND b.id = s.buyer_id ORDER BY s.lead_id, s.asked, s.id", append(slices.Concat(args, args), lead.NotAsked)...); err != nil {
		return nil, err
	}
	of := make(map[string][]marketquery.SubjectSale, len(rows))
	for _, s := range rows {
		of[s.LeadID] = append(of[s.LeadID], marketquery.SubjectSale{BuyerName: s.BuyerName, Currency: s.Currency, Sale: marketquery.Sale{
			ID: s.ID, ContractID: s.ContractID, BuyerID: s.BuyerID, Status: s.Status, Price: money.Micros(s.Price), SoldAt: engine.Time(s.SoldAt),
		}})
	}
	return of, nil
}

func (r *Reader) subjectForms(ctx context.Context, marks string, args []any) (map[string]*marketquery.SubjectForm, error) {
	var rows []struct {
		LeadID     string `db:"lead_id"`
		Number     int64  `db:"number"`
		Status     string `db:"status"`
		Name       string `db:"name"`
		Email      string `db:"email"`
		Answers    string `db:"answers"`
		CustomerID string `db:"customer_id"`
	}
	if err := r.db.All(ctx, &rows, "SELECT lead_id, number, status, name, email, answers, customer_id FROM lead_reviews WHERE seller_id = ? AND lead_id IN ("+marks+")", args...); err != nil {
		return nil, err
	}
	of := make(map[string]*marketquery.SubjectForm, len(rows))
	for _, f := range rows {
		answers, err := leadrow.DecodeAnswers(f.Answers)
		if err != nil {
			return nil, fmt.Errorf("restore the answers of lead %s: %w", f.LeadID, err)
		}
		of[f.LeadID] = &marketquery.SubjectForm{Number: f.Number, Status: f.Status, Name: f.Name, Email: f.Email, Answers: answers, CustomerID: f.CustomerID}
	}
	return of, nil
}
