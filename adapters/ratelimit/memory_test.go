package ratelimit_test

import (
	"testing"

	"github.com/leadmill/leadmill/adapters/ratelimit"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	leadmilltest.TestRateLimiter(t, func(_ *testing.T, c application.Clock) application.RateLimiter { return ratelimit.NewMemory(c) })
}
