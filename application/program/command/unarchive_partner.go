package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/partner"
)

// UnarchivePartner makes an archived partner active again, or pending when it was never approved.
type UnarchivePartner struct {
	application.Actor

	Handle application.PartnerHandle
	Once   application.Once[programquery.Partner]
}

// Needs implements application.Message.
func (UnarchivePartner) Needs() application.Scope { return application.Program }

// UnarchivePartnerHandler handles UnarchivePartner.
type UnarchivePartnerHandler struct{ program.Deps }

// Handle implements bus.Handler. Errors: partner.ErrNotFound, partner.ErrAction for a partner that is not archived.
func (h UnarchivePartnerHandler) Handle(ctx context.Context, c UnarchivePartner) (application.Done, error) {
	now := h.Clock.Now()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (programquery.Partner, error) {
		return changePartner(ctx, tx, c.Actor, c.Handle, func(p *partner.Partner) error { return p.Unarchive(now) })
	})
}
