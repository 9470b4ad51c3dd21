package fault_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

// takesOver is within what another instance must go on: the 10 s of a lease and of who looks for it, and as much again for a machine that is busy with
// other tests.
const takesOver = 20 * time.Second

// An instance that is killed while it sends events to a sink loses none of them: another goes on within the time of a lease, and what comes again has
// the same id.
func TestAnInstanceKilledWhileItFeedsASinkLosesNoEvent(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		folder := filepath.Join(t.TempDir(), "events")
		setting := "LEADMILL_EVENTS_SINK=file:" + folder
		came := func() []apptest.Relayed { return apptest.RelayedToFiles(t, folder) }
		has := func(n int) func() error {
			return func() error {
				if is := len(came()); is < n {
					return fmt.Errorf("%d events came, want %d", is, n)
				}
				return nil
			}
		}
		sends := apptest.Run(t, databaseURL, []string{"serve"}, setting)
		s := apptest.NewShop(t, &sends.App, nil, apptest.Rich)
		apptest.Eventually(t, has(2)) // it has the lease
		l := newLoad(s)
		for range 2 {
			waits := apptest.Run(t, databaseURL, []string{"serve"}, setting)
			s.Program = s.Program.At(&waits.App)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				l.run(ctx, &waits.App, 2, func(apptest.Answer) bool { return false })
			}()
			before := len(came())
			apptest.Eventually(t, has(before+20)) // in the middle of it
			sends.Kill()
			killed, answered, left := time.Now(), l.count(), len(came())
			apptest.Eventually(t, func() error { return l.more(answered, 20) })
			stop()
			<-ended
			apptest.Eventually(t, has(left+1))
			took := time.Since(killed)
			require.Less(t, took, takesOver)
			t.Logf("another instance goes on after %v", took.Round(time.Millisecond))
			sends = waits
		}
		db := apptest.Open(t, databaseURL)
		again := db.Relayed(t, came)
		t.Logf("%d of %d events came again", again, len(db.Public()))
		l.retry(&sends.App)
		l.check(t, db)
		sends.Stop(t)
	})
}
