package command

import (
	"context"
	"errors"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/partner"
)

// QueueInvitation queues the mail to an invited partner, after partner.invited.v1, or with Approved the mail to one that was approved, after
// partner.approved.v1: only to one that signed up by itself. It may come several times for one event and queues one mail.
type QueueInvitation struct {
	EventID, SellerID, PartnerID string
	Approved                     bool
}

// Needs implements application.Message.
func (QueueInvitation) Needs() application.Scope { return application.Internal }

// OfSeller returns whose partner is invited, for interceptors.
func (c QueueInvitation) OfSeller() string { return c.SellerID }

// QueueInvitationHandler handles QueueInvitation.
type QueueInvitationHandler struct {
	Clock  application.Clock
	Queue  program.MailQueue
	Portal program.PortalReader
}

// Handle implements bus.Handler.
func (h QueueInvitationHandler) Handle(ctx context.Context, c QueueInvitation) (struct{}, error) {
	m := program.OutgoingMail{EventID: c.EventID, SellerID: c.SellerID, PartnerID: c.PartnerID}
	if c.Approved {
		m.EventID = program.SignInMail(c.EventID)
		to, err := h.Portal.ContactOf(ctx, c.SellerID, c.PartnerID)
		if errors.Is(err, partner.ErrNotFound) || err == nil && !to.SignedUp {
			return struct{}{}, nil
		}
		if err != nil {
			return struct{}{}, err
		}
	}
	return struct{}{}, h.Queue.AddMail(ctx, m, h.Clock.Now())
}
