package market

import (
	"context"
	"slices"
	"strings"
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
	row, err := r.lead(ctx, q.SellerID, q.ID, " AND key_id = ?", q.KeyID)
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

// listedColumns are the columns of leads that a list shows.
const listedColumns = "l.id, l.seller_id, l.origin, l.key_id, l.partner_id, l.campaign_id, l.category, l.external_id, l.test, l.status, l.code, " +
	"l.reason, l.payout, l.pending_until, l.created_at, l.updated_at, l.version"

// MarketplaceLeads answers marketquery.MarketplaceLeads. Fields and traces are not read. All leads are read in the order of
// their key; those of one status or category are found by the narrow table and by the sales, so that rare ones are found as quickly. Times
// are found by the ids, which begin with them.
func (r *Reader) MarketplaceLeads(ctx context.Context, q marketquery.MarketplaceLeads) (application.List[marketquery.MarketplaceLead], error) {
	var campaigns []string
	if q.Category != "" {
		// Suppliers' spellings are matched by campaign, so leads are found by the campaigns of the category.
		var err error
		if campaigns, err = r.campaignsOfCategory(ctx, q.SellerID, q.Category); err != nil || len(campaigns) == 0 {
			return application.List[marketquery.MarketplaceLead]{}, err
		}
	}
	var query string
	var args []any
	if q.Status == "" && q.Category == "" {
		f := listed("leads l", "l.id", q, "l.status <> ''")
		query, args = f.String(), f.Args
	} else {
		var err error
		if query, args, err = r.listedInPart(ctx, q, campaigns); err != nil || query == "" {
			return application.List[marketquery.MarketplaceLead]{}, err
		}
	}
	return engine.List(ctx, r.db, q.Page, func(l marketquery.MarketplaceLead) string { return l.ID },
		func(row leadrow.Row) (marketquery.MarketplaceLead, error) { return answerLead(row), nil }, query, args...)
}

// idSlack is how far apart the time in a lead's id and the time at which it was accepted may be: a request waits a little between both, and
// ids do not go back with a clock that is set back, by an hour at most where it is one of the two that some places have.
const idSlack = 70 * time.Minute

// listed begins a statement that reads the leads l of a list from some tables: those of the seller that meet a condition. id is the column
// by which the tables are read in order.
func listed(from, id string, q marketquery.MarketplaceLeads, condition string, args ...any) *engine.Filter {
	f := &engine.Filter{Args: []any{q.SellerID}}
	f.WriteString("SELECT " + listedColumns + " FROM " + from + " WHERE l.seller_id = ?")
	f.And(condition, args...)
	if !q.From.IsZero() {
		f.And(id+" >= ? AND l.created_at >= ?", engine.FirstID("lead", q.From.Add(-idSlack)), engine.Micros(q.From))
	}
	if !q.To.IsZero() {
		f.And(id+" < ? AND l.created_at < ?", engine.FirstID("lead", q.To.Add(idSlack)), engine.Micros(q.To))
	}
	return f
}

// campaignsApart is for how many campaigns and statuses a list is read from each in the order of the key; of more, all leads of a status
// are sorted.
const campaignsApart = 20

// listedInPart returns the statement for the leads of one status, or of one category, or of both, to which the conditions of a page are
// added; it is empty when there can be none. campaigns are those of the asked category.
func (r *Reader) listedInPart(ctx context.Context, q marketquery.MarketplaceLeads, campaigns []string) (string, []any, error) {
	statuses := []string{q.Status}
	if q.Status == "" {
		statuses = marketquery.LeadStatuses()
	}
	holding, err := r.holding(ctx, q, statuses, campaigns)
	if err != nil {
		return "", nil, err
	}
	var parts []*engine.Filter
	for _, status := range statuses {
		apart := 1
		if len(holding[status]) > campaignsApart {
			apart = len(holding[status])
		}
		for some := range slices.Chunk(holding[status], apart) {
			f := listed("unsold_leads u"+r.db.UseKey("unsold_leads_status")+" JOIN leads l ON l.seller_id = u.seller_id AND l.id = u.lead_id", "u.lead_id", q,
				"u.seller_id = ? AND u.status = ? AND u.campaign_id IN ("+engine.Marks(len(some))+")", append([]any{q.SellerID, status}, engine.Anys(some)...)...)
			parts = append(parts, upTo(f, "u.lead_id", q.Page))
		}
	}
	if slices.Contains(statuses, string(lead.StatusSold)) {
		f := listed("sales s JOIN leads l ON l.seller_id = s.seller_id AND l.id = s.lead_id", "s.lead_id", q, "s.seller_id = ? AND s.slot = 1", q.SellerID)
		sold := true
		if q.Category != "" {
			f.And("s.campaign_id IN ("+engine.Marks(len(campaigns))+")", engine.Anys(campaigns)...)
			if sold, err = r.haveSold(ctx, q.SellerID, campaigns); err != nil {
				return "", nil, err
			}
		}
		if sold {
			parts = append(parts, upTo(f, "s.lead_id", q.Page))
		}
	}
	if len(parts) == 0 {
		return "", nil, nil
	}
	var b strings.Builder
	var args []any
	for i, p := range parts {
		if i > 0 {
			b.WriteString(" UNION ALL ")
		}
		b.WriteString("SELECT " + listedColumns + " FROM (" + p.String() + ") l")
		args = append(args, p.Args...)
	}
	return "SELECT " + listedColumns + " FROM (" + b.String() + ") l WHERE 1 = 1", args, nil
}

// holding returns which of some campaigns, or of all for a list of every category, have leads of each status in the narrow table. Each is
// asked for its first one: servers make a join of EXISTS, and read all leads of the status for it.
func (r *Reader) holding(ctx context.Context, q marketquery.MarketplaceLeads, statuses, campaigns []string) (map[string][]string, error) {
	var all engine.Filter
	for i, status := range statuses {
		if i > 0 {
			all.WriteString(" UNION ALL ")
		}
		all.WriteString("SELECT ? AS status, c.id FROM campaigns c WHERE c.seller_id = ? AND (SELECT 1 FROM unsold_leads u" + r.db.UseKey("unsold_leads_status") +
			" WHERE u.seller_id = c.seller_id AND u.status = ? AND u.campaign_id = c.id LIMIT 1) = 1")
		all.Args = append(all.Args, status, q.SellerID, status)
		if q.Category != "" {
			all.And("c.id IN ("+engine.Marks(len(campaigns))+")", engine.Anys(campaigns)...)
		}
	}
	var rows []struct {
		Status string `db:"status"`
		ID     string `db:"id"`
	}
	if err := r.db.All(ctx, &rows, all.String(), all.Args...); err != nil {
		return nil, err
	}
	holding := map[string][]string{}
	for _, row := range rows {
		holding[row.Status] = append(holding[row.Status], row.ID)
	}
	return holding, nil
}

// haveSold reports whether a contract of some campaigns has ever bought a lead, so that those of none need not be looked for among the
// sales of all.
func (r *Reader) haveSold(ctx context.Context, sellerID string, campaigns []string) (bool, error) {
	var one int
	return r.db.Get(ctx, &one, "SELECT 1 FROM contracts k WHERE k.seller_id = ? AND k.campaign_id IN ("+engine.Marks(len(campaigns))+") AND "+
		"(SELECT 1 FROM sales s"+r.db.UseKey("sales_contract")+" WHERE s.seller_id = k.seller_id AND s.contract_id = k.id LIMIT 1) = 1 LIMIT 1", append([]any{sellerID}, engine.Anys(campaigns)...)...)
}

// upTo lets a part of a list read no more rows, by the column of their ids, than the page can show of it.
func upTo(f *engine.Filter, column string, p application.Page) *engine.Filter {
	direction, beyond := " DESC", " < ?"
	if p.Ascending {
		direction, beyond = " ASC", " > ?"
	}
	if p.After != "" {
		f.And(column+beyond, p.After)
	}
	f.WriteString(" ORDER BY " + column + direction + " LIMIT ?")
	f.Args = append(f.Args, p.Offset()+p.Limit+1)
	return f
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
	row, err := r.lead(ctx, q.SellerID, q.ID, "")
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
	if err := r.db.All(ctx, &sales, "SELECT id, contract_id, buyer_id, status, price, sold_at FROM sales WHERE seller_id = ? AND lead_id = ? ORDER BY id", row.SellerID, row.ID); err != nil {
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
func (r *Reader) FindResponse(ctx context.Context, claim market.ClaimRef, now time.Time) (application.StoredResponse, bool, error) {
	return r.response(ctx, "claims m", "m.claim_key = ? AND m.expires_at > ?", claim.SellerID, claim.Key[:], engine.Micros(now))
}

// FindRecent implements market.ReplayReader.
func (r *Reader) FindRecent(ctx context.Context, request market.RequestRef, since time.Time) (application.StoredResponse, bool, error) {
	return r.response(ctx, "recent_requests m", "m.content = ? AND m.accepted_at > ?", request.SellerID, request.Content[:], engine.Micros(since))
}

// response returns the response to the lead of the mark m that a condition finds.
func (r *Reader) response(ctx context.Context, marks, condition string, args ...any) (application.StoredResponse, bool, error) {
	var row struct {
		Fingerprint []byte `db:"request_fingerprint"`
		Status      int    `db:"answer_status"`
		Body        []byte `db:"answer_body"`
	}
	found, err := r.db.Get(ctx, &row, "SELECT l.request_fingerprint, l.answer_status, l.answer_body FROM "+marks+
		" JOIN leads l ON l.seller_id = m.seller_id AND l.id = m.lead_id WHERE m.seller_id = ? AND "+condition, args...)
	if err != nil || !found {
		return application.StoredResponse{}, false, err
	}
	a := application.StoredResponse{Response: application.Response{Status: row.Status, Body: row.Body}}
	copy(a.Fingerprint[:], row.Fingerprint)
	return a, true, nil
}
