package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
)

// DeleteLead removes a form lead from every list and erases its personal data.
type DeleteLead struct {
	application.Actor

	Number int64
	Once   application.Once[struct{}]
}

// Needs implements application.Message.
func (DeleteLead) Needs() application.Scope { return application.Program }

// DeleteLeadHandler handles DeleteLead.
type DeleteLeadHandler struct{ program.Deps }

// Handle implements bus.Handler. Errors: lead.ErrNotFound, lead.ErrReserved.
func (h DeleteLeadHandler) Handle(ctx context.Context, c DeleteLead) (application.Done, error) {
	now := h.Clock.Now()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (struct{}, error) {
		l, err := tx.FormLeads().LockByNumber(ctx, c.Actor.SellerID, c.Number)
		if err != nil {
			return struct{}{}, err
		}
		if err := l.Delete(now); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, tx.FormLeads().Save(ctx, l)
	})
}
