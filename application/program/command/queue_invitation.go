package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
)

// QueueInvitation queues the mail to an invited partner, after partner.invited.v1. It may come several times for one event
// and queues one mail.
type QueueInvitation struct {
	EventID, SellerID, PartnerID string
}

// Needs implements application.Message.
func (QueueInvitation) Needs() application.Scope { return application.Internal }

// OfSeller returns whose partner is invited, for interceptors.
func (c QueueInvitation) OfSeller() string { return c.SellerID }

// QueueInvitationHandler handles QueueInvitation.
type QueueInvitationHandler struct {
	Clock application.Clock
	Queue program.MailQueue
}

// Handle implements bus.Handler.
func (h QueueInvitationHandler) Handle(ctx context.Context, c QueueInvitation) (struct{}, error) {
	return struct{}{}, h.Queue.AddMail(ctx, program.OutgoingMail{EventID: c.EventID, SellerID: c.SellerID, PartnerID: c.PartnerID}, h.Clock.Now())
}
