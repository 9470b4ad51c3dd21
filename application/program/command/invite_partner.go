package command

import (
	"context"
	"errors"
	"slices"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
)

// InvitePartner invites somebody to become a partner; the mail is sent after the commit. Inviting a partner again that has
// not accepted yet sends another mail.
type InvitePartner struct {
	application.Actor

	Email, Name, Surname string
	Once                 application.Once[programquery.Partner]
}

// Needs implements application.Message.
func (InvitePartner) Needs() application.Scope { return application.Program }

// Check returns fault.ErrValidation with the members at fault, without looking at stored data, or nil.
func (c InvitePartner) Check() error {
	return c.registration().CheckInvitation()
}

func (c InvitePartner) registration() partner.Registration {
	return partner.Registration{Email: c.Email, Name: c.Name, Surname: c.Surname}
}

// InvitePartnerHandler handles InvitePartner.
type InvitePartnerHandler struct {
	program.Deps
	Secrets application.Secrets
}

// Handle implements bus.Handler. Errors: partner.Taken("email") for the email of a partner that cannot be invited again,
// fault.ErrValidation.
func (h InvitePartnerHandler) Handle(ctx context.Context, c InvitePartner) (application.Done, error) {
	now := h.Clock.Now()
	if err := c.Check(); err != nil {
		return application.Done{}, err
	}
	r := c.registration()
	handles(&r, h.IDs, h.Secrets)
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (programquery.Partner, error) {
		again := func() (programquery.Partner, error) {
			return changePartner(ctx, tx, c.Actor, application.PartnerHandle{Email: c.Email}, func(p *partner.Partner) error {
				return p.InviteAgain(now)
			})
		}
		if known, err := again(); !errors.Is(err, partner.ErrNotFound) {
			return known, err
		}
		p, err := partner.Invite(c.Actor.SellerID, r, now)
		if err != nil {
			return programquery.Partner{}, err
		}
		err = tx.Partners().Add(ctx, p)
		if refused := fault.As(err); refused != nil && slices.Contains(refused.Fields(), "email") {
			// Another request invited the same email since the first look.
			known, err := again()
			if errors.Is(err, partner.ErrNotFound) {
				err = refused
			}
			return known, err
		}
		if err != nil {
			return programquery.Partner{}, err
		}
		return programquery.PartnerOf(p.Snapshot()), nil
	})
}
