// Package events is the port through which events come back in: what reacts to them sends commands, through a watermill
// router. Reactions are at-least-once, so every command sent here may be sent again.
package events

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/command"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
)

// The metadata that the event log's subscriber gives a message.
const (
	MetadataType     = "type"
	MetadataSellerID = "seller_id"
)

// Topic is the one topic of the event log.
const Topic = "events"

// MatchPendingTypes are the types after which pending leads may find a buyer (distribution.md, "Pending leads").
func MatchPendingTypes() []string {
	return []string{
		eventsv1.BuyerFunded{}.Type(), eventsv1.BuyerResumed{}.Type(), eventsv1.BuyerUpdated{}.Type(),
		eventsv1.ContractCreated{}.Type(), eventsv1.ContractUpdated{}.Type(), eventsv1.ContractResumed{}.Type(),
		eventsv1.CampaignUpdated{}.Type(), eventsv1.CampaignResumed{}.Type(),
	}
}

// NewRouter wires the reactions to a subscriber of the event log that delivers MatchPendingTypes.
func NewRouter(sub message.Subscriber, match bus.Handler[command.MatchPending, command.Matched], logger *slog.Logger) (*message.Router, error) {
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: 10 * time.Second},
		// The router's own Info lines are about its wiring, which is fixed.
		watermill.NewSlogLoggerWithLevelMapping(logger, map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug}))
	if err != nil {
		return nil, fmt.Errorf("make the event router: %w", err)
	}
	router.AddMiddleware(middleware.Recoverer)
	router.AddConsumerHandler("match-pending", Topic, sub, func(m *message.Message) error {
		return matchPending(m, match)
	})
	return router, nil
}

// subject is what the reaction needs of any of its events.
type subject struct {
	CampaignID string `json:"campaign_id"`
	BuyerID    string `json:"buyer_id"`
}

// matchPending offers pending leads again. It works on a context that shutting down does not cancel half way.
func matchPending(m *message.Message, match bus.Handler[command.MatchPending, command.Matched]) error {
	var s subject
	if err := json.Unmarshal(m.Payload, &s); err != nil {
		return fmt.Errorf("read %s: %w", m.Metadata.Get(MetadataType), err)
	}
	if s.CampaignID == "" && s.BuyerID == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.Context()), time.Minute)
	defer cancel()
	ctx = application.WithTrail(ctx, application.Trail{CorrelationID: m.Metadata.Get("correlation_id"), CausationID: m.UUID,
		Traceparent: m.Metadata.Get("traceparent")})
	_, err := match.Handle(ctx, command.MatchPending{SellerID: m.Metadata.Get(MetadataSellerID), CampaignID: s.CampaignID, BuyerID: s.BuyerID})
	return err
}
