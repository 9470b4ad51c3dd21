package market

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application/market"
)

type claims struct{ t *engine.Tx }

// mark is a row of claims or of recent_requests: both mark a lead until a time.
type mark struct {
	SellerID string `db:"seller_id"`
	Key      []byte `db:"mark_key"`
	LeadID   string `db:"lead_id"`
	Time     int64  `db:"mark_time"`
	Request  bool   `db:"is_request"`
}

// Find implements market.ClaimRepository. More claims than one statement takes are asked for by several.
func (r claims) Find(ctx context.Context, claims []market.ClaimRef, requests []market.RequestRef) (map[market.ClaimKey]market.Claim, map[market.RequestContent]market.Request, error) {
	claims = slices.SortedFunc(slices.Values(claims), func(a, b market.ClaimRef) int {
		return cmp.Or(cmp.Compare(a.SellerID, b.SellerID), bytes.Compare(a.Key[:], b.Key[:]))
	})
	requests = slices.SortedFunc(slices.Values(requests), func(a, b market.RequestRef) int {
		return cmp.Or(cmp.Compare(a.SellerID, b.SellerID), bytes.Compare(a.Content[:], b.Content[:]))
	})
	found := make(map[market.ClaimKey]market.Claim)
	recent := make(map[market.RequestContent]market.Request)
	claimPieces := pieces(claims, func(c *market.ClaimRef) string { return c.SellerID })
	requestPieces := pieces(requests, func(q *market.RequestRef) string { return q.SellerID })
	for i := range max(len(claimPieces), len(requestPieces)) {
		var query string
		var args []any
		if i < len(claimPieces) {
			of := claimPieces[i]
			query, args = engine.Among("claim_key", len(of), func(i int) (string, any) { return of[i].SellerID, of[i].Key[:] })
			query = "SELECT seller_id, claim_key AS mark_key, lead_id, expires_at AS mark_time, 0 AS is_request FROM claims WHERE " + query
		}
		if i < len(requestPieces) {
			of := requestPieces[i]
			condition, more := engine.Among("content", len(of), func(i int) (string, any) { return of[i].SellerID, of[i].Content[:] })
			if query != "" {
				query += " UNION ALL "
			}
			query += "SELECT seller_id, content AS mark_key, lead_id, accepted_at AS mark_time, 1 AS is_request FROM recent_requests WHERE " + condition
			args = append(args, more...)
		}
		var rows []mark
		if err := r.t.All(ctx, &rows, query, args...); err != nil {
			return nil, nil, err
		}
		for _, row := range rows {
			if row.Request {
				q := market.Request{SellerID: row.SellerID, LeadID: row.LeadID, AcceptedAt: engine.Time(row.Time)}
				copy(q.Content[:], row.Key)
				recent[q.Content] = q
				continue
			}
			c := market.Claim{SellerID: row.SellerID, LeadID: row.LeadID, ExpiresAt: engine.Time(row.Time)}
			copy(c.Key[:], row.Key)
			found[c.Key] = c
		}
	}
	return found, recent, nil
}

// pieces cuts rows that are sorted by seller for one half of a statement.
func pieces[T any](all []T, seller func(*T) string) (out [][]T) {
	for from, to := range engine.Pieces(len(all), engine.MaxParams/4, func(i int) string { return seller(&all[i]) }) {
		out = append(out, all[from:to])
	}
	return out
}

// Take implements market.ClaimRepository.
func (r claims) Take(ctx context.Context, fresh, expired []market.Claim, now time.Time) error {
	return marks{r.t, "claims", "claim_key", "expires_at"}.take(ctx, claimMarks(fresh), claimMarks(expired), now)
}

// Extend implements market.ClaimRepository.
func (r claims) Extend(ctx context.Context, claims []market.Claim) error {
	all := claimMarks(claims)
	slices.SortFunc(all, func(a, b mark) int { return cmp.Or(cmp.Compare(a.SellerID, b.SellerID), bytes.Compare(a.Key, b.Key)) })
	for from, to := range engine.Pieces(len(all), engine.MaxParams/8, func(i int) string { return all[i].SellerID }) {
		piece := all[from:to]
		m := marks{r.t, "claims", "claim_key", "expires_at"}
		if err := m.takeOver(ctx, piece, "<", func(i int) int64 { return piece[i].Time }); err != nil {
			return err
		}
	}
	return nil
}

// Remember implements market.ClaimRepository.
func (r claims) Remember(ctx context.Context, fresh, expired []market.Request, since time.Time) error {
	return marks{r.t, "recent_requests", "content", "accepted_at"}.take(ctx, requestMarks(fresh), requestMarks(expired), since)
}

func claimMarks(all []market.Claim) []mark {
	out := make([]mark, len(all))
	for i := range all {
		out[i] = mark{SellerID: all[i].SellerID, Key: all[i].Key[:], LeadID: all[i].LeadID, Time: engine.Micros(all[i].ExpiresAt)}
	}
	return out
}

func requestMarks(all []market.Request) []mark {
	out := make([]mark, len(all))
	for i := range all {
		out[i] = mark{SellerID: all[i].SellerID, Key: all[i].Content[:], LeadID: all[i].LeadID, Time: engine.Micros(all[i].AcceptedAt)}
	}
	return out
}

// marks writes a table of marks: its name and those of its columns.
type marks struct {
	t                *engine.Tx
	table, key, time string
}

// take inserts fresh marks and gives expired ones, whose time is not after over, to other leads. It runs the unit of work again
// when somebody else took one of them meanwhile.
func (m marks) take(ctx context.Context, fresh, expired []mark, over time.Time) error {
	for _, all := range [][]mark{fresh, expired} {
		slices.SortFunc(all, func(a, b mark) int { return cmp.Or(cmp.Compare(a.SellerID, b.SellerID), bytes.Compare(a.Key, b.Key)) })
		for i := 1; i < len(all); i++ {
			if all[i].SellerID == all[i-1].SellerID && bytes.Equal(all[i].Key, all[i-1].Key) { // would never succeed, however often it is run
				return m.t.Refuse(errors.New("sqlstore: a row of " + m.table + " is taken twice at once"))
			}
		}
	}
	columns := "seller_id, " + m.key + ", lead_id, " + m.time
	duplicate, err := m.t.InsertRows(ctx, m.table, columns, len(fresh), func(args []any, i int) ([]any, error) {
		f := &fresh[i]
		return append(args, f.SellerID, f.Key, f.LeadID, f.Time), nil
	})
	if duplicate {
		return m.t.LostRace()
	}
	if err != nil {
		return err
	}
	for from, to := range engine.Pieces(len(expired), engine.MaxParams/6, func(i int) string { return expired[i].SellerID }) {
		if err := m.takeOver(ctx, expired[from:to], "<=", func(int) int64 { return engine.Micros(over) }); err != nil {
			return err
		}
	}
	return nil
}

// takeOver gives rows to other leads, whose times are before those that ends returns, or compare to them otherwise.
func (m marks) takeOver(ctx context.Context, all []mark, compare string, ends func(i int) int64) error {
	u := engine.Cases{Key: m.key}
	u.WriteString("UPDATE " + m.table + m.t.UseKey("PRIMARY") + " SET lead_id = ")
	u.Choose(len(all), func(i int) (any, any) { return all[i].Key, all[i].LeadID })
	u.WriteString(", " + m.time + " = ")
	u.Choose(len(all), func(i int) (any, any) { return all[i].Key, all[i].Time })
	u.Where(len(all), func(i int) (string, any) { return all[i].SellerID, all[i].Key })
	u.WriteString(" AND " + m.time + " " + compare + " ")
	u.Choose(len(all), func(i int) (any, any) { return all[i].Key, ends(i) })
	matched, err := m.t.Exec(ctx, u.String(), u.Args...)
	if err != nil {
		return err
	}
	if matched != int64(len(all)) {
		return m.t.LostRace()
	}
	return nil
}
