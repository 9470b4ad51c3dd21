package job

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/delivery"
)

// Whatever is under way has room for its result, so that nothing is left behind when nobody takes it any more.
func TestThereIsRoomForAllResults(t *testing.T) {
	t.Parallel()
	s := &Sender{Clock: clock.NewSystem(), Log: eventlog.NewSignal(), InAll: 256, AskInAll: 2048, AskPerEndpoint: 128}
	r := newSending(s)
	asked, all := 0, 0
	for _, of := range []standing{unknown, failing, well, mailed} {
		for _, asks := range []bool{false, true} {
			for _, seller := range []string{"seller_1", "seller_2", "seller_3"} {
				p := place{seller, of, asks}
				for ; (of != mailed || !asks) && r.freeInAll(p) && r.freeOfSeller(p); all++ {
					r.take(p, 1)
					if asks {
						asked++
					}
				}
			}
		}
	}
	require.Greater(t, asked, s.AskInAll)
	require.LessOrEqual(t, all, cap(r.results))
	for w := range ways {
		for _, lane := range r.toStore[w] {
			require.LessOrEqual(t, all+2*mostUnstored, cap(lane))
		}
	}
	require.LessOrEqual(t, all+2*mostUnstored, cap(r.stored))
}

// Late answers in a row take hardly any of the requests at once from a receiver that is asked, but half of them each from one that is told.
func TestLateAnswersInARow(t *testing.T) {
	t.Parallel()
	for asks, want := range map[bool]int{true: 60, false: 4} {
		e := newEndpoint(application.Ref{})
		e.knows(false, asks)
		for range 6 {
			e.Succeeded(64)
		}
		for range 4 {
			e.failed(0, false, delivery.Timeout)
		}
		require.Equal(t, want, e.room(0, 100), "asks: %t", asks)
		require.False(t, e.open(), "asks: %t", asks)
	}
}

// A receiver that failed and has nothing due is out of the order at once, and forgotten after a while.
func TestReceiversAreForgotten(t *testing.T) {
	t.Parallel()
	e := newEndpoint(application.Ref{SellerID: "seller_1", ID: "one"})
	e.due = true
	r := newSending(&Sender{Clock: clock.NewSystem(), Log: eventlog.NewSignal()})
	r.queue(e)
	r.queue(e)
	require.Len(t, r.lines[place{}].waiting, 1)
	e.failed(0, false, delivery.Timeout)
	e.due = false
	r.start(t.Context())
	require.False(t, r.hasDue())
	require.Empty(t, r.queues[0])
	require.False(t, e.forgettable(time.Minute))
	require.True(t, e.forgettable(remembered))
	e.due = true
	r.queue(e)
	require.False(t, e.forgettable(remembered))
}
