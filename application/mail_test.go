package application_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/application"
)

// A mail is tried again for about two days, each time later, and not at all when it was refused for good.
func TestMailRetry(t *testing.T) {
	t.Parallel()
	var waited, last time.Duration
	attempts := 0
	for ; ; attempts++ {
		pause, ok := application.MailRetry(attempts, application.ErrUnavailable)
		if !ok {
			break
		}
		assert.Greater(t, pause, last)
		waited, last = waited+pause, pause
	}
	assert.Equal(t, 11, attempts)
	assert.InDelta(t, 48, waited.Hours(), 2)
	_, ok := application.MailRetry(0, application.ErrMailRefused)
	assert.False(t, ok)
}
