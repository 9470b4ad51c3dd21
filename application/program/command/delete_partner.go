package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/partner"
)

// DeletePartner erases a partner's personal data, revokes its supplier keys and tokens, and makes it unfindable.
type DeletePartner struct {
	application.Actor

	Handle application.PartnerHandle
	Once   application.Once[struct{}]
}

// Needs implements application.Message.
func (DeletePartner) Needs() application.Scope { return application.Program }

// DeletePartnerHandler handles DeletePartner.
type DeletePartnerHandler struct{ program.Deps }

// Handle implements bus.Handler. Errors: partner.ErrNotFound.
func (h DeletePartnerHandler) Handle(ctx context.Context, c DeletePartner) (application.Done, error) {
	now := h.Clock.Now()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (struct{}, error) {
		p, err := changePartner(ctx, tx, c.Actor, c.Handle, func(p *partner.Partner) error { return p.Delete(now) })
		if err != nil {
			return struct{}{}, err
		}
		if err := tx.Keys().RevokeOfPartner(ctx, c.Actor.SellerID, p.ID, now); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, tx.Tokens().RevokeOfPartner(ctx, c.Actor.SellerID, p.ID)
	})
}
