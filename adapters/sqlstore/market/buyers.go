package market

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/money"
)

type buyers struct{ t *engine.Tx }

const (
	buyerColumns = "id, seller_id, name, email, status, time_zone, balance, held, credit_limit, created_at, updated_at, version, rules"
	entryColumns = "id, seller_id, buyer_id, type, amount, balance_after, sale_id, note, created_at"
)

type buyerRow struct {
	ID          string `db:"id"`
	SellerID    string `db:"seller_id"`
	Name        string `db:"name"`
	Email       string `db:"email"`
	Status      string `db:"status"`
	TimeZone    string `db:"time_zone"`
	Balance     int64  `db:"balance"`
	Held        int64  `db:"held"`
	CreditLimit int64  `db:"credit_limit"`
	CreatedAt   int64  `db:"created_at"`
	UpdatedAt   int64  `db:"updated_at"`
	Version     int64  `db:"version"`

	Rules sql.NullString `db:"rules"`
}

func (r buyerRow) snapshot() (buyer.Snapshot, error) {
	b := buyer.Snapshot{
		ID: r.ID, SellerID: r.SellerID, Name: r.Name, Email: r.Email,
		Status: buyer.Status(r.Status), TimeZone: r.TimeZone, Balance: money.Micros(r.Balance), Held: money.Micros(r.Held),
		CreditLimit: money.Micros(r.CreditLimit), CreatedAt: engine.Time(r.CreatedAt), UpdatedAt: engine.Time(r.UpdatedAt), Version: r.Version,
	}
	var rules buyerRulesColumn
	if err := decodeRules(r.Rules, r.ID, &rules); err != nil {
		return buyer.Snapshot{}, err
	}
	rules.restore(&b)
	return b, nil
}

// Add implements application.BuyerRepository.
func (r buyers) Add(ctx context.Context, b *buyer.Buyer) error {
	n := b.Snapshot()
	rules, err := encodeRules(rulesOfBuyer(n))
	if err != nil {
		return r.t.Refuse(err)
	}
	if _, err := r.t.Exec(ctx, "INSERT INTO buyers ("+buyerColumns+") VALUES ("+engine.Marks(13)+")", n.ID, n.SellerID, n.Name, n.Email,
		string(n.Status), n.TimeZone, int64(n.Balance), int64(n.Held), int64(n.CreditLimit), engine.Micros(n.CreatedAt),
		engine.Micros(n.UpdatedAt), n.Version, rules); err != nil {
		return err
	}
	if err := r.addEntries(ctx, b.Entries()); err != nil {
		return err
	}
	r.t.Save(b, "buyer", n.ID, n.SellerID, application.TrailOf(ctx))
	return nil
}

func (r buyers) addEntries(ctx context.Context, entries []buyer.Entry) error {
	_, err := r.t.InsertRows(ctx, "ledger_entries", entryColumns, len(entries), func(args []any, i int) ([]any, error) {
		e := &entries[i]
		return append(args, e.ID, e.SellerID, e.BuyerID, string(e.Type), int64(e.Amount), int64(e.BalanceAfter), e.SaleID, e.Note, engine.Micros(e.At)), nil
	})
	return err
}

// Get implements application.BuyerRepository.
func (r buyers) Get(ctx context.Context, sellerID, id string) (*buyer.Buyer, error) {
	return r.one(ctx, sellerID, id, "")
}

// Lock implements application.BuyerRepository.
func (r buyers) Lock(ctx context.Context, sellerID, id string) (*buyer.Buyer, error) {
	return r.one(ctx, sellerID, id, r.t.ForUpdate())
}

func (r buyers) one(ctx context.Context, sellerID, id, lock string) (*buyer.Buyer, error) {
	if !engine.IsID(id) {
		return nil, buyer.ErrNotFound
	}
	var row buyerRow
	found, err := r.t.Get(ctx, &row, "SELECT "+buyerColumns+" FROM buyers WHERE seller_id = ? AND id = ?"+lock, sellerID, id)
	if err != nil {
		return nil, err
	}
	if !found || row.ID != id {
		return nil, buyer.ErrNotFound
	}
	n, err := row.snapshot()
	if err != nil {
		return nil, r.t.Refuse(err)
	}
	return buyer.FromSnapshot(n), nil
}

// LockAll implements application.BuyerRepository.
func (r buyers) LockAll(ctx context.Context, refs []application.Ref) (map[string]*buyer.Buyer, error) {
	out := make(map[string]*buyer.Buyer, len(refs))
	for piece := range r.t.PiecesOf(application.SortedRefs(refs)) {
		keys, args := engine.AmongRefs(piece)
		var rows []buyerRow
		if err := r.t.All(ctx, &rows, "SELECT "+buyerColumns+" FROM buyers"+r.t.UseKey("PRIMARY")+" WHERE "+keys+" ORDER BY seller_id, id"+r.t.ForUpdate(), args...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			n, err := row.snapshot()
			if err != nil {
				return nil, r.t.Refuse(err)
			}
			out[row.ID] = buyer.FromSnapshot(n)
		}
	}
	return out, nil
}

// LockRuled implements application.BuyerRepository.
func (r buyers) LockRuled(ctx context.Context, sellerID string) ([]*buyer.Buyer, error) {
	var rows []buyerRow
	if err := r.t.All(ctx, &rows, "SELECT "+buyerColumns+" FROM buyers"+r.t.UseKey("PRIMARY")+" WHERE seller_id = ? AND rules IS NOT NULL ORDER BY id"+r.t.ForUpdate(), sellerID); err != nil {
		return nil, err
	}
	out := make([]*buyer.Buyer, len(rows))
	for i, row := range rows {
		n, err := row.snapshot()
		if err != nil {
			return nil, r.t.Refuse(err)
		}
		out[i] = buyer.FromSnapshot(n)
	}
	return out, nil
}

// Save implements application.BuyerRepository.
func (r buyers) Save(ctx context.Context, b *buyer.Buyer) error {
	n := b.Snapshot()
	rules, err := encodeRules(rulesOfBuyer(n))
	if err != nil {
		return r.t.Refuse(err)
	}
	matched, err := r.t.Exec(ctx, "UPDATE buyers SET name = ?, email = ?, status = ?, time_zone = ?, balance = ?, held = ?, credit_limit = ?, updated_at = ?, rules = ?, version = ? WHERE seller_id = ? AND id = ? AND version = ?",
		n.Name, n.Email, string(n.Status), n.TimeZone, int64(n.Balance), int64(n.Held), int64(n.CreditLimit), engine.Micros(n.UpdatedAt), rules,
		n.Version, n.SellerID, n.ID, b.StoredVersion())
	if err != nil {
		return err
	}
	if matched != 1 {
		return application.ErrConcurrentChange
	}
	if err := r.addEntries(ctx, b.Entries()); err != nil {
		return err
	}
	r.t.Save(b, "buyer", n.ID, n.SellerID, application.TrailOf(ctx))
	return nil
}

// SaveSold implements application.BuyerRepository.
func (r buyers) SaveSold(ctx context.Context, all []*buyer.Buyer) error {
	var entries []buyer.Entry
	charged := make([]charge, 0, len(all))
	for _, b := range all {
		for _, e := range b.Pending() {
			if _, low := e.(buyer.BalanceLow); !low {
				return r.t.Refuse(fmt.Errorf("sqlstore: buyer %s was not only charged", b.ID()))
			}
		}
		if len(b.Entries()) == 0 && b.HeldMore() == 0 {
			continue
		}
		c := charge{Ref: application.Ref{SellerID: b.SellerID(), ID: b.ID()}, held: int64(b.HeldMore())}
		if c.held != 0 {
			c.at = engine.Micros(b.Snapshot().UpdatedAt)
		}
		for _, e := range b.Entries() {
			c.delta += int64(e.Amount)
			c.at = max(c.at, engine.Micros(e.At))
		}
		charged = append(charged, c)
		entries = append(entries, b.Entries()...)
	}
	slices.SortFunc(charged, func(a, b charge) int { return a.Compare(b.Ref) })
	for from, to := range engine.Pieces(len(charged), r.t.MaxParams()/13, func(i int) string { return charged[i].SellerID }) {
		if err := r.charge(ctx, charged[from:to]); err != nil {
			return err
		}
	}
	for _, b := range all {
		if err := r.saveLow(ctx, b); err != nil {
			return err
		}
	}
	return r.addEntries(ctx, entries)
}

// saveLow stores that a charged buyer has an event, where it has one.
func (r buyers) saveLow(ctx context.Context, b *buyer.Buyer) error {
	if len(b.Pending()) == 0 {
		return nil
	}
	matched, err := r.t.Exec(ctx, "UPDATE buyers SET version = ? WHERE seller_id = ? AND id = ? AND version = ?", b.Version(), b.SellerID(), b.ID(), b.StoredVersion())
	if err != nil {
		return err
	}
	if matched != 1 {
		return application.ErrConcurrentChange
	}
	r.t.Save(b, "buyer", b.ID(), b.SellerID(), application.TrailOf(ctx))
	return nil
}

// charge is what a buyer's balance and what is held of it change by, and when.
type charge struct {
	application.Ref

	delta, held, at int64
}

// spends is what a charge needs the account to cover. One that gives back more than it takes needs nothing, also of an account whose credit limit
// was lowered below what is used of it.
func (c charge) spends() int64 { return max(0, c.held-c.delta) }

func (r buyers) charge(ctx context.Context, all []charge) error {
	delta := func(i int) (any, any) { return all[i].ID, all[i].delta }
	u := engine.Cases{Key: "id"}
	u.WriteString("UPDATE buyers" + r.t.UseKey("PRIMARY") + " SET balance = balance + ")
	u.Choose(len(all), delta)
	holds := slices.ContainsFunc(all, func(c charge) bool { return c.held != 0 })
	held := func(i int) (any, any) { return all[i].ID, all[i].held }
	if holds {
		u.WriteString(", held = held + ")
		u.Choose(len(all), held)
	}
	u.WriteString(", updated_at = ")
	u.Choose(len(all), func(i int) (any, any) { return all[i].ID, all[i].at })
	u.Where(len(all), func(i int) (string, any) { return all[i].SellerID, all[i].ID })
	if holds {
		spends := func(i int) (any, any) { return all[i].ID, all[i].spends() }
		u.WriteString(" AND (")
		u.Choose(len(all), spends)
		u.WriteString(" = 0 OR balance + credit_limit - held >= ")
		u.Choose(len(all), spends)
		u.WriteString(") AND held + ")
		u.Choose(len(all), held)
		u.WriteString(" >= 0")
	} else {
		u.WriteString(" AND balance + credit_limit - held + ")
		u.Choose(len(all), delta)
		u.WriteString(" >= 0")
	}
	matched, err := r.t.Exec(ctx, u.String(), u.Args...)
	if err != nil {
		return err
	}
	if matched != int64(len(all)) {
		return r.t.Refuse(fmt.Errorf("%w: %d of %d balances", engine.ErrGuard, int64(len(all))-matched, len(all)))
	}
	return nil
}
