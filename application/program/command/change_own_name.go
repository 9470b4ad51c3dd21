package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/partner"
)

// ChangeOwnName changes the name of the partner whose session has the token.
type ChangeOwnName struct {
	Token, Name, Surname string

	Seen time.Time // when what was seen had been changed last; zero: it is changed whatever it is
}

// Needs implements application.Message.
func (ChangeOwnName) Needs() application.Scope { return application.Visitor }

// ChangeOwnNameHandler handles ChangeOwnName.
type ChangeOwnNameHandler struct {
	program.Deps
	Portal program.PortalReader
}

// Handle implements bus.Handler. Errors: program.ErrTokenUnknown, partner.ErrNotFound, application.ErrChangedMeanwhile, fault.ErrValidation.
func (h ChangeOwnNameHandler) Handle(ctx context.Context, c ChangeOwnName) (struct{}, error) {
	actor, own, err := ownActor(ctx, h.Portal, h.Clock, c.Token)
	if err != nil {
		return struct{}{}, err
	}
	now := h.Clock.Now()
	return struct{}{}, h.Work.Do(ctx, func(ctx context.Context, tx program.Tx) error {
		_, err := changePartner(ctx, tx, actor, own, func(p *partner.Partner) error {
			was := p.Snapshot().UpdatedAt
			err := p.Rename(c.Name, c.Surname, now)
			if err == nil && p.Version() != p.StoredVersion() { // a form that is sent twice changes nothing the second time
				err = application.CheckSeen(c.Seen, was)
			}
			return err
		})
		return err
	})
}
