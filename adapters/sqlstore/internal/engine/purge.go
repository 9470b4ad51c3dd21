package engine

import (
	"context"
	"strings"
	"time"
)

// Expiring is a table whose rows are over some time after the time in one of their columns; those whose time is 0 never are. It has no
// index on that column: a purge walks its key.
type Expiring struct {
	Table string
	Key   []string // the columns of its primary key, all but the last one texts
	Text  bool     // the last one is a text too
	Time  string   // the column
	Lives time.Duration
}

const (
	// purgeChunk is how many rows one statement looks at, and so deletes at most: it holds its locks only shortly.
	purgeChunk = 1_000
	// purgeWalk is how many rows of a table one purge looks at. The next one goes on behind them.
	purgeWalk = 500_000
)

// Purge deletes the rows of tables that are over at now, in small steps, and returns how many. It looks at purgeWalk rows of
// each table, from where the last purge stopped.
func (w *Work) Purge(ctx context.Context, now time.Time, tables ...Expiring) (int, error) {
	w.purging.Lock()
	defer w.purging.Unlock()
	total := 0
	for _, t := range tables {
		whole := len(w.places[t.Table]) == 0 // from the first row on
		for seen := 0; seen < w.walk; {
			last, rows, deleted, err := w.purge(ctx, t, w.places[t.Table], Micros(now.Add(-t.Lives)))
			total += deleted
			if err != nil {
				return total, err
			}
			w.places[t.Table], seen = last, seen+rows
			if len(last) == 0 {
				if whole {
					break
				}
				whole = true
			}
		}
	}
	return total, nil
}

// purge deletes the rows behind a key that are over at a time. last is the key of the last row that it looked at; empty when it
// reached the end of the table.
func (w *Work) purge(ctx context.Context, t Expiring, after []any, over int64) (last []any, rows, deleted int, err error) {
	err = w.Attempts(ctx, func() error {
		last, rows = nil, 0
		query, args := "SELECT "+strings.Join(t.Key, ", ")+", "+t.Time+" FROM "+t.Table, []any(nil)
		if len(after) > 0 {
			var behind string
			behind, args = w.db.Beyond(t.Key, after, false)
			query += " WHERE " + behind
		}
		found, err := w.db.Reader.QueryxContext(ctx, query+" ORDER BY "+strings.Join(t.Key, ", ")+" LIMIT ?", append(args, int64(purgeChunk))...)
		if err != nil {
			return w.Failed(ctx, err)
		}
		defer func() { _ = found.Close() }()
		var ended [][]any
		for ; found.Next(); rows++ {
			row, err := found.SliceScan()
			if err != nil {
				return w.Failed(ctx, err)
			}
			at, ok := row[len(t.Key)].(int64)
			last = row[:len(t.Key)]
			for i := range last {
				if text, isBytes := last[i].([]byte); isBytes && (t.Text || i < len(last)-1) { // as bytes it would not be compared by the column's collation
					last[i] = string(text)
				}
			}
			if ok && at > 0 && at <= over {
				ended = append(ended, last)
			}
		}
		if err := found.Err(); err != nil {
			return w.Failed(ctx, err)
		}
		if err := found.Close(); err != nil {
			return w.Failed(ctx, err)
		}
		if rows < purgeChunk {
			last = nil
		}
		n, err := w.deleteEnded(ctx, t, ended, over)
		deleted += n
		return err
	})
	return last, rows, deleted, err
}

// deleteEnded deletes rows by their keys, those that have the same first columns with one statement. A row that was made young
// again meanwhile stays.
func (w *Work) deleteEnded(ctx context.Context, t Expiring, keys [][]any, over int64) (deleted int, err error) {
	width := len(t.Key) - 1
	for len(keys) > 0 {
		n := 1
		for n < len(keys) && sameStart(keys[0][:width], keys[n][:width]) {
			n++
		}
		var b strings.Builder
		b.WriteString(w.db.DeleteByKey(t.Table, "PRIMARY") + " WHERE ")
		args := make([]any, 0, width+n+1)
		for i, column := range t.Key[:width] {
			b.WriteString(column + " = ? AND ")
			args = append(args, keys[0][i])
		}
		b.WriteString(t.Key[width] + " IN (" + Marks(n) + ") AND " + t.Time + " > 0 AND " + t.Time + " <= ?")
		for _, key := range keys[:n] {
			args = append(args, key[width])
		}
		result, err := w.db.Writer.ExecContext(ctx, b.String(), append(args, over)...)
		if err != nil {
			return deleted, w.Failed(ctx, err)
		}
		matched, err := result.RowsAffected()
		if err != nil {
			return deleted, w.Failed(ctx, err)
		}
		deleted, keys = deleted+int(matched), keys[n:]
	}
	return deleted, nil
}

func sameStart(a, b []any) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
