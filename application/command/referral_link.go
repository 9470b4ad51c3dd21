package command

import (
	"context"
	"errors"
	"slices"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/partner"
)

// AddReferralLink gives a partner a further referral key.
type AddReferralLink struct {
	application.Actor

	Partner application.PartnerHandle
	Key     string
	Once    Once[query.ReferralLink]
}

// AddReferralLinkHandler handles AddReferralLink.
type AddReferralLinkHandler struct{ Deps }

// Handle implements bus.Handler. Errors: partner.ErrUnknown, partner.Taken("key"), validation.
func (h AddReferralLinkHandler) Handle(ctx context.Context, c AddReferralLink) (Done, error) {
	now := h.Clock.Now()
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.ReferralLink, error) {
		p, err := changePartner(ctx, tx, c.Actor, c.Partner, func(p *partner.Partner) error { return p.AddLink(c.Key, now) })
		if errors.Is(err, partner.ErrNotFound) {
			return query.ReferralLink{}, partner.ErrUnknown
		}
		return linkOf(p, c.Key), err
	})
}

func linkOf(p query.Partner, key string) query.ReferralLink {
	return query.ReferralLink{Key: key, PartnerID: p.ID, Default: slices.Index(p.Keys, key) == 0}
}

// ChangeReferralLink renames a referral key, which ends the old one for good, or makes it its partner's default.
type ChangeReferralLink struct {
	application.Actor

	Key    string
	Change partner.LinkChange
	Once   Once[query.ReferralLink]
}

// ChangeReferralLinkHandler handles ChangeReferralLink.
type ChangeReferralLinkHandler struct{ Deps }

// Handle implements bus.Handler. Errors: partner.ErrLinkNotFound, partner.Taken("key"), validation.
func (h ChangeReferralLinkHandler) Handle(ctx context.Context, c ChangeReferralLink) (Done, error) {
	now := h.Clock.Now()
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.ReferralLink, error) {
		p, err := changePartner(ctx, tx, c.Actor, application.PartnerHandle{Key: c.Key}, func(p *partner.Partner) error {
			return p.ChangeLink(c.Key, c.Change, now)
		})
		key := c.Key
		if c.Change.Key != nil {
			key = *c.Change.Key
		}
		return linkOf(p, key), asLink(err)
	})
}

// asLink tells of a link what is true of its partner: not found.
func asLink(err error) error {
	if errors.Is(err, partner.ErrNotFound) {
		return partner.ErrLinkNotFound
	}
	return err
}

// RemoveReferralLink ends a referral key for good.
type RemoveReferralLink struct {
	application.Actor

	Key  string
	Once Once[struct{}]
}

// RemoveReferralLinkHandler handles RemoveReferralLink.
type RemoveReferralLinkHandler struct{ Deps }

// Handle implements bus.Handler. Errors: partner.ErrLinkNotFound, partner.ErrLastLink.
func (h RemoveReferralLinkHandler) Handle(ctx context.Context, c RemoveReferralLink) (Done, error) {
	now := h.Clock.Now()
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (struct{}, error) {
		_, err := changePartner(ctx, tx, c.Actor, application.PartnerHandle{Key: c.Key}, func(p *partner.Partner) error {
			return p.RemoveLink(c.Key, now)
		})
		return struct{}{}, asLink(err)
	})
}
