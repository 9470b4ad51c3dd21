package market

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

type counters struct{ t *engine.Tx }

const counterColumns = "seller_id, counter_key, contract_id, span_window, span_key, starts_at, ends_at, used, spent, last_won, owner, turn"

type counterRow struct {
	SellerID string `db:"seller_id"`
	Key      string `db:"counter_key"`
	OwnerID  string `db:"contract_id"`
	Window   string `db:"span_window"`
	SpanKey  string `db:"span_key"`
	StartsAt int64  `db:"starts_at"`
	EndsAt   int64  `db:"ends_at"`
	Used     int64  `db:"used"`
	Spent    int64  `db:"spent"`
	LastWon  int64  `db:"last_won"`
	Owner    string `db:"owner"`
	Turn     int64  `db:"turn"`
}

func (r counterRow) restore() *distribution.Counter {
	return &distribution.Counter{SellerID: r.SellerID, Owner: distribution.Owner(r.Owner), OwnerID: r.OwnerID, Span: calendar.Span{
		Window: calendar.Window(r.Window), Key: r.SpanKey,
		Start: engine.Time(r.StartsAt), End: engine.Time(r.EndsAt),
	}, Used: r.Used, Spent: money.Micros(r.Spent), LastWon: engine.Time(r.LastWon), Turn: r.Turn, Stored: true}
}

// LockAll implements market.CounterRepository.
func (r counters) LockAll(ctx context.Context, refs []application.Ref) (map[string]*distribution.Counter, error) {
	out := make(map[string]*distribution.Counter, len(refs))
	for piece := range r.t.PiecesOf(application.SortedRefs(refs)) {
		keys, args := engine.Among("counter_key", len(piece), func(i int) (string, any) { return piece[i].SellerID, piece[i].ID })
		var rows []counterRow
		if err := r.t.All(ctx, &rows, "SELECT "+counterColumns+" FROM contract_counters"+r.t.UseKey("PRIMARY")+" WHERE "+keys+" ORDER BY seller_id, counter_key"+r.t.ForUpdate(), args...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			out[row.Key] = row.restore()
		}
	}
	return out, nil
}

// SaveAll implements market.CounterRepository.
func (r counters) SaveAll(ctx context.Context, all []*distribution.Counter) error {
	var stored, fresh []taken
	for _, c := range all {
		switch t := (taken{Counter: c, key: c.Key()}); {
		case !c.Changed():
		case c.Stored:
			stored = append(stored, t)
		case c.Limit.HasLeads && c.Used > c.Limit.Leads, c.Limit.HasBudget && c.Spent > c.Limit.Budget:
			return r.t.Refuse(fmt.Errorf("%w: the new counter %s", engine.ErrGuard, t.key))
		default:
			fresh = append(fresh, t)
		}
	}
	byKey := func(a, b taken) int { return cmp.Or(cmp.Compare(a.SellerID, b.SellerID), cmp.Compare(a.key, b.key)) }
	slices.SortFunc(stored, byKey)
	slices.SortFunc(fresh, byKey)
	for from, to := range engine.Pieces(len(stored), r.t.MaxParams()/14, func(i int) string { return stored[i].SellerID }) {
		if err := r.add(ctx, stored[from:to]); err != nil {
			return err
		}
	}
	return r.insert(ctx, len(fresh), func(i int) counterRow {
		c := fresh[i]
		return counterRow{
			SellerID: c.SellerID, Key: c.key, OwnerID: c.OwnerID, Window: string(c.Span.Window), SpanKey: c.Span.Key,
			StartsAt: engine.Micros(c.Span.Start), EndsAt: engine.Micros(c.Span.End), Used: c.Used, Spent: int64(c.Spent), LastWon: engine.Micros(c.LastWon),
			Owner: string(c.Owner), Turn: c.Turn,
		}
	})
}

// taken is a counter that changed, with its key.
type taken struct {
	*distribution.Counter

	key string
}

// add adds what was taken to stored counters, each guarded by its own limits once more.
func (r counters) add(ctx context.Context, all []taken) error {
	u := engine.Cases{Key: "counter_key"}
	u.WriteString("UPDATE contract_counters" + r.t.UseKey("PRIMARY") + " SET used = used + ")
	u.Choose(len(all), func(i int) (any, any) { return all[i].key, all[i].TakenLeads })
	u.WriteString(", spent = spent + ")
	u.Choose(len(all), func(i int) (any, any) { return all[i].key, int64(all[i].TakenPrice) })
	u.WriteString(", last_won = ")
	u.Choose(len(all), func(i int) (any, any) { return all[i].key, engine.Micros(all[i].LastWon) })
	if slices.ContainsFunc(all, func(c taken) bool { return c.Turned }) {
		u.WriteString(", turn = ")
		u.Choose(len(all), func(i int) (any, any) { return all[i].key, all[i].Turn })
	}
	u.Where(len(all), func(i int) (string, any) { return all[i].SellerID, all[i].key })
	limited := false
	for i := range all {
		c := &all[i]
		if !c.Limit.HasLeads && !c.Limit.HasBudget {
			continue
		}
		if !limited {
			u.WriteString(" AND CASE counter_key")
			limited = true
		}
		u.WriteString(" WHEN ? THEN ")
		u.Args = append(u.Args, c.key)
		if c.Limit.HasLeads {
			u.WriteString("used + ? <= ?")
			u.Args = append(u.Args, c.TakenLeads, c.Limit.Leads)
		}
		if c.Limit.HasLeads && c.Limit.HasBudget {
			u.WriteString(" AND ")
		}
		if c.Limit.HasBudget {
			u.WriteString("spent + ? <= ?")
			u.Args = append(u.Args, int64(c.TakenPrice), int64(c.Limit.Budget))
		}
	}
	if limited {
		u.WriteString(" ELSE 1 END")
	}
	matched, err := r.t.Exec(ctx, u.String(), u.Args...)
	if err != nil {
		return err
	}
	if matched != int64(len(all)) {
		return r.t.Refuse(fmt.Errorf("%w: %d of %d counters", engine.ErrGuard, int64(len(all))-matched, len(all)))
	}
	return nil
}

func (r counters) insert(ctx context.Context, n int, row func(i int) counterRow) error {
	_, err := r.t.InsertRows(ctx, "contract_counters", counterColumns, n, func(args []any, i int) ([]any, error) {
		c := row(i)
		return append(args, c.SellerID, c.Key, c.OwnerID, c.Window, c.SpanKey, c.StartsAt, c.EndsAt, c.Used, c.Spent, c.LastWon, c.Owner, c.Turn), nil
	})
	return err
}

// Recount implements market.CounterRepository. Test leads have no sales. The total of a contract stays: its sales never leave it, and the
// contract's last win and turn are kept there.
func (r counters) Recount(ctx context.Context, of distribution.Owner, owner application.Ref, spans []calendar.Span) error {
	kept := ""
	if of == distribution.OwnerContract {
		kept = string(calendar.Total)
	}
	if _, err := r.t.Exec(ctx, r.t.DeleteByKey("contract_counters", "contract_counters_contract")+" WHERE seller_id = ? AND contract_id = ? AND owner = ? AND span_window <> ?",
		owner.SellerID, owner.ID, string(of), kept); err != nil {
		return err
	}
	var rows []counterRow
	for _, s := range spans {
		if string(s.Window) == kept {
			continue
		}
		row := counterRow{
			SellerID: owner.SellerID, Key: distribution.CounterKey(owner.ID, s), OwnerID: owner.ID, Window: string(s.Window), SpanKey: s.Key,
			StartsAt: engine.Micros(s.Start), EndsAt: engine.Micros(s.End), Owner: string(of),
		}
		if err := r.count(ctx, &row); err != nil {
			return err
		}
		rows = append(rows, row)
	}
	return r.insert(ctx, len(rows), func(i int) counterRow { return rows[i] })
}

// soldBy selects from the live sales that count for an owner. Those of buyers and campaigns are found by their contracts, also the deleted
// ones: sales have no index of their own for either.
var soldBy = map[distribution.Owner]string{
	distribution.OwnerContract: "FROM sales s WHERE s.seller_id = ? AND s.contract_id = ?",
	distribution.OwnerBuyer:    "FROM contracts k JOIN sales s ON s.seller_id = k.seller_id AND s.contract_id = k.id WHERE k.seller_id = ? AND k.buyer_id = ?",
	distribution.OwnerCampaign: "FROM contracts k JOIN sales s ON s.seller_id = k.seller_id AND s.contract_id = k.id WHERE k.seller_id = ? AND k.campaign_id = ?",
}

// returnedBy selects from the returns of such sales.
var returnedBy = map[distribution.Owner]string{
	distribution.OwnerContract: "FROM sale_returns s WHERE s.seller_id = ? AND s.contract_id = ?",
	distribution.OwnerBuyer:    "FROM sale_returns s WHERE s.seller_id = ? AND s.buyer_id = ?",
	distribution.OwnerCampaign: "FROM contracts k JOIN sale_returns s ON s.seller_id = k.seller_id AND s.contract_id = k.id WHERE k.seller_id = ? AND k.campaign_id = ?",
}

const summedUp = "SELECT COUNT(*) AS used, COALESCE(SUM(s.price), 0) AS spent, COALESCE(MAX(s.sold_at), 0) AS last_won "

// heldBy selects from the reservations that count for an owner.
var heldBy = map[distribution.Owner]string{
	distribution.OwnerContract: "FROM reservations s WHERE s.seller_id = ? AND s.contract_id = ?",
	distribution.OwnerBuyer:    "FROM contracts k JOIN reservations s ON s.seller_id = k.seller_id AND s.contract_id = k.id WHERE k.seller_id = ? AND k.buyer_id = ?",
	distribution.OwnerCampaign: "FROM contracts k JOIN reservations s ON s.seller_id = k.seller_id AND s.contract_id = k.id WHERE k.seller_id = ? AND k.campaign_id = ?",
}

// count reads what a counter counts from the sales and reservations: the live sales, those that were returned when the span was over, as Release
// leaves them counted, and the reservations that are held.
func (r counters) count(ctx context.Context, row *counterRow) error {
	var held counterRow
	reserved, of := "SELECT COUNT(*) AS used, COALESCE(SUM(s.price), 0) AS spent "+heldBy[distribution.Owner(row.Owner)]+" AND s.status IN ('reserved', 'accepted')", []any{row.SellerID, row.OwnerID}
	if row.Window != string(calendar.Total) {
		reserved, of = reserved+" AND s.reserved_at >= ? AND s.reserved_at < ?", append(of, row.StartsAt, row.EndsAt)
	}
	if _, err := r.t.Get(ctx, &held, reserved, of...); err != nil {
		return err
	}
	defer func() { row.Used, row.Spent = row.Used+held.Used, row.Spent+held.Spent }()
	query, args := summedUp+soldBy[distribution.Owner(row.Owner)]+" AND s.slot > 0", []any{row.SellerID, row.OwnerID}
	if row.Window == string(calendar.Total) {
		_, err := r.t.Get(ctx, row, query, args...)
		return err
	}
	args = append(args, row.StartsAt, row.EndsAt)
	if _, err := r.t.Get(ctx, row, query+" AND s.sold_at >= ? AND s.sold_at < ?", args...); err != nil {
		return err
	}
	var late counterRow
	_, err := r.t.Get(ctx, &late, summedUp+returnedBy[distribution.Owner(row.Owner)]+" AND s.sold_at >= ? AND s.sold_at < ? AND s.status = ? AND s.decided_at >= ?",
		append(args, string(lead.ReturnStatusApproved), row.EndsAt)...)
	row.Used, row.Spent, row.LastWon = row.Used+late.Used, row.Spent+late.Spent, max(row.LastWon, late.LastWon)
	return err
}
