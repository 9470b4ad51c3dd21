// Package events is the port for events of the log: a watermill router passes them to reactions.
//
// Stability: unsupported; it may change at any time.
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

// Subscription is a reaction with the subscriber that delivers its types of events from the log.
type Subscription struct {
	Reaction   application.Reaction
	Subscriber message.Subscriber
}

// reactPatience is how long a reaction may take for one event. Shutting down does not cancel a reaction that has begun.
const reactPatience = time.Minute

// NewRouter returns a router that passes events to their reactions. carry is the event log's middleware: it passes a
// reaction's error on to the subscriber, which must know whether the error counts as an attempt. NewRouter fails when
// watermill refuses the configuration.
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
