package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
)

// AcceptInvitation accepts an invitation: the partner chooses its password, may accept the terms, and is signed in.
type AcceptInvitation struct {
	Token, Password string
	TermsAccepted   bool
}

// Needs implements application.Message.
func (AcceptInvitation) Needs() application.Scope { return application.Visitor }

// AcceptInvitationHandler handles AcceptInvitation.
type AcceptInvitationHandler struct {
	program.Deps
	Secrets application.Secrets
	Hasher  application.PasswordHasher
	Portal  program.PortalReader
}

// Handle implements bus.Handler. Errors: program.ErrTokenUnknown, partner.ErrInvitation, fault.ErrValidation of "password".
func (h AcceptInvitationHandler) Handle(ctx context.Context, c AcceptInvitation) (Session, error) {
	now, hash := h.Clock.Now(), program.TokenHash(c.Token)
	// The token is checked first, so that nobody can make this process hash passwords without a token.
	open, err := h.Portal.TokenOf(ctx, hash, program.InvitationToken, now)
	if err != nil {
		return Session{}, err
	}
	var v fault.Violations
	v.AddErr("password", partner.CheckPassword(c.Password))
	if err := v.Err(); err != nil {
		return Session{}, err
	}
	password, err := h.Hasher.Hash(c.Password)
	if err != nil {
		return Session{}, err
	}
	session := Session{h.Secrets.New(), now.Add(SessionLife)}
	err = h.Work.Do(ctx, func(ctx context.Context, tx program.Tx) error {
		p, err := program.FindPartner(ctx, tx.Partners().Lock, open.SellerID, application.PartnerHandle{ID: open.PartnerID}, program.ErrTokenUnknown)
		if err != nil {
			return err
		}
		if _, err := tx.Tokens().Consume(ctx, hash, program.InvitationToken, now); err != nil {
			return err
		}
		owner, err := tx.Sellers().Get(ctx, p.SellerID())
		if err != nil {
			return err
		}
		if err := p.Join(password, c.TermsAccepted, !owner.Program().ManualApproval, now); err != nil {
			return err
		}
		if err := tx.Partners().Save(ctx, p); err != nil {
			return err
		}
		if err := tx.Tokens().RevokeOfPartner(ctx, p.SellerID(), p.ID(), program.InvitationToken); err != nil {
			return err
		}
		return openSession(ctx, tx, p, session)
	})
	if err != nil {
		return Session{}, err
	}
	return session, nil
}
