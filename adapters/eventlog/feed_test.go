package eventlog_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/application"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
)

const sold = "lead.sold.v1"

// asked is what a reader of seller s1 asks for.
func asked(q feedquery.Events) feedquery.Events {
	q.Actor = application.Actor{SellerID: "s1"}
	if q.Limit == 0 {
		q.Limit = 100
	}
	return q
}

// A consumer at position 50 whose server was restored to position 10 was given the events from 51 on as soon as there were some, and
// never those at 11 to 50.
func TestAReaderIsToldOfARestore(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		f := eventlog.NewFeed(i.reader, []string{sold}, nil)
		i.commit(t, record("s1", "a", 1, sold), record("s1", "a", 2, sold))
		_, err := i.head.Wait(t.Context(), 1)
		require.NoError(t, err)
		before, err := f.Events(t.Context(), asked(feedquery.Events{}))
		require.NoError(t, err)
		require.Regexp(t, "^log_[0-9a-f]{32}$", before.LogID)
		again, err := f.Events(t.Context(), asked(feedquery.Events{After: before.Next, LogID: before.LogID}))
		require.NoError(t, err)
		require.Equal(t, feedquery.EventPage{Next: 2, LogID: before.LogID}, again)

		var told *feedquery.LogError
		_, err = f.Events(t.Context(), asked(feedquery.Events{After: 3}))
		require.ErrorIs(t, err, feedquery.ErrPositionAhead)
		require.ErrorAs(t, err, &told)
		require.Equal(t, before.LogID, told.LogID)
		require.Equal(t, int64(2), told.Head)

		waiting := make(chan error, 1)
		go func() {
			_, err := f.Events(t.Context(), asked(feedquery.Events{After: 2, LogID: before.LogID, Wait: patience}))
			waiting <- err
		}()
		changed, err := eventlog.Rebase(t.Context(), i.db)
		require.NoError(t, err)
		require.Regexp(t, "^log_[0-9a-f]{32}$", changed)
		require.NotEqual(t, before.LogID, changed)
		_, err = f.Events(t.Context(), asked(feedquery.Events{After: 1, LogID: before.LogID}))
		require.ErrorIs(t, err, feedquery.ErrLogChanged)
		require.ErrorAs(t, err, &told)
		require.Equal(t, changed, told.LogID)
		after, err := f.Events(t.Context(), asked(feedquery.Events{}))
		require.NoError(t, err)
		require.Equal(t, changed, after.LogID)
		require.Equal(t, before.Events, after.Events)

		i.commit(t, record("s1", "a", 3, sold)) // wakes who waits
		require.ErrorIs(t, <-waiting, feedquery.ErrLogChanged)
	})
}

// What is behind the last position that is asked for is not answered, not even of the segment that it is in, and not waited for.
func TestEventsUpToAPosition(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		f := eventlog.NewFeed(i.reader, []string{sold}, nil)
		i.commit(t, record("s1", "a", 1, sold), record("s1", "a", 2, sold), record("s1", "a", 3, sold))
		i.commit(t, record("s1", "a", 4, "internal.v1"), record("s1", "a", 5, sold))
		_, err := i.head.Wait(t.Context(), 4)
		require.NoError(t, err)
		for upTo, want := range [][]int64{{1, 2, 3, 5}, {1}, {1, 2}, {1, 2, 3}, {1, 2, 3}, {1, 2, 3, 5}, {1, 2, 3, 5}} {
			page, err := f.Events(t.Context(), asked(feedquery.Events{UpTo: int64(upTo)}))
			require.NoError(t, err)
			var positions []int64
			for _, e := range page.Events {
				positions = append(positions, e.Position)
			}
			require.Equal(t, want, positions, "up to %d", upTo)
			if upTo == 0 {
				upTo = 5
			}
			require.EqualValues(t, min(upTo, 5), page.Next)
		}
		i.commit(t, record("s2", "a", 6, sold))
		_, err = i.head.Wait(t.Context(), 5)
		require.NoError(t, err)
		for _, q := range []feedquery.Events{{After: 3, UpTo: 4}, {After: 5, UpTo: 6}, {After: 6, UpTo: 9}} {
			q.Wait, q.Linger = patience, patience
			began := time.Now()
			page, err := f.Events(t.Context(), asked(q))
			require.NoError(t, err)
			require.Empty(t, page.Events)
			require.LessOrEqual(t, page.Next, q.UpTo)
			require.Less(t, time.Since(began), patience)
		}
	})
}

func TestEventsGather(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		f := eventlog.NewFeed(i.reader, []string{sold}, nil)
		version := int64(0)
		commit := func() {
			version++
			i.commit(t, record("s1", "a", version, sold))
		}
		poll := func(q feedquery.Events) <-chan feedquery.EventPage {
			pages := make(chan feedquery.EventPage, 1)
			go func() {
				page, err := f.Events(t.Context(), asked(q))
				if err != nil {
					t.Error(err)
				}
				pages <- page
			}()
			return pages
		}
		commit()
		_, err := i.head.Wait(t.Context(), 0)
		require.NoError(t, err)
		for name, q := range map[string]feedquery.Events{
			"without wait or linger min holds nothing": {Min: 3},
			"enough at once":         {Min: 1, Wait: patience, Linger: patience},
			"linger ends":            {Linger: time.Millisecond, Wait: patience},
			"linger ends before min": {Linger: time.Millisecond, Min: 3, Wait: patience},
			"wait ends before min":   {Wait: time.Millisecond, Min: 3},
			"a full page":            {Limit: 1, Linger: patience},
		} {
			page, err := f.Events(t.Context(), asked(q))
			require.NoError(t, err, name)
			require.Len(t, page.Events, 1, name)
			require.Equal(t, int64(1), page.Next, name)
		}
		for name, q := range map[string]feedquery.Events{
			"min":                       {After: 1, Wait: patience, Min: 3},
			"linger until min":          {After: 1, Wait: patience, Min: 3, Linger: patience},
			"linger until a full page":  {After: 1, Wait: patience, Limit: 3, Linger: patience},
			"linger with what is there": {After: 0, Limit: 4, Linger: patience},
		} {
			q.After += version - 1
			pages := poll(q)
			for range 3 {
				select {
				case page := <-pages:
					t.Fatalf("%s: answered with %d events", name, len(page.Events))
				default:
				}
				commit()
			}
			page := <-pages
			require.Len(t, page.Events, int(version-q.After), name)
			require.Equal(t, version, page.Next, name)
		}
	})
}

// The events that were gathered are not thrown away when the server stops.
func TestWhatWasGatheredIsAnsweredWhenTheServerStops(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		f := eventlog.NewFeed(i.reader, []string{sold}, nil)
		i.commit(t, record("s1", "a", 1, sold))
		_, err := i.head.Wait(t.Context(), 0)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		pages := make(chan feedquery.EventPage, 1)
		go func() {
			page, err := f.Events(ctx, asked(feedquery.Events{Min: 2, Wait: patience}))
			if err != nil {
				t.Error(err)
			}
			pages <- page
		}()
		require.Eventually(t, func() bool { return eventlog.Feeds(i.head, "s1") == 1 }, patience, time.Millisecond)
		cancel()
		page := <-pages
		require.Len(t, page.Events, 1)
		require.Equal(t, int64(1), page.Next)
		require.NotEmpty(t, page.LogID)
	})
}
