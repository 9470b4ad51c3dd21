package consolehttp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
)

// However many look at a board, it is made once, and again no sooner than its pace allows.
func TestABoardIsMadeOnceForAllWhoLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var head, made atomic.Int64
		b := (&boards{}).board(application.Actor{SellerID: "seller_1", Role: application.Owner})
		look := func(want string) {
			t.Helper()
			var looking sync.WaitGroup
			for range 20 {
				looking.Go(func() {
					text, err := b.read(t.Context(), head.Load, func() ([]byte, error) {
						time.Sleep(10 * time.Millisecond)
						return fmt.Appendf(nil, "%d at %d", made.Add(1), head.Load()), nil
					})
					assert.NoError(t, err)
					assert.Equal(t, want, string(text))
				})
			}
			looking.Wait()
		}
		began := time.Now()
		look("1 at 0")
		look("1 at 0")
		assert.Equal(t, 10*time.Millisecond, time.Since(began))
		head.Store(7)
		look("2 at 7") // and not what was made before
		assert.Equal(t, boardPace+20*time.Millisecond, time.Since(began))
		time.Sleep(boardPace + time.Second) // nothing happens, but what is shown gets older
		look("3 at 7")
	})
}

// Who waits for a board that cannot be made tries it again; who is gone waits no longer.
func TestABoardThatCannotBeMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &board{}
		broken := errors.New("it cannot be made")
		going := make(chan struct{})
		var looking sync.WaitGroup
		looking.Go(func() {
			_, err := b.read(t.Context(), func() int64 { return 0 }, func() ([]byte, error) {
				<-going
				return nil, broken
			})
			assert.ErrorIs(t, err, broken)
		})
		synctest.Wait()
		looking.Go(func() {
			text, err := b.read(t.Context(), func() int64 { return 0 }, func() ([]byte, error) { return []byte("made"), nil })
			assert.NoError(t, err)
			assert.Equal(t, "made", string(text))
		})
		gone, leave := context.WithCancel(t.Context())
		looking.Go(func() {
			_, err := b.read(gone, func() int64 { return 0 }, func() ([]byte, error) { return nil, broken })
			assert.ErrorIs(t, err, application.ErrUnavailable)
		})
		synctest.Wait()
		leave()
		synctest.Wait()
		close(going)
		looking.Wait()
		_, err := b.read(gone, func() int64 { return 1 }, func() ([]byte, error) { return nil, broken })
		require.ErrorIs(t, err, application.ErrUnavailable, "it may not be made yet")
		time.Sleep(boardPace)
	})
}

func TestBoardsAreKeptForSomeSellers(t *testing.T) {
	t.Parallel()
	all := &boards{}
	of := func(seller int) application.Actor {
		return application.Actor{SellerID: fmt.Sprint("seller_", seller), Role: application.Viewer}
	}
	first := all.board(of(0))
	assert.Same(t, first, all.board(of(0)))
	owner := of(0)
	owner.Role = application.Owner
	assert.NotSame(t, first, all.board(owner), "an owner sees more")
	for i := range mostBoards {
		all.board(of(i + 1))
	}
	assert.LessOrEqual(t, len(all.of), mostBoards)
	assert.NotSame(t, first, all.board(of(0)))
}
