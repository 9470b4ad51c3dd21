package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/seller"
)

// UpdateSeller changes a seller's details. Its code and currency never change.
type UpdateSeller struct {
	application.Actor

	Code    string
	Details seller.Details
	Once    application.Once[accountquery.Seller]
}

// Needs implements application.Message.
func (UpdateSeller) Needs() application.Scope { return application.Admin }

// UpdateSellerHandler handles UpdateSeller.
type UpdateSellerHandler struct{ account.Deps }

// Handle implements bus.Handler. Errors: seller.ErrNotFound, seller.ErrSlugTaken, fault.ErrValidation.
func (h UpdateSellerHandler) Handle(ctx context.Context, c UpdateSeller) (application.Done, error) {
	now := h.Clock.Now()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx account.Tx) (accountquery.Seller, error) {
		s, err := tx.Sellers().LockByCode(ctx, c.Code)
		if err != nil {
			return accountquery.Seller{}, err
		}
		zoneChanged, err := s.Update(c.Details, now)
		if err != nil {
			return accountquery.Seller{}, err
		}
		if err := tx.Sellers().Save(ctx, s); err != nil {
			return accountquery.Seller{}, err
		}
		if zoneChanged {
			if err := market.Rezone(ctx, tx, s, "", now); err != nil {
				return accountquery.Seller{}, err
			}
		}
		return accountquery.SellerOf(s.Snapshot()), nil
	})
}
