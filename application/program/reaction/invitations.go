// Package reaction holds the reactions of the partner program to events: one file a reaction.
//
// Stability: unsupported; it may change at any time.
package reaction

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	programcommand "github.com/leadmill/leadmill/application/program/command"
)

// Invitations is the name of the reaction that NewInvitations returns.
const Invitations = "invitations"

// NewInvitations returns the reaction that queues the mail to an invited partner, after partner.invited.v1, and to one that signed up by itself and is
// approved, after partner.approved.v1.
func NewInvitations(queue bus.Handler[programcommand.QueueInvitation, struct{}]) application.Reactor {
	return invitations{queue}
}

type invitations struct {
	queue bus.Handler[programcommand.QueueInvitation, struct{}]
}

// React implements application.Reactor.
func (r invitations) React(ctx context.Context, e application.StoredEvent) error {
	var about struct {
		PartnerID string `json:"partner_id"`
	}
	if err := json.Unmarshal(e.Payload, &about); err != nil {
		return fmt.Errorf("read %s: %w", e.Type, err)
	}
	_, err := r.queue.Handle(ctx, programcommand.QueueInvitation{
		EventID: e.ID, SellerID: e.SellerID, PartnerID: about.PartnerID, Approved: e.Type == (eventsv1.PartnerApproved{}).Type(),
	})
	return err
}
