// Package events is the port through which events come back in: it tells reactions of them, through a watermill router.
package events

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"github.com/leadmill/leadmill/application"
)

// Topic is the one topic of the event log.
const Topic = "events"

// Subscription is a reaction with the subscriber of the event log that delivers the types it is told of.
type Subscription struct {
	Reaction   application.Reaction
	Subscriber message.Subscriber
}

// reactPatience is how long one event may take. Shutting down does not cancel a reaction half way.
const reactPatience = time.Minute

// NewRouter returns a router that tells reactions of their events. carry is the middleware of the event log that takes a
// reaction's error to its subscriber, which must know whether waiting helps.
func NewRouter(subscriptions []Subscription, carry message.HandlerMiddleware, logger *slog.Logger) (*message.Router, error) {
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: 10 * time.Second},
		// The router's own Info lines are about its wiring, which is fixed.
		watermill.NewSlogLoggerWithLevelMapping(logger, map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug}))
	if err != nil {
		return nil, fmt.Errorf("make the event router: %w", err)
	}
	router.AddMiddleware(carry, middleware.Recoverer)
	for _, s := range subscriptions {
		router.AddConsumerHandler(s.Reaction.Name(), Topic, s.Subscriber, func(m *message.Message) error {
			e := application.EventOfMessage(m.UUID, m.Metadata, m.Payload)
			ctx, cancel := context.WithTimeout(context.WithoutCancel(m.Context()), reactPatience)
			defer cancel()
			trail := application.Trail{CorrelationID: e.Trail.CorrelationID, CausationID: e.ID, Traceparent: e.Trail.Traceparent}
			return s.Reaction.React(application.WithTrail(ctx, trail), e)
		})
	}
	return router, nil
}
