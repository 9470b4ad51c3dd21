package command

import (
	"context"
	"errors"
	"slices"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/partner"
)

// AddReferralLink gives a partner another referral key.
type AddReferralLink struct {
	application.Actor

	Partner application.PartnerHandle
	Key     string
	Once    application.Once[programquery.ReferralLink]
}

// Needs implements application.Message.
func (AddReferralLink) Needs() application.Scope { return application.Program }

// AddReferralLinkHandler handles AddReferralLink.
type AddReferralLinkHandler struct{ program.Deps }

// Handle implements bus.Handler. Errors: partner.ErrUnknown, partner.Taken("key"), fault.ErrValidation.
func (h AddReferralLinkHandler) Handle(ctx context.Context, c AddReferralLink) (application.Done, error) {
	now := h.Clock.Now()
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (programquery.ReferralLink, error) {
		p, err := changePartner(ctx, tx, c.Actor, c.Partner, func(p *partner.Partner) error { return p.AddLink(c.Key, now) })
		if errors.Is(err, partner.ErrNotFound) {
			return programquery.ReferralLink{}, partner.ErrUnknown
		}
		return linkOf(p, c.Key), err
	})
}

func linkOf(p programquery.Partner, key string) programquery.ReferralLink {
	return programquery.ReferralLink{Key: key, PartnerID: p.ID, Default: slices.Index(p.Keys, key) == 0}
}
