package market

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application/market"
)

type claims struct{ t *engine.Tx }

const claimColumns = "claim_key, seller_id, scope, kind, lead_id, expires_at"

type claimRow struct {
	Key       []byte `db:"claim_key"`
	SellerID  string `db:"seller_id"`
	Scope     string `db:"scope"`
	Kind      string `db:"kind"`
	LeadID    string `db:"lead_id"`
	ExpiresAt int64  `db:"expires_at"`
}

// Find implements market.ClaimRepository.
func (r claims) Find(ctx context.Context, keys []market.ClaimKey) (map[market.ClaimKey]market.Claim, error) {
	out := make(map[market.ClaimKey]market.Claim)
	for chunk := range slices.Chunk(keys, engine.MaxParams) {
		args := make([]any, len(chunk))
		for i := range chunk {
			args[i] = chunk[i][:]
		}
		var rows []claimRow
		if err := r.t.All(ctx, &rows, "SELECT "+claimColumns+" FROM claims WHERE claim_key IN ("+engine.Marks(len(chunk))+")", args...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			c := market.Claim{
				SellerID: row.SellerID, Scope: row.Scope, Kind: market.ClaimKind(row.Kind), LeadID: row.LeadID,
				ExpiresAt: engine.Time(row.ExpiresAt),
			}
			copy(c.Key[:], row.Key)
			out[c.Key] = c
		}
	}
	return out, nil
}

// Take implements market.ClaimRepository.
func (r claims) Take(ctx context.Context, fresh, expired []market.Claim, now time.Time) error {
	fresh, expired = byKey(fresh), byKey(expired)
	for _, all := range [][]market.Claim{fresh, expired} {
		for i := 1; i < len(all); i++ {
			if all[i].Key == all[i-1].Key { // would never succeed, however often it is run
				return r.t.Refuse(errors.New("sqlstore: a claim is taken twice at once"))
			}
		}
	}
	duplicate, err := r.t.InsertRows(ctx, "claims", claimColumns, len(fresh), func(args []any, i int) ([]any, error) {
		c := &fresh[i]
		return append(args, c.Key[:], c.SellerID, c.Scope, string(c.Kind), c.LeadID, engine.Micros(c.ExpiresAt)), nil
	})
	if duplicate {
		return r.t.LostRace()
	}
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(expired, engine.MaxParams/6) {
		if err := r.takeOver(ctx, chunk, now); err != nil {
			return err
		}
	}
	return nil
}

// takeOver gives expired claims to other leads. Seller, scope and kind stay: they are part of what the key is a hash of.
func (r claims) takeOver(ctx context.Context, all []market.Claim, now time.Time) error {
	u := engine.Cases{Key: "claim_key"}
	u.WriteString("UPDATE claims SET lead_id = ")
	u.Choose(len(all), func(i int) (any, any) { return all[i].Key[:], all[i].LeadID })
	u.WriteString(", expires_at = ")
	u.Choose(len(all), func(i int) (any, any) { return all[i].Key[:], engine.Micros(all[i].ExpiresAt) })
	u.Where(len(all), func(i int) any { return all[i].Key[:] })
	u.WriteString(" AND expires_at <= ?")
	matched, err := r.t.Exec(ctx, u.String(), append(u.Args, engine.Micros(now))...)
	if err != nil {
		return err
	}
	if matched != int64(len(all)) {
		return r.t.LostRace()
	}
	return nil
}

func byKey(all []market.Claim) []market.Claim {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b market.Claim) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	return all
}
