package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
)

// UpdatePartner changes what is said about a partner. Nil members keep what is there; Password is empty to keep it.
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

// Check returns which members are at fault whatever is stored.
func (c UpdatePartner) Check() error {
	return fault.Together("password", checkPassword(c.Password), c.Details.Check())
}

// UpdatePartnerHandler handles UpdatePartner.
type UpdatePartnerHandler struct {
	program.Deps
	Hasher application.PasswordHasher
}

// Handle implements bus.Handler. Errors: partner.ErrNotFound, partner.ErrUnknownReferring, partner.Taken, validation with
// partner.ErrCircle.
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
			// The seller's lock keeps two changes from closing a circle together.
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
		case before.EmailKey != after.EmailKey: // whoever has the old address must not come in by what was mailed there
			err = tx.Tokens().RevokeOfPartner(ctx, c.Actor.SellerID, updated.ID)
		case details.PasswordHash != nil:
			err = tx.Tokens().RevokeOfPartner(ctx, c.Actor.SellerID, updated.ID, program.SignInToken, program.SessionToken)
		}
		return updated, err
	})
}
