package eventlog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/leadmill/leadmill/adapters/eventlog/archive"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	"github.com/leadmill/leadmill/application"
)

// ArchiverConfig says what an Archiver takes away.
type ArchiverConfig struct {
	// Days is how many days events stay in the log; none is archived when it is 0.
	Days int
	// Step is how many segments are deleted or written in one transaction; 200 when zero.
	Step int
	// Rest is the least pause behind a step. A step is also followed by a pause as long as itself, so that other work has half of the
	// time at least. 2 ms when zero.
	Rest   time.Duration
	Logger *slog.Logger
}

// Archiver moves the oldest events from the log to files and back. Of several that archive to one folder one works at a time, whatever
// became of the lease of the job that runs them: the others wait for the folder's lock.
//
// An event is deleted only when it is in a file that belongs to the archive, and when nobody is to read it any more: first the file is
// on the disk, then in the manifest, then the log begins behind it, then its rows are deleted in steps. Killed at any of these
// points, the next run goes on there.
type Archiver struct {
	db     *dialect.DB
	clock  application.Clock
	dir    *archive.Dir
	config ArchiverConfig
}

// NewArchiver returns an Archiver of a database's log with the files in a folder.
func NewArchiver(db *dialect.DB, clock application.Clock, dir *archive.Dir, c ArchiverConfig) *Archiver {
	if c.Step <= 0 {
		c.Step = 200
	}
	if c.Rest <= 0 {
		c.Rest = 2 * time.Millisecond
	}
	c.Logger = loggerOr(c.Logger)
	return &Archiver{db: db, clock: clock, dir: dir, config: c}
}

// ErrOtherLog says that an archive and the log have other events at the same positions.
var ErrOtherLog = errors.New("the archive is of another log")

// Archive writes the days that are over for so long to files, a file a day, and deletes their events. A day stays as long as a consumer
// has not read all of it, or has parked an event of it. It fails with ErrOtherLog, archive.ErrManifest, archive.ErrDamaged, archive.ErrLocks,
// application.ErrUnavailable, or an error of the folder.
func (a *Archiver) Archive(ctx context.Context) error {
	if a.config.Days <= 0 {
		return nil
	}
	return describeOrNil(a.db, "archive events", a.archive(ctx))
}

// lockPause is the pause before an Archiver asks again for the lock of its folder.
const lockPause = 250 * time.Millisecond

// lock waits until nobody else writes to the folder.
func (a *Archiver) lock(ctx context.Context) (unlock func(), err error) {
	for told := false; ; told = true {
		unlock, ok, err := a.dir.Lock()
		if err != nil || ok {
			return unlock, err
		}
		if !told {
			a.config.Logger.InfoContext(ctx, "event log: another process archives to the folder, which is waited for", slog.String("folder", a.dir.Path()))
		}
		if err := lease.Pause(ctx, lockPause); err != nil {
			return nil, err
		}
	}
}

func (a *Archiver) archive(ctx context.Context) error {
	unlock, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := a.dir.Clean(); err != nil {
		return err
	}
	for {
		if err := a.sweep(ctx); err != nil {
			return err
		}
		b, last, err := a.beginning(ctx)
		if err != nil || b.held > a.clock.Now().UnixMicro() {
			return err
		}
		f, ok, err := a.next(ctx, b.first, last)
		if err != nil || !ok {
			return err
		}
		if ok, err = a.pass(ctx, f.Last+1); err != nil || !ok {
			return err
		}
		a.config.Logger.InfoContext(ctx, "event log: a day was archived", slog.String("file", f.Name), slog.Int64("first", f.First),
			slog.Int64("last", f.Last), slog.Int64("bytes", f.Bytes))
	}
}

// beginning reads where the log begins and ends.
func (a *Archiver) beginning(ctx context.Context) (b beginning, last int64, err error) {
	err = a.db.Reader.QueryRowContext(ctx, "SELECT a.first_position, a.held_until, s.last_position FROM event_archive a, event_sequence s "+
		"WHERE a.id = 1 AND s.id = 1").Scan(&b.first, &b.held, &last)
	if err != nil {
		return b, 0, fmt.Errorf("read the beginning of the log: %w", err)
	}
	return b, last, nil
}

// next returns the file with the events from a position on: the one that the archive has already, or else a new one with the next day
// that is over for long enough. There is none when somebody is to read some of it yet.
func (a *Archiver) next(ctx context.Context, first, last int64) (f archive.File, ok bool, err error) {
	floor, err := unread(ctx, a.db.Reader, last)
	if err != nil {
		return f, false, err
	}
	files, err := a.dir.Files()
	if err != nil {
		return f, false, err
	}
	for _, f := range files {
		switch {
		case f.Last < first:
		case f.First != first:
			return f, false, fmt.Errorf("%w: %s has the positions %d to %d, the log begins at %d", ErrOtherLog, f.Name, f.First, f.Last, first)
		case f.Last >= floor:
			return f, false, nil
		default:
			return f, true, a.compare(ctx, f)
		}
	}
	day, until, err := a.day(ctx, first, last, floor)
	if err != nil || until == 0 {
		return f, false, err
	}
	f, err = a.write(ctx, day, first, until)
	if err != nil {
		return f, false, err
	}
	return f, true, a.dir.Add(f)
}

// unread is the first position that somebody is to read yet: a consumer, or whoever looks after parked events. last is the end of the
// log. One statement reads both, because a consumer parks an event before it moves on.
func unread(ctx context.Context, db rowQueryer, last int64) (int64, error) {
	var cursor, parked sql.NullInt64
	if err := db.QueryRowContext(ctx, "SELECT (SELECT MIN(position) FROM event_consumers), (SELECT MIN(position) FROM event_parked)").
		Scan(&cursor, &parked); err != nil {
		return 0, fmt.Errorf("read the lowest cursor: %w", err)
	}
	floor := last + 1
	if cursor.Valid {
		floor = min(floor, cursor.Int64+1)
	}
	if parked.Valid {
		floor = min(floor, parked.Int64)
	}
	return floor, nil
}

// day returns the day of the event at a position and the last position of that day, 0 when it is not over for long enough, or reaches up
// to floor. The time of a segment that is earlier than one before it counts as that one's, and so does a time to come, so that a day
// is one stretch of positions.
func (a *Archiver) day(ctx context.Context, first, last, floor int64) (day string, until int64, err error) {
	now := a.clock.Now().UTC()
	kept := now.AddDate(0, 0, -a.config.Days).Format(archive.DayFormat)
	for after := first - 1; after < last; {
		all, err := stretches(ctx, a.db, "", after, last)
		if err != nil {
			return "", 0, err
		}
		if len(all) == 0 || all[0].first != after+1 {
			return "", 0, fmt.Errorf("position %d below the head has no event", after+1)
		}
		for i := range all {
			if at := time.UnixMicro(all[i].at).UTC(); !at.After(now) {
				switch of := at.Format(archive.DayFormat); {
				case of >= kept && day == "":
					return "", 0, nil
				case day == "":
					day = of
				case of > day:
					return day, after, nil
				}
			}
			if after = all[i].last(); after >= floor {
				return "", 0, nil
			}
		}
		if err := lease.Pause(ctx, a.config.Rest); err != nil {
			return "", 0, err
		}
	}
	if day == "" {
		return "", 0, nil
	}
	return day, last, nil
}

// write makes a file of the events at positions from first to until.
func (a *Archiver) write(ctx context.Context, day string, first, until int64) (f archive.File, err error) {
	w, err := a.dir.Create(day)
	if err != nil {
		return f, err
	}
	if err := a.segments(ctx, first, until, w.Add); err != nil {
		w.Abort()
		return f, err
	}
	return w.Close()
}

// segments gives fn the segments at positions from first to until, which are those of whole segments, some thousand events at a time.
func (a *Archiver) segments(ctx context.Context, first, until int64, fn func(s *archive.Segment) error) error {
	for next := first; next <= until; {
		began := a.clock.Now()
		all, err := stretches(ctx, a.db, "", next-1, until)
		if err != nil {
			return err
		}
		all = all[:together(all, allTypes, math.MaxInt, decodeStep)]
		ids := make([]int64, len(all))
		for i := range all {
			ids[i] = all[i].id
		}
		found, err := bodies(ctx, a.db.Reader, sellerOf(all), ids)
		if err != nil {
			return err
		}
		for i := range all {
			if all[i].first != next || all[i].last() > until {
				return fmt.Errorf("position %d below the head has no event", next)
			}
			next = all[i].last() + 1
			if err := fn(a.segment(ctx, &all[i], found)); err != nil {
				return err
			}
		}
		if len(all) == 0 {
			return fmt.Errorf("position %d below the head has no event", next)
		}
		if err := a.rest(ctx, began); err != nil {
			return err
		}
	}
	return nil
}

// segment returns a stretch as the archive keeps it: with its events, or with its bytes when they cannot be read.
func (a *Archiver) segment(ctx context.Context, st *stretch, found map[int64][]byte) *archive.Segment {
	s := &archive.Segment{ID: st.id, SellerID: st.seller, First: st.first, Count: st.events}
	events, err := st.decode(nil, found, allTypes)
	if err == nil && archive.Exact(events) {
		s.Events = events
		return s
	}
	if err != nil {
		a.config.Logger.WarnContext(ctx, "event log: a segment that cannot be read is archived as it is", slog.Int64("segment", st.id), slog.Any("error", err))
	}
	s.At, s.Types, s.Body = st.at, st.types, found[st.id]
	return s
}

// rest leaves the machine to others for as long as a step took that began at a time.
func (a *Archiver) rest(ctx context.Context, began time.Time) error {
	return lease.Pause(ctx, max(a.config.Rest, min(a.clock.Now().Sub(began), time.Second)))
}

// compare compares a file of the archive with the log: ErrOtherLog when they differ.
func (a *Archiver) compare(ctx context.Context, f archive.File) error {
	var some []*archive.Segment
	check := func() error {
		if len(some) == 0 {
			return nil
		}
		i := 0
		err := a.segments(ctx, some[0].First, some[len(some)-1].Last(), func(s *archive.Segment) error {
			if i == len(some) || !s.Equal(some[i]) {
				return fmt.Errorf("%w: %s and the log differ at position %d; archive this log to another folder", ErrOtherLog, f.Name, s.First)
			}
			i++
			return nil
		})
		some = some[:0]
		return err
	}
	err := a.dir.Read(f, func(s *archive.Segment) error {
		if some = append(some, s); len(some) < a.config.Step {
			return nil
		}
		return check()
	})
	if err != nil {
		return err
	}
	return check()
}

// pass lets the log begin at a position, unless somebody is to read what is before it.
func (a *Archiver) pass(ctx context.Context, to int64) (ok bool, err error) {
	err = inTransaction(ctx, a.db, func(tx transaction) error {
		b, err := lockBeginning(ctx, a.db, tx)
		if err != nil {
			return err
		}
		// Who makes a consumer or moves one back waits for this transaction, or is seen here.
		floor, err := unread(ctx, tx, math.MaxInt64-1)
		if ok = err == nil && to <= floor && b.held <= a.clock.Now().UnixMicro(); !ok || to <= b.first {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE event_archive SET first_position = ? WHERE id = 1", to)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("move the beginning of the log: %w", err)
	}
	return ok, nil
}

// sweep deletes the events before the beginning of the log, in steps.
func (a *Archiver) sweep(ctx context.Context) error {
	for after, more := int64(0), true; more; {
		began := a.clock.Now()
		err := inTransaction(ctx, a.db, func(tx transaction) (err error) {
			after, more, err = a.delete(ctx, tx, after)
			return err
		})
		if err != nil {
			return fmt.Errorf("delete archived events: %w", err)
		}
		if !more {
			return nil
		}
		if err := a.rest(ctx, began); err != nil {
			return err
		}
	}
	return nil
}

// delete deletes some of the events above a position and before the beginning of the log. It returns up to where, and whether there
// may be more.
func (a *Archiver) delete(ctx context.Context, tx transaction, after int64) (upTo int64, more bool, err error) {
	b, err := lockBeginning(ctx, a.db, tx)
	if err != nil || b.held > a.clock.Now().UnixMicro() {
		return after, false, err
	}
	rows, err := tx.QueryContext(ctx, "SELECT "+stretchColumns+" FROM event_positions WHERE first_position > ? AND first_position < ? "+
		"ORDER BY first_position LIMIT ?", after, b.first, a.config.Step)
	if err != nil {
		return after, false, err
	}
	all, err := scanStretches(rows)
	if err != nil || len(all) == 0 {
		return after, false, err
	}
	ids := make([]any, len(all))
	for i := range all {
		ids[i] = all[i].id
	}
	if _, err := tx.ExecContext(ctx, a.db.DeleteByKey("event_segments", "PRIMARY")+" WHERE id IN "+marks(len(ids)), ids...); err != nil {
		return after, false, err
	}
	upTo = all[len(all)-1].first
	_, err = tx.ExecContext(ctx, "DELETE FROM event_positions WHERE first_position > ? AND first_position <= ?", after, upTo)
	return upTo, len(all) == a.config.Step, err
}
