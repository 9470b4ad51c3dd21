package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/partner"
)

// ApprovePartner lets a pending or rejected partner take part in the program.
type ApprovePartner struct {
	application.Actor

	Handle application.PartnerHandle
	Once   application.Once[programquery.Partner]
}

// Needs implements application.Message.
func (ApprovePartner) Needs() application.Scope { return application.Program }

// ApprovePartnerHandler handles ApprovePartner.
type ApprovePartnerHandler struct{ program.Deps }

// Handle implements bus.Handler. Errors: partner.ErrNotFound, partner.ErrAction for a partner in any other status.
func (h ApprovePartnerHandler) Handle(ctx context.Context, c ApprovePartner) (application.Done, error) {
	now := h.Clock.Now()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (programquery.Partner, error) {
		return changePartner(ctx, tx, c.Actor, c.Handle, func(p *partner.Partner) error { return p.Approve(now) })
	})
}
