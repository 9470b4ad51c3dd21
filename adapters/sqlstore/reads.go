package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/seller"
)

// Reader answers queries from the tables of the aggregates, outside of transactions.
type Reader struct {
	db    *dialect.DB
	clock application.Clock
}

var (
	_ query.SellerReader         = (*Reader)(nil)
	_ query.APIKeyReader         = (*Reader)(nil)
	_ query.BuyerReader          = (*Reader)(nil)
	_ query.CampaignReader       = (*Reader)(nil)
	_ query.LeadReader           = (*Reader)(nil)
	_ application.KeyReader      = (*Reader)(nil)
	_ application.ReplayReader   = (*Reader)(nil)
	_ application.CampaignReader = (*Reader)(nil)
)

// NewReader returns a Reader on an open database.
func NewReader(db *dialect.DB, clock application.Clock) *Reader { return &Reader{db, clock} }

// failed turns an error of the database into one of the application's.
func (r *Reader) failed(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || r.db.Classify(err) == dialect.Lost ||
		r.db.Classify(err) == dialect.Retry {
		return application.ErrUnavailable.Because(dialect.Redact(err))
	}
	return dialect.Redact(err)
}

func (r *Reader) all(ctx context.Context, into any, q string, args ...any) error {
	if err := r.db.Reader.SelectContext(ctx, into, q, args...); err != nil {
		return r.failed(err)
	}
	return nil
}

// one reads a row; missing is the error when there is none.
func (r *Reader) one(ctx context.Context, missing error, into any, q string, args ...any) error {
	switch err := r.db.Reader.GetContext(ctx, into, q, args...); {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return missing
	default:
		return r.failed(err)
	}
}

// order is how the rows of a list are sorted: by columns of which the last tells rows with equal others apart, newest first
// unless the page says otherwise. A cursor is the columns' values, a space between them.
type order struct {
	columns []string // one or two: ids
	numbers bool     // whether the first is an integer instead
}

var byID = order{columns: []string{"id"}}

// page completes a statement: one row more than the limit is read to know whether there is a next page. A cursor that is
// none of this list is a violation.
func (o order) page(q string, args []any, p query.Page) (string, []any, error) {
	direction, beyond := " DESC", " <"
	if p.Ascending {
		direction, beyond = " ASC", " >"
	}
	if p.After != "" {
		values, err := o.values(p.After)
		if err != nil {
			return "", nil, err
		}
		if len(values) == 1 {
			q += " AND " + o.columns[0] + beyond + " ?"
		} else {
			// The first condition is what an index is read from on every engine.
			q += " AND " + o.columns[0] + beyond + "= ? AND (" + o.columns[0] + beyond + " ? OR " + o.columns[1] + beyond + " ?)"
			args = append(args, values[0])
		}
		args = append(args, values...)
	}
	return q + " ORDER BY " + strings.Join(o.columns, direction+", ") + direction + " LIMIT ? OFFSET ?", append(args, p.Limit+1, p.Offset()), nil
}

// values reads a cursor.
func (o order) values(cursor string) ([]any, error) {
	var v fault.Violations
	texts := strings.SplitN(cursor, " ", len(o.columns))
	values := anys(texts)
	for i, text := range texts {
		ok := isID(text)
		if i == 0 && o.numbers {
			n, err := strconv.ParseInt(text, 10, 64)
			values[0], ok = n, err == nil
		}
		if !ok || len(texts) < len(o.columns) {
			v.Add("cursor", fault.InvalidValue, "is not a cursor of this list")
			return nil, v.Err()
		}
	}
	return values, nil
}

// rowsOf reads the rows of a page and one more where there is one.
func rowsOf[R any](ctx context.Context, r *Reader, o order, p query.Page, q string, args ...any) (rows []R, err error) {
	if q, args, err = o.page(q, args, p); err != nil {
		return nil, err
	}
	err = r.all(ctx, &rows, q, args...)
	return rows, err
}

// list reads a page of rows that are listed by id and turns each into its answer.
func list[R, T any](ctx context.Context, r *Reader, p query.Page, key func(T) string, of func(R) (T, error), q string, args ...any) (query.List[T], error) {
	return listBy(ctx, r, byID, p, key, of, q, args...)
}

// listBy is list for rows in another order. key is the cursor of an answer.
func listBy[R, T any](ctx context.Context, r *Reader, o order, p query.Page, key func(T) string, of func(R) (T, error), q string, args ...any) (query.List[T], error) {
	rows, err := rowsOf[R](ctx, r, o, p, q, args...)
	if err != nil {
		return query.List[T]{}, err
	}
	items := make([]T, len(rows))
	for i, row := range rows {
		if items[i], err = of(row); err != nil {
			return query.List[T]{}, err
		}
	}
	return query.ListOf(items, p, key), nil
}

// Sellers implements query.SellerReader.
func (r *Reader) Sellers(ctx context.Context, q query.Sellers) (query.List[query.Seller], error) {
	return list(ctx, r, q.Page, func(s query.Seller) string { return s.ID }, answerSeller, "SELECT "+sellerColumns+" FROM sellers WHERE 1 = 1")
}

// SellerByCode implements query.SellerReader.
func (r *Reader) SellerByCode(ctx context.Context, q query.SellerByCode) (query.Seller, error) {
	var row sellerRow
	err := r.one(ctx, seller.ErrNotFound, &row, "SELECT "+sellerColumns+" FROM sellers WHERE code = ?", q.Code)
	if err == nil && row.Code != q.Code {
		err = seller.ErrNotFound
	}
	if err != nil {
		return query.Seller{}, err
	}
	return answerSeller(row)
}

func answerSeller(row sellerRow) (query.Seller, error) {
	s, err := row.restore()
	if err != nil {
		return query.Seller{}, err
	}
	return query.SellerOf(s.Snapshot()), nil
}

type keyRow struct {
	ID        string `db:"id"`
	SellerID  string `db:"seller_id"`
	Scope     string `db:"scope"`
	Name      string `db:"name"`
	PartnerID string `db:"partner_id"`
	Requests  int64  `db:"limit_requests"`
	WindowUS  int64  `db:"limit_window_us"`
	Hash      []byte `db:"hash"`
	CreatedAt int64  `db:"created_at"`
	RevokedAt int64  `db:"revoked_at"`
}

const keyColumns = "id, seller_id, scope, name, partner_id, limit_requests, limit_window_us, hash, created_at, revoked_at"

func (k keyRow) restore() seller.Key {
	key := seller.Key{ID: k.ID, SellerID: k.SellerID, Scope: seller.Scope(k.Scope), Name: k.Name, PartnerID: k.PartnerID,
		Limit:     seller.RateLimit{Requests: k.Requests, Window: time.Duration(k.WindowUS) * time.Microsecond},
		CreatedAt: timeOf(k.CreatedAt), RevokedAt: timeOf(k.RevokedAt)}
	copy(key.Hash[:], k.Hash)
	return key
}

// KeyByID implements application.KeyReader.
func (r *Reader) KeyByID(ctx context.Context, id string) (seller.Key, seller.Snapshot, error) {
	var k keyRow
	if err := r.one(ctx, seller.ErrKeyNotFound, &k, "SELECT "+keyColumns+" FROM api_keys WHERE id = ?", id); err != nil {
		return seller.Key{}, seller.Snapshot{}, err
	}
	var s sellerRow
	if err := r.one(ctx, seller.ErrKeyNotFound, &s, "SELECT "+sellerColumns+" FROM sellers WHERE id = ?", k.SellerID); err != nil {
		return seller.Key{}, seller.Snapshot{}, err
	}
	owner, err := s.restore()
	if err != nil {
		return seller.Key{}, seller.Snapshot{}, err
	}
	return k.restore(), owner.Snapshot(), nil
}

// APIKeys implements query.APIKeyReader.
func (r *Reader) APIKeys(ctx context.Context, q query.APIKeys) (query.List[query.APIKey], error) {
	return list(ctx, r, q.Page, func(k query.APIKey) string { return k.ID },
		func(k keyRow) (query.APIKey, error) { return query.APIKeyOf(k.restore()), nil },
		"SELECT "+keyColumns+" FROM api_keys WHERE seller_id = ? AND revoked_at = 0", q.SellerID)
}

// Buyers implements query.BuyerReader.
func (r *Reader) Buyers(ctx context.Context, q query.Buyers) (query.List[query.Buyer], error) {
	return list(ctx, r, q.Page, func(b query.Buyer) string { return b.ID }, answerBuyer,
		"SELECT "+buyerColumns+" FROM buyers WHERE seller_id = ?", q.SellerID)
}

// BuyerByID implements query.BuyerReader.
func (r *Reader) BuyerByID(ctx context.Context, q query.BuyerByID) (query.Buyer, error) {
	var row buyerRow
	if err := r.one(ctx, buyer.ErrNotFound, &row, "SELECT "+buyerColumns+" FROM buyers WHERE id = ? AND seller_id = ?", q.ID, q.SellerID); err != nil {
		return query.Buyer{}, err
	}
	if row.ID != q.ID {
		return query.Buyer{}, buyer.ErrNotFound
	}
	return answerBuyer(row)
}

func answerBuyer(row buyerRow) (query.Buyer, error) {
	return query.BuyerOf(row.restore().Snapshot()), nil
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

// Ledger implements query.BuyerReader.
func (r *Reader) Ledger(ctx context.Context, q query.Ledger) (query.List[query.LedgerEntry], error) {
	if _, err := r.BuyerByID(ctx, query.BuyerByID{Actor: q.Actor, ID: q.BuyerID}); err != nil {
		return query.List[query.LedgerEntry]{}, err
	}
	return list(ctx, r, q.Page, func(e query.LedgerEntry) string { return e.ID },
		func(e entryRow) (query.LedgerEntry, error) {
			return query.LedgerEntry{ID: e.ID, Type: e.Type, Amount: money.Micros(e.Amount), BalanceAfter: money.Micros(e.BalanceAfter),
				SaleID: e.SaleID, Note: e.Note, CreatedAt: timeOf(e.CreatedAt)}, nil
		}, "SELECT "+entryColumns+" FROM ledger_entries WHERE buyer_id = ?", q.BuyerID)
}

// Campaigns implements query.CampaignReader.
func (r *Reader) Campaigns(ctx context.Context, q query.Campaigns) (query.List[query.Campaign], error) {
	return list(ctx, r, q.Page, func(c query.Campaign) string { return c.ID }, answerCampaign,
		"SELECT "+campaignColumns+" FROM campaigns WHERE seller_id = ?", q.SellerID)
}

// CampaignByID implements query.CampaignReader.
func (r *Reader) CampaignByID(ctx context.Context, q query.CampaignByID) (query.Campaign, error) {
	var row campaignRow
	if err := r.one(ctx, campaign.ErrNotFound, &row, "SELECT "+campaignColumns+" FROM campaigns WHERE id = ? AND seller_id = ?", q.ID, q.SellerID); err != nil {
		return query.Campaign{}, err
	}
	if row.ID != q.ID {
		return query.Campaign{}, campaign.ErrNotFound
	}
	return answerCampaign(row)
}

func answerCampaign(row campaignRow) (query.Campaign, error) {
	n, err := row.snapshot()
	return query.CampaignOf(n), err
}

// Contracts implements query.CampaignReader.
func (r *Reader) Contracts(ctx context.Context, q query.Contracts) (query.List[query.Contract], error) {
	if _, err := r.CampaignByID(ctx, query.CampaignByID{Actor: q.Actor, ID: q.CampaignID}); err != nil {
		return query.List[query.Contract]{}, err
	}
	return list(ctx, r, q.Page, func(k query.Contract) string { return k.ID },
		func(row contractRow) (query.Contract, error) {
			n, err := row.snapshot()
			return query.ContractOf(q.CampaignID, n), err
		}, "SELECT "+contractColumns+" FROM contracts WHERE campaign_id = ? AND status <> 'deleted'", q.CampaignID)
}

// ContractByID implements query.CampaignReader.
func (r *Reader) ContractByID(ctx context.Context, q query.ContractByID) (query.Contract, error) {
	n, err := r.contract(ctx, q)
	if err != nil {
		return query.Contract{}, err
	}
	return query.ContractOf(q.CampaignID, n), nil
}

func (r *Reader) contract(ctx context.Context, q query.ContractByID) (campaign.ContractSnapshot, error) {
	if _, err := r.CampaignByID(ctx, query.CampaignByID{Actor: q.Actor, ID: q.CampaignID}); err != nil {
		return campaign.ContractSnapshot{}, err
	}
	var row contractRow
	if err := r.one(ctx, campaign.ErrContractNotFound, &row, "SELECT "+contractColumns+
		" FROM contracts WHERE id = ? AND campaign_id = ? AND status <> 'deleted'", q.ID, q.CampaignID); err != nil {
		return campaign.ContractSnapshot{}, err
	}
	if row.ID != q.ID {
		return campaign.ContractSnapshot{}, campaign.ErrContractNotFound
	}
	return row.snapshot()
}

// ContractUsage implements query.CampaignReader.
func (r *Reader) ContractUsage(ctx context.Context, q query.ContractUsage) ([]query.Usage, error) {
	n, err := r.contract(ctx, query.ContractByID(q))
	if err != nil {
		return nil, err
	}
	zone, err := calendar.ParseZone(n.EffectiveZone)
	if err != nil {
		return nil, fmt.Errorf("zone of contract %s: %w", n.ID, err)
	}
	var rows []struct {
		Key   string `db:"span_key"`
		Used  int64  `db:"used"`
		Spent int64  `db:"spent"`
	}
	if err := r.all(ctx, &rows, "SELECT span_key, used, spent FROM contract_counters WHERE contract_id = ?", n.ID); err != nil {
		return nil, err
	}
	caps := query.ContractOf(q.CampaignID, n).Caps
	if len(caps) == 0 || caps[len(caps)-1].Window != string(calendar.Total) {
		caps = append(caps, query.Cap{Window: string(calendar.Total)})
	}
	now, out := r.clock.Now(), make([]query.Usage, len(caps))
	for i, c := range caps {
		span := calendar.SpanAt(calendar.Window(c.Window), now, zone)
		out[i] = query.Usage{Cap: c, ResetsAt: span.End}
		for _, row := range rows {
			if row.Key == span.Key {
				out[i].Used, out[i].Spent = row.Used, money.Micros(row.Spent)
			}
		}
	}
	return out, nil
}

// SupplierLeadByID implements query.LeadReader.
func (r *Reader) SupplierLeadByID(ctx context.Context, q query.SupplierLeadByID) (query.SupplierLead, error) {
	row, err := r.lead(ctx, "id = ? AND seller_id = ? AND key_id = ?", q.ID, q.SellerID, q.KeyID)
	if err != nil {
		return query.SupplierLead{}, err
	}
	n, err := row.snapshot()
	if err != nil {
		return query.SupplierLead{}, err
	}
	out := query.SupplierLead{ID: n.ID, Status: string(n.Status), Test: n.Test, CreatedAt: n.CreatedAt, UpdatedAt: n.UpdatedAt}
	out.Price, out.HasPrice = lead.FromSnapshot(n).Shown()
	if n.Status != lead.StatusSold {
		return out, nil
	}
	if n.Test {
		// The sale of a test lead is not kept; its trace tells who would have bought it.
		for _, c := range n.Trace.Considered {
			if c.Reason == "sold" {
				out.BuyerIDs = append(out.BuyerIDs, c.BuyerID)
			}
		}
		return out, nil
	}
	err = r.all(ctx, &out.BuyerIDs, "SELECT buyer_id FROM sales WHERE lead_id = ? AND slot IS NOT NULL ORDER BY slot", n.ID)
	return out, err
}

// inMarket leaves out the leads of the form that were never offered to buyers. Those that were stay when they are deleted,
// without what was personal: their sales and ledger entries name them.
const inMarket = " AND status <> ''"

func (r *Reader) lead(ctx context.Context, where string, args ...any) (leadRow, error) {
	var row leadRow
	err := r.one(ctx, lead.ErrNotFound, &row, "SELECT "+leadColumns+" FROM leads WHERE "+where+inMarket, args...)
	if err == nil && row.ID != args[0] {
		err = lead.ErrNotFound
	}
	return row, err
}

// MarketplaceLeads implements query.LeadReader. Fields and traces are not read.
func (r *Reader) MarketplaceLeads(ctx context.Context, q query.MarketplaceLeads) (query.List[query.MarketplaceLead], error) {
	statement := "SELECT id, seller_id, origin, key_id, partner_id, campaign_id, category, external_id, test, status, code, reason, " +
		"payout, pending_until, created_at, updated_at, version FROM leads WHERE seller_id = ?" + inMarket
	args := []any{q.SellerID}
	filter := func(condition string, value any) {
		statement += " AND " + condition
		args = append(args, value)
	}
	if q.Status != "" {
		filter("status = ?", q.Status)
	}
	if q.Category != "" {
		// Suppliers' spellings are matched by campaign, so leads are found by the campaigns of the category.
		ids, err := r.campaignsOfCategory(ctx, q.SellerID, q.Category)
		if err != nil || len(ids) == 0 {
			return query.List[query.MarketplaceLead]{}, err
		}
		statement += " AND campaign_id IN (" + marks(len(ids)) + ")"
		args = append(args, anys(ids)...)
	}
	if !q.From.IsZero() {
		filter("created_at >= ?", micros(q.From))
	}
	if !q.To.IsZero() {
		filter("created_at < ?", micros(q.To))
	}
	return list(ctx, r, q.Page, func(l query.MarketplaceLead) string { return l.ID },
		func(row leadRow) (query.MarketplaceLead, error) { return answerLead(row), nil }, statement, args...)
}

// campaignsOfCategory returns the ids of a seller's campaigns, whatever their status, of a category.
func (r *Reader) campaignsOfCategory(ctx context.Context, sellerID, category string) ([]string, error) {
	var rows []struct {
		ID       string `db:"id"`
		Category string `db:"category"`
	}
	if err := r.all(ctx, &rows, "SELECT id, category FROM campaigns WHERE seller_id = ?", sellerID); err != nil {
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

func answerLead(row leadRow) query.MarketplaceLead {
	return query.MarketplaceLead{ID: row.ID, Origin: row.Origin, Status: row.Status, CampaignID: row.CampaignID, Category: row.Category,
		PartnerID: row.PartnerID, KeyID: row.KeyID, ExternalID: row.ExternalID, Test: row.Test, Code: row.Code, Reason: row.Reason,
		Payout: money.Micros(row.Payout), CreatedAt: timeOf(row.CreatedAt), UpdatedAt: timeOf(row.UpdatedAt), PendingUntil: timeOf(row.PendingUntil)}
}

// MarketplaceLeadByID implements query.LeadReader.
func (r *Reader) MarketplaceLeadByID(ctx context.Context, q query.MarketplaceLeadByID) (query.MarketplaceLead, error) {
	row, err := r.lead(ctx, "id = ? AND seller_id = ?", q.ID, q.SellerID)
	if err != nil {
		return query.MarketplaceLead{}, err
	}
	n, err := row.snapshot()
	if err != nil {
		return query.MarketplaceLead{}, err
	}
	out := answerLead(row)
	out.Fields, out.Trace = n.Fields, n.Trace
	var sales []struct {
		ID         string `db:"id"`
		ContractID string `db:"contract_id"`
		BuyerID    string `db:"buyer_id"`
		Status     string `db:"status"`
		Price      int64  `db:"price"`
		SoldAt     int64  `db:"sold_at"`
	}
	if err := r.all(ctx, &sales, "SELECT id, contract_id, buyer_id, status, price, sold_at FROM sales WHERE lead_id = ? ORDER BY id", n.ID); err != nil {
		return query.MarketplaceLead{}, err
	}
	for _, s := range sales {
		out.Sales = append(out.Sales, query.Sale{ID: s.ID, ContractID: s.ContractID, BuyerID: s.BuyerID, Status: s.Status,
			Price: money.Micros(s.Price), SoldAt: timeOf(s.SoldAt)})
	}
	return out, nil
}

// FindResponse implements application.ReplayReader.
func (r *Reader) FindResponse(ctx context.Context, key application.ClaimKey, now time.Time) (application.StoredResponse, bool, error) {
	var row struct {
		Fingerprint []byte `db:"request_fingerprint"`
		Status      int    `db:"answer_status"`
		Body        []byte `db:"answer_body"`
	}
	err := r.one(ctx, sql.ErrNoRows, &row, "SELECT l.request_fingerprint, l.answer_status, l.answer_body FROM claims c JOIN leads l ON l.id = c.lead_id "+
		"WHERE c.claim_key = ? AND c.expires_at > ?", key[:], micros(now))
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

// ActiveCampaign implements application.CampaignReader.
func (r *Reader) ActiveCampaign(ctx context.Context, sellerID, categoryKey string) (*campaign.Campaign, error) {
	var row campaignRow
	if err := r.one(ctx, campaign.ErrNoMatching, &row, "SELECT "+campaignColumns+" FROM campaigns WHERE seller_id = ? AND active_key = ?", sellerID, categoryKey); err != nil {
		return nil, err
	}
	// MySQL's collations ignore trailing spaces; categories do not.
	if row.ActiveKey == nil || *row.ActiveKey != categoryKey {
		return nil, campaign.ErrNoMatching
	}
	n, err := row.snapshot()
	if err != nil {
		return nil, err
	}
	var owned []contractRow
	if err := r.all(ctx, &owned, "SELECT "+contractColumns+" FROM contracts WHERE campaign_id = ? AND status <> 'deleted' ORDER BY id", n.ID); err != nil {
		return nil, err
	}
	for _, k := range owned {
		s, err := k.snapshot()
		if err != nil {
			return nil, err
		}
		n.Contracts = append(n.Contracts, s)
	}
	return campaign.FromSnapshot(n), nil
}

// PendingCampaigns implements application.CampaignReader.
func (r *Reader) PendingCampaigns(ctx context.Context) (ids []string, err error) {
	err = r.all(ctx, &ids, "SELECT DISTINCT campaign_id FROM leads WHERE status = 'pending' ORDER BY campaign_id")
	return ids, err
}

// CampaignsOfBuyer implements application.CampaignReader.
func (r *Reader) CampaignsOfBuyer(ctx context.Context, sellerID, buyerID string) (ids []string, err error) {
	err = r.all(ctx, &ids, "SELECT DISTINCT campaign_id FROM contracts WHERE buyer_id = ? AND seller_id = ? AND status <> 'deleted' ORDER BY campaign_id", buyerID, sellerID)
	return ids, err
}
