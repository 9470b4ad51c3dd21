package leadmill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSinceTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)
	for since, want := range map[string]time.Time{
		"2026-05-02": time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC), "2026-05-02T16:00:00+02:00": time.Date(2026, 5, 2, 14, 0, 0, 0, time.UTC),
		"36h": time.Date(2026, 5, 9, 0, 0, 0, 0, time.UTC), "7d": time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC), "0s": now,
	} {
		at, err := sinceTime(since, now)
		require.NoError(t, err, since)
		require.True(t, want.Equal(at), "%s: %s", since, at)
	}
	for _, since := range []string{"", "yesterday", "-5", "-1h", "-7d", "d", "2026-13-01", "1.5d"} {
		_, err := sinceTime(since, now)
		require.Error(t, err, since)
	}
}
