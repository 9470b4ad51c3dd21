package market

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/suppression"
)

// suppresses is a column of campaigns that says whether their seller suppresses anybody.
const suppresses = "CASE WHEN (SELECT 1 FROM suppressions s WHERE s.seller_id = campaigns.seller_id LIMIT 1) = 1 THEN 1 ELSE 0 END AS suppresses"

const suppressionColumns = "seller_id, hash, id, kind, masked, job_id, created_at"

type suppressionRow struct {
	SellerID  string `db:"seller_id"`
	Hash      []byte `db:"hash"`
	ID        string `db:"id"`
	Kind      string `db:"kind"`
	Masked    string `db:"masked"`
	JobID     string `db:"job_id"`
	CreatedAt int64  `db:"created_at"`
}

func (r suppressionRow) suppression() market.Suppression {
	s := market.Suppression{
		SellerID: r.SellerID, ID: r.ID, Kind: suppression.Kind(r.Kind), Masked: r.Masked, JobID: r.JobID, CreatedAt: engine.Time(r.CreatedAt),
	}
	copy(s.Key[:], r.Hash)
	return s
}

type suppressions struct{ t *engine.Tx }

// Find implements market.SuppressionRepository. More than one statement takes are asked for by several.
func (r suppressions) Find(ctx context.Context, refs []market.SuppressionRef) (map[market.SuppressionKey]market.Suppression, error) {
	return findSuppressions(ctx, r.t, refs)
}

func findSuppressions(ctx context.Context, from engine.Source, refs []market.SuppressionRef) (map[market.SuppressionKey]market.Suppression, error) {
	refs = slices.SortedFunc(slices.Values(refs), func(a, b market.SuppressionRef) int {
		return cmp.Or(cmp.Compare(a.SellerID, b.SellerID), bytes.Compare(a.Key[:], b.Key[:]))
	})
	found := map[market.SuppressionKey]market.Suppression{}
	for lo, hi := range engine.Pieces(len(refs), engine.MaxParams/2, func(i int) string { return refs[i].SellerID }) {
		of := refs[lo:hi]
		condition, args := engine.Among("hash", len(of), func(i int) (string, any) { return of[i].SellerID, of[i].Key[:] })
		var rows []suppressionRow
		if err := from.All(ctx, &rows, "SELECT "+suppressionColumns+" FROM suppressions WHERE "+condition, args...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			s := row.suppression()
			found[s.Key] = s
		}
	}
	return found, nil
}

// Add implements market.SuppressionRepository. Whoever adds one of them at the same time runs the unit of work again. It looks first for
// what is new, and then locks the campaigns of the sellers, as everybody who decides about leads does, in the order of campaigns.LockAll.
func (r suppressions) Add(ctx context.Context, all []market.Suppression) (map[market.SuppressionKey]market.Suppression, error) {
	refs := make([]market.SuppressionRef, len(all))
	for i, s := range all {
		refs[i] = market.SuppressionRef{SellerID: s.SellerID, Key: s.Key}
	}
	there, err := r.Find(ctx, refs)
	if err != nil {
		return nil, err
	}
	var fresh []market.Suppression
	sellers := map[string]bool{}
	for _, s := range all {
		if _, known := there[s.Key]; !known {
			there[s.Key] = s
			fresh = append(fresh, s)
			sellers[s.SellerID] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(sellers)) {
		var ids []string
		if err := r.t.All(ctx, &ids, "SELECT id FROM campaigns"+r.t.UseKey("PRIMARY")+" WHERE seller_id = ? ORDER BY seller_id, id"+r.t.ForUpdate(), id); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(fresh, func(a, b market.Suppression) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	duplicate, err := r.t.InsertRows(ctx, "suppressions", suppressionColumns, len(fresh), func(args []any, i int) ([]any, error) {
		s := &fresh[i]
		return append(args, s.SellerID, s.Key[:], s.ID, string(s.Kind), s.Masked, s.JobID, engine.Micros(s.CreatedAt)), nil
	})
	if duplicate {
		return nil, r.t.LostRace()
	}
	return there, err
}

// Delete implements market.SuppressionRepository.
func (r suppressions) Delete(ctx context.Context, sellerID, id string, key market.SuppressionKey) error {
	condition, arg := "hash = ?", any(key[:])
	if id != "" {
		condition, arg = "id = ?", id
	}
	if id != "" && !engine.IsID(id) {
		return suppression.ErrNotFound
	}
	matched, err := r.t.Exec(ctx, "DELETE FROM suppressions WHERE seller_id = ? AND "+condition, sellerID, arg)
	if err == nil && matched == 0 {
		err = suppression.ErrNotFound
	}
	return err
}

// Forget implements market.SuppressionRepository.
func (r suppressions) Forget(ctx context.Context, sellerID string, keys []market.SuppressionKey) error {
	for some := range slices.Chunk(keys, engine.MaxParams/2) {
		args := []any{sellerID}
		for i := range some {
			args = append(args, some[i][:])
		}
		if _, err := r.t.Exec(ctx, "UPDATE suppressions"+r.t.UseKey("PRIMARY")+" SET masked = '' WHERE seller_id = ? AND hash IN ("+engine.Marks(len(some))+")", args...); err != nil {
			return err
		}
	}
	return nil
}

// SuppressionsOf implements market.SuppressionReader.
func (r *Reader) SuppressionsOf(ctx context.Context, sellerID string, values []suppression.Value) ([]market.Suppression, error) {
	refs := make([]market.SuppressionRef, len(values))
	for i, v := range values {
		refs[i] = market.SuppressionRef{SellerID: sellerID, Key: market.NewSuppressionKey(sellerID, v)}
	}
	found, err := findSuppressions(ctx, r.db, refs)
	if err != nil {
		return nil, err
	}
	var out []market.Suppression
	for _, ref := range refs {
		if s, ok := found[ref.Key]; ok {
			out = append(out, s)
		}
	}
	return out, nil
}

// Suppressions answers marketquery.Suppressions.
func (r *Reader) Suppressions(ctx context.Context, q marketquery.Suppressions) (application.List[market.Suppression], error) {
	f := engine.Filter{Args: []any{q.SellerID}}
	f.WriteString("SELECT " + suppressionColumns + " FROM suppressions WHERE seller_id = ?")
	if q.Kind != "" {
		f.And("kind = ?", q.Kind)
	}
	return engine.List(ctx, r.db, q.Page, func(s market.Suppression) string { return s.ID },
		func(row suppressionRow) (market.Suppression, error) { return row.suppression(), nil }, f.String(), f.Args...)
}
