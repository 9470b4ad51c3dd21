package market

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// SupplierLeadByID answers marketquery.SupplierLeadByID: lead.ErrNotFound.
func (r *Reader) SupplierLeadByID(ctx context.Context, q marketquery.SupplierLeadByID) (marketquery.SupplierLead, error) {
	row, err := r.lead(ctx, q.SellerID, q.ID, " AND key_id = ?", q.KeyID)
	if err != nil {
		return marketquery.SupplierLead{}, err
	}
	out := marketquery.SupplierLead{ID: row.ID, Status: lead.Status(row.Status).ToSupplier(), Test: row.Test, CreatedAt: engine.Time(row.CreatedAt), UpdatedAt: engine.Time(row.UpdatedAt)}
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
	err = r.db.All(ctx, &out.BuyerIDs, "SELECT buyer_id FROM sales WHERE seller_id = ? AND lead_id = ? AND slot > 0 ORDER BY slot", row.SellerID, row.ID)
	return out, err
}

// inMarket leaves out the leads of the form that were never offered to buyers. Those that were stay when they are deleted,
// without what was personal: their sales and ledger entries name them.
const inMarket = " AND status <> ''"

func (r *Reader) lead(ctx context.Context, sellerID, id, and string, args ...any) (leadrow.Row, error) {
	var row leadrow.Row
	err := r.db.One(ctx, lead.ErrNotFound, &row, "SELECT "+leadrow.Columns+" FROM leads WHERE seller_id = ? AND id = ?"+inMarket+and,
		append([]any{sellerID, id}, args...)...)
	if err == nil && row.ID != id {
		err = lead.ErrNotFound
	}
	return row, err
}

// MarketLead implements market.LeadReader.
func (r *Reader) MarketLead(ctx context.Context, sellerID, id string) (*lead.Lead, error) {
	row, err := r.lead(ctx, sellerID, id, "")
	if err != nil {
		return nil, err
	}
	n, err := row.Snapshot()
	if err != nil {
		return nil, err
	}
	return lead.FromSnapshot(n), nil
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

// answerLead answers a row without its fields, trace and sales.
func answerLead(row leadrow.Row) (marketquery.MarketplaceLead, error) {
	dimensions, err := leadrow.DecodeDimensions(row.Dimensions)
	if err != nil {
		return marketquery.MarketplaceLead{}, fmt.Errorf("restore lead %s: %w", row.ID, err)
	}
	l := marketquery.MarketplaceLead{
		ID: row.ID, Origin: row.Origin, Status: row.Status, CampaignID: row.CampaignID, Category: row.Category,
		PartnerID: row.PartnerID, KeyID: row.KeyID, ExternalID: row.ExternalID, Test: row.Test, Code: row.Code, Reason: row.Reason,
		Payout: money.Micros(row.Payout), CreatedAt: engine.Time(row.CreatedAt), UpdatedAt: engine.Time(row.UpdatedAt), PendingUntil: engine.Time(row.PendingUntil),
	}
	for _, d := range dimensions {
		if d.Name == field.DimensionState {
			l.State = d.Value
		}
	}
	return l, nil
}

// MarketplaceLeadByID answers marketquery.MarketplaceLeadByID: lead.ErrNotFound.
func (r *Reader) MarketplaceLeadByID(ctx context.Context, q marketquery.MarketplaceLeadByID) (marketquery.MarketplaceLead, error) {
	row, err := r.lead(ctx, q.SellerID, q.ID, "")
	if err != nil {
		return marketquery.MarketplaceLead{}, err
	}
	out, err := answerLead(row)
	if err != nil {
		return marketquery.MarketplaceLead{}, err
	}
	if out.Fields, err = row.Given(); err != nil {
		return marketquery.MarketplaceLead{}, err
	}
	if out.Trace, err = row.DecidedBy(); err != nil {
		return marketquery.MarketplaceLead{}, err
	}
	if out.Consent, err = r.consentOf(ctx, row.SellerID, row.ID); err != nil {
		return marketquery.MarketplaceLead{}, err
	}
	if out.PingID, err = r.pingOf(ctx, row.SellerID, row.ID); err != nil {
		return marketquery.MarketplaceLead{}, err
	}
	one := []marketquery.MarketplaceLead{out}
	err = r.addSales(ctx, row.SellerID, one)
	return one[0], err
}

// FindResponse implements market.ReplayReader.
func (r *Reader) FindResponse(ctx context.Context, claim market.ClaimRef, now time.Time) (application.StoredResponse, bool, error) {
	return r.response(ctx, "claims m", "m.claim_key = ? AND m.expires_at > ?", claim.SellerID, claim.Key[:], engine.Micros(now))
}

// FindRecent implements market.ReplayReader.
func (r *Reader) FindRecent(ctx context.Context, request market.RequestRef, since time.Time) (application.StoredResponse, bool, error) {
	return r.response(ctx, "recent_requests m", "m.content = ? AND m.accepted_at > ?", request.SellerID, request.Content[:], engine.Micros(since))
}

// FindAllRecent implements market.ReplayReader.
func (r *Reader) FindAllRecent(ctx context.Context, requests []market.RequestRef, since time.Time) (map[market.RequestContent]application.StoredResponse, error) {
	out := map[market.RequestContent]application.StoredResponse{}
	for some := range slices.Chunk(requests, engine.MaxParams/2) {
		args := []any{some[0].SellerID, engine.Micros(since)}
		for i := range some {
			args = append(args, some[i].Content[:])
		}
		var rows []struct {
			Content     []byte `db:"content"`
			Fingerprint []byte `db:"request_fingerprint"`
			Status      int    `db:"answer_status"`
			Body        []byte `db:"answer_body"`
		}
		if err := r.db.All(ctx, &rows, "SELECT m.content, l.request_fingerprint, l.answer_status, l.answer_body FROM recent_requests m "+
			"JOIN leads l ON l.seller_id = m.seller_id AND l.id = m.lead_id WHERE m.seller_id = ? AND m.accepted_at > ? AND m.content IN ("+engine.Marks(len(some))+")", args...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			a := application.StoredResponse{Response: application.Response{Status: row.Status, Body: row.Body}}
			copy(a.Fingerprint[:], row.Fingerprint)
			var content market.RequestContent
			copy(content[:], row.Content)
			out[content] = a
		}
	}
	return out, nil
}

// response returns the response to the lead of the mark m that a condition finds.
func (r *Reader) response(ctx context.Context, marks, condition string, args ...any) (application.StoredResponse, bool, error) {
	var row struct {
		ID          string `db:"id"`
		Fingerprint []byte `db:"request_fingerprint"`
		Status      int    `db:"answer_status"`
		Body        []byte `db:"answer_body"`
		Until       *int64 `db:"answer_until"`
	}
	found, err := r.db.Get(ctx, &row, "SELECT l.id, l.request_fingerprint, l.answer_status, l.answer_body, u.answer_until FROM "+marks+
		" JOIN leads l ON l.seller_id = m.seller_id AND l.id = m.lead_id LEFT JOIN unsold_leads u ON u.seller_id = m.seller_id AND u.lead_id = m.lead_id WHERE m.seller_id = ? AND "+condition, args...)
	if err != nil || !found {
		return application.StoredResponse{}, false, err
	}
	a := application.StoredResponse{Response: application.Response{Status: row.Status, Body: row.Body}, LeadID: row.ID}
	if row.Until != nil {
		a.AnswerUntil = engine.Time(*row.Until)
	}
	copy(a.Fingerprint[:], row.Fingerprint)
	return a, true, nil
}
