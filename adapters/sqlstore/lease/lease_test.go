package lease_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
)

// What an instance leaves when it is killed goes on elsewhere within 10 seconds: when its lease is over, and somebody looks. An owner that misses one
// renewal keeps its lease.
func TestAnotherInstanceGoesOnWithinTenSeconds(t *testing.T) {
	t.Parallel()
	c := lease.Config{}.WithDefaults()
	require.LessOrEqual(t, c.TTL+c.Retry, 10*time.Second)
	require.Greater(t, c.TTL, 2*c.Renew)
}
