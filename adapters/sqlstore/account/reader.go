package account

import (
	"context"
	"slices"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/sellerrow"
	"github.com/leadmill/leadmill/application"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/seller"
)

// Reader answers this room's questions from its tables, outside of transactions. Beside the errors that a question names,
// each answers with application.ErrUnavailable when the database cannot be reached or is too busy.
type Reader struct {
	db    *engine.Reader
	clock application.Clock
}

var (
	_ application.KeyReader  = (*Reader)(nil)
	_ application.KeysReader = (*Reader)(nil)
)

// NewReader returns a Reader on an open database. By the clock it tells which keys expired.
func NewReader(db *dialect.DB, clock application.Clock) *Reader {
	return &Reader{engine.NewReader(db), clock}
}

// Sellers answers accountquery.Sellers.
func (r *Reader) Sellers(ctx context.Context, q accountquery.Sellers) (application.List[accountquery.Seller], error) {
	return engine.List(ctx, r.db, q.Page, func(s accountquery.Seller) string { return s.ID },
		func(row sellerrow.Row) (accountquery.Seller, error) { return answerSeller(row), nil }, "SELECT "+sellerrow.Columns+" FROM sellers WHERE 1 = 1")
}

// SellerByCode answers accountquery.SellerByCode: seller.ErrNotFound.
func (r *Reader) SellerByCode(ctx context.Context, q accountquery.SellerByCode) (accountquery.Seller, error) {
	row, found, err := sellerrow.ByCode(ctx, r.db, q.Code, "")
	if err == nil && !found {
		err = seller.ErrNotFound
	}
	if err != nil {
		return accountquery.Seller{}, err
	}
	return answerSeller(row), nil
}

func answerSeller(row sellerrow.Row) accountquery.Seller {
	return accountquery.Seller{
		ID: row.ID, Code: row.Code, Slug: row.Slug, Name: row.Name, Currency: row.Currency, TimeZone: row.TimeZone,
		Website: row.Website, CreatedAt: engine.Time(row.CreatedAt), UpdatedAt: engine.Time(row.UpdatedAt),
	}
}

// SettingsOfSeller answers accountquery.SettingsOfSeller: seller.ErrNotFound.
func (r *Reader) SettingsOfSeller(ctx context.Context, q accountquery.SettingsOfSeller) (accountquery.Settings, error) {
	row, found, err := sellerrow.ByID(ctx, r.db, q.SellerID, "")
	if err == nil && !found {
		err = seller.ErrNotFound
	}
	if err != nil {
		return accountquery.Settings{}, err
	}
	program, err := row.PartnerProgram()
	if err != nil {
		return accountquery.Settings{}, err
	}
	return accountquery.Settings{Name: row.Name, Code: row.Code, Website: row.Website, Currency: row.Currency, TimeZone: row.TimeZone, Program: program, UpdatedAt: engine.Time(row.UpdatedAt)}, nil
}

// KeyByID implements application.KeyReader.
func (r *Reader) KeyByID(ctx context.Context, id string) (seller.Key, seller.Snapshot, error) {
	var k keyRow
	if err := r.db.One(ctx, seller.ErrKeyNotFound, &k, "SELECT "+keyColumns+" FROM api_keys WHERE id = ?", id); err != nil {
		return seller.Key{}, seller.Snapshot{}, err
	}
	owner, found, err := sellerrow.ByID(ctx, r.db, k.SellerID, "")
	if err == nil && !found {
		err = seller.ErrKeyNotFound
	}
	if err != nil {
		return seller.Key{}, seller.Snapshot{}, err
	}
	n, err := owner.Snapshot()
	if err != nil {
		return seller.Key{}, seller.Snapshot{}, err
	}
	return k.restore(), n, nil
}

// keysAtOnce is how many keys one statement names.
const keysAtOnce = 500

// KeysByID implements application.KeysReader.
func (r *Reader) KeysByID(ctx context.Context, ids []string) (map[string]seller.Key, error) {
	found := make(map[string]seller.Key, len(ids))
	for some := range slices.Chunk(ids, keysAtOnce) {
		var rows []keyRow
		if err := r.db.All(ctx, &rows, "SELECT "+keyColumns+" FROM api_keys WHERE id IN ("+engine.Marks(len(some))+")", engine.Anys(some)...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			found[row.ID] = row.restore()
		}
	}
	return found, nil
}

// APIKeys answers accountquery.APIKeys.
func (r *Reader) APIKeys(ctx context.Context, q accountquery.APIKeys) (application.List[accountquery.APIKey], error) {
	return engine.List(ctx, r.db, q.Page, func(k accountquery.APIKey) string { return k.ID }, answerKey,
		"SELECT "+keyColumns+", last_used_at, leads FROM api_keys WHERE seller_id = ? AND revoked_at = 0 AND expires_at NOT BETWEEN 1 AND ?",
		q.SellerID, engine.Micros(r.clock.Now()))
}

// APIKeyByID answers accountquery.APIKeyByID: seller.ErrKeyNotFound.
func (r *Reader) APIKeyByID(ctx context.Context, q accountquery.APIKeyByID) (accountquery.APIKey, error) {
	var row usedKeyRow
	if !engine.IsID(q.ID) {
		return accountquery.APIKey{}, seller.ErrKeyNotFound
	}
	err := r.db.One(ctx, seller.ErrKeyNotFound, &row, "SELECT "+keyColumns+", last_used_at, leads FROM api_keys WHERE id = ? AND seller_id = ? AND revoked_at = 0 AND expires_at NOT BETWEEN 1 AND ?",
		q.ID, q.SellerID, engine.Micros(r.clock.Now()))
	if err == nil && row.ID != q.ID {
		err = seller.ErrKeyNotFound
	}
	if err != nil {
		return accountquery.APIKey{}, err
	}
	return answerKey(row)
}

// usedKeyRow is a key with what it was used for.
type usedKeyRow struct {
	keyRow

	LastUsedAt int64 `db:"last_used_at"`
	Leads      int64 `db:"leads"`
}

func answerKey(k usedKeyRow) (accountquery.APIKey, error) {
	a := accountquery.APIKeyOf(k.restore())
	a.LastUsedAt, a.Leads = engine.Time(k.LastUsedAt), k.Leads
	return a, nil
}
