package consolehttp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	feedquery "github.com/leadmill/leadmill/application/feed/query"

	"github.com/leadmill/leadmill/application"
)

// told is a stream that gives what a test says.
type told struct {
	events chan []string
	broken chan error
	at     int64
	closed bool
}

func newTold() *told { return &told{events: make(chan []string), broken: make(chan error), at: 7} }

func (*told) LogID() string     { return "log" }
func (s *told) Position() int64 { return s.at }
func (s *told) Close()          { s.closed = true }

func (s *told) Next(ctx context.Context, d time.Duration) ([]feedquery.StreamedEvent, error) {
	select {
	case types := <-s.events:
		var all []feedquery.StreamedEvent
		for _, typ := range types {
			s.at++
			all = append(all, feedquery.StreamedEvent{StoredEvent: &application.StoredEvent{EventRecord: application.EventRecord{Type: typ}}})
		}
		return all, nil
	case err := <-s.broken:
		return nil, err
	case <-time.After(d):
		return nil, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// opened adds an open page, which follows a stream if it is the first of its seller.
func opened(t *testing.T, l *lives, who string, stream feedquery.OpenStream) *openPage {
	t.Helper()
	p := &openPage{of: l, actor: application.Actor{SellerID: "seller_1", PersonID: who}, called: make(chan struct{}, 1)}
	require.NoError(t, l.count(p.actor))
	require.True(t, l.enter(p, stream))
	return p
}

func TestPagesOfASellerShareAStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, stream := &lives{}, newTold()
		none := &openPage{of: l, actor: application.Actor{SellerID: "seller_1", PersonID: "ann"}}
		require.False(t, l.enter(none, nil), "there is no stream to share")
		a := opened(t, l, "ann", stream)
		b := opened(t, l, "bob", nil)
		second := newTold()
		c := &openPage{of: l, actor: application.Actor{SellerID: "seller_1", PersonID: "cid"}, called: make(chan struct{}, 1)}
		require.NoError(t, l.count(c.actor))
		require.False(t, l.enter(c, second), "it came too late to bring a stream")
		assert.EqualValues(t, 7, a.from)
		stream.events <- []string{"lead.sold.v1", "lead.submitted.v1", "buyer.charged.v1"}
		for _, p := range []*openPage{a, b, c} {
			kinds, err := p.next(t.Context(), time.Minute)
			require.NoError(t, err)
			assert.Equal(t, []string{"lead", "buyer"}, kinds)
		}
		stream.events <- []string{"lead.sold.v1"}
		stream.events <- []string{"lead.sold.v1", "partner.approved.v1"}
		synctest.Wait()
		kinds, err := a.next(t.Context(), time.Minute)
		require.NoError(t, err)
		assert.Equal(t, []string{"lead", "partner"}, kinds, "once each, since it looked")
		kinds, err = a.next(t.Context(), time.Minute)
		require.NoError(t, err)
		assert.Empty(t, kinds)
		late := opened(t, l, "dan", nil)
		assert.EqualValues(t, 13, late.from, "what was before, it reads itself")
		gone, leave := context.WithCancel(t.Context())
		leave()
		_, err = a.next(gone, time.Minute)
		require.ErrorIs(t, err, context.Canceled)
		for _, p := range []*openPage{a, b, late} {
			p.leave()
			assert.False(t, stream.closed, "somebody follows it still")
		}
		c.leave()
		assert.True(t, stream.closed)
		assert.Empty(t, l.sellers)
		assert.Empty(t, l.ofPerson)
		assert.Zero(t, l.open)
	})
}

func TestAStreamThatEndsEndsItsPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, stream := &lives{}, newTold()
		a := opened(t, l, "ann", stream)
		changed := errors.New("the log is another one")
		stream.broken <- changed
		_, err := a.next(t.Context(), time.Minute)
		require.ErrorIs(t, err, changed)
		again := newTold()
		b := opened(t, l, "bob", again) // before the other has left
		a.leave()
		assert.True(t, stream.closed)
		again.events <- []string{"lead.sold.v1"}
		kinds, err := b.next(t.Context(), time.Minute)
		require.NoError(t, err)
		assert.Equal(t, []string{"lead"}, kinds)
		b.leave()
		assert.True(t, again.closed)
	})
}

func TestOpenPagesAreBounded(t *testing.T) {
	t.Parallel()
	l := &lives{}
	for range mostOpenOfPerson {
		require.NoError(t, l.count(application.Actor{PersonID: "ann"}))
	}
	require.ErrorIs(t, l.count(application.Actor{PersonID: "ann"}), feedquery.ErrTooManyStreams)
	for i := range mostOpen - mostOpenOfPerson {
		require.NoError(t, l.count(application.Actor{PersonID: fmt.Sprint("person_", i)}))
	}
	require.ErrorIs(t, l.count(application.Actor{PersonID: "bob"}), feedquery.ErrStreamsFull)
	l.discount(application.Actor{PersonID: "ann"})
	require.NoError(t, l.count(application.Actor{PersonID: "ann"}))
}

// A page that always has something to be told hears of the end of its session no later than one that has nothing.
func TestAPageEndsWithItsSessionWhateverHappens(t *testing.T) {
	t.Parallel()
	for name, busy := range map[string]bool{"busy": true, "quiet": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, stream := &lives{}, newTold()
				a := opened(t, l, "ann", stream)
				defer a.leave()
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				var events sync.WaitGroup
				if busy {
					events.Go(func() {
						for ctx.Err() == nil {
							select {
							case stream.events <- []string{"lead.sold.v1"}:
							case <-ctx.Done():
							}
							time.Sleep(time.Second) // of the bubble's clock
						}
					})
				}
				began, last := time.Now(), ""
				over := func(context.Context) string {
					if time.Since(began) < 20*time.Second {
						return ""
					}
					return switchedEvent
				}
				require.NoError(t, a.follow(ctx, over, func(text string) error { last = text; return nil }))
				assert.Equal(t, switchedEvent, last)
				assert.LessOrEqual(t, time.Since(began), 2*liveHeartbeat+livePace)
				leave()
				events.Wait()
			})
		})
	}
}

// A page ends with its session, and when the pages of another seller are open.
func TestWhenAPageIsOver(t *testing.T) {
	t.Parallel()
	elsewhere := person(application.Viewer)
	elsewhere.Actor.SellerID = "seller_2"
	c := Console{Sessions: people{"viewer": person(application.Viewer), "elsewhere": elsewhere}}
	for cookie, want := range map[string]string{"viewer": "", "gone": "event: signed-out\ndata:\n\n", "elsewhere": switchedEvent} {
		assert.Equal(t, want, c.over(t.Context(), cookie, person(application.Viewer).Actor), cookie)
	}
}
