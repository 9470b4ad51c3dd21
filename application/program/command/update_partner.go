package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
)

// UpdatePartner changes a partner's details. A nil member, an empty Password and an empty Referring keep the stored value.
type UpdatePartner struct {
	application.Actor

	Handle    application.PartnerHandle
	Details   partner.Details
	Password  string
	Referring application.PartnerHandle
	Once      application.Once[programquery.Partner]
}

// Needs implements application.Message.
func (UpdatePartner) Needs() application.Scope { return application.Program }

// Check returns fault.ErrValidation with the members at fault, without looking at stored data, or nil.
func (c UpdatePartner) Check() error {
	return fault.Together("password", checkPassword(c.Password), c.Details.Check())
}

// UpdatePartnerHandler handles UpdatePartner.
type UpdatePartnerHandler struct {
	program.Deps
	Hasher application.PasswordHasher
}

// Handle implements bus.Handler. Errors: partner.ErrNotFound, partner.ErrUnknownReferring, partner.Taken,
// fault.ErrValidation, with partner.ErrCircle among its violations.
func (h UpdatePartnerHandler) Handle(ctx context.Context, c UpdatePartner) (application.Done, error) {
	now := h.Clock.Now()
	passwordErr := checkPassword(c.Password)
	if c.Password != "" && passwordErr == nil {
		hash, err := h.Hasher.Hash(c.Password)
		if err != nil {
			return application.Done{}, err
		}
		c.Details.PasswordHash = &hash
	}
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (programquery.Partner, error) {
		details := c.Details
		if c.Referring != (application.PartnerHandle{}) {
			// The seller is locked, so that two changes at the same time cannot close a circle.
			if _, err := tx.Sellers().Lock(ctx, c.Actor.SellerID); err != nil {
				return programquery.Partner{}, err
			}
			referring, err := program.FindPartner(ctx, tx.Partners().Find, c.Actor.SellerID, c.Referring, partner.ErrUnknownReferring)
			if err != nil {
				return programquery.Partner{}, err
			}
			chain, err := tx.Partners().Chain(ctx, c.Actor.SellerID, referring.ID())
			if err != nil {
				return programquery.Partner{}, err
			}
			details.Referring = &partner.Lineage{ID: referring.ID(), Chain: chain}
		}
		var before, after partner.Snapshot
		updated, err := changePartner(ctx, tx, c.Actor, c.Handle, func(p *partner.Partner) error {
			before = p.Snapshot()
			err := fault.Together("password", passwordErr, p.Update(details, now))
			after = p.Snapshot()
			return err
		})
		if err != nil {
			return programquery.Partner{}, err
		}
		switch {
		case before.EmailKey != after.EmailKey: // whoever reads the old address must not get in by a link mailed there
			err = tx.Tokens().RevokeOfPartner(ctx, c.Actor.SellerID, updated.ID)
		case details.PasswordHash != nil:
			err = tx.Tokens().RevokeOfPartner(ctx, c.Actor.SellerID, updated.ID, program.SignInToken, program.SessionToken)
		}
		return updated, err
	})
}
