package receiver_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/receiver"
	"github.com/leadmill/leadmill/domain/attempt"
)

func TestTheWindowOfAReceiver(t *testing.T) {
	t.Parallel()
	h := receiver.NewHealth()
	require.Equal(t, receiver.Unknown, h.Standing())
	require.Equal(t, 2, h.Room(0, 8))
	for _, room := range []int{4, 8, 8} {
		h.Succeeded(8)
		require.Equal(t, room, h.Room(0, 8))
	}
	require.Equal(t, receiver.Well, h.Standing())
	require.False(t, h.Failed(0, false, attempt.Timeout))
	require.Equal(t, 4, h.Room(0, 8))
	require.Equal(t, receiver.Failing, h.Standing())
	h.Gently = true
	h.Failed(0, false, attempt.Timeout)
	require.Equal(t, 3, h.Room(0, 8))
	h.Answered()
	require.Equal(t, receiver.Well, h.Standing())
}

func TestADeadReceiverIsProbed(t *testing.T) {
	t.Parallel()
	h := receiver.NewHealth()
	for range receiver.OpenAfter - 1 {
		require.False(t, h.Failed(0, false, attempt.Refused))
	}
	require.False(t, h.Open())
	require.True(t, h.Failed(0, false, attempt.Timeout))
	require.True(t, h.Open())
	require.Equal(t, attempt.Timeout, h.Reason())
	require.False(t, h.Failed(0, false, attempt.Refused), "what was under way says nothing new")
	now := time.Duration(0)
	for _, pause := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second, 5 * time.Minute, 5 * time.Minute} {
		require.Equal(t, pause, h.Pause())
		require.Zero(t, h.Room(now+pause-1, 8))
		now += pause
		require.Equal(t, 1, h.Room(now, 8))
		require.True(t, h.Failed(now, true, attempt.Refused))
	}
	h.Succeeded(8)
	require.False(t, h.Open())
	require.Positive(t, h.Room(now, 8))
	require.True(t, h.Rest(now, time.Second))
	require.False(t, h.Rest(now, time.Millisecond))
	other := receiver.NewHealth()
	other.TriedBefore(1)
	require.Equal(t, receiver.Failing, other.Standing())
}

func TestWhatAnswersMean(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "-7": 0, "x": 0, "99999999999": 366 * 24 * time.Hour,
		"Mon, 02 Nov 2026 12:01:00 GMT": time.Minute, "Mon, 02 Nov 2026 11:01:00 GMT": 0,
	} {
		require.Equal(t, want, receiver.RetryAfter(text, now), text)
	}
	for reason, err := range map[attempt.Reason]error{
		attempt.BadAddress: application.ErrAddressRefused, attempt.Timeout: application.ErrOutboundTimeout, attempt.Unreachable: application.ErrOutboundFailed,
	} {
		require.Equal(t, reason, receiver.ReasonOf(fmt.Errorf("x: %w", err)))
	}
}

// A receiver of which places cannot wait gets all of them from the start, with pauses of its own.
func TestASteadyReceiver(t *testing.T) {
	t.Parallel()
	h := receiver.NewHealth()
	h.OpenAfter, h.FirstPause, h.LongestPause, h.Steady = 2, time.Second, 3*time.Second, true
	require.Equal(t, 64, h.Room(0, 64))
	require.False(t, h.Failed(0, false, attempt.Timeout))
	require.Equal(t, 64, h.Room(0, 64))
	require.True(t, h.Failed(0, false, attempt.Timeout))
	now := time.Duration(0)
	for _, pause := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second} {
		require.Equal(t, pause, h.Pause())
		require.Zero(t, h.Room(now+pause-1, 64))
		now += pause
		require.Equal(t, 1, h.Room(now, 64))
		require.True(t, h.Failed(now, true, attempt.Timeout))
	}
	h.Answered()
	require.Equal(t, 64, h.Room(now, 64))
}
