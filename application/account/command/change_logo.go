package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/seller"
)

// ChangeLogo changes the picture that stands for the actor's seller on the pages of its partners and buyers. An empty Image removes it.
type ChangeLogo struct {
	application.Actor

	Image []byte
}

// Needs implements application.Message.
func (ChangeLogo) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding.
func (ChangeLogo) NeedsRole() operator.Role { return operator.Owner }

// ChangeLogoHandler handles ChangeLogo.
type ChangeLogoHandler struct{ account.Deps }

// Handle implements bus.Handler. Errors: fault.ErrValidation of logo.
func (h ChangeLogoHandler) Handle(ctx context.Context, c ChangeLogo) (struct{}, error) {
	if len(c.Image) == 0 {
		return struct{}{}, h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error { return tx.Logos().Remove(ctx, c.Actor.SellerID) })
	}
	var v fault.Violations
	logo, err := seller.ParseLogo(c.Image)
	v.AddErr("logo", err)
	if err := v.Err(); err != nil {
		return struct{}{}, err
	}
	return struct{}{}, h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error { return tx.Logos().Put(ctx, c.Actor.SellerID, logo) })
}
