package command

import (
	"context"
	"errors"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/seller"
)

// SwitchSeller opens the pages of another of the actor's sellers, named by its code, in the session of Cookie.
type SwitchSeller struct {
	application.Actor

	Cookie string
	Code   string
}

// Needs implements application.Message.
func (SwitchSeller) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding: the role with the other seller counts there.
func (SwitchSeller) NeedsRole() operator.Role { return operator.Anybody }

// Unaudited implements application.Unaudited.
func (SwitchSeller) Unaudited() {}

// SwitchSellerHandler handles SwitchSeller.
type SwitchSellerHandler struct {
	account.Deps
	Reader account.PersonReader
}

// Handle implements bus.Handler. Errors: seller.ErrNotFound, also for one that is not the person's; account.ErrSignedOut.
func (h SwitchSellerHandler) Handle(ctx context.Context, c SwitchSeller) (struct{}, error) {
	signed, err := h.Reader.SessionByHash(ctx, account.PersonTokenHash(c.Cookie))
	if errors.Is(err, operator.ErrNotFound) || err == nil && (signed.PersonID != c.PersonID || signed.Half) {
		err = account.ErrSignedOut
	}
	if err != nil {
		return struct{}{}, err
	}
	for _, of := range signed.Sellers {
		if of.Seller.Code != c.Code {
			continue
		}
		return struct{}{}, h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
			ended, err := tx.PersonSessions().Open(ctx, signed.Hash, of.Seller.ID)
			if err == nil && ended {
				err = account.ErrSignedOut
			}
			return err
		})
	}
	return struct{}{}, seller.ErrNotFound
}
