package application_test

import (
	"bytes"
	"context"
	"log/slog"
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

// A mail that was cut off because the instance stops is told by nobody: it is sent when another one goes on. One that is given up is.
func TestUnsentMailsAreTold(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	ctx, stop := context.WithCancel(t.Context())
	cutOff := application.ErrUnavailable.Because(context.Canceled)
	tell := func(unsent ...application.UnsentMail) string {
		log.Reset()
		application.LogUnsentMails(ctx, slog.New(slog.NewTextHandler(&log, nil)), "invitation", unsent)
		return log.String()
	}
	assert.Contains(t, tell(application.UnsentMail{EventID: "evt_1", Err: cutOff}), "evt_1", "nothing stops yet")
	stop()
	assert.Empty(t, tell(application.UnsentMail{EventID: "evt_1", Err: cutOff}))
	assert.Contains(t, tell(application.UnsentMail{EventID: "evt_2", Err: cutOff, GivenUp: true}), "given up")
	assert.Contains(t, tell(application.UnsentMail{EventID: "evt_3", Err: application.ErrUnavailable}), "evt_3")
}
