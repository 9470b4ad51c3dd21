package ratelimit

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/domain/seller"
)

func TestCheckRedisURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"redis://127.0.0.1:6379/0", "redis://:secret@redis.internal", "rediss://user:secret@redis.internal:6380/2", "unix:///run/redis.sock"} {
		require.NoError(t, CheckRedisURL(url), url)
	}
	for _, url := range []string{"", "127.0.0.1:6379", "http://u:secret@redis", "redis://u:secret@redis:port", "redis://u:secret@redis/x", "redis://u:secret@redis/0?unknown=1", "redis://u:se cret@redis"} {
		err := CheckRedisURL(url)
		require.Error(t, err, url)
		assert.NotContains(t, err.Error(), "secret@", url)
		_, err = NewRedis(url, clock.NewManual(time.Time{}), slog.New(slog.DiscardHandler))
		require.Error(t, err, url)
	}
}

// Where nothing listens, limits are those of the instance, at once and told once.
func TestRedisAwayIsMemory(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	var log bytes.Buffer
	at := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	hands := clock.NewManual(at)
	r, err := NewRedis("redis://:secret@"+l.Addr().String(), hands, slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	limit := seller.RateLimit{Requests: 2, Window: time.Minute}
	for i, want := range []bool{true, true, false, false} {
		state := r.Take("key:1", limit)
		assert.Equal(t, want, state.Allowed, i)
		assert.Equal(t, at.Add(time.Minute), state.ResetAt)
	}
	assert.Equal(t, int64(0), r.Peek("key:1", limit).Remaining)
	assert.True(t, r.Take("key:2", limit).Allowed)
	assert.True(t, r.Take("key:1", seller.RateLimit{}).Allowed, "no limit")
	assert.False(t, r.Shared())
	hands.Advance(time.Minute)
	assert.True(t, r.Take("key:1", limit).Allowed)
	require.NoError(t, r.Close())
	assert.Equal(t, 1, strings.Count(log.String(), "\n"), log.String())
	assert.Contains(t, log.String(), "level=WARN")
	assert.NotContains(t, log.String(), "secret")
	assert.True(t, r.Take("key:3", limit).Allowed, "what still comes at the end")
}
