package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/seller"
)

// SubmitOwnLead submits a lead through the lead form for the partner whose session has the token.
type SubmitOwnLead struct {
	Token, Name, Email string
	Answers            []lead.Given
	Once               application.Once[programquery.FormLead]
}

// Needs implements application.Message.
func (SubmitOwnLead) Needs() application.Scope { return application.Visitor }

// SubmitOwnLeadHandler handles SubmitOwnLead.
type SubmitOwnLeadHandler struct {
	SubmitFormLeadHandler
	Portal program.PortalReader
}

// Handle implements bus.Handler. Errors: program.ErrTokenUnknown, those of SubmitFormLeadHandler.
func (h SubmitOwnLeadHandler) Handle(ctx context.Context, c SubmitOwnLead) (application.Done, error) {
	actor, by, err := ownActor(ctx, h.Portal, h.Clock, c.Token)
	if err != nil {
		return application.Done{}, err
	}
	return h.SubmitFormLeadHandler.Handle(ctx, SubmitFormLead{Actor: actor, Name: c.Name, Email: c.Email, Partner: by, Answers: c.Answers, Once: c.Once})
}

// ownActor returns as whom a command is done that the partner of a session sends about itself: program.ErrTokenUnknown. Keys of requests that are done
// once are the partner's own.
func ownActor(ctx context.Context, portal program.PortalReader, clock application.Clock, token string) (application.Actor, application.PartnerHandle, error) {
	t, err := portal.TokenOf(ctx, program.TokenHash(token), program.SessionToken, clock.Now())
	if err != nil {
		return application.Actor{}, application.PartnerHandle{}, err
	}
	return application.Actor{Scope: seller.Program, SellerID: t.SellerID, KeyID: t.PartnerID, PartnerID: t.PartnerID}, application.PartnerHandle{ID: t.PartnerID}, nil
}
