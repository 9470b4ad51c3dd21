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

// Invitations queues the mail to an invited partner.
type Invitations struct {
	Queue bus.Handler[programcommand.QueueInvitation, struct{}]
}

// Name implements application.Reaction.
func (Invitations) Name() string { return "invitations" }

// Types implements application.Reaction.
func (Invitations) Types() []string { return []string{eventsv1.PartnerInvited{}.Type()} }

// React implements application.Reaction.
func (r Invitations) React(ctx context.Context, e application.StoredEvent) error {
	var invited eventsv1.PartnerInvited
	if err := json.Unmarshal(e.Payload, &invited); err != nil {
		return fmt.Errorf("read %s: %w", e.Type, err)
	}
	_, err := r.Queue.Handle(ctx, programcommand.QueueInvitation{EventID: e.ID, SellerID: e.SellerID, PartnerID: invited.PartnerID})
	return err
}
