package eventlog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/leadmill/leadmill/adapters/eventlog/archive"
	"github.com/leadmill/leadmill/adapters/eventlog/segment"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
)

// Restored says what Restore did.
type Restored struct {
	Files    int
	Segments int64 // that were put back; the others were there
	First    int64 // where the log begins now
	// Missing is the last position that is missing between what was restored and the beginning of the log; 0 when the log begins with
	// what was restored.
	Missing int64
}

// restoreBytes bounds the texts of the events that one transaction of Restore writes, unless a segment has more.
const restoreBytes = 4 << 20

// Restore puts the events of files back, at their positions. What is there already is left as it is, so that it may be said again. The log
// begins with the lowest position from which on none is missing. Until hold is over nothing is archived. It fails with ErrOtherLog,
// archive.ErrDamaged, before anything of the file was written, or application.ErrUnavailable.
func (a *Archiver) Restore(ctx context.Context, files []archive.File, hold time.Duration) (Restored, error) {
	r, err := a.restore(ctx, files, hold)
	return r, describeOrNil(a.db, "restore events", err)
}

func (a *Archiver) restore(ctx context.Context, files []archive.File, hold time.Duration) (r Restored, err error) {
	_, last, err := a.beginning(ctx)
	if err != nil {
		return r, err
	}
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b archive.File) int { return cmp.Compare(b.First, a.First) }) // the newest first: the log grows backwards
	for _, f := range files {
		if f.Last > last {
			return r, fmt.Errorf("%w: %s goes up to position %d, the log ends at %d", ErrOtherLog, f.Name, f.Last, last)
		}
	}
	if err := a.hold(ctx, hold); err != nil {
		return r, err
	}
	for _, f := range files {
		n, err := a.restoreFile(ctx, f)
		r.Segments += n
		if err != nil {
			return r, err
		}
		r.Files++
		if r.First, err = a.extend(ctx); err != nil {
			return r, err
		}
		if r.Missing = 0; r.First > f.Last {
			r.Missing = r.First - 1
		}
	}
	return r, nil
}

// hold keeps everything in the log for a while.
func (a *Archiver) hold(ctx context.Context, d time.Duration) error {
	until := a.clock.Now().Add(d).UnixMicro()
	return inTransaction(ctx, a.db, func(tx transaction) error {
		b, err := lockBeginning(ctx, a.db, tx) // and waits for a deletion in work
		if err != nil || b.held >= until {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE event_archive SET held_until = ? WHERE id = 1", until)
		return err
	})
}

// restoreFile puts the segments of a file back and returns how many were not there.
func (a *Archiver) restoreFile(ctx context.Context, f archive.File) (restored int64, err error) {
	var some []*archive.Segment
	size := 0
	put := func() error {
		if len(some) == 0 {
			return nil
		}
		began := a.clock.Now()
		var n int
		if err := inTransaction(ctx, a.db, func(tx transaction) (err error) {
			n, err = a.put(ctx, tx, f, some)
			return err
		}); err != nil {
			return err
		}
		restored += int64(n)
		some, size = some[:0], 0
		return a.rest(ctx, began)
	}
	err = a.dir.Read(f, func(s *archive.Segment) error {
		bytes := len(s.Body)
		for i := range s.Events {
			bytes += segment.Size(&s.Events[i].EventRecord)
		}
		if len(some) == a.config.Step || len(some) > 0 && size+bytes > restoreBytes {
			if err := put(); err != nil {
				return err
			}
		}
		some, size = append(some, s), size+bytes
		return nil
	})
	if err != nil {
		return restored, err
	}
	return restored, put()
}

// put writes the segments that are not in the log, and returns how many.
func (a *Archiver) put(ctx context.Context, tx transaction, f archive.File, some []*archive.Segment) (int, error) {
	rows, err := tx.QueryContext(ctx, "SELECT "+stretchColumns+" FROM event_positions WHERE first_position >= ? AND first_position <= ?",
		some[0].First, some[len(some)-1].Last())
	if err != nil {
		return 0, err
	}
	all, err := scanStretches(rows)
	if err != nil {
		return 0, err
	}
	there := make(map[int64]*stretch, len(all))
	for i := range all {
		there[all[i].first] = &all[i]
	}
	var placed []stretch
	var args []any
	for _, s := range some {
		if old := there[s.First]; old != nil {
			if old.id != s.ID || old.seller != s.SellerID || old.events != s.Count {
				return 0, fmt.Errorf("%w: %s and the log differ at position %d", ErrOtherLog, f.Name, s.First)
			}
			continue
		}
		st, body := stretch{first: s.First, seller: s.SellerID, id: s.ID, events: s.Count, at: s.At, types: s.Types}, s.Body
		if s.Events != nil {
			records := make([]application.EventRecord, len(s.Events))
			for i := range s.Events {
				records[i] = s.Events[i].EventRecord
			}
			st.at, st.types, body = records[0].OccurredAt.UnixMicro(), segment.Types(records), segment.Encode(records)
		}
		placed = append(placed, st)
		if body != nil {
			args = append(args, st.id, st.seller, 0, st.events, st.at, int64(st.types), body)
		}
	}
	if n := len(args) / 7; n > 0 {
		_, err := tx.ExecContext(ctx, "INSERT INTO event_segments (id, seller_id, tx, events, at, types, body) VALUES "+rowsOf(n, 7), args...)
		if a.db.Classify(err) == dialect.Duplicate {
			return 0, fmt.Errorf("%w: the log has segments of %s at other positions", ErrOtherLog, f.Name)
		}
		if err != nil {
			return 0, err
		}
	}
	return len(placed), insertPositions(ctx, tx, placed)
}

// extend lets the log begin at the lowest position from which on none is missing, and returns it.
func (a *Archiver) extend(ctx context.Context) (first int64, err error) {
	err = inTransaction(ctx, a.db, func(tx transaction) error {
		b, err := lockBeginning(ctx, a.db, tx)
		if err != nil {
			return err
		}
		for first = b.first; first > 1; {
			rows, err := tx.QueryContext(ctx, "SELECT "+stretchColumns+" FROM event_positions WHERE first_position < ? ORDER BY first_position DESC LIMIT ?",
				first, maxStretches)
			if err != nil {
				return err
			}
			all, err := scanStretches(rows)
			if err != nil {
				return err
			}
			before := first
			for i := range all {
				if all[i].last() != first-1 {
					break
				}
				first = all[i].first
			}
			if first == before {
				break
			}
		}
		_, err = tx.ExecContext(ctx, "UPDATE event_archive SET first_position = ? WHERE id = 1", first)
		return err
	})
	return first, err
}
