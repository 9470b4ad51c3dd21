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

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
)

// Topic is the one topic of the event log.
const Topic = "events"

// Subscriber delivers the events of a reaction from the log.
type Subscriber interface {
	message.Subscriber
	// Prepare stores where a reaction that is new begins. It fails with application.ErrUnavailable.
	Prepare(ctx context.Context) error
	// Retry asks that the parked events be delivered again and returns how many there are. It fails with
	// application.ErrUnavailable.
	Retry(ctx context.Context) (int, error)
}

// Subscription is a reaction with the subscriber that delivers its types of events from the log.
type Subscription struct {
	Reaction   application.Reaction
	Subscriber Subscriber
}

// Prepare stores where each reaction that is new begins. Call it before the first request is taken, so that a reaction from
// the log's head misses nothing that happens afterwards. It fails with application.ErrUnavailable.
func Prepare(ctx context.Context, subscriptions []Subscription) error {
	for _, s := range subscriptions {
		if err := s.Subscriber.Prepare(ctx); err != nil {
			return fmt.Errorf("prepare the reaction %s: %w", s.Reaction.Name, err)
		}
	}
	return nil
}

// reactPatience is how long a reaction may take for one event. A shutdown leaves it the time that the subscriber gives.
const reactPatience = time.Minute

// NewRouter returns a router that passes events to their reactions. carry is the event log's middleware: it passes a
// reaction's error on to the subscriber, which must know whether the error counts as an attempt. NewRouter fails when
// watermill refuses the configuration.
func NewRouter(subscriptions []Subscription, carry message.HandlerMiddleware, logger *slog.Logger) (*message.Router, error) {
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: 10 * time.Second},
		newRouterLog(logger))
	if err != nil {
		return nil, fmt.Errorf("make the event router: %w", err)
	}
	router.AddMiddleware(carry)
	for _, s := range subscriptions {
		router.AddConsumerHandler(s.Reaction.Name, Topic, s.Subscriber, func(m *message.Message) error {
			e := application.EventOfMessage(m.UUID, m.Metadata, m.Payload)
			ctx, cancel := context.WithTimeout(m.Context(), reactPatience)
			defer cancel()
			trail := application.Trail{CorrelationID: e.Trail.CorrelationID, CausationID: e.ID, Traceparent: e.Trail.Traceparent}
			return react(application.WithTrail(ctx, trail), s.Reaction, e, logger)
		})
	}
	return router, nil
}

// routerLog is what the router logs, without the failures of reactions: the subscriber logs these, with the event and whether it is
// tried again.
type routerLog struct{ watermill.LoggerAdapter }

func newRouterLog(logger *slog.Logger) watermill.LoggerAdapter {
	// The router's own Info lines are about its wiring, which is fixed.
	return routerLog{watermill.NewSlogLoggerWithLevelMapping(logger, map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug})}
}

// Error implements watermill.LoggerAdapter.
func (l routerLog) Error(msg string, err error, fields watermill.LogFields) {
	if msg != "Handler returned error" {
		l.LoggerAdapter.Error(msg, err, fields)
	}
}

// With implements watermill.LoggerAdapter.
func (l routerLog) With(fields watermill.LogFields) watermill.LoggerAdapter {
	return routerLog{l.LoggerAdapter.With(fields)}
}

// react turns a panic into an error whose text does not hold the value of the panic, which may be personal.
func react(ctx context.Context, r application.Reaction, e application.StoredEvent, logger *slog.Logger) (err error) {
	defer func() {
		if value := recover(); value != nil {
			panicked := bus.Panicked(value)
			logger.ErrorContext(ctx, "event log: panic", slog.String("consumer", r.Name), slog.String("event_id", e.ID),
				slog.String("stack", string(panicked.Stack)))
			err = panicked
		}
	}()
	return r.Handler.React(ctx, e)
}
