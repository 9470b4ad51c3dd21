package receiver_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/application/receiver"
)

func TestASenderLooksSeldomWhileNothingHappens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := eventlog.NewSignal()
		p := receiver.NewPace(clock.NewSystem(), log, time.Millisecond, time.Hour)
		next := func(want time.Duration) <-chan struct{} {
			t.Helper()
			d, moved := p.Next()
			require.Equal(t, want, d)
			require.Equal(t, want == time.Hour, moved != nil)
			return moved
		}
		moved := next(time.Hour)
		log.Notify()
		<-moved
		next(time.Millisecond)
		time.Sleep(receiver.QuietAfter)
		next(time.Hour)
		p.Stir()
		next(time.Millisecond)
		time.Sleep(receiver.QuietAfter - 1)
		next(time.Millisecond)
		log.Notify()
		time.Sleep(time.Second)
		next(time.Millisecond)
		time.Sleep(receiver.QuietAfter)
		next(time.Hour)
	})
}

func TestASenderRestsAfterALook(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]time.Duration{
		0: 25 * time.Millisecond, 6 * time.Millisecond: 25 * time.Millisecond, 100 * time.Millisecond: 400 * time.Millisecond,
		2500 * time.Millisecond: 10 * time.Second, time.Hour: 10 * time.Second,
	} {
		require.Equal(t, want, receiver.RestAfter(took))
	}
}
