package eventlog_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/application"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
)

const pending = "lead.pending.v1"

// streaming runs the streams of an instance.
func (i *instance) streaming(t *testing.T, c eventlog.StreamsConfig) *eventlog.Streams {
	t.Helper()
	s := eventlog.NewStreams(eventlog.NewFeed(i.reader, []string{sold, pending}, nil), c)
	background(t, s.Run)
	return s
}

// follow opens a stream of a seller, with a key of that name.
func follow(t testing.TB, s *eventlog.Streams, seller string, q feedquery.EventStream) feedquery.OpenStream {
	t.Helper()
	q.Actor = application.Actor{SellerID: seller, KeyID: seller}
	open, err := s.EventStream(t.Context(), q)
	require.NoError(t, err)
	return open
}

// take reads n events, and expects that they are the seller's, in order, and at the stream's position.
func take(ctx context.Context, open feedquery.OpenStream, n int) (ids []string, err error) {
	for last := open.Position(); len(ids) < n; {
		events, err := open.Next(ctx, patience)
		if err != nil {
			return ids, err
		}
		for _, e := range events {
			if e.Position <= last {
				return ids, fmt.Errorf("position %d follows %d", e.Position, last)
			}
			last = e.Position
			ids = append(ids, e.ID)
		}
		if open.Position() < last {
			return ids, fmt.Errorf("the stream is at %d and gave %d", open.Position(), last)
		}
	}
	return ids, nil
}

func TestStreamsGiveEverythingInOrder(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		s := i.streaming(t, eventlog.StreamsConfig{PerKey: 1000})
		const readers, commits = 40, 60
		i.commit(t, record("s1", "a", 1, sold), record("s2", "b", 1, sold))
		_, err := i.head.Wait(t.Context(), 1)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var all sync.WaitGroup
		got := make([][]string, readers)
		for n := range readers {
			q, want, seller := feedquery.EventStream{}, 1+2*commits, "s1"
			switch n % 4 {
			case 1:
				q.FromHead, want = true, 2*commits
			case 2:
				q.Types, want = []string{pending}, commits
			case 3:
				seller = "s2"
			}
			open := follow(t, s, seller, q)
			all.Go(func() {
				defer open.Close()
				ids, err := take(ctx, open, want)
				if err != nil {
					t.Errorf("reader %d has %d of %d: %v", n, len(ids), want, err)
				}
				got[n] = ids
			})
		}
		for c := range int64(commits) {
			if err := i.tryCommit(record("s1", "a", 2*c+2, sold), record("s1", "a", 2*c+3, pending), record("s1", "c", c+1, "seller.updated.v1")); err != nil {
				t.Error(err)
			}
			if err := i.tryCommit(record("s2", "b", 2*c+2, sold), record("s2", "b", 2*c+3, pending)); err != nil {
				t.Error(err)
			}
		}
		all.Wait()
		for n := range got {
			want := got[n%4]
			if fmt.Sprint(got[n]) != fmt.Sprint(want) {
				t.Errorf("readers %d and %d were given different events", n, n%4)
			}
		}
		require.Zero(t, s.Open())
	})
}

// Each event is encoded once, however many streams give it, and a stream that opens later has it from there too.
func TestStreamsShareWhatIsEncoded(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		s := i.streaming(t, eventlog.StreamsConfig{PerKey: 1000})
		const readers, events = 300, 20
		var encoded atomic.Int64
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var all sync.WaitGroup
		for range readers {
			open := follow(t, s, "s1", feedquery.EventStream{FromHead: true})
			all.Go(func() {
				defer open.Close()
				for got := 0; got < events; {
					list, err := open.Next(ctx, patience)
					if err != nil {
						t.Error(err)
						return
					}
					for _, e := range list {
						text := e.Encoded(func(e *application.StoredEvent) []byte {
							encoded.Add(1)
							return []byte(e.ID)
						})
						if string(text) != e.ID {
							t.Errorf("%s is given as %s", e.ID, text)
						}
						got++
					}
				}
			})
		}
		for v := range int64(events) {
			i.commit(t, record("s1", "a", v+1, sold))
		}
		all.Wait()
		require.Equal(t, int64(events), encoded.Load())
	})
}

// What is not for a stream moves it on, so that a client that comes back does not go through it again, and is not told that it was archived.
func TestAStreamPassesByWhatIsOfOthers(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		s := i.streaming(t, eventlog.StreamsConfig{})
		open := follow(t, s, "s1", feedquery.EventStream{Types: []string{pending}})
		defer open.Close()
		i.commit(t, record("s2", "b", 1, sold), record("s1", "a", 1, sold), record("s2", "b", 2, sold))
		eventually(t, "the stream is at the head", func() bool {
			events, err := open.Next(t.Context(), time.Millisecond)
			require.NoError(t, err)
			require.Empty(t, events)
			return open.Position() == 3
		})
		i.commit(t, record("s1", "a", 2, pending))
		ids, err := take(t.Context(), open, 1)
		require.NoError(t, err)
		require.Len(t, ids, 1)
		require.Equal(t, int64(4), open.Position())
	})
}

// A stream that is behind what the tail holds goes on from the database, also past many events of others.
func TestAStreamCatchesUp(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		eventlog.TailBytes(i.reader, 1)
		i.reader = eventlog.Scanning(i.reader, 30)
		s := i.streaming(t, eventlog.StreamsConfig{})
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		slow := follow(t, s, "s1", feedquery.EventStream{})
		defer slow.Close()
		const commits = 150
		for c := range int64(commits) {
			i.commit(t, record("s1", "a", c+1, sold), record("s2", "b", c+1, sold))
		}
		_, err := i.head.Wait(ctx, 2*commits-1)
		require.NoError(t, err)
		one, err := take(ctx, slow, commits)
		require.NoError(t, err)
		again := follow(t, s, "s1", feedquery.EventStream{After: 0, LogID: slow.LogID()})
		defer again.Close()
		require.Zero(t, again.Position(), "nothing was given yet")
		other, err := take(ctx, again, commits)
		require.NoError(t, err)
		require.Equal(t, one, other)
		rare := follow(t, s, "s1", feedquery.EventStream{Types: []string{pending}})
		defer rare.Close()
		eventually(t, "it passed by all", func() bool {
			events, err := rare.Next(ctx, time.Millisecond)
			require.NoError(t, err)
			require.Empty(t, events)
			return rare.Position() == 2*commits
		})
	})
}

func TestStreamsAreRefused(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		s := i.streaming(t, eventlog.StreamsConfig{Most: 3, PerKey: 2})
		i.commit(t, record("s1", "a", 1, sold))
		_, err := i.head.Wait(t.Context(), 0)
		require.NoError(t, err)
		ask := func(seller string, q feedquery.EventStream) error {
			q.Actor = application.Actor{SellerID: seller, KeyID: seller}
			open, err := s.EventStream(t.Context(), q)
			if err == nil {
				t.Cleanup(open.Close)
			}
			return err
		}
		require.ErrorIs(t, ask("s1", feedquery.EventStream{After: 2}), feedquery.ErrPositionAhead)
		require.ErrorIs(t, ask("s1", feedquery.EventStream{LogID: "log_of_before"}), feedquery.ErrLogChanged)
		require.Zero(t, s.Open(), "what is refused is not open")
		require.NoError(t, ask("s1", feedquery.EventStream{}))
		require.NoError(t, ask("s1", feedquery.EventStream{}))
		require.ErrorIs(t, ask("s1", feedquery.EventStream{}), feedquery.ErrTooManyStreams)
		require.NoError(t, ask("s2", feedquery.EventStream{}))
		require.ErrorIs(t, ask("s3", feedquery.EventStream{}), feedquery.ErrStreamsFull)
		_, err = i.db.Writer.ExecContext(t.Context(), "UPDATE event_archive SET first_position = 2 WHERE id = 1")
		require.NoError(t, err)
		other := i.streaming(t, eventlog.StreamsConfig{})
		_, err = other.EventStream(t.Context(), feedquery.EventStream{Actor: application.Actor{SellerID: "s1", KeyID: "k"}})
		require.ErrorIs(t, err, feedquery.ErrPositionArchived)
	})
}

// After the log was given another identity, positions are of another log: streams end, and their clients are told when they come back.
func TestStreamsEndWithTheirLog(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i := d.start(t)
		s := i.streaming(t, eventlog.StreamsConfig{Check: time.Millisecond})
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		open := follow(t, s, "s1", feedquery.EventStream{})
		defer open.Close()
		changed, err := eventlog.Rebase(t.Context(), i.db)
		require.NoError(t, err)
		_, err = open.Next(ctx, patience)
		require.ErrorIs(t, err, feedquery.ErrLogChanged)
		next := follow(t, s, "s1", feedquery.EventStream{FromHead: true})
		defer next.Close()
		require.Equal(t, changed, next.LogID())
		_, err = s.EventStream(ctx, feedquery.EventStream{Actor: application.Actor{SellerID: "s1", KeyID: "s1"}, LogID: open.LogID()})
		require.ErrorIs(t, err, feedquery.ErrLogChanged)
	})
}
