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
		eventsv1.LeadPending{}.Type(), // of a form lead, which is offered by this reaction first
	}
}

// InvitationTypes are the types after which a mail goes out to somebody who was invited.
func InvitationTypes() []string { return []string{eventsv1.PartnerInvited{}.Type()} }

// Reactions are what the router wires: to each command a subscriber of the event log that delivers its types.
type Reactions struct {
	// Middleware carries a handler's error to the subscriber, which must know whether waiting helps.
	Middleware      message.HandlerMiddleware
	MatchPending    bus.Handler[command.MatchPending, command.Matched]
	OnMatchPending  message.Subscriber // MatchPendingTypes
	QueueInvitation bus.Handler[command.QueueInvitation, struct{}]
	OnInvitation    message.Subscriber // InvitationTypes
}

// NewRouter wires the reactions.
func NewRouter(r Reactions, logger *slog.Logger) (*message.Router, error) {
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: 10 * time.Second},
		// The router's own Info lines are about its wiring, which is fixed.
		watermill.NewSlogLoggerWithLevelMapping(logger, map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug}))
	if err != nil {
		return nil, fmt.Errorf("make the event router: %w", err)
	}
	router.AddMiddleware(r.Middleware, middleware.Recoverer)
	router.AddConsumerHandler("match-pending", Topic, r.OnMatchPending, func(m *message.Message) error {
		return matchPending(m, r.MatchPending)
	})
	router.AddConsumerHandler("invitations", Topic, r.OnInvitation, func(m *message.Message) error {
		return queueInvitation(m, r.QueueInvitation)
	})
	return router, nil
}

// subject is what the reactions need of any of their events.
type subject struct {
	CampaignID string `json:"campaign_id"`
	BuyerID    string `json:"buyer_id"`
	PartnerID  string `json:"partner_id"`
	LeadID     string `json:"lead_id"`
	Origin     string `json:"origin"`
}

// formOrigin is the origin of leads that a partner submitted through the lead form.
const formOrigin = "form"

func read(m *message.Message) (s subject, err error) {
	if err := json.Unmarshal(m.Payload, &s); err != nil {
		return subject{}, fmt.Errorf("read %s: %w", m.Metadata.Get(MetadataType), err)
	}
	return s, nil
}

// matchPending offers pending leads again. A supplier's lead that became pending was offered a moment ago.
func matchPending(m *message.Message, match bus.Handler[command.MatchPending, command.Matched]) error {
	s, err := read(m)
	if err != nil || s.CampaignID == "" && s.BuyerID == "" || s.LeadID != "" && s.Origin != formOrigin {
		return err
	}
	ctx, cancel := detached(m)
	defer cancel()
	_, err = match.Handle(ctx, command.MatchPending{SellerID: m.Metadata.Get(MetadataSellerID), CampaignID: s.CampaignID, BuyerID: s.BuyerID,
		LeadID: s.LeadID})
	return err
}

func queueInvitation(m *message.Message, queue bus.Handler[command.QueueInvitation, struct{}]) error {
	s, err := read(m)
	if err != nil {
		return err
	}
	ctx, cancel := detached(m)
	defer cancel()
	_, err = queue.Handle(ctx, command.QueueInvitation{EventID: m.UUID, SellerID: m.Metadata.Get(MetadataSellerID), PartnerID: s.PartnerID})
	return err
}

// detached is a context for a reaction that shutting down does not cancel half way.
func detached(m *message.Message) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.Context()), time.Minute)
	return application.WithTrail(ctx, application.Trail{CorrelationID: m.Metadata.Get("correlation_id"), CausationID: m.UUID,
		Traceparent: m.Metadata.Get("traceparent")}), cancel
}
