package application_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
)

func TestInFlightLetsOneRequestOfAKeyAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := application.NewInFlight()
		release, err := f.Enter(t.Context(), "key", "a")
		require.NoError(t, err)

		entered := make(chan struct{})
		go func() {
			release, err := f.Enter(t.Context(), "key", "a")
			if assert.NoError(t, err) {
				close(entered)
				release()
			}
		}()
		synctest.Wait()
		select {
		case <-entered:
			t.Fatal("two requests of one key are in flight")
		default:
		}
		release()
		<-entered
	})
}

func TestInFlightKeepsKeysApart(t *testing.T) {
	t.Parallel()
	f := application.NewInFlight()
	for _, id := range [][2]string{{"key", "a"}, {"key", "b"}, {"other", "a"}, {"ke", "ya"}} {
		release, err := f.Enter(t.Context(), id[0], id[1])
		require.NoError(t, err)
		defer release()
	}
}

func TestInFlightGivesUpAfterFiveSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := application.NewInFlight()
		release, err := f.Enter(t.Context(), "key", "a")
		require.NoError(t, err)
		defer release()
		started := time.Now()
		_, err = f.Enter(t.Context(), "key", "a")
		require.ErrorIs(t, err, application.ErrInProgress)
		require.Equal(t, 5*time.Second, time.Since(started))
	})
}

func TestInFlightEndsWithTheRequest(t *testing.T) {
	t.Parallel()
	f := application.NewInFlight()
	release, err := f.Enter(t.Context(), "key", "a")
	require.NoError(t, err)
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = f.Enter(ctx, "key", "a")
	require.ErrorIs(t, err, application.ErrInProgress)
}
