package market

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// SupplierLeadByID answers marketquery.SupplierLeadByID: lead.ErrNotFound.
func (r *Reader) SupplierLeadByID(ctx context.Context, q marketquery.SupplierLeadByID) (marketquery.SupplierLead, error) {
	row, err := r.lead(ctx, "id = ? AND seller_id = ? AND key_id = ?", q.ID, q.SellerID, q.KeyID)
	if err != nil {
		return marketquery.SupplierLead{}, err
	}
	out := marketquery.SupplierLead{ID: row.ID, Status: row.Status, Test: row.Test, CreatedAt: engine.Time(row.CreatedAt), UpdatedAt: engine.Time(row.UpdatedAt)}
	out.Price, out.HasPrice = lead.Snapshot{Status: lead.Status(row.Status), Shown: money.Micros(row.Shown), ShownHidden: row.ShownHidden}.ShownPrice()
	if row.Status != string(lead.StatusSold) {
		return out, nil
	}
	if row.Test {
		// The sale of a test lead is not kept; its trace tells who would have bought it.
		trace, err := row.DecidedBy()
		if err != nil {
			return marketquery.SupplierLead{}, err
		}
		for _, c := range trace.Considered {
			if c.Reason == distribution.ReasonSold {
				out.BuyerIDs = append(out.BuyerIDs, c.BuyerID)
			}
		}
		return out, nil
	}
	err = r.db.All(ctx, &out.BuyerIDs, "SELECT buyer_id FROM sales WHERE lead_id = ? AND slot IS NOT NULL ORDER BY slot", row.ID)
	return out, err
}

// inMarket leaves out the leads of the form that were never offered to buyers. Those that were stay when they are deleted,
// without what was personal: their sales and ledger entries name them.
const inMarket = " AND status <> ''"

func (r *Reader) lead(ctx context.Context, where string, args ...any) (leadrow.Row, error) {
	var row leadrow.Row
	err := r.db.One(ctx, lead.ErrNotFound, &row, "SELECT "+leadrow.Columns+" FROM leads WHERE "+where+inMarket, args...)
	if err == nil && row.ID != args[0] {
		err = lead.ErrNotFound
	}
	return row, err
}

// MarketplaceLeads answers marketquery.MarketplaceLeads. Fields and traces are not read.
func (r *Reader) MarketplaceLeads(ctx context.Context, q marketquery.MarketplaceLeads) (application.List[marketquery.MarketplaceLead], error) {
	f := engine.Filter{Args: []any{q.SellerID}}
	f.WriteString("SELECT id, seller_id, origin, key_id, partner_id, campaign_id, category, external_id, test, status, code, reason, " +
		"payout, pending_until, created_at, updated_at, version FROM leads WHERE seller_id = ?" + inMarket)
	if q.Status != "" {
		f.And("status = ?", q.Status)
	}
	if q.Category != "" {
		// Suppliers' spellings are matched by campaign, so leads are found by the campaigns of the category.
		ids, err := r.campaignsOfCategory(ctx, q.SellerID, q.Category)
		if err != nil || len(ids) == 0 {
			return application.List[marketquery.MarketplaceLead]{}, err
		}
		f.And("campaign_id IN ("+engine.Marks(len(ids))+")", engine.Anys(ids)...)
	}
	if !q.From.IsZero() {
		f.And("created_at >= ?", engine.Micros(q.From))
	}
	if !q.To.IsZero() {
		f.And("created_at < ?", engine.Micros(q.To))
	}
	return engine.List(ctx, r.db, q.Page, func(l marketquery.MarketplaceLead) string { return l.ID },
		func(row leadrow.Row) (marketquery.MarketplaceLead, error) { return answerLead(row), nil }, f.String(), f.Args...)
}

// campaignsOfCategory returns the ids of a seller's campaigns, whatever their status, of a category.
func (r *Reader) campaignsOfCategory(ctx context.Context, sellerID, category string) ([]string, error) {
	var rows []struct {
		ID       string `db:"id"`
		Category string `db:"category"`
	}
	if err := r.db.All(ctx, &rows, "SELECT id, category FROM campaigns WHERE seller_id = ?", sellerID); err != nil {
		return nil, err
	}
	var ids []string
	for _, row := range rows {
		if campaign.CategoryKey(row.Category) == campaign.CategoryKey(category) {
			ids = append(ids, row.ID)
		}
	}
	return ids, nil
}

func answerLead(row leadrow.Row) marketquery.MarketplaceLead {
	return marketquery.MarketplaceLead{
		ID: row.ID, Origin: row.Origin, Status: row.Status, CampaignID: row.CampaignID, Category: row.Category,
		PartnerID: row.PartnerID, KeyID: row.KeyID, ExternalID: row.ExternalID, Test: row.Test, Code: row.Code, Reason: row.Reason,
		Payout: money.Micros(row.Payout), CreatedAt: engine.Time(row.CreatedAt), UpdatedAt: engine.Time(row.UpdatedAt), PendingUntil: engine.Time(row.PendingUntil),
	}
}

// MarketplaceLeadByID answers marketquery.MarketplaceLeadByID: lead.ErrNotFound.
func (r *Reader) MarketplaceLeadByID(ctx context.Context, q marketquery.MarketplaceLeadByID) (marketquery.MarketplaceLead, error) {
	row, err := r.lead(ctx, "id = ? AND seller_id = ?", q.ID, q.SellerID)
	if err != nil {
		return marketquery.MarketplaceLead{}, err
	}
	out := answerLead(row)
	if out.Fields, err = row.Given(); err != nil {
		return marketquery.MarketplaceLead{}, err
	}
	if out.Trace, err = row.DecidedBy(); err != nil {
		return marketquery.MarketplaceLead{}, err
	}
	var sales []struct {
		ID         string `db:"id"`
		ContractID string `db:"contract_id"`
		BuyerID    string `db:"buyer_id"`
		Status     string `db:"status"`
		Price      int64  `db:"price"`
		SoldAt     int64  `db:"sold_at"`
	}
	if err := r.db.All(ctx, &sales, "SELECT id, contract_id, buyer_id, status, price, sold_at FROM sales WHERE lead_id = ? ORDER BY id", row.ID); err != nil {
		return marketquery.MarketplaceLead{}, err
	}
	for _, s := range sales {
		out.Sales = append(out.Sales, marketquery.Sale{
			ID: s.ID, ContractID: s.ContractID, BuyerID: s.BuyerID, Status: s.Status,
			Price: money.Micros(s.Price), SoldAt: engine.Time(s.SoldAt),
		})
	}
	return out, nil
}

// FindResponse implements market.ReplayReader.
func (r *Reader) FindResponse(ctx context.Context, key market.ClaimKey, now time.Time) (application.StoredResponse, bool, error) {
	var row struct {
		Fingerprint []byte `db:"request_fingerprint"`
		Status      int    `db:"answer_status"`
		Body        []byte `db:"answer_body"`
	}
	err := r.db.One(ctx, sql.ErrNoRows, &row, "SELECT l.request_fingerprint, l.answer_status, l.answer_body FROM claims c JOIN leads l ON l.id = c.lead_id "+
		"WHERE c.claim_key = ? AND c.expires_at > ?", key[:], engine.Micros(now))
	if errors.Is(err, sql.ErrNoRows) {
		return application.StoredResponse{}, false, nil
	}
	if err != nil {
		return application.StoredResponse{}, false, err
	}
	a := application.StoredResponse{Response: application.Response{Status: row.Status, Body: row.Body}}
	copy(a.Fingerprint[:], row.Fingerprint)
	return a, true, nil
}
