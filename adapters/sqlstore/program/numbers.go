package program

import (
	"context"
	"errors"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
)

type numbers struct{ t *engine.Tx }

// Next implements program.NumberRepository. The row is locked until the transaction ends, so that a number that is
// rolled back is given again.
func (r numbers) Next(ctx context.Context, sellerID, series string) (int64, error) {
	matched, err := r.t.Exec(ctx, "UPDATE seller_numbers SET value = value + 1 WHERE seller_id = ? AND series = ?", sellerID, series)
	if err != nil {
		return 0, err
	}
	if matched == 0 {
		taken, err := r.t.Insert(ctx, "seller_numbers", "INSERT INTO seller_numbers (seller_id, series, value) VALUES (?,?,1)", sellerID, series)
		if err == nil && taken != "" { // somebody else was first; the next run finds the row
			return 0, r.t.LostRace()
		}
		return 1, err
	}
	var row struct {
		Value int64 `db:"value"`
	}
	found, err := r.t.Get(ctx, &row, "SELECT value FROM seller_numbers WHERE seller_id = ? AND series = ?", sellerID, series)
	if err == nil && !found {
		err = r.t.Refuse(errors.New("sqlstore: a number that was just counted is gone"))
	}
	return row.Value, err
}
