package events

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
)

// one is a subscriber with one message, which says what became of it.
type one struct {
	Subscriber

	refused chan struct{}
}

func (s one) Close() error { return nil }

func (s one) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	out := make(chan *message.Message)
	go func() {
		defer close(out)
		m := message.NewMessage("evt_1", nil)
		m.SetContext(ctx)
		out <- m
		<-m.Nacked()
		close(s.refused)
		<-ctx.Done()
	}()
	return out, nil
}

func TestTheRouterLeavesFailuresToTheSubscriber(t *testing.T) {
	t.Parallel()
	var logs strings.Builder
	subscriber := one{refused: make(chan struct{})}
	reaction := application.Reaction{Name: "crm", Handler: application.ReactorFunc(func(context.Context, application.StoredEvent) error {
		return errors.New("the CRM answered 422")
	})}
	pass := func(next message.HandlerFunc) message.HandlerFunc { return next }
	router, err := NewRouter([]Subscription{{reaction, subscriber}}, pass, slog.New(slog.NewTextHandler(&logs, nil)))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- router.Run(ctx) }()
	<-subscriber.refused
	stop()
	require.NoError(t, <-ended)
	assert.Empty(t, logs.String())
	newRouterLog(slog.New(slog.NewTextHandler(&logs, nil))).With(nil).Error("Closing failed", errors.New("x"), nil)
	assert.Contains(t, logs.String(), "Closing failed")
}
