package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/partner"
)

// RejectPartner rejects a pending partner and revokes its tokens, so that no session, sign-in link or invitation opens its
// page.
type RejectPartner struct {
	application.Actor

	Handle application.PartnerHandle
	Once   application.Once[programquery.Partner]
}

// Needs implements application.Message.
func (RejectPartner) Needs() application.Scope { return application.Program }

// RejectPartnerHandler handles RejectPartner.
type RejectPartnerHandler struct{ program.Deps }

// Handle implements bus.Handler. Errors: partner.ErrNotFound, partner.ErrAction for a partner that is not pending.
func (h RejectPartnerHandler) Handle(ctx context.Context, c RejectPartner) (application.Done, error) {
	now := h.Clock.Now()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (programquery.Partner, error) {
		p, err := changePartner(ctx, tx, c.Actor, c.Handle, func(p *partner.Partner) error { return p.Reject(now) })
		if err != nil {
			return programquery.Partner{}, err
		}
		return p, tx.Tokens().RevokeOfPartner(ctx, c.Actor.SellerID, p.ID)
	})
}
