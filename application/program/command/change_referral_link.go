package command

import (
	"context"
	"errors"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/partner"
)

// ChangeReferralLink renames a referral key, which ends the old one for good, or makes it its partner's default.
type ChangeReferralLink struct {
	application.Actor

	Key    string
	Change partner.LinkChange
	Once   application.Once[programquery.ReferralLink]
}

// Needs implements application.Message.
func (ChangeReferralLink) Needs() application.Scope { return application.Program }

// ChangeReferralLinkHandler handles ChangeReferralLink.
type ChangeReferralLinkHandler struct{ program.Deps }

// Handle implements bus.Handler. Errors: partner.ErrLinkNotFound, partner.Taken("key"), fault.ErrValidation.
func (h ChangeReferralLinkHandler) Handle(ctx context.Context, c ChangeReferralLink) (application.Done, error) {
	now := h.Clock.Now()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (programquery.ReferralLink, error) {
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

// asLink turns partner.ErrNotFound into partner.ErrLinkNotFound.
func asLink(err error) error {
	if errors.Is(err, partner.ErrNotFound) {
		return partner.ErrLinkNotFound
	}
	return err
}
