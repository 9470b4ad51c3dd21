package command

import (
	"context"
	"errors"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
)

// CreatePartner makes an active partner of the actor's seller. ID, Key and Password are made when empty.
type CreatePartner struct {
	application.Actor

	ID, Key, Email, Name, Surname, Password string
	Tags                                    []string
	Referring                               application.PartnerHandle
	Once                                    Once[query.Partner]
}

// CreatePartnerHandler handles CreatePartner.
type CreatePartnerHandler struct {
	Deps
	Secrets application.Secrets
	Hasher  application.PasswordHasher
}

// Handle implements bus.Handler. Errors: partner.Taken, partner.ErrUnknownReferring, validation.
func (h CreatePartnerHandler) Handle(ctx context.Context, c CreatePartner) (Done, error) {
	now := h.Clock.Now()
	r := partner.Registration{ID: c.ID, Key: c.Key, Email: c.Email, Name: c.Name, Surname: c.Surname, Tags: c.Tags}
	if r.ID == "" {
		r.ID = h.IDs.New("partner")
	}
	if r.Key == "" {
		r.Key = h.Secrets.New()[:12]
	}
	password := c.Password
	var passwordErr error
	if password == "" {
		// The suffix makes the random text pass the rule for passwords.
		password = h.Secrets.New() + "aA1"
	} else {
		passwordErr = partner.CheckPassword(password)
	}
	// A first look at the rest spares the slow hash, which is taken outside the transaction.
	if _, err := partner.Register(c.Actor.SellerID, r, now); err != nil || passwordErr != nil {
		return Done{}, together("password", passwordErr, err)
	}
	hash, err := h.Hasher.Hash(password)
	if err != nil {
		return Done{}, err
	}
	r.PasswordHash = hash
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.Partner, error) {
		if c.Referring != (application.PartnerHandle{}) {
			referring, err := findPartner(ctx, tx, c.Actor.SellerID, c.Referring, partner.ErrUnknownReferring)
			if err != nil {
				return query.Partner{}, err
			}
			r.ReferringPartnerID = referring.ID()
		}
		p, err := partner.Register(c.Actor.SellerID, r, now)
		if err != nil {
			return query.Partner{}, err
		}
		if err := tx.Partners().Add(ctx, p); err != nil {
			return query.Partner{}, err
		}
		return query.PartnerOf(p.Snapshot()), nil
	})
}

// findPartner answers missing when the handle names nobody: in a body an unknown partner is 400, not 404.
func findPartner(ctx context.Context, tx application.Tx, sellerID string, handle application.PartnerHandle, missing *fault.Error) (*partner.Partner, error) {
	p, err := tx.Partners().Find(ctx, sellerID, handle)
	if errors.Is(err, partner.ErrNotFound) {
		return nil, missing
	}
	return p, err
}
