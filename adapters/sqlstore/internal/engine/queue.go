package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// Queue is a table of what is due, whose primary key is seller_id, Owner, next_at and ID.
type Queue struct{ Table, Owner, ID string }

// Queued is a row of a Queue: when it is due, as it is stored, and its id.
type Queued struct {
	NextAt int64
	ID     string
}

// dequeuedAtOnce is how many keys one statement names: each time with each id, because MySQL reads the whole queue for rows of several columns, and for
// many keys too, which locks the rows of others.
const dequeuedAtOnce = 20

// Dequeue deletes rows of one owner, found by their whole keys. Those that are due at the same time, as deliveries that were made together are, are named
// together.
func (t *Tx) Dequeue(ctx context.Context, q Queue, sellerID, owner string, rows []Queued) error {
	rows = slices.SortedFunc(slices.Values(rows), func(a, b Queued) int { return cmp.Or(cmp.Compare(a.NextAt, b.NextAt), strings.Compare(a.ID, b.ID)) })
	for len(rows) > 0 {
		var times, ids []any
		for i, r := range rows {
			more := len(times)
			if i == 0 || r.NextAt != rows[i-1].NextAt {
				more++
			}
			if more*(len(ids)+1) > dequeuedAtOnce {
				break
			}
			if more > len(times) {
				times = append(times, r.NextAt)
			}
			ids = append(ids, r.ID)
		}
		if _, err := t.Exec(ctx, t.DeleteByKey(q.Table, "PRIMARY")+" WHERE seller_id = ? AND "+q.Owner+" = ? AND next_at IN ("+Marks(len(times))+") AND "+q.ID+" IN ("+Marks(len(ids))+")",
			slices.Concat([]any{sellerID, owner}, times, ids)...); err != nil {
			return err
		}
		rows = rows[len(ids):]
	}
	return nil
}
