package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/eventlog/archive"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
)

// calendar is a clock that a test sets. It calls a function each time it is looked at.
type calendar struct {
	mu     sync.Mutex
	now    time.Time
	looked func()
}

func (c *calendar) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.looked != nil {
		c.looked()
	}
	return c.now
}

// day is noon of a day of March 2026.
func day(n int) time.Time { return time.Date(2026, 3, n, 12, 0, 0, 0, time.UTC) }

// on makes an event that happened at a time.
func on(at time.Time, seller, aggregate string, version int64) application.EventRecord {
	e := record(seller, aggregate, version, "lead.sold.v1")
	e.OccurredAt = at
	return e
}

// keeper is an Archiver that keeps five days, with its folder, on the 10th of March.
type keeper struct {
	*eventlog.Archiver

	clock *calendar
	dir   *archive.Dir
}

func (i *instance) keeper(t testing.TB, dir string) *keeper {
	t.Helper()
	d, err := archive.Open(dir)
	require.NoError(t, err)
	k := &keeper{clock: &calendar{now: day(10)}, dir: d}
	k.Archiver = eventlog.NewArchiver(i.db, k.clock, d, eventlog.ArchiverConfig{Days: 5, Step: 3, Rest: time.Microsecond})
	return k
}

func (k *keeper) files(t testing.TB) []archive.File {
	t.Helper()
	files, err := k.dir.Files()
	require.NoError(t, err)
	for _, f := range files {
		require.NoError(t, k.dir.Verify(f))
	}
	return files
}

// fourDays writes ten segments a day on the 1st to the 4th, with two events each, and one on the 6th. The days have the positions 1 to
// 20, 21 to 40 and so on.
func fourDays(t testing.TB, i *instance) []application.StoredEvent {
	t.Helper()
	for n := range 40 {
		at := day(1 + n/10)
		if n == 15 {
			at = day(1) // its clock is behind
		}
		if n == 25 {
			at = day(20) // its clock is ahead
		}
		seller := fmt.Sprintf("s%d", n%3)
		first, second := on(at, seller, fmt.Sprintf("lead_%d", n), 1), on(at, seller, fmt.Sprintf("lead_%d", n), 2)
		first.Payload = []byte("{\"b\": 1,  \"a\":\"\u00fc'\\\\\x00\xff\"}")
		second.Trail = application.Trail{CorrelationID: `q"\ü`, CausationID: "evt_0", Traceparent: "00-1-2-01"}
		i.commit(t, first, second)
		require.NoError(t, i.sequencer.Drain(t.Context()))
	}
	i.commit(t, on(day(6), "s1", "lead_40", 1))
	return i.all(t)
}

// rows are the first and the last position that have a row, and how many segments there are.
func (i *instance) rows(t testing.TB) (first, last, segments int64) {
	t.Helper()
	require.NoError(t, i.db.Writer.QueryRow("SELECT COALESCE(MIN(first_position), 0), COALESCE(MAX(first_position + events - 1), 0) FROM event_positions").Scan(&first, &last))
	segments = i.number(t, "SELECT COUNT(*) FROM event_segments")
	require.Equal(t, segments, i.number(t, "SELECT COUNT(*) FROM event_positions"))
	return first, last, segments
}

func (i *instance) first(t testing.TB) int64 {
	t.Helper()
	return i.number(t, "SELECT first_position FROM event_archive")
}

// Two archivers that both think that they have the job archive each day once.
func TestTwoArchiversAtOnce(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.open(t)
		want := fourDays(t, i)
		require.NoError(t, eventlog.EnsureConsumer(t.Context(), i.db, "done", 81))
		folder := t.TempDir()
		keepers := []*keeper{i.keeper(t, folder), i.keeper(t, folder), i.keeper(t, folder)}
		errs := make([]error, len(keepers))
		var all sync.WaitGroup
		for n, k := range keepers {
			all.Go(func() { errs[n] = k.Archive(t.Context()) })
		}
		all.Wait()
		require.NoError(t, errors.Join(errs...))
		files := keepers[0].files(t)
		require.Len(t, files, 4)
		first, last, segments := i.rows(t)
		require.Equal(t, [4]int64{81, 81, 1, 81}, [4]int64{first, last, segments, i.first(t)})
		left, err := filepath.Glob(filepath.Join(folder, ".archive-*"))
		require.NoError(t, err)
		require.Empty(t, left, "nothing half written is left")
		_, err = keepers[0].Restore(t.Context(), files, 0)
		require.NoError(t, err)
		require.Equal(t, want, i.all(t))
	})
}

// Who waits for the folder stops waiting when its job ends.
func TestAnArchiverWaitsForTheFolder(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.open(t)
		fourDays(t, i)
		k := i.keeper(t, t.TempDir())
		unlock, ok, err := k.dir.Lock()
		require.NoError(t, err)
		require.True(t, ok)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		require.Error(t, k.Archive(ctx))
		require.Empty(t, k.files(t))
		unlock()
		require.NoError(t, k.Archive(t.Context()))
		require.NotEmpty(t, k.files(t))
	})
}

func TestArchiveAndRestoreLoseNothing(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.open(t)
		want := fourDays(t, i)
		k := i.keeper(t, t.TempDir())
		require.NoError(t, eventlog.EnsureConsumer(t.Context(), i.db, "done", 81))
		require.NoError(t, k.Archive(t.Context()))

		files := k.files(t)
		require.Len(t, files, 4, "a file a day")
		for n, f := range files {
			require.Equal(t, fmt.Sprintf("2026-03-%02d", n+1), f.Day)
			require.Equal(t, [4]int64{int64(20*n + 1), int64(20*n + 20), 10, 20}, [4]int64{f.First, f.Last, f.Segments, f.Events})
		}
		first, last, segments := i.rows(t)
		require.Equal(t, [4]int64{81, 81, 1, 81}, [4]int64{first, last, segments, i.first(t)}, "the 6th is kept")

		_, _, err := i.reader.Page(t.Context(), 79, 100, eventlog.Filter{SellerID: "s1"})
		var archived *feedquery.ArchivedError
		require.ErrorAs(t, err, &archived)
		require.ErrorIs(t, err, feedquery.ErrPositionArchived)
		require.Equal(t, int64(81), archived.First)
		events, next, err := i.reader.Page(t.Context(), 80, 100, eventlog.Filter{SellerID: "s1"})
		require.NoError(t, err)
		require.Len(t, events, 1)
		require.Equal(t, int64(81), next)
		events, next, err = eventlog.PageUpTo(t.Context(), i.reader, 0, 81, eventlog.Filter{SellerID: "s1"})
		require.NoError(t, err)
		require.Empty(t, events, "a reader who looked before the events were gone passes none of them by")
		require.Zero(t, next)

		done, err := k.Restore(t.Context(), files, time.Hour)
		require.NoError(t, err)
		require.Equal(t, eventlog.Restored{Files: 4, Segments: 40, First: 1}, done)
		require.Equal(t, want, i.all(t))
		done, err = k.Restore(t.Context(), files, time.Hour)
		require.NoError(t, err)
		require.Equal(t, eventlog.Restored{Files: 4, First: 1}, done, "what is there is left as it is")

		require.NoError(t, k.Archive(t.Context()))
		require.Equal(t, int64(1), i.first(t), "what was restored stays for a while")
		k.clock.now = k.clock.now.Add(time.Hour + time.Second)
		require.NoError(t, k.Archive(t.Context()))
		require.Equal(t, int64(81), i.first(t))
		require.Equal(t, files, k.files(t), "nothing is archived twice")
	})
}

// Killed at any moment, and gone on with, no event is lost or archived twice.
func TestArchiverIsKilled(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.open(t)
		want := fourDays(t, i)
		folder := t.TempDir()
		kills := 0
		for {
			k := i.keeper(t, folder)
			ctx, kill := context.WithCancel(t.Context())
			looks := 0
			k.clock.looked = func() {
				if looks++; looks == 2+kills%23 { // a little further each time
					kill()
				}
			}
			err := k.Archive(ctx)
			kill()
			k.clock.looked = nil
			if err == nil && looks < 2+kills%23 {
				break
			}
			kills++
			files := k.files(t)
			covered := int64(0)
			for _, f := range files {
				require.Equal(t, covered+1, f.First)
				covered = f.Last
			}
			require.LessOrEqual(t, i.first(t), covered+1, "the log begins behind what is archived at most")
			require.LessOrEqual(t, i.number(t, "SELECT MIN(first_position) FROM event_positions"), i.first(t))
		}
		require.Greater(t, kills, 10)
		k := i.keeper(t, folder)
		require.NoError(t, k.Archive(t.Context()))
		require.Equal(t, int64(81), i.first(t))
		require.Len(t, k.files(t), 4)
		left, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Len(t, left, 6, "the files, the manifest and the lock")
		_, err = k.Restore(t.Context(), k.files(t), time.Hour)
		require.NoError(t, err)
		require.Equal(t, want, i.all(t))
	})
}

// A file that got its name, but not its line in the manifest, is written again.
func TestArchiverWritesAFileWithoutALineAgain(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.open(t)
		fourDays(t, i)
		k := i.keeper(t, t.TempDir())
		f, ok, err := eventlog.NextFile(t.Context(), k.Archiver)
		require.NoError(t, err)
		require.True(t, ok)
		require.NoError(t, os.Remove(filepath.Join(k.dir.Path(), "manifest.json")))
		require.NoError(t, k.Archive(t.Context()))
		files := k.files(t)
		require.Len(t, files, 4)
		require.Equal(t, f, files[0])
		left, err := os.ReadDir(k.dir.Path())
		require.NoError(t, err)
		require.Len(t, left, 6)
	})
}

func TestRetentionLeavesWhatIsNotRead(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.open(t)
		fourDays(t, i)
		k := i.keeper(t, t.TempDir())
		ctx := t.Context()
		at := func(position int64) {
			t.Helper()
			_, err := i.db.Writer.Exec("UPDATE event_consumers SET position = ? WHERE name = 'slow'", position)
			require.NoError(t, err)
			require.NoError(t, k.Archive(ctx))
		}
		require.NoError(t, eventlog.EnsureConsumer(ctx, i.db, "quick", 81))
		require.NoError(t, eventlog.EnsureConsumer(ctx, i.db, "slow", 0))
		for position, want := range map[int64]int64{0: 1, 1: 1, 19: 1} {
			at(position)
			require.Equal(t, want, i.first(t))
		}
		require.Empty(t, k.files(t))
		at(20)
		require.Equal(t, int64(21), i.first(t), "a day that all have read goes")
		at(59)
		require.Equal(t, int64(41), i.first(t), "a day that is read but for one event stays")

		_, err := i.db.Writer.Exec("INSERT INTO event_parked (consumer, position, seller_id, aggregate_type, aggregate_id, attempts, error, parked_at) " +
			"VALUES ('quick', 60, 's', 'lead', 'l', 1, '', 1)")
		require.NoError(t, err)
		at(81)
		require.Equal(t, int64(41), i.first(t), "a day with a parked event stays")
		_, err = i.db.Writer.Exec("DELETE FROM event_parked")
		require.NoError(t, err)
		at(81)
		require.Equal(t, int64(81), i.first(t))
		k.clock.now = day(11)
		at(81)
		require.Equal(t, int64(81), i.first(t), "the 6th is not over for five days")
		k.clock.now = day(12)
		at(81)
		require.Equal(t, int64(82), i.first(t), "the last day goes too when it is over")
		events, next, err := i.reader.Page(ctx, 81, 10, eventlog.Filter{SellerID: "s1"})
		require.NoError(t, err)
		require.Empty(t, events)
		require.Equal(t, int64(81), next)
		_, _, err = i.reader.Page(ctx, 80, 10, eventlog.Filter{SellerID: "s1"})
		require.ErrorIs(t, err, feedquery.ErrPositionArchived)
		i.commit(t, on(day(12), "s1", "lead_41", 1))
		require.NoError(t, i.sequencer.Drain(ctx))
		events, _, err = i.reader.Page(ctx, 81, 10, eventlog.Filter{SellerID: "s1"})
		require.NoError(t, err)
		require.Len(t, events, 1, "the log goes on")
	})
}

// A consumer that starts while a day is being archived gets the whole day, or is told that it cannot.
func TestRetentionMeetsANewConsumer(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.open(t)
		fourDays(t, i)
		k := i.keeper(t, t.TempDir())
		ctx := t.Context()
		f, ok, err := eventlog.NextFile(ctx, k.Archiver)
		require.NoError(t, err)
		require.True(t, ok, "the file is written, and the log is about to begin behind it")

		tx := i.begin(t)
		require.NoError(t, eventlog.Reach(ctx, i.db, tx, "new", 0))
		_, err = tx.Exec("INSERT INTO event_consumers (name, position, owner, fence, lease_until) VALUES ('new', 0, '', 0, 0)")
		require.NoError(t, err)
		passed := make(chan bool, 1)
		go func() {
			ok, err := eventlog.Pass(ctx, k.Archiver, f.Last+1)
			passed <- ok || err != nil
		}()
		require.NoError(t, tx.Commit())
		require.False(t, <-passed)
		require.Equal(t, int64(1), i.first(t))

		_, err = i.db.Writer.Exec("UPDATE event_consumers SET position = 81 WHERE name = 'new'")
		require.NoError(t, err)
		ok, err = eventlog.Pass(ctx, k.Archiver, f.Last+1)
		require.NoError(t, err)
		require.True(t, ok)
		var archived *eventlog.ArchivedError
		require.ErrorAs(t, eventlog.EnsureConsumer(ctx, i.db, "late", 0), &archived)
		require.Equal(t, eventlog.ArchivedError{Consumer: "late", Needs: 1, First: 21}, *archived)
		require.ErrorContains(t, archived, "leadmill events restore")
		require.NoError(t, eventlog.EnsureConsumer(ctx, i.db, "later", 20))
	})
}

func TestProjectionsBelowTheBeginningAreRefused(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.open(t)
		want := fourDays(t, i)
		j := &journal{name: "old"}
		r := i.runner(t, eventlog.RunnerConfig{}, j)
		require.NoError(t, r.CatchUp(t.Context()))
		k := i.keeper(t, t.TempDir())
		require.NoError(t, k.Archive(t.Context()))

		var archived *eventlog.ArchivedError
		require.ErrorAs(t, r.Replay(t.Context(), "old"), &archived)
		require.Len(t, j.entries(t, i), len(want), "a replay that is refused empties nothing")
		require.ErrorAs(t, i.runner(t, eventlog.RunnerConfig{}, &journal{name: "new"}).Prepare(t.Context()), &archived)
		s, err := eventlog.NewSubscriber(i.db, i.reader, clock{}, eventlog.SubscriberConfig{Name: "from-first"})
		require.NoError(t, err)
		require.ErrorAs(t, s.Prepare(t.Context()), &archived)
		s, err = eventlog.NewSubscriber(i.db, i.reader, clock{}, eventlog.SubscriberConfig{Name: "from-head", FromHead: true})
		require.NoError(t, err)
		require.NoError(t, s.Prepare(t.Context()))

		_, err = k.Restore(t.Context(), k.files(t), time.Hour)
		require.NoError(t, err)
		require.NoError(t, r.Replay(t.Context(), "old"))
		require.NoError(t, r.CatchUp(t.Context()))
		inOrder(t, j.entries(t, i))
		require.Len(t, j.entries(t, i), len(want))
	})
}

func TestRestoreOfSomeDays(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.open(t)
		want := fourDays(t, i)
		k := i.keeper(t, t.TempDir())
		require.NoError(t, k.Archive(t.Context()))
		files := k.files(t)

		done, err := k.Restore(t.Context(), files[:1], time.Hour)
		require.NoError(t, err)
		require.Equal(t, eventlog.Restored{Files: 1, Segments: 10, First: 81, Missing: 80}, done)
		require.Equal(t, int64(81), i.first(t), "the log begins where none is missing")
		require.NoError(t, k.Archive(t.Context()))
		first, _, _ := i.rows(t)
		require.Equal(t, int64(1), first, "what was restored stays for the hour, though the log begins behind it")
		done, err = k.Restore(t.Context(), files[3:], time.Hour)
		require.NoError(t, err)
		require.Equal(t, eventlog.Restored{Files: 1, Segments: 10, First: 61}, done)
		events, _, err := i.reader.Page(t.Context(), 60, 1000, eventlog.Filter{SellerID: "s1"})
		require.NoError(t, err)
		require.NotEmpty(t, events)
		done, err = k.Restore(t.Context(), files[1:3], time.Hour)
		require.NoError(t, err)
		require.Equal(t, eventlog.Restored{Files: 2, Segments: 20, First: 1}, done)
		require.Equal(t, want, i.all(t))

		k.clock.now = k.clock.now.Add(time.Hour + time.Minute)
		require.NoError(t, k.Archive(t.Context()))
		first, _, _ = i.rows(t)
		require.Equal(t, int64(81), first, "and goes again when it is over")
	})
}

func TestRestoreRefusesWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.open(t)
		fourDays(t, i)
		folder := t.TempDir()
		k := i.keeper(t, folder)
		require.NoError(t, k.Archive(t.Context()))
		files := k.files(t)
		path := filepath.Join(folder, files[2].Name)
		whole, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, whole[:len(whole)-1], 0o600))
		_, err = k.Restore(t.Context(), files[2:3], time.Hour)
		require.ErrorIs(t, err, archive.ErrDamaged)
		_, _, segments := i.rows(t)
		require.Equal(t, int64(1), segments, "nothing of it was written")
		require.NoError(t, os.WriteFile(path, whole, 0o600))

		other := database{d.engine, schema.URL(t, d.engine)}.open(t)
		fourDays(t, other)
		require.ErrorIs(t, other.keeper(t, folder).Archive(t.Context()), eventlog.ErrOtherLog)
		first, last, segments := other.rows(t)
		require.Equal(t, [3]int64{1, 81, 41}, [3]int64{first, last, segments}, "no event that is not in the archive is deleted")
		empty := database{d.engine, schema.URL(t, d.engine)}.open(t)
		_, err = empty.keeper(t, folder).Restore(t.Context(), files, time.Hour)
		require.ErrorIs(t, err, eventlog.ErrOtherLog, "the log has not come so far")
	})
}

// A segment that cannot be read is archived and restored with the bytes that it has.
func TestArchiveKeepsSegmentsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.open(t)
		want := fourDays(t, i)
		damaged := []int64{i.number(t, "SELECT segment_id FROM event_positions WHERE first_position = 1"), i.number(t, "SELECT segment_id FROM event_positions WHERE first_position = 5")}
		_, err := i.db.Writer.Exec("UPDATE event_segments SET body = ? WHERE id = ?", []byte("\x09later"), damaged[0])
		require.NoError(t, err)
		_, err = i.db.Writer.Exec("DELETE FROM event_segments WHERE id = ?", damaged[1])
		require.NoError(t, err)
		type row struct {
			First    int64  `db:"first_position"`
			SellerID string `db:"seller_id"`
			Segment  int64  `db:"segment_id"`
			Events   int64  `db:"events"`
			At       int64  `db:"at"`
			Types    int64  `db:"types"`
			Body     []byte `db:"body"`
		}
		read := func() (all []row) {
			require.NoError(t, i.db.Writer.Select(&all, "SELECT p.*, s.body FROM event_positions p LEFT JOIN event_segments s ON s.id = p.segment_id WHERE p.first_position < 7 ORDER BY 1"))
			return all
		}
		before := read()
		k := i.keeper(t, t.TempDir())
		require.NoError(t, k.Archive(t.Context()))
		require.Equal(t, int64(81), i.first(t))
		require.Equal(t, int64(1), i.number(t, "SELECT COUNT(*) FROM event_segments"))
		_, err = k.Restore(t.Context(), k.files(t), time.Hour)
		require.NoError(t, err)
		require.Equal(t, before, read())
		broken := 0
		var got []application.StoredEvent
		require.NoError(t, eventlog.Walk(t.Context(), i.db, 0, 81, eventsv1.Mask(), func(events []application.StoredEvent) error {
			got = append(got, events...)
			return nil
		}, func(*eventlog.SegmentError) error { broken++; return nil }))
		require.Equal(t, 2, broken)
		require.Len(t, got, len(want)-4)
	})
}

func TestForget(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.open(t)
		ctx := t.Context()
		require.ErrorIs(t, i.consumers.Forget(ctx, "none"), eventlog.ErrUnknownConsumer)
		l, err := eventlog.TryLease(ctx, i.db, eventlog.LeaseConfig{}, "held")
		require.NoError(t, err)
		require.NotNil(t, l)
		require.ErrorIs(t, i.consumers.Forget(ctx, "held"), eventlog.ErrConsumerHeld)
		for _, consumer := range []string{"held", "other"} {
			for _, insert := range []string{
				"INSERT INTO event_parked (consumer, position, seller_id, aggregate_type, aggregate_id, attempts, error, parked_at) VALUES (?, 60, 's', 'lead', 'l', 1, '', 1)",
				"INSERT INTO event_skipped (consumer, segment_id, reason, skipped_at) VALUES (?, 1, '', 1)",
			} {
				_, err = i.db.Writer.Exec(insert, consumer)
				require.NoError(t, err)
			}
		}
		l.Release(ctx)
		require.NoError(t, i.consumers.Forget(ctx, "held"))
		for _, table := range []string{"event_parked", "event_skipped"} {
			require.Equal(t, int64(1), i.number(t, "SELECT COUNT(*) FROM "+table), "those of others stay")
		}
		require.Zero(t, i.number(t, "SELECT COUNT(*) FROM event_consumers"))
	})
}
