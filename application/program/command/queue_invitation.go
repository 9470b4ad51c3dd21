package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
)

// QueueInvitation puts the mail to an invited partner among those to be sent. It reacts to partner.invited.v1 and may come
// more than once for one invitation.
type QueueInvitation struct {
	EventID, SellerID, PartnerID string
}

// Needs implements application.Message.
func (QueueInvitation) Needs() application.Scope { return application.Internal }

// QueueInvitationHandler handles QueueInvitation.
type QueueInvitationHandler struct {
	Clock application.Clock
	Queue program.MailQueue
}

// Handle implements bus.Handler.
func (h QueueInvitationHandler) Handle(ctx context.Context, c QueueInvitation) (struct{}, error) {
	return struct{}{}, h.Queue.AddMail(ctx, program.OutgoingMail{EventID: c.EventID, SellerID: c.SellerID, PartnerID: c.PartnerID}, h.Clock.Now())
}
