package attempt_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/attempt"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func TestTheSchedule(t *testing.T) {
	t.Parallel()
	for i, pause := range []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	} {
		for _, shake := range []int64{0, 500, attempt.MostShake} {
			next, again := attempt.Next(int64(i+1), attempt.Outcome{Shake: shake}, noon)
			require.True(t, again)
			require.Equal(t, pause+pause/10*time.Duration(shake)/1000, next.Sub(noon), "after attempt %d", i+1)
		}
	}
	_, again := attempt.Next(attempt.Most, attempt.Outcome{}, noon)
	require.False(t, again)
	_, again = attempt.Next(1, attempt.Outcome{Final: true}, noon)
	require.False(t, again)
	for asked, pause := range map[time.Duration]time.Duration{time.Second: 5 * time.Second, time.Hour: time.Hour, 1000 * time.Hour: 24 * time.Hour} {
		next, _ := attempt.Next(1, attempt.Outcome{RetryAfter: asked}, noon)
		require.Equal(t, pause, next.Sub(noon))
	}
}
