package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/partner"
)

// ChangeOwnName changes the name of the partner whose session has the token.
type ChangeOwnName struct{ Token, Name, Surname string }

// Needs implements application.Message.
func (ChangeOwnName) Needs() application.Scope { return application.Visitor }

// ChangeOwnNameHandler handles ChangeOwnName.
type ChangeOwnNameHandler struct {
	program.Deps
	Portal program.PortalReader
}

// Handle implements bus.Handler. Errors: program.ErrTokenUnknown, partner.ErrNotFound, fault.ErrValidation.
func (h ChangeOwnNameHandler) Handle(ctx context.Context, c ChangeOwnName) (struct{}, error) {
	actor, own, err := ownActor(ctx, h.Portal, h.Clock, c.Token)
	if err != nil {
		return struct{}{}, err
	}
	now := h.Clock.Now()
	return struct{}{}, h.Work.Do(ctx, func(ctx context.Context, tx program.Tx) error {
		_, err := changePartner(ctx, tx, actor, own, func(p *partner.Partner) error { return p.Rename(c.Name, c.Surname, now) })
		return err
	})
}
